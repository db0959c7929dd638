//! Where things stand on the screen: pure geometry, shared by drawing, mouse and arrow keys.

use super::action::Direction;
use super::panel::PanelId;

/// A rectangle of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Area {
    /// First column.
    pub x: u16,
    /// First row.
    pub y: u16,
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
}

impl Area {
    /// A rectangle at the given place.
    pub const fn new(x: u16, y: u16, width: u16, height: u16) -> Self {
        Self { x, y, width, height }
    }

    /// Whether a cell lies inside.
    pub fn contains(self, x: u16, y: u16) -> bool {
        x >= self.x && y >= self.y && x - self.x < self.width && y - self.y < self.height
    }

    fn rows(self, top: u16, height: u16) -> Self {
        let top = top.min(self.height);
        Self { y: self.y + top, height: height.min(self.height - top), ..self }
    }

    fn columns(self, left: u16, width: u16) -> Self {
        let left = left.min(self.width);
        Self { x: self.x + left, width: width.min(self.width - left), ..self }
    }

    fn centre(self) -> (i32, i32) {
        // Twice the centre, and rows count double: a cell is about twice as high as wide.
        (2 * i32::from(self.x) + i32::from(self.width), 2 * (2 * i32::from(self.y) + i32::from(self.height)))
    }
}

/// A frame on the screen. Where room is short several panels share one, and the one looked at last is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// Where.
    pub area: Area,
    /// The panel drawn.
    pub shown: PanelId,
    /// All panels that share the place, `shown` among them, in the order of their numbers.
    pub members: Vec<PanelId>,
}

/// The whole screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Run, state, progress. Two rows, or one on a small screen.
    pub header: Area,
    /// The panels.
    pub slots: Vec<Slot>,
    /// The keys that apply.
    pub footer: Area,
}

/// The smallest screen that can show anything useful.
pub const SMALLEST: (u16, u16) = (40, 12);

/// From this size on several panels stand side by side.
const TILED: (u16, u16) = (72, 18);

/// What the layout depends on.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// The panels of the run, in the order of their numbers.
    pub panels: &'a [PanelId],
    /// Panels by how recently they had the focus, the latest (the focused one) first.
    pub recent: &'a [PanelId],
    /// Whether the focused panel has the screen for itself.
    pub zoomed: bool,
    /// Rows that metrics and network need, frame included; they get no more, and less where there is not enough.
    pub detail_rows: u16,
}

/// Computes the layout; `None` when the screen is smaller than [`SMALLEST`].
pub fn layout(request: Request<'_>) -> Option<Layout> {
    let (width, height) = request.size;
    if width < SMALLEST.0 || height < SMALLEST.1 {
        return None;
    }
    let screen = Area::new(0, 0, width, height);
    let tiled = width >= TILED.0 && height >= TILED.1;
    let header_rows = if tiled { 2 } else { 1 };
    let header = screen.rows(0, header_rows);
    let footer = screen.rows(height - 1, 1);
    let body = screen.rows(header_rows, height - header_rows - 1);

    let slot = |area: Area, members: Vec<PanelId>| {
        let shown = request.recent.iter().copied().find(|id| members.contains(id)).or(members.first().copied())?;
        Some(Slot { area, shown, members })
    };
    let slots = if request.zoomed || !tiled {
        vec![(body, request.panels.to_vec())]
    } else {
        tiles(body, request.panels, request.detail_rows)
    };
    let slots = slots.into_iter().filter_map(|(area, members)| slot(area, members)).collect();
    Some(Layout { header, slots, footer })
}

fn tiles(body: Area, panels: &[PanelId], detail_rows: u16) -> Vec<(Area, Vec<PanelId>)> {
    let has = |id| panels.contains(&id);
    let details: Vec<PanelId> = [PanelId::Metrics, PanelId::Network].into_iter().filter(|id| has(*id)).collect();
    let left_width = body.width.div_ceil(2);
    let left = body.columns(0, left_width);
    let right = body.columns(left_width, body.width - left_width);
    if !has(PanelId::Boundary) {
        // Without a picture the curve is what people look at: give it two thirds.
        let loss = body.columns(0, if details.is_empty() { body.width } else { body.width * 2 / 3 });
        let side = body.columns(loss.width, body.width - loss.width);
        return std::iter::once((loss, vec![PanelId::Loss])).chain(stack(side, &details)).collect();
    }
    let detail_rows = detail_rows.min((left.height * 9).div_ceil(20));
    let loss = left.rows(0, left.height - detail_rows);
    let below = left.rows(loss.height, detail_rows);
    let mut tiles = vec![(loss, vec![PanelId::Loss]), (right, vec![PanelId::Boundary])];
    if below.width >= 56 && details.len() == 2 {
        let half = below.width / 2;
        tiles.push((below.columns(0, half), vec![details[0]]));
        tiles.push((below.columns(half, below.width - half), vec![details[1]]));
    } else if !details.is_empty() {
        tiles.push((below, details));
    }
    tiles
}

