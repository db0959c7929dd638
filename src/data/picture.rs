//! Single pictures to look through a network with: the cat that is built in, or a PNG or JPEG file.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Seek};
use std::path::Path;

use image::imageops::{self, FilterType};
use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder as _, ImageReader, Limits, Luma};
use ndarray::Array2;

use super::error::{DataError, FileProblem};

/// What the built-in picture is called.
const CAT: &str = "cat";
const CAT_PNG: &[u8] = include_bytes!("../../assets/data/cat/cat.png");
/// Million pixels; what cameras make fits well.
const MOST_MEGAPIXELS: u64 = 100;
const LONGEST_NAME: usize = 32;

type Grey = ImageBuffer<Luma<f32>, Vec<f32>>;

/// The picture in grey from 0 to 1, (height, width): the largest part around its centre that has the shape of `size`,
/// brought to that size. `cat` is built in, anything else the path of a PNG or JPEG file.
pub fn load(name_or_path: &str, size: [usize; 2]) -> Result<Array2<f32>, DataError> {
    let read = if name_or_path == CAT { decode(Cursor::new(CAT_PNG)) } else { file(Path::new(name_or_path)) };
    let picture = read.map_err(|problem| problem.of(name_or_path))?;
    Ok(fit(&picture, size))
}

/// What the picture is called in tags: `cat`, or its file's name without the ending, in a-z, 0-9, `_` and `-`.
pub fn name(name_or_path: &str) -> String {
    let stem = Path::new(name_or_path).file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = stem.chars().take(LONGEST_NAME).map(plain).collect();
    if name.is_empty() { "picture".to_owned() } else { name }
}

fn file(path: &Path) -> Result<DynamicImage, FileProblem> {
    let unreadable = |error: std::io::Error| match error.kind() {
        ErrorKind::NotFound => FileProblem::Missing("probe.pictures"),
        _ => FileProblem::Unreadable(error.to_string()),
    };
    // Asked before it is opened: opening a pipe would wait for somebody to write into it.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(FileProblem::Unreadable("it is not a regular file".to_owned()));
    }
    decode(BufReader::new(File::open(path).map_err(unreadable)?))
}

