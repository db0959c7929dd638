//! Where the maps of a layer stand in their panel: pure geometry, shared by drawing and arrow keys.

use super::super::layout::Area;

/// Columns of the facts beside the maps.
pub const SIDE: u16 = 28;
/// From this size on there are facts beside the maps.
const WITH_SIDE: (u16, u16) = (90, 14);
/// From this height on there are rows of facts below, where they do not stand beside.
const WITH_FOOT: u16 = 10;

/// How a panel is shared out to maps and facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sheet {
    /// The facts beside the maps, if there is room.
    pub side: Option<Area>,
    /// The facts below the maps, if they have no room beside.
    pub foot: Option<Area>,
    /// Where maps and captions stand.
    pub room: Area,
    /// Maps side by side.
    pub columns: usize,
    /// Maps below each other.
    pub rows: usize,
    /// Columns and rows of cells of a map.
    pub tile: (u16, u16),
    /// Cells between maps, across and down, the caption not counted.
    pub gap: (u16, u16),
    /// Whether there is a row of text below each map.
    pub captions: bool,
    /// How many maps there are.
    count: usize,
}

impl Sheet {
    /// For `count` maps of so many rows and columns in a panel.
    pub fn new(inside: Area, count: usize, size: [usize; 2]) -> Self {
        let beside = inside.width >= WITH_SIDE.0 && inside.height >= WITH_SIDE.1;
        let side = beside.then_some(Area { width: SIDE, ..inside });
        let rows = match inside.height {
            _ if beside => 0,
            ..WITH_FOOT => 0,
            height => 1 + u16::from(height >= WITH_FOOT + 4),
        };
        let left = if beside { SIDE + 1 } else { 0 };
        let foot = (rows > 0).then(|| Area { y: inside.y + inside.height - rows, height: rows, ..inside });
        let room = Area {
            x: inside.x + left,
            width: inside.width.saturating_sub(left),
            height: inside.height.saturating_sub(rows),
            ..inside
        };
        Self { side, foot, ..Self::without_facts(room, count, size) }
    }

    /// The same where maps have the panel for themselves.
    pub fn without_facts(room: Area, count: usize, size: [usize; 2]) -> Self {
        let choice = Choice::of((room.width, room.height), count, size);
        let (columns, rows) = choice.shape(count);
        let (width, height) = choice.tile;
        let spare = |room: u16, count: usize, each: u16, gap: u16| {
            usize::from(room) + usize::from(gap) >= count * usize::from(each + gap)
        };
        let airy = choice.captions;
        let gap = if airy {
            let across = if spare(room.width, columns, width, 2) { 2 } else { 1 };
            (across, u16::from(spare(room.height, rows, height + 1, 1)))
        } else {
            (0, 0)
        };
        Self { side: None, foot: None, room, columns, rows, tile: choice.tile, gap, captions: choice.captions, count }
    }

    /// Maps that are on the screen together; at least one.
    pub fn per_page(&self) -> usize {
        (self.columns * self.rows).max(1)
    }

    /// How many pages there are; at least one.
    pub fn pages(&self) -> usize {
        self.count.div_ceil(self.per_page()).max(1)
    }

    /// Where the map at a place of a page stands.
    pub fn place(&self, index: usize) -> Area {
        let (row, column) = ((index / self.columns.max(1)) as u16, (index % self.columns.max(1)) as u16);
        let (width, height) = self.tile;
        let down = height + u16::from(self.captions) + self.gap.1;
        Area::new(self.room.x + column * (width + self.gap.0), self.room.y + row * down, width, height)
    }
}

/// A size of the maps, and how many of them fit.
#[derive(Debug, Clone, Copy)]
struct Choice {
    tile: (u16, u16),
    captions: bool,
    most: (usize, usize),
}

impl Choice {
    /// The largest at which all fit; if there is none, the smallest at which something can still be made out.
    fn of(room: (u16, u16), count: usize, size: [usize; 2]) -> Self {
        let sizes = if size == [1, 1] { units() } else { pictures(room, size) };
        let choices = sizes.into_iter().map(|(tile, captions)| {
            let gap = u16::from(captions);
            let across = (room.0 + gap) / (tile.0 + gap).max(1);
            let down = room.1 / (tile.1 + gap).max(1);
            Self { tile, captions, most: (usize::from(across), usize::from(down)) }
        });
        let (mut smallest, mut largest) = (None, None::<Self>);
        for choice in choices.filter(|choice| choice.most.0 > 0 && choice.most.1 > 0) {
            let enough = choice.most.0 * choice.most.1 >= count;
            match largest {
                // A little smaller is better if no row is left half empty.
                Some(largest) if 10 * choice.tile.0 < 9 * largest.tile.0 => return largest,
                _ if enough && choice.full(count).is_some() => return choice,
                None if enough => largest = Some(choice),
                _ => {}
            }
            smallest = Some(choice);
        }
        largest.or(smallest).unwrap_or(Self { tile: (room.0.min(1), room.1.min(1)), captions: false, most: (1, 1) })
    }

