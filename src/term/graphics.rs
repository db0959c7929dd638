//! Real images, for terminals that show them: the Kitty protocol, iTerm2's, or Sixel.

use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, ExtendedColorType, ImageEncoder, RgbImage};

use super::capabilities::Environment;
use super::query::Answers;
use crate::view::Pixels;

/// How the terminal shows images.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Graphics {
    /// Not at all.
    #[default]
    None,
    /// The protocol that kitty brought, and others know.
    Kitty,
    /// iTerm2's, and that of those who speak it.
    Iterm,
    /// Sixel.
    Sixel,
}

/// Bytes of base64 in one piece of an image.
const PIECE: usize = 4096;
/// Pixels of a cell where the terminal does not tell.
const CELL: (u16, u16) = (10, 20);
/// Pixels of the cells that viuer reckons with for Sixel, and the widest image that xterm takes.
const SIXEL: (usize, usize, usize) = (6, 12, 1000);

impl Graphics {
    /// Judges what the terminal answered and what the variables say. To be called while nothing else reads standard input:
    /// viuer asks once more where Sixel is known.
    pub(super) fn detect(env: &Environment, answers: &Answers) -> Self {
        // A multiplexer inherits the variables of the terminal around it, but passes no images on.
        let direct = !env.is_multiplexed();
        if answers.kitty && direct {
            Self::Kitty
        } else if answers.complete && direct && viuer::is_iterm_supported() {
            Self::Iterm
        } else if answers.sixel && viuer::is_sixel_supported() {
            Self::Sixel
        } else {
            Self::None
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kitty => "kitty",
            Self::Iterm => "iTerm2",
            Self::Sixel => "Sixel",
        }
    }

    /// Columns and rows of cells that an image of `pixels` takes.
    pub fn cells(pixels: &Pixels) -> (u16, u16) {
        let (width, height) = cell_size();
        let cells = |pixels: usize, cell: u16| pixels.div_ceil(usize::from(cell)).min(usize::from(u16::MAX)) as u16;
        (cells(pixels.width, width), cells(pixels.height, height))
    }

    /// Pixels of so many columns and rows of cells, as far as images can be so large.
    pub fn room(self, (columns, rows): (u16, u16)) -> (usize, usize) {
        let (width, height) = cell_size();
        let (across, down) = (usize::from(columns) * usize::from(width), usize::from(rows) * usize::from(height));
        match self {
            Self::Sixel => (across.min(SIXEL.2), down),
            _ => (across, down),
        }
    }

    /// Shows an image: at a column and row of the screen, counted from 0, or at the cursor, which then stands below it.
    /// The image must not reach the last row, or the screen scrolls.
    pub fn show(self, pixels: &Pixels, at: Option<(u16, u16)>) -> io::Result<()> {
        match self {
            Self::None => Ok(()),
            Self::Kitty => self.bytes(pixels, at)?.map_or(Ok(()), |bytes| io::stdout().write_all(&bytes)),
            Self::Iterm | Self::Sixel => self.viuer(pixels, at),
        }
    }

    /// What shows an image, where that is ours to write.
    pub(super) fn bytes(self, pixels: &Pixels, at: Option<(u16, u16)>) -> io::Result<Option<Vec<u8>>> {
        if self == Self::Kitty { kitty(pixels, at).map(Some) } else { Ok(None) }
    }

    /// What takes every image from the screen, where that is not done by drawing over it.
    pub(super) fn clear(self) -> &'static [u8] {
        if self == Self::Kitty { b"\x1b_Ga=d,q=2\x1b\\" } else { b"" }
    }

    fn viuer(self, pixels: &Pixels, at: Option<(u16, u16)>) -> io::Result<()> {
        let image = RgbImage::from_raw(pixels.width as u32, pixels.height as u32, pixels.rgb.clone());
        let Some(image) = image else { return Err(io::Error::other("an image without pixels")) };
        let (columns, rows) = if self == Self::Sixel {
            // Its cells, not the terminal's: what it scales to is then the image itself.
            ((pixels.width / SIXEL.0) as u32, (pixels.height / SIXEL.1) as u32)
        } else {
            let (columns, rows) = Self::cells(pixels);
            (u32::from(columns), u32::from(rows))
        };
        let (x, y) = at.unwrap_or((0, 0));
        let config = viuer::Config {
            absolute_offset: at.is_some(),
            x,
            y: y as i16,
            width: Some(columns.max(1)),
            height: Some(rows.max(1)),
            use_kitty: false,
            use_iterm: self == Self::Iterm,
            use_sixel: self == Self::Sixel,
            ..viuer::Config::default()
        };
        viuer::print(&DynamicImage::ImageRgb8(image), &config).map_err(io::Error::other)?;
        if at.is_none() && self == Self::Sixel { io::stdout().write_all(b"\n") } else { Ok(()) }
    }
}

