//! Colours in the words of terminals.

use std::fmt;

use ratatui::style::Color;

/// A colour as parameters of the sequence that selects it (SGR, ECMA-48): `91`, `48;5;7`, `38;2;1;2;3`. That of the terminal
/// itself is `39` or `49`.
#[derive(Debug, Clone, Copy)]
pub struct Sgr {
    color: Color,
    /// 38 or 48, from which the numbers of the named colours are as far as from each other.
    base: u8,
}

impl Sgr {
    /// Of what is written.
    pub fn foreground(color: Color) -> Self {
        Self { color, base: 38 }
    }

    /// Of what is behind it.
    pub fn background(color: Color) -> Self {
        Self { color, base: 48 }
    }
}

impl fmt::Display for Sgr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { color, base } = *self;
        let mut named = |first: u8, number: u8| write!(f, "{}", base - 38 + first + number);
        match color {
            Color::Reset => write!(f, "{}", base + 1),
            Color::Rgb(r, g, b) => write!(f, "{base};2;{r};{g};{b}"),
            Color::Indexed(index) => write!(f, "{base};5;{index}"),
            Color::Black => named(30, 0),
            Color::Red => named(30, 1),
            Color::Green => named(30, 2),
            Color::Yellow => named(30, 3),
            Color::Blue => named(30, 4),
            Color::Magenta => named(30, 5),
            Color::Cyan => named(30, 6),
            Color::Gray => named(30, 7),
            Color::DarkGray => named(90, 0),
            Color::LightRed => named(90, 1),
            Color::LightGreen => named(90, 2),
            Color::LightYellow => named(90, 3),
            Color::LightBlue => named(90, 4),
            Color::LightMagenta => named(90, 5),
            Color::LightCyan => named(90, 6),
            Color::White => named(90, 7),
        }
    }
}
