//! A square matrix of counts, tinted by the share of the row.

use ndarray::Array2;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthStr;

use super::Row;
use crate::view::theme::{ColorDepth, Role, Theme};

/// Counts by true class (rows) and the class they were taken for (columns).
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// The counts, square.
    pub counts: &'a Array2<f32>,
    /// The same as shares of the row, 0 to 1.
    pub shares: &'a Array2<f32>,
    /// What stands before each row.
    pub names: &'a [String],
    /// What stands above each column.
    pub letters: &'a [char],
}

/// What a cell says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cells {
    /// The count.
    Counts,
    /// The share of the row, in percent.
    Shares,
}

/// How a matrix is drawn in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Plan {
    /// Columns of the names.
    names: u16,
    /// Columns of a cell.
    cell: u16,
    /// Whether each row ends with its accuracy.
    accuracy: bool,
    /// What stands in the cells; nothing where it is colour alone.
    cells: Option<Cells>,
}

/// Columns of a row's accuracy.
const ACCURACY: u16 = 6;
/// Columns of a share: two digits and a blank. Beside one of 100 there is no other number.
const SHARE: u16 = 3;
/// The longest name before a row.
const LONGEST: u16 = 10;
/// The densities of a share in one colour.
const DENSITIES: [&str; 5] = ["·", "░", "▒", "▓", "█"];
const ASCII_DENSITIES: [&str; 5] = [".", "-", "+", "#", "@"];

