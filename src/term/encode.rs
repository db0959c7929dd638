//! Cells as bytes for the terminal, as few as will do: of colours and attributes only what changes from cell to cell, and
//! in one sequence. ratatui's own encoder repeats both colours when one of them changes, which makes a picture of half
//! blocks a third larger.

use std::io::Write as _;

use ratatui::buffer::Cell;
use ratatui::style::{Color, Modifier};

use crate::view::Sgr;

/// Attributes with the numbers that switch them on and off. Bold and dim share the latter.
const ATTRIBUTES: [(Modifier, u8, u8); 9] = [
    (Modifier::BOLD, 1, 22),
    (Modifier::DIM, 2, 22),
    (Modifier::ITALIC, 3, 23),
    (Modifier::UNDERLINED, 4, 24),
    (Modifier::SLOW_BLINK, 5, 25),
    (Modifier::RAPID_BLINK, 6, 25),
    (Modifier::REVERSED, 7, 27),
    (Modifier::HIDDEN, 8, 28),
    (Modifier::CROSSED_OUT, 9, 29),
];

/// Bytes between two seams.
const PIECE: usize = 4096;

/// Appends `cells` to `out`, each with its column and row. The terminal's colours and attributes are its own before and after.
/// `seam` is put in between now and then, where the terminal may show what it has.
pub(super) fn encode<'a>(cells: impl Iterator<Item = (u16, u16, &'a Cell)>, out: &mut Vec<u8>, seam: &[u8]) {
    let (mut fg, mut bg, mut modifier) = (Color::Reset, Color::Reset, Modifier::empty());
    let mut next = None;
    let mut piece = out.len();
    for (x, y, cell) in cells {
        if next != Some((x, y)) {
            // Writing to memory does not fail.
            let _ = write!(out, "\x1b[{};{}H", y + 1, x + 1);
        }
        // What a wide character has moved the cursor by is not relied on.
        next = Some((x.saturating_add(1), y));
        let start = out.len();
        attributes(modifier, cell.modifier, out);
        if cell.fg != fg {
            let _ = write!(out, "{};", Sgr::foreground(cell.fg));
        }
        if cell.bg != bg {
            let _ = write!(out, "{};", Sgr::background(cell.bg));
        }
        (fg, bg, modifier) = (cell.fg, cell.bg, cell.modifier);
        if out.len() > start {
            // Each has left a separator behind it.
            out.pop();
            out.push(b'm');
            out.splice(start..start, *b"\x1b[");
        }
        out.extend_from_slice(cell.symbol().as_bytes());
        if out.len() - piece >= PIECE {
            out.extend_from_slice(seam);
            piece = out.len();
        }
    }
    if (fg, bg, modifier) != (Color::Reset, Color::Reset, Modifier::empty()) {
        out.extend_from_slice(b"\x1b[0m");
    }
}