    /// Columns and rows: full rows where possible.
    fn shape(self, count: usize) -> (usize, usize) {
        let (across, down) = self.most;
        if across * down < count {
            return self.most;
        }
        let balanced = || count.div_ceil(count.div_ceil(across).max(1));
        let columns = self.full(count).unwrap_or_else(balanced).max(1);
        (columns, count.div_ceil(columns))
    }

    /// Columns at which no row is left half empty, of about as many as fit.
    fn full(self, count: usize) -> Option<usize> {
        let (across, down) = self.most;
        (across.div_ceil(2)..=across).rev().find(|columns| count.is_multiple_of(*columns) && count / columns <= down)
    }
}

/// Sizes for numbers, from large to small, and whether a caption stands below.
fn units() -> Vec<((u16, u16), bool)> {
    vec![((8, 3), true), ((8, 2), true), ((6, 2), true), ((5, 1), true), ((3, 1), true), ((2, 1), false)]
}

/// Sizes for pictures, from large to small: enlarged by whole numbers, or shrunk.
fn pictures((columns, rows): (u16, u16), [height, width]: [usize; 2]) -> Vec<((u16, u16), bool)> {
    let least = width.min((width / 4).clamp(6, 16));
    let captions = rows > 3;
    let sizes = (least..=usize::from(columns)).rev().filter(|wide| *wide <= width || wide % width == 0);
    let sizes = sizes.map(|wide| (wide, (wide * height).div_ceil(2 * width.max(1)).max(1)));
    let room = usize::from(rows) - usize::from(captions);
    let mut sizes: Vec<_> = sizes.filter(|(_, high)| *high <= room).collect();
    if sizes.is_empty() {
        // Too large for the room, or very tall.
        let fit = crate::plot::raster::fit([height, width], (columns, room as u16));
        sizes.push((usize::from(fit.0), usize::from(fit.1)));
    }
    sizes.into_iter().map(|(wide, high)| ((wide as u16, high as u16), captions)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sheet(width: u16, height: u16, count: usize, size: [usize; 2]) -> Sheet {
        Sheet::new(Area::new(2, 3, width, height), count, size)
    }

    #[test]
    fn rows_are_full_where_that_costs_little() {
        let large = sheet(116, 35, 32, [26, 26]);
        assert_eq!((large.columns, large.rows, large.tile), (8, 4, (10, 5)));
        assert!(large.side.is_some() && large.foot.is_none());
        let small = sheet(76, 19, 32, [26, 26]);
        assert_eq!((small.columns, small.rows, small.pages()), (8, 4, 1));
        assert!(small.side.is_none() && small.foot.is_some());
        let units = sheet(40, 30, 32, [1, 1]);
        assert_eq!((units.columns, units.rows), (4, 8));
    }

    #[test]
    fn maps_that_do_not_fit_are_paged() {
        let tiny = sheet(36, 8, 64, [11, 11]);
        assert!(tiny.pages() > 1 && tiny.per_page() * tiny.pages() >= 64);
        assert!(tiny.tile.0 >= 6, "not smaller than can be made out");
    }

    #[test]
    fn small_maps_are_enlarged_by_whole_numbers() {
        assert_eq!(sheet(116, 35, 64, [3, 3]).tile.0 % 3, 0);
        assert_eq!(sheet(200, 50, 1, [28, 28]).tile.0 % 28, 0);
    }

    #[test]
    fn long_rows_of_numbers_fit_without_captions() {
        let long = sheet(86, 34, 784, [1, 1]);
        assert_eq!((long.tile, long.captions, long.pages()), ((2, 1), false, 1));
    }

    proptest! {
        #[test]
        fn maps_stay_in_their_room_and_never_overlap(
            width in 0_u16..220, height in 0_u16..70, count in 1_usize..200, rows in 1_usize..70, columns in 1_usize..70
        ) {
            let sheet = sheet(width, height, count, [rows, columns]);
            let places: Vec<Area> = (0..sheet.per_page().min(count)).map(|index| sheet.place(index)).collect();
            for (index, place) in places.iter().enumerate() {
                let down = place.height + u16::from(sheet.captions);
                prop_assert!(place.x + place.width <= 2 + width && place.y + down <= 3 + height, "{sheet:?}");
                for other in &places[..index] {
                    let apart = place.y >= other.y + other.height + u16::from(sheet.captions)
                        || place.x >= other.x + other.width;
                    prop_assert!(apart, "{sheet:?}");
                }
            }
            prop_assert!(sheet.per_page() * sheet.pages() >= count);
        }
    }
}