impl Matrix<'_> {
    fn classes(&self) -> u16 {
        self.counts.nrows().min(usize::from(u16::MAX)) as u16
    }

    /// Numbers never touch: what has no room for counts with blanks between them has some for shares, or for none.
    fn plan(&self, area: Rect) -> Plan {
        let classes = u32::from(self.classes());
        let longest = self.names.iter().map(|name| name.width() as u16).max().unwrap_or(0).min(LONGEST) + 1;
        let most = self.counts.iter().copied().fold(0.0, f32::max);
        let count = (format!("{most:.0}").len() as u16 + 1).max(3);
        let fits = |names: u16, cell: u16, accuracy: bool| {
            let width = u32::from(names) + classes * u32::from(cell) + if accuracy { u32::from(ACCURACY) } else { 0 };
            width <= u32::from(area.width) && classes < u32::from(area.height)
        };
        for names in [longest, 2] {
            for (cell, accuracy, cells) in [
                (count, true, Cells::Counts),
                (count, false, Cells::Counts),
                (SHARE, true, Cells::Shares),
                (SHARE, false, Cells::Shares),
            ] {
                if fits(names, cell, accuracy) {
                    // A little air where there is much room.
                    let air = (1..=3).rev().find(|air| fits(names, cell + air, accuracy)).unwrap_or(0);
                    return Plan { names, cell: cell + air, accuracy, cells: Some(cells) };
                }
            }
        }
        Plan { names: 0, cell: if fits(0, 2, false) { 2 } else { 1 }, accuracy: false, cells: None }
    }

    /// Columns and rows that it takes in a place.
    pub fn size(&self, area: Rect) -> (u16, u16) {
        let plan = self.plan(area);
        let classes = self.classes();
        if plan.cells.is_none() {
            let (across, down) = self.blocks(area, plan.cell);
            return (across.saturating_mul(plan.cell), down.div_ceil(2));
        }
        (plan.names + classes * plan.cell + if plan.accuracy { ACCURACY } else { 0 }, classes + 1)
    }

    /// Whether numbers fit into a place.
    pub fn has_numbers(&self, area: Rect) -> bool {
        self.plan(area).cells.is_some()
    }

    /// Whether the numbers that fit into a place are shares of the row in percent.
    pub fn has_shares(&self, area: Rect) -> bool {
        self.plan(area).cells == Some(Cells::Shares)
    }

    /// Draws into the top left of `area`.
    pub fn render(&self, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let area = area.intersection(buf.area);
        if area.is_empty() || self.counts.is_empty() {
            return;
        }
        let plan = self.plan(area);
        let Some(cells) = plan.cells else {
            self.render_blocks(plan.cell, theme, area, buf);
            return;
        };
        let dim = theme.style(Role::Dim);
        let mut head = Row::new(buf, area, 0);
        let corner = if cells == Cells::Shares { "%" } else { "" };
        head.put_cell(corner, plan.names - 1, dim).gap(1);
        for letter in self.letters {
            head.put_column(&letter.to_string(), plan.cell, dim);
        }
        if plan.accuracy {
            head.put_column("right", ACCURACY, dim);
        }
        for class in 0..self.counts.nrows() {
            let mut row = Row::new(buf, area, class as u16 + 1);
            row.put_cell(self.names.get(class).map_or("", String::as_str), plan.names - 1, theme.style(Role::Text))
                .gap(1);
            for other in 0..self.counts.ncols() {
                let (text, style) = self.cell(class, other, cells, theme);
                let padded = format!("{text:>width$}", width = usize::from(plan.cell));
                row.put_cell(&padded, plan.cell, style);
            }
            if plan.accuracy {
                let any = self.counts.row(class).sum() > 0.0;
                let share = if any { percent(self.shares[(class, class)]) } else { "-".to_owned() };
                row.put_column(&format!("{share} %"), ACCURACY, theme.style(Role::Bright));
            }
        }
    }

    fn cell(&self, class: usize, other: usize, cells: Cells, theme: &Theme) -> (String, Style) {
        let (count, share, right) = (self.counts[(class, other)], self.shares[(class, other)], class == other);
        let style = theme.style(if count > 0.0 { Role::Bright } else { Role::Frame });
        let style = if theme.has_tints() {
            style.bg(theme.verdict(right, share))
        } else if count > 0.0 {
            theme.style(match (right, theme.depth()) {
                (true, _) => Role::Good,
                // Reversed, every single mistake would shout.
                (false, ColorDepth::Mono) => Role::Text,
                (false, _) => Role::Bad,
            })
        } else {
            style
        };
        let text = match cells {
            _ if count <= 0.0 => theme.pick("·", ".").to_owned(),
            Cells::Counts => format!("{count:.0}"),
            Cells::Shares => percent(share),
        };
        (text, style)
    }

    /// Classes across and down where there are no numbers, several of them in one where there are too many.
    fn blocks(&self, area: Rect, cell: u16) -> (u16, u16) {
        let classes = self.classes();
        let most = (area.width / cell.max(1)).min(area.height.saturating_mul(2));
        let each = classes.div_ceil(most.max(1)).max(1);
        (classes.div_ceil(each), classes.div_ceil(each))
    }

    fn render_blocks(&self, cell: u16, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let (across, down) = self.blocks(area, cell);
        let each = self.counts.nrows().div_ceil(usize::from(across.max(1))).max(1);
        // The worst of what one block stands for: a mistake must not vanish among what is right.
        let share = |row: u16, column: u16| {
            let (top, left) = (usize::from(row) * each, usize::from(column) * each);
            let size = self.counts.nrows();
            let places =
                (top..(top + each).min(size)).flat_map(|y| (left..(left + each).min(size)).map(move |x| (y, x)));
            let own = row == column;
            places.filter(|(y, x)| !own || y == x).map(|place| self.shares[place]).fold(0.0, f32::max)
        };
        for y in 0..down.div_ceil(2).min(area.height) {
            for column in 0..across {
                let rows = [2 * y, 2 * y + 1];
                let values = rows.map(|row| (row < down).then(|| (row == column, share(row, column))));
                for x in 0..cell {
                    if let Some(cell) = buf.cell_mut((area.x + column * cell + x, area.y + y)) {
                        cell.reset();
                        paint(theme, cell, values);
                    }
                }
            }
        }
    }
}