/// viuer would either send every pixel as it is, four megabytes for a screen, or wait for an answer that the view's own
/// reader may have taken.
fn kitty(pixels: &Pixels, at: Option<(u16, u16)>) -> io::Result<Vec<u8>> {
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive)
        .write_image(&pixels.rgb, pixels.width as u32, pixels.height as u32, ExtendedColorType::Rgb8)
        .map_err(io::Error::other)?;
    Ok(kitty_bytes(&png, Graphics::cells(pixels), at))
}

fn kitty_bytes(png: &[u8], (columns, rows): (u16, u16), at: Option<(u16, u16)>) -> Vec<u8> {
    let text = STANDARD.encode(png);
    let pieces: Vec<&[u8]> = text.as_bytes().chunks(PIECE).collect();
    let mut bytes = Vec::with_capacity(text.len() + 64);
    if let Some((x, y)) = at {
        bytes.extend_from_slice(format!("\x1b[{};{}H", y + 1, x + 1).as_bytes());
    }
    for (index, piece) in pieces.iter().enumerate() {
        let more = u8::from(index + 1 < pieces.len());
        // Quiet: nobody waits for an answer, and one would look like keys.
        let head = match (index, at) {
            (0, Some(_)) => format!("a=T,f=100,q=2,C=1,c={columns},r={rows},m={more}"),
            (0, None) => format!("a=T,f=100,q=2,c={columns},r={rows},m={more}"),
            _ => format!("m={more},q=2"),
        };
        bytes.extend_from_slice(format!("\x1b_G{head};").as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\x1b\\");
    }
    if at.is_none() {
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Pixels of a cell, across and down.
fn cell_size() -> (u16, u16) {
    let size = crossterm::terminal::window_size().ok();
    let size = size.filter(|size| size.width > 0 && size.height > 0 && size.columns > 0 && size.rows > 0);
    let size = size.map(|size| (size.width / size.columns, size.height / size.rows));
    size.filter(|(width, height)| *width > 0 && *height > 0).unwrap_or(CELL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Environment {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Environment { variables, ..Environment::default() }
    }

    #[test]
    fn a_terminal_that_does_not_answer_shows_no_images() {
        let silent = Answers::default();
        assert_eq!(Graphics::detect(&env(&[("TERM", "xterm-kitty")]), &silent), Graphics::None);
        let kitty = Answers { kitty: true, complete: true, ..Answers::default() };
        assert_eq!(Graphics::detect(&env(&[("TERM", "xterm-kitty")]), &kitty), Graphics::Kitty);
        let inside = env(&[("TERM", "tmux-256color"), ("TMUX", "1"), ("TERM_PROGRAM", "iTerm.app")]);
        assert_eq!(Graphics::detect(&inside, &kitty), Graphics::None, "a multiplexer passes none on");
    }

    #[test]
    fn kitty_gets_a_png_in_pieces_and_answers_nothing() {
        let png: Vec<u8> = (0..7000_u32).map(|byte| byte as u8).collect();
        let bytes = String::from_utf8(kitty_bytes(&png, (40, 12), Some((3, 1)))).unwrap();
        assert!(bytes.starts_with("\x1b[2;4H\x1b_Ga=T,f=100,q=2,C=1,c=40,r=12,m=1;"));
        let pieces: Vec<&str> = bytes.split("\x1b\\").filter(|piece| !piece.is_empty()).collect();
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.contains("q=2")));
        assert!(pieces[1].contains("m=1") && pieces[2].contains("m=0"));
        let text: String = pieces.iter().filter_map(|piece| piece.split_once(';').map(|(_, text)| text)).collect();
        let text = text.trim_start_matches("4H\x1b_Ga=T,f=100,q=2,C=1,c=40,r=12,m=1;");
        assert_eq!(STANDARD.decode(text).unwrap(), png);
        let inline = String::from_utf8(kitty_bytes(b"x", (1, 1), None)).unwrap();
        assert!(!inline.contains("C=1") && inline.ends_with("\r\n"), "the cursor stands below");
    }
}