fn attributes(from: Modifier, to: Modifier, out: &mut Vec<u8>) {
    let gone = from - to;
    let mut kept = from & to;
    let mut off = 0;
    for (attribute, _, number) in ATTRIBUTES {
        if gone.contains(attribute) && off != number {
            off = number;
            let _ = write!(out, "{number};");
            // The other one that the same number switches off has to come again.
            for (other, _, _) in ATTRIBUTES.into_iter().filter(|(_, _, same)| *same == number) {
                kept -= other;
            }
        }
    }
    for (attribute, number, _) in ATTRIBUTES {
        if (to - kept).contains(attribute) {
            let _ = write!(out, "{number};");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use proptest::prelude::*;
    use ratatui::backend::{Backend, CrosstermBackend};

    use super::*;

    const COLUMNS: u16 = 12;
    const ROWS: u16 = 4;

    fn shown(bytes: &[u8]) -> vt100::Parser {
        let size = [ROWS, COLUMNS].map(|cells| NonZero::new(cells).unwrap());
        let mut parser = vt100::Parser::new(size[0], size[1], 0);
        parser.process(bytes);
        parser
    }

    fn encoded(cells: &[(u16, u16, Cell)]) -> Vec<u8> {
        let mut out = Vec::new();
        encode(cells.iter().map(|(x, y, cell)| (*x, *y, cell)), &mut out, b"");
        out
    }

    fn any_color() -> impl Strategy<Value = Color> {
        const NAMED: [Color; 17] = [
            Color::Reset,
            Color::Black,
            Color::Red,
            Color::Green,
            Color::Yellow,
            Color::Blue,
            Color::Magenta,
            Color::Cyan,
            Color::Gray,
            Color::DarkGray,
            Color::LightRed,
            Color::LightGreen,
            Color::LightYellow,
            Color::LightBlue,
            Color::LightMagenta,
            Color::LightCyan,
            Color::White,
        ];
        prop_oneof![
            prop::sample::select(&NAMED[..]),
            any::<u8>().prop_map(Color::Indexed),
            (0_u8..3, 0_u8..3).prop_map(|(r, b)| Color::Rgb(r, 100, b)),
        ]
    }

    fn any_cell() -> impl Strategy<Value = (u16, u16, Cell)> {
        let symbol = prop::sample::select(&["a", "▀", "⣿", " ", "é"][..]);
        let modifier = prop::bits::u16::between(0, 9).prop_map(Modifier::from_bits_truncate);
        (0..COLUMNS, 0..ROWS, symbol, any_color(), any_color(), modifier).prop_map(
            |(x, y, symbol, fg, bg, modifier)| {
                let mut cell = Cell::new(symbol);
                (cell.fg, cell.bg, cell.modifier) = (fg, bg, modifier);
                (x, y, cell)
            },
        )
    }

    proptest! {
        /// What is seen is what ratatui's own encoder would have shown.
        #[test]
        fn it_looks_as_it_would(mut cells in prop::collection::vec(any_cell(), 0..60)) {
            cells.sort_by_key(|(x, y, _)| (*y, *x));
            let mut theirs = Vec::new();
            let mut backend = CrosstermBackend::new(&mut theirs);
            backend.draw(cells.iter().map(|(x, y, cell)| (*x, *y, cell))).unwrap();
            let (ours, theirs) = (shown(&encoded(&cells)), shown(&theirs));
            for y in 0..ROWS {
                for x in 0..COLUMNS {
                    prop_assert_eq!(ours.screen().cell(y, x), theirs.screen().cell(y, x), "{} {}", x, y);
                }
            }
        }
    }

    #[test]
    fn only_what_changes_is_said() {
        let cell = |fg, bg, modifier| {
            let mut cell = Cell::new("x");
            (cell.fg, cell.bg, cell.modifier) = (fg, bg, modifier);
            cell
        };
        let (none, bold) = (Modifier::empty(), Modifier::BOLD);
        let [one, two] = [Color::Rgb(1, 2, 3), Color::Indexed(4)];
        let cells = [
            (0, 0, cell(one, two, none)),
            (1, 0, cell(one, two, none)),
            (2, 0, cell(one, Color::Reset, bold)),
            (3, 0, cell(Color::LightRed, Color::Reset, bold | Modifier::DIM)),
            (5, 0, cell(Color::LightRed, Color::Reset, Modifier::DIM)),
            (0, 1, cell(Color::Reset, Color::Reset, none)),
        ];
        let expected =
            "\x1b[1;1H\x1b[38;2;1;2;3;48;5;4mxx\x1b[1;49mx\x1b[2;91mx\x1b[1;6H\x1b[22;2mx\x1b[2;1H\x1b[22;39mx";
        assert_eq!(String::from_utf8(encoded(&cells)).unwrap(), expected);
        assert!(encoded(&cells[..1]).ends_with(b"x\x1b[0m"), "what the terminal had before comes back");
        assert!(encoded(&[]).is_empty());
    }

    #[test]
    fn seams_lie_between_cells() {
        let cells: Vec<_> = (0..9000_u16).map(|place| (place % 100, place / 100, Cell::new("▀"))).collect();
        let mut out = Vec::new();
        encode(cells.iter().map(|(x, y, cell)| (*x, *y, cell)), &mut out, b"|");
        let text = String::from_utf8(out).unwrap();
        assert!(text.matches('|').count() >= 5, "{}", text.len());
        assert!(text.split('|').all(|piece| piece.len() <= PIECE + 100 && piece.ends_with('▀')));
    }
}