fn stack(area: Area, panels: &[PanelId]) -> Vec<(Area, Vec<PanelId>)> {
    let count = panels.len().max(1) as u16;
    let each = area.height / count;
    panels
        .iter()
        .enumerate()
        .map(|(i, id)| {
            let top = each * i as u16;
            let rows = if i + 1 == panels.len() { area.height - top } else { each };
            (area.rows(top, rows), vec![*id])
        })
        .collect()
}

impl Layout {
    /// The slot under a cell.
    pub fn slot_at(&self, x: u16, y: u16) -> Option<&Slot> {
        self.slots.iter().find(|slot| slot.area.contains(x, y))
    }

    /// The nearest panel on one side of the given one.
    pub fn neighbour(&self, from: PanelId, direction: Direction) -> Option<PanelId> {
        let (x, y) = self.slots.iter().find(|slot| slot.members.contains(&from))?.area.centre();
        self.slots
            .iter()
            .filter_map(|slot| {
                let (cx, cy) = slot.area.centre();
                let (along, across) = match direction {
                    Direction::Left => (x - cx, cy - y),
                    Direction::Right => (cx - x, cy - y),
                    Direction::Up => (y - cy, cx - x),
                    Direction::Down => (cy - y, cx - x),
                };
                (along > across.abs() / 2 && along > 0).then_some((along + 2 * across.abs(), slot.shown))
            })
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, id)| id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [PanelId; 4] = [PanelId::Loss, PanelId::Boundary, PanelId::Metrics, PanelId::Network];

    fn at(width: u16, height: u16) -> Layout {
        layout(Request { size: (width, height), panels: &ALL, recent: &ALL, zoomed: false, detail_rows: 12 }).unwrap()
    }

    #[test]
    fn large_screens_show_every_panel_at_once() {
        let shown: Vec<_> = at(120, 40).slots.iter().map(|slot| slot.shown).collect();
        assert_eq!(shown, ALL);
    }

    #[test]
    fn small_screens_share_one_frame() {
        let layout = at(40, 12);
        assert_eq!(layout.slots.len(), 1);
        assert_eq!(layout.slots[0].members, ALL);
        assert!(
            super::layout(Request { size: (39, 12), panels: &ALL, recent: &ALL, zoomed: false, detail_rows: 12 })
                .is_none()
        );
    }

    #[test]
    fn arrows_go_where_they_point() {
        let layout = at(120, 40);
        assert_eq!(layout.neighbour(PanelId::Loss, Direction::Right), Some(PanelId::Boundary));
        assert_eq!(layout.neighbour(PanelId::Boundary, Direction::Left), Some(PanelId::Loss));
        assert_eq!(layout.neighbour(PanelId::Loss, Direction::Down), Some(PanelId::Metrics));
        assert_eq!(layout.neighbour(PanelId::Metrics, Direction::Right), Some(PanelId::Network));
        assert_eq!(layout.neighbour(PanelId::Network, Direction::Up), Some(PanelId::Loss));
        assert_eq!(layout.neighbour(PanelId::Loss, Direction::Up), None);
    }

    proptest! {
        #[test]
        fn slots_tile_the_body_without_overlap(width in 40u16..300, height in 12u16..120, zoomed: bool, panels in 1usize..16, detail_rows in 2u16..50) {
            let panels: Vec<_> = ALL.into_iter().enumerate().filter(|(i, _)| panels >> i & 1 == 1).map(|(_, id)| id).collect();
            prop_assume!(panels.contains(&PanelId::Loss));
            let layout = layout(Request { size: (width, height), panels: &panels, recent: &panels, zoomed, detail_rows }).unwrap();
            let cells: u32 = layout.slots.iter().map(|s| u32::from(s.area.width) * u32::from(s.area.height)).sum();
            let frame = u32::from(layout.header.height + layout.footer.height) * u32::from(width);
            if zoomed || panels.contains(&PanelId::Metrics) || panels.contains(&PanelId::Network) {
                prop_assert_eq!(cells + frame, u32::from(width) * u32::from(height), "no cell is wasted");
            }
            for slot in &layout.slots {
                prop_assert!(slot.area.x + slot.area.width <= width && slot.area.y + slot.area.height <= height);
                for other in &layout.slots {
                    if slot != other {
                        prop_assert!(!other.area.contains(slot.area.x, slot.area.y));
                    }
                }
            }
            let mut members: Vec<_> = layout.slots.iter().flat_map(|s| s.members.clone()).collect();
            members.sort_by_key(|id| ALL.iter().position(|a| a == id));
            prop_assert_eq!(members, panels, "every panel can be reached");
        }
    }
}
