//! Braille cells as a bitmap of 2 x 4 dots each.

/// Dots of a cell across.
pub const DOTS_X: usize = 2;
/// Dots of a cell down.
pub const DOTS_Y: usize = 4;

/// Bit of each dot in a cell, indexed `[y][x]` (Unicode 2800: dots 1-3 and 7 at the left, 4-6 and 8 at the right).
pub const BITS: [[u8; DOTS_X]; DOTS_Y] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// The braille character with the dots of `mask`.
pub fn char_of(mask: u8) -> char {
    char::from_u32(0x2800 + u32::from(mask)).unwrap_or(' ')
}

/// A bitmap of `cols` x `rows` cells. Dot (0, 0) is at the top left; dots outside are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrailleGrid {
    cols: usize,
    rows: usize,
    cells: Vec<u8>,
}

impl BrailleGrid {
    /// A grid without lit dots, `cols` x `rows` cells.
    pub fn new(cols: usize, rows: usize) -> Self {
        Self { cols, rows, cells: vec![0; cols.saturating_mul(rows)] }
    }

    /// Cells across.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// Cells down.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Dots across.
    pub fn width(&self) -> usize {
        self.cols * DOTS_X
    }

    /// Dots down.
    pub fn height(&self) -> usize {
        self.rows * DOTS_Y
    }

    fn index(&self, col: usize, row: usize) -> Option<usize> {
        (col < self.cols && row < self.rows).then(|| row * self.cols + col)
    }

    /// Lights the dot at (`x`, `y`).
    #[inline]
    pub fn set(&mut self, x: usize, y: usize) {
        if let Some(index) = self.index(x / DOTS_X, y / DOTS_Y) {
            self.cells[index] |= BITS[y % DOTS_Y][x % DOTS_X];
        }
    }

    /// Whether the dot at (`x`, `y`) is lit.
    pub fn get(&self, x: usize, y: usize) -> bool {
        self.cell(x / DOTS_X, y / DOTS_Y) & BITS[y % DOTS_Y][x % DOTS_X] != 0
    }

    /// Mask of the cell in column `col` of row `row`, for [`char_of`]; 0 outside.
    pub fn cell(&self, col: usize, row: usize) -> u8 {
        self.index(col, row).map_or(0, |index| self.cells[index])
    }

    /// Masks of one row of cells, left to right; empty outside.
    pub fn row(&self, row: usize) -> &[u8] {
        let start = row.saturating_mul(self.cols);
        self.cells.get(start..start.saturating_add(self.cols)).unwrap_or_default()
    }

    /// Puts out all dots.
    pub fn clear(&mut self) {
        self.cells.fill(0);
    }

    /// Draws a straight line, both ends included. Ends may lie anywhere, at the cost of the visible part alone, and a
    /// line lights the same dots whatever part of it is visible.
    pub fn line(&mut self, x0: i32, y0: i32, x1: i32, y1: i32) {
        if x0 == x1 {
            self.column(x0, y0.min(y1), y0.max(y1));
            return;
        }
        let (x0, y0, x1, y1) = (i64::from(x0), i64::from(y0), i64::from(x1), i64::from(y1));
        if (x1 - x0).abs() >= (y1 - y0).abs() {
            for (x, y) in dots((x0, y0), (x1, y1), self.width()) {
                self.set_signed(x, y);
            }
        } else {
            for (y, x) in dots((y0, x0), (y1, x1), self.height()) {
                self.set_signed(x, y);
            }
        }
    }

    /// Lights the dots of column `x` from `top` to `bottom`, cell by cell: what a chart of a long series consists of.
    fn column(&mut self, x: i32, top: i32, bottom: i32) {
        let (Ok(x), Ok(bottom)) = (usize::try_from(x), usize::try_from(bottom)) else { return };
        let top = usize::try_from(top).unwrap_or(0);
        let bottom = bottom.min(self.height().saturating_sub(1));
        if x >= self.width() || top > bottom {
            return;
        }
        let bits = BITS.map(|row| row[x % DOTS_X]);
        for row in top / DOTS_Y..=bottom / DOTS_Y {
            let (first, last) = (row * DOTS_Y, row * DOTS_Y + DOTS_Y - 1);
            let lit = &bits[top.max(first) - first..=bottom.min(last) - first];
            self.cells[row * self.cols + x / DOTS_X] |= lit.iter().fold(0, |mask, bit| mask | bit);
        }
    }

    fn set_signed(&mut self, x: i64, y: i64) {
        if let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) {
            self.set(x, y);
        }
    }
}