/// The picture the right way up, as the camera noted it.
fn decode(bytes: impl BufRead + Seek) -> Result<DynamicImage, FileProblem> {
    let damaged = |error: image::ImageError| FileProblem::NotPicture(error.to_string());
    let mut reader =
        ImageReader::new(bytes).with_guessed_format().map_err(|error| FileProblem::Unreadable(error.to_string()))?;
    let mut limits = Limits::default();
    // Four channels of 16 bits, the largest that PNG has.
    limits.max_alloc = Some(MOST_MEGAPIXELS * 1_000_000 * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_MEGAPIXELS * 1_000_000 {
        return Err(FileProblem::TooLarge { width, height, most: MOST_MEGAPIXELS });
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    picture.apply_orientation(orientation);
    Ok(picture)
}

fn fit(picture: &DynamicImage, [height, width]: [usize; 2]) -> Array2<f32> {
    let [left, top, columns, rows] = centre([picture.width(), picture.height()], [width as u64, height as u64]);
    let grey = grey(&picture.crop_imm(left, top, columns, rows));
    let small = imageops::resize(&grey, width as u32, height as u32, FilterType::Triangle);
    Array2::from_shape_fn((height, width), |(row, column)| {
        small.get_pixel(column as u32, row as u32).0[0].clamp(0.0, 1.0)
    })
}

/// Left, top, columns and rows of the largest part in the middle that has the shape of `wanted`; all are (x, y).
fn centre([width, height]: [u32; 2], [columns, rows]: [u64; 2]) -> [u32; 4] {
    let (wide, high) = (u64::from(width), u64::from(height));
    // Rounded, and at most the picture: the other side decides.
    let scaled = |length: u64, by: u64, of: u64| ((length * by + of / 2) / of).max(1) as u32;
    let (part_width, part_height) = if wide * rows > high * columns {
        (scaled(high, columns, rows).min(width), height)
    } else {
        (width, scaled(wide, rows, columns).min(height))
    };
    [(width - part_width) / 2, (height - part_height) / 2, part_width, part_height]
}

/// The luma of Rec. 601, as PIL's "L" and most libraries for neural networks have it, before black.
fn grey(picture: &DynamicImage) -> Grey {
    let colours = picture.to_rgba32f();
    ImageBuffer::from_fn(picture.width(), picture.height(), |x, y| {
        let [red, green, blue, opacity] = colours.get_pixel(x, y).0;
        Luma([(0.299 * red + 0.587 * green + 0.114 * blue) * opacity])
    })
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgb, RgbImage};
    use proptest::prelude::*;

    use super::*;

    fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    /// 6x4, the middle four columns green, the outer ones red.
    fn flag() -> RgbImage {
        RgbImage::from_fn(6, 4, |x, _| if (1..5).contains(&x) { Rgb([0, 255, 0]) } else { Rgb([255, 0, 0]) })
    }

    #[test]
    fn the_cat_is_built_in() {
        let cat = load("cat", [28, 28]).unwrap();
        assert_eq!(cat.dim(), (28, 28));
        assert!(cat.iter().all(|pixel| (0.0..=1.0).contains(pixel)));
        let (low, high) = cat.iter().fold((1.0_f32, 0.0_f32), |(low, high), pixel| (low.min(*pixel), high.max(*pixel)));
        assert!(low < 0.2 && high > 0.6, "a picture with light and shade: {low} to {high}");
        // The mean is that of the large picture: what is made smaller is averaged, not picked out.
        let large = load("cat", [224, 224]).unwrap();
        assert!((cat.mean().unwrap() - large.mean().unwrap()).abs() < 0.005);
    }

    #[test]
    fn the_middle_is_cut_out_and_turned_to_grey() {
        let folder = tempfile::tempdir().unwrap();
        for (format, near) in [(ImageFormat::Png, 1e-6), (ImageFormat::Jpeg, 0.02)] {
            let path = folder.path().join("flag");
            fs::write(&path, encoded(&flag(), format)).unwrap();
            let square = load(path.to_str().unwrap(), [2, 2]).unwrap();
            assert!(square.iter().all(|pixel| (pixel - 0.587).abs() < near), "{format:?}: {square}");
        }
        let path = folder.path().join("flag.png");
        fs::write(&path, encoded(&flag(), ImageFormat::Png)).unwrap();
        let whole = load(path.to_str().unwrap(), [4, 6]).unwrap();
        assert!((whole[[0, 0]] - 0.299).abs() < 1e-6 && (whole[[3, 2]] - 0.587).abs() < 1e-6);
    }

    #[test]
    fn parts_lie_within_the_picture() {
        assert_eq!(centre([451, 300], [28, 28]), [75, 0, 300, 300]);
        assert_eq!(centre([300, 451], [28, 28]), [0, 75, 300, 300]);
        assert_eq!(centre([100, 100], [10, 20]), [25, 0, 50, 100]);
        assert_eq!(centre([1, 1000], [4096, 1]), [0, 499, 1, 1]);
    }

    #[test]
    fn what_is_no_picture_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let shown = |name: &str| load(&at(name), [8, 8]).unwrap_err().to_string();
        assert_eq!(
            shown("x.png"),
            format!("`{}` does not exist; put the file there, or let `probe.pictures` name where it is", at("x.png"))
        );
        fs::write(at("text.png"), "just words").unwrap();
        assert!(shown("text.png").contains("text.png` is no picture that can be read here ("), "{}", shown("text.png"));
        fs::write(at("cut.png"), &CAT_PNG[..CAT_PNG.len() / 2]).unwrap();
        assert!(shown("cut.png").contains("give a PNG or JPEG file"));
        // A gif is a picture, but not one that is read.
        fs::write(at("a.gif"), b"GIF89a\x01\x00\x01\x00\x00\x00\x00;").unwrap();
        assert!(shown("a.gif").contains("give a PNG or JPEG file"), "{}", shown("a.gif"));
        assert!(load(folder.path().to_str().unwrap(), [8, 8]).unwrap_err().to_string().contains("not a regular file"));
        assert!(load("", [8, 8]).is_err());
    }

    /// A header may claim any size; nothing is allocated for it.
    #[test]
    fn huge_pictures_are_refused() {
        let mut bytes = encoded(&flag(), ImageFormat::Png);
        bytes[16..20].copy_from_slice(&40_000_u32.to_be_bytes());
        bytes[20..24].copy_from_slice(&40_000_u32.to_be_bytes());
        let checksum = crc32(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&checksum.to_be_bytes());
        let problem = decode(Cursor::new(bytes)).unwrap_err();
        assert_eq!(
            problem.to_string(),
            "is 40000x40000 pixels, more than the 100 million that are read; scale it down"
        );
    }

    fn crc32(bytes: &[u8]) -> u32 {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        crc.sum()
    }

    #[test]
    fn names_are_fit_for_tags() {
        for (given, expected) in [
            ("cat", "cat"),
            ("pictures/My Cat (2).JPG", "my_cat__2_"),
            ("/a/b/über.png", "_ber"),
            ("a.b.png", "a_b"),
            ("..", "picture"),
            ("", "picture"),
        ] {
            assert_eq!(name(given), expected);
        }
        assert_eq!(name(&"x".repeat(500)).len(), LONGEST_NAME);
    }

    proptest! {
        #[test]
        fn damaged_pictures_never_panic(jpeg in any::<bool>(), at in any::<u16>(), with in any::<u8>(), cut in any::<u16>()) {
            let mut bytes = encoded(&flag(), if jpeg { ImageFormat::Jpeg } else { ImageFormat::Png });
            let at = usize::from(at) % bytes.len();
            bytes[at] ^= with;
            bytes.truncate(usize::from(cut) % (2 * bytes.len()));
            if let Ok(picture) = decode(Cursor::new(bytes)) {
                prop_assert_eq!(fit(&picture, [3, 5]).dim(), (3, 5));
            }
        }
    }
}