/// Two classes in one cell, one above the other.
fn paint(theme: &Theme, cell: &mut ratatui::buffer::Cell, values: [Option<(bool, f32)>; 2]) {
    if theme.has_tints() && !theme.ascii() {
        if let Some((right, share)) = values[0] {
            cell.set_symbol("▀").set_fg(theme.verdict(right, share));
        }
        if let Some((right, share)) = values[1] {
            cell.set_bg(theme.verdict(right, share));
        }
        return;
    }
    let Some((right, share)) = values.into_iter().flatten().max_by(|a, b| a.1.total_cmp(&b.1)) else { return };
    let level = (share.sqrt() * (DENSITIES.len() - 1) as f32).round() as usize;
    let role = match (right, theme.depth()) {
        _ if level == 0 => Role::Frame,
        (true, _) => Role::Good,
        (false, ColorDepth::Mono) => Role::Text,
        (false, _) => Role::Bad,
    };
    let symbols = if theme.ascii() { ASCII_DENSITIES } else { DENSITIES };
    cell.set_symbol(symbols[level.min(DENSITIES.len() - 1)]).set_style(theme.style(role));
}

fn percent(share: f32) -> String {
    // What is not nothing must not read as nothing, and what is not all not as all.
    let value = share * 100.0;
    if value > 0.0 && value <= 0.5 {
        "<1".to_owned()
    } else if (99.5..100.0).contains(&value) {
        "99".to_owned()
    } else {
        format!("{value:.0}")
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Axis;
    use ratatui::buffer::Cell;

    use super::*;
    use crate::view::theme::Glyphs;

    /// `classes` classes of 200 samples each, of which four are taken for the next class.
    fn counts(classes: usize) -> Array2<f32> {
        let own = |y, x| if x == y { 196.0 } else { 0.0 };
        Array2::from_shape_fn((classes, classes), |(y, x)| own(y, x) + if x == (y + 1) % classes { 4.0 } else { 0.0 })
    }

    fn draw(classes: usize, (width, height): (u16, u16), theme: &Theme) -> (Vec<String>, Buffer, (u16, u16)) {
        let counts = counts(classes);
        let shares = &counts / &counts.sum_axis(Axis(1)).insert_axis(Axis(1));
        let names: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
        let letters: Vec<char> = (0..classes).map(|class| char::from(b'0' + (class % 10) as u8)).collect();
        let area = Rect::new(0, 0, width, height);
        let mut buf = Buffer::empty(area);
        let matrix = Matrix { counts: &counts, shares: &shares, names: &names, letters: &letters };
        matrix.render(theme, area, &mut buf);
        let text = buf.content.chunks(usize::from(width).max(1));
        let text = text.map(|row| row.iter().map(Cell::symbol).collect()).collect();
        (text, buf, matrix.size(area))
    }

    fn theme(depth: ColorDepth, glyphs: Glyphs) -> Theme {
        Theme::new(depth, glyphs)
    }

    #[test]
    fn counts_and_accuracies_where_there_is_room() {
        let (text, buf, size) = draw(3, (24, 4), &theme(ColorDepth::TrueColor, Glyphs::Braille));
        assert_eq!(text[0], "      0    1    2 right ");
        assert_eq!(text[1], "0   196    4    ·  98 % ");
        assert_eq!(size, (23, 4));
        let theme = theme(ColorDepth::TrueColor, Glyphs::Braille);
        assert_eq!((buf[(4, 1)].bg, buf[(11, 1)].bg), (theme.verdict(true, 0.98), theme.verdict(false, 0.02)));
    }

    #[test]
    fn ten_classes_fit_into_34_columns_and_13_rows_with_shares() {
        let (text, ..) = draw(10, (34, 13), &theme(ColorDepth::Mono, Glyphs::Ascii));
        assert_eq!(text[0].split_whitespace().count(), 11);
        for row in &text[1..=10] {
            assert!(row.contains("98") && row.contains(" 2") && !row.contains("196"), "{row}");
        }
        assert!(text[0].starts_with("% "), "and says that they are: {text:?}");
        for depth in [ColorDepth::TrueColor, ColorDepth::Mono] {
            let (text, _, size) = draw(10, (42, 13), &theme(depth, Glyphs::Braille));
            assert!(text[3].contains(" 196   4") && size == (42, 11), "{text:?} {size:?}");
            assert!(text[0].starts_with("  "), "counts are no shares: {text:?}");
        }
    }

    #[test]
    fn numbers_never_touch() {
        // The worst there is: every cell has as many digits as the largest.
        let full = Array2::from_elem((10, 10), 196.0_f32);
        let shares = Array2::from_elem((10, 10), 0.12_f32);
        let names: Vec<String> = (0..10).map(|class| class.to_string()).collect();
        let letters: Vec<char> = (0..10).map(|class| char::from(b'0' + class)).collect();
        let matrix = Matrix { counts: &full, shares: &shares, names: &names, letters: &letters };
        let mut seen = [0; 2];
        for depth in [ColorDepth::Mono, ColorDepth::TrueColor] {
            for width in 20..120 {
                let area = Rect::new(0, 0, width, 13);
                if !matrix.has_numbers(area) {
                    continue;
                }
                let mut buf = Buffer::empty(area);
                matrix.render(&theme(depth, Glyphs::Braille), area, &mut buf);
                let row: String = (0..width).map(|x| buf[(x, 4)].symbol()).collect();
                let number = if matrix.has_shares(area) { "12" } else { "196" };
                let count = row.split_whitespace().filter(|word| *word == number).count();
                assert!((10..=11).contains(&count), "{count} of {number} in {width} columns: {row}");
                seen[usize::from(matrix.has_shares(area))] += 1;
            }
        }
        assert!(seen.iter().all(|count| *count > 0), "counts and shares: {seen:?}");
    }

    #[test]
    fn many_classes_are_blocks_and_mistakes_stay_visible() {
        let theme = theme(ColorDepth::TrueColor, Glyphs::Block);
        for (classes, place) in [(40, (40, 20)), (100, (50, 25)), (100, (100, 50)), (10, (12, 5))] {
            let (_, buf, size) = draw(classes, place, &theme);
            assert!(size.0 <= place.0 && size.1 <= place.1, "{size:?}");
            let wrong: Vec<_> = [0.02, 0.05].map(|share| theme.verdict(false, share)).to_vec();
            let seen = |color| buf.content.iter().any(|cell| cell.fg == color || cell.bg == color);
            assert!(seen(theme.verdict(true, 0.98)) && wrong.iter().any(|color| seen(*color)), "{classes} {place:?}");
        }
    }

    #[test]
    fn shares_that_are_not_nothing_do_not_read_as_nothing() {
        assert_eq!(
            [0.0, 0.001, 0.005, 0.006, 0.994, 0.9999, 1.0].map(percent),
            ["0", "<1", "<1", "1", "99", "99", "100"]
        );
    }

    #[test]
    fn any_place_in_any_mode() {
        for depth in [ColorDepth::Mono, ColorDepth::Ansi16, ColorDepth::Ansi256, ColorDepth::TrueColor] {
            for glyphs in [Glyphs::Ascii, Glyphs::Block, Glyphs::Braille] {
                for size in [(0, 0), (1, 1), (20, 5), (80, 24), (200, 60)] {
                    for classes in [0, 1, 2, 10, 100, 300] {
                        let (text, buf, _) = draw(classes, size, &theme(depth, glyphs));
                        assert!(glyphs != Glyphs::Ascii || text.concat().is_ascii());
                        let plain = |cell: &Cell| cell.fg == ratatui::style::Color::Reset;
                        assert!(depth != ColorDepth::Mono || buf.content.iter().all(plain));
                    }
                }
            }
        }
    }
}