/// Dots of a line along its longer axis, as (along, across), for `0 <= along < limit`.
fn dots(from: (i64, i64), to: (i64, i64), limit: usize) -> impl Iterator<Item = (i64, i64)> {
    let (from, to) = if from.0 <= to.0 { (from, to) } else { (to, from) };
    let (run, rise) = ((to.0 - from.0).max(1), to.1 - from.1);
    let last = to.0.min(i64::try_from(limit).unwrap_or(i64::MAX) - 1);
    // Ends at opposite limits of i32 make products that only an i128 holds, at many times the cost.
    let near = run < 1 << 24 && rise.abs() < 1 << 24;
    (from.0.max(0)..=last).map(move |along| {
        let ahead = along - from.0;
        let risen = if near {
            (2 * ahead * rise + run).div_euclid(2 * run)
        } else {
            let (ahead, rise, run) = (i128::from(ahead), i128::from(rise), i128::from(run));
            (2 * ahead * rise + run).div_euclid(2 * run) as i64
        };
        (along, from.1 + risen)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dots_are_where_unicode_has_them() {
        let masks =
            [(0, 0, '⠁'), (0, 1, '⠂'), (0, 2, '⠄'), (1, 0, '⠈'), (1, 1, '⠐'), (1, 2, '⠠'), (0, 3, '⡀'), (1, 3, '⢀')];
        for (x, y, want) in masks {
            let mut grid = BrailleGrid::new(3, 2);
            grid.set(x + 2, y + 4);
            assert_eq!(char_of(grid.cell(1, 1)), want);
            assert_eq!(grid.row(0), [0, 0, 0]);
            assert!(grid.get(x + 2, y + 4) && !grid.get(x, y));
        }
        assert_eq!((char_of(0), char_of(255)), ('⠀', '⣿'));
    }

    #[test]
    fn a_grid_without_cells_takes_anything() {
        for (cols, rows) in [(0, 0), (0, 4), (4, 0)] {
            let mut grid = BrailleGrid::new(cols, rows);
            grid.set(0, 0);
            grid.line(-5, -5, 5, 5);
            assert_eq!((grid.cell(0, 0), grid.get(0, 0), grid.row(0)), (0, false, &[][..]));
        }
    }

    #[test]
    fn outside_is_ignored() {
        let mut grid = BrailleGrid::new(1, 1);
        grid.set(2, 0);
        grid.set(0, 4);
        grid.set(usize::MAX, usize::MAX);
        assert_eq!(grid.cell(0, 0), 0);
        assert_eq!((grid.cell(1, 0), grid.cell(0, 1), grid.row(usize::MAX)), (0, 0, &[][..]));
    }

    #[test]
    fn a_far_end_costs_nothing_and_bends_nothing() {
        let mut grid = BrailleGrid::new(4, 2);
        grid.line(i32::MIN, i32::MIN, i32::MAX, i32::MAX);
        assert!((0..8).all(|i| grid.get(i, i)));
        grid.clear();
        grid.line(3, i32::MIN, 3, i32::MAX);
        assert_eq!((0..8).filter(|&y| grid.get(3, y)).count(), 8);
        grid.clear();
        grid.line(-9, 20, 90, 20);
        assert_eq!(grid, BrailleGrid::new(4, 2));
    }

    proptest! {
        #[test]
        fn a_line_is_connected_and_straight(x0 in 0..40_i32, y0 in 0..40_i32, x1 in 0..40_i32, y1 in 0..40_i32) {
            let mut grid = BrailleGrid::new(20, 10);
            grid.line(x0, y0, x1, y1);
            let lit: Vec<(i32, i32)> = (0..40).flat_map(|x| (0..40).map(move |y| (x, y)))
                .filter(|&(x, y)| grid.get(x as usize, y as usize)).collect();
            prop_assert_eq!(lit.len() as i32, (x1 - x0).abs().max((y1 - y0).abs()) + 1);
            prop_assert!(lit.contains(&(x0, y0)) && lit.contains(&(x1, y1)));
            let length = f64::from((x1 - x0).pow(2) + (y1 - y0).pow(2)).sqrt().max(1.0);
            for (x, y) in lit {
                let away = f64::from((x - x0) * (y1 - y0) - (y - y0) * (x1 - x0)).abs() / length;
                prop_assert!(away <= 0.5 + 1e-9);
            }
            let mut back = BrailleGrid::new(20, 10);
            back.line(x1, y1, x0, y0);
            prop_assert_eq!(back, grid);
        }
    }
}
