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

    fn split_rows(self, above: u16) -> (Self, Self) {
        (self.rows(0, above), self.rows(above, self.height.saturating_sub(above)))
    }

    fn split_columns(self, left: u16) -> (Self, Self) {
        (self.columns(0, left), self.columns(left, self.width.saturating_sub(left)))
    }

    /// What a frame leaves of its place: all but the border, and a column of air on either side where there is room.
    #[must_use]
    pub fn inside_frame(self) -> Self {
        let air = if self.width > 32 { 2 } else { 1 };
        if self.width < 2 * air || self.height < 2 {
            return Self { width: 0, height: 0, ..self };
        }
        Self::new(self.x + air, self.y + 1, self.width - 2 * air, self.height - 2)
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

/// What gets most of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrangement {
    /// Nothing more than the rest.
    #[default]
    Overview,
    /// The pictures.
    Pictures,
    /// The curves.
    Curves,
    /// What the trainer prints, and the machine that it runs on.
    Machine,
}

impl Arrangement {
    /// The next one that differs for a run with such panels.
    #[must_use]
    pub fn next(self, panels: &[PanelId]) -> Self {
        let pictures = panels.iter().any(|id| id.is_picture());
        match self {
            Self::Overview if pictures => Self::Pictures,
            Self::Overview | Self::Pictures => Self::Curves,
            Self::Curves if panels.iter().any(|id| id.is_of_machine()) => Self::Machine,
            Self::Curves | Self::Machine => Self::Overview,
        }
    }
}

/// The smallest screen that can show anything useful.
pub const SMALLEST: (u16, u16) = (40, 12);

/// From this size on several panels stand side by side.
const TILED: (u16, u16) = (72, 18);
/// From this size on a second picture stands below the first, beside metrics and network.
const BANDED: (u16, u16) = (110, 36);
/// From this size on all pictures stand on the right, each in a frame of its own.
const SPACIOUS: (u16, u16) = (160, 50);
/// Columns from which a picture below another has a frame of its own.
const OWN_FRAME: u16 = 50;
/// From this width on large pictures stand beside the curve, not above it.
const BESIDE: u16 = 110;
/// Columns from which metrics and network stand side by side.
const BOTH_DETAILS: u16 = 56;
/// Columns that metrics fill.
const METRICS: u16 = 30;
/// Columns that the network's table fills, at the least and with all that is to be said.
const NETWORK: (u16, u16) = (40, 50);
/// Rows a loss chart is not made smaller than for details that could share a frame.
const LOSS_ROWS: u16 = 10;

/// What the layout depends on.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// The panels of the run, in the order of their numbers, the most telling picture first.
    pub panels: &'a [PanelId],
    /// Panels by how recently they had the focus, the latest (the focused one) first.
    pub recent: &'a [PanelId],
    /// Whether the focused panel has the screen for itself.
    pub zoomed: bool,
    /// What gets most of the screen.
    pub arrangement: Arrangement,
    /// Rows that metrics and network need, frame included; they get no more, and less where there is not enough.
    pub detail_rows: u16,
}

/// Places with the panels that share them.
type Tiles = Vec<(Area, Vec<PanelId>)>;

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

    let slot = |(area, members): (Area, Vec<PanelId>)| {
        let shown = request.recent.iter().copied().find(|id| members.contains(id)).or(members.first().copied())?;
        Some(Slot { area, shown, members })
    };
    let tiles = if request.zoomed || !tiled {
        vec![(body, request.panels.to_vec())]
    } else {
        let (pictures, sober): (Vec<_>, Vec<_>) = request.panels.iter().copied().partition(|id| id.is_picture());
        let details: Vec<PanelId> = sober.into_iter().filter(|id| *id != PanelId::Loss).collect();
        let details = group(&details);
        let parts = Parts { pictures, details, rows: request.detail_rows };
        match request.arrangement {
            Arrangement::Pictures if !parts.pictures.is_empty() => parts.pictures_large(body),
            Arrangement::Curves => parts.curves_large(body),
            Arrangement::Machine if parts.has_machine() => parts.machine_room(body),
            _ => parts.overview(body, |(width, height)| request.size.0 >= width && request.size.1 >= height),
        }
    };
    Some(Layout { header, slots: tiles.into_iter().filter_map(slot).collect(), footer })
}

/// What shares frames even where there is room: the table of layers and their health are two views of the same rows, and
/// the machine has an arrangement of its own.
fn group(details: &[PanelId]) -> Vec<Vec<PanelId>> {
    let is_table = |id: &PanelId| matches!(id, PanelId::Network | PanelId::Layers) || id.is_of_machine();
    let (tables, others): (Vec<PanelId>, Vec<PanelId>) = details.iter().copied().partition(is_table);
    let mut groups: Vec<Vec<PanelId>> = others.into_iter().map(|id| vec![id]).collect();
    groups.extend((!tables.is_empty()).then_some(tables));
    groups
}

/// What there is to place, beside the loss.
struct Parts {
    pictures: Vec<PanelId>,
    /// Frames, each with the panels that share it.
    details: Vec<Vec<PanelId>>,
    /// Rows that the details need.
    rows: u16,
}

impl Parts {
    fn overview(self, body: Area, at_least: impl Fn((u16, u16)) -> bool) -> Tiles {
        match &self.pictures[..] {
            [] => {
                // Without a picture the curve is what people look at: give it two thirds.
                let share = if self.details.is_empty() { body.width } else { body.width * 2 / 3 };
                let (loss, side) = body.split_columns(share);
                let mut tiles = vec![(loss, vec![PanelId::Loss])];
                tiles.extend(stack(side, &self.details));
                tiles
            }
            [first, others @ ..] if at_least(SPACIOUS) && !others.is_empty() => {
                let (left, right) = body.split_columns(body.width * 2 / 5);
                let rows = match (first.wanted_rows().1, others) {
                    (0, [PanelId::Confusion]) => body.height - self.rows.min(body.height / 3),
                    (0, _) => body.height * 2 / 3,
                    (rows, _) => rows,
                };
                let (above, below) = right.split_rows(rows);
                let mut tiles = self.curve_over_layers(left);
                tiles.insert(1, (above, vec![*first]));
                if below.width >= OWN_FRAME * others.len() as u16 {
                    tiles.extend(share_columns(below, others.iter().map(|id| (1, vec![*id])).collect()));
                } else {
                    tiles.push((below, others.to_vec()));
                }
                tiles
            }
            [first, others @ ..] if at_least(BANDED) && !others.is_empty() => {
                // The first picture on top, the next ones below beside the details.
                let most = (body.height * 9 / 20).min(body.height.saturating_sub(first.wanted_rows().0));
                let rows = self.rows.clamp(body.height / 3, most.max(body.height / 3));
                let (above, band) = body.split_rows(body.height - rows);
                let (loss, picture) = above.split_columns(body.width * first.loss_share() / 100);
                let mut tiles = vec![(loss, vec![PanelId::Loss]), (picture, vec![*first])];
                tiles.extend(self.band(band, others));
                tiles
            }
            _ => {
                let (left, right) = body.split_columns(body.width.div_ceil(2));
                let mut tiles = self.curve_over_details(left);
                tiles.insert(1, (right, self.pictures));
                tiles
            }
        }
    }

    /// Metrics, network and pictures side by side.
    fn band(&self, area: Area, pictures: &[PanelId]) -> Tiles {
        let wanted = pictures.iter().map(|id| id.wanted_columns()).max().unwrap_or(0);
        let mut columns = Vec::new();
        for panels in &self.details {
            let (least, most) = if panels[..] == [PanelId::Metrics] { (METRICS, METRICS) } else { NETWORK };
            columns.push((area.width.saturating_sub(METRICS + wanted).clamp(least, most), panels.clone()));
        }
        columns.push((wanted, pictures.to_vec()));
        share_columns(area, columns)
    }

    /// The curve with the details below.
    fn curve_over_details(&self, area: Area) -> Tiles {
        let most = ((area.height * 9).div_ceil(20)).max(self.rows.min(area.height.saturating_sub(LOSS_ROWS)).min(11));
        let rows = if self.details.is_empty() { 0 } else { self.rows.min(most) };
        let (loss, below) = area.split_rows(area.height - rows);
        let mut tiles = vec![(loss, vec![PanelId::Loss])];
        tiles.extend(self.details_in(below));
        tiles
    }

    /// The curve, the health of the layers, then the other details.
    fn curve_over_layers(&self, area: Area) -> Tiles {
        let layers = |panels: &Vec<PanelId>| panels.contains(&PanelId::Layers);
        if !self.details.iter().any(layers) {
            return self.curve_over_details(area);
        }
        let mut others = self.details.clone();
        for panels in &mut others {
            panels.retain(|id| *id != PanelId::Layers);
        }
        others.retain(|panels| !panels.is_empty());
        let rest = Self { pictures: Vec::new(), details: others, rows: self.rows };
        let mut tiles = rest.curve_over_details(area);
        let (loss, health) = tiles[0].0.split_rows(tiles[0].0.height.div_ceil(2));
        tiles[0].0 = loss;
        tiles.insert(1, (health, vec![PanelId::Layers]));
        tiles
    }

    /// The details side by side, or in one frame where that would be too narrow.
    fn details_in(&self, area: Area) -> Tiles {
        match &self.details[..] {
            [] => Vec::new(),
            [metrics, network] if area.width >= BOTH_DETAILS => {
                let (left, right) = area.split_columns((area.width / 2).min(METRICS.max(area.width * 2 / 5)));
                vec![(left, metrics.clone()), (right, network.clone())]
            }
            all => {
                vec![(area, all.concat())]
            }
        }
    }

    fn pictures_large(self, body: Area) -> Tiles {
        if body.width >= BESIDE {
            let (left, right) = body.split_columns(body.width * 3 / 10);
            let mut tiles = self.curve_over_details(left);
            tiles.insert(1, (right, self.pictures));
            return tiles;
        }
        let (above, below) = body.split_rows(body.height * 2 / 3);
        let sober: Vec<PanelId> = std::iter::once(PanelId::Loss).chain(self.details.concat()).collect();
        vec![(above, self.pictures), (below, sober)]
    }

    fn curves_large(self, body: Area) -> Tiles {
        if self.pictures.is_empty() {
            let rows = if self.details.is_empty() { 0 } else { self.rows.min((body.height * 9).div_ceil(20)) };
            let (loss, below) = body.split_rows(body.height - rows);
            let mut tiles = vec![(loss, vec![PanelId::Loss])];
            tiles.extend(self.details_in(below));
            return tiles;
        }
        let (left, right) = body.split_columns(body.width * 13 / 20);
        let rows = self.rows.min((right.height * 9).div_ceil(20));
        let rows = if self.details.is_empty() { 0 } else { rows };
        let (above, below) = right.split_rows(right.height - rows);
        let mut tiles = vec![(left, vec![PanelId::Loss])];
        tiles.push((above, self.pictures.clone()));
        tiles.extend(self.details_in(below));
        tiles
    }

    fn has_machine(&self) -> bool {
        self.details.iter().flatten().any(|id| id.is_of_machine())
    }

    /// The log below, as wide as there is room for; above it the machine, or the metrics where nothing is known of it,
    /// and all the rest in one frame.
    fn machine_room(self, body: Area) -> Tiles {
        let (machine, sober): (Vec<_>, Vec<_>) = self.details.concat().into_iter().partition(|id| id.is_of_machine());
        let (log, machine): (Vec<_>, Vec<_>) = machine.into_iter().partition(|id| *id == PanelId::Log);
        let beside_metrics = !machine.is_empty() && body.width >= BESIDE;
        let (metrics, tables): (Vec<_>, Vec<_>) =
            sober.into_iter().partition(|id| *id == PanelId::Metrics && (machine.is_empty() || beside_metrics));
        let rest = std::iter::once(PanelId::Loss).chain(self.pictures).chain(tables).collect();
        let most = if log.is_empty() { body.height } else { self.rows.clamp(body.height / 2, body.height * 3 / 5) };
        let (above, below) = body.split_rows(most);
        let columns = [(METRICS, machine), (METRICS, metrics), (METRICS, rest)];
        let mut tiles = share_columns(above, columns.into_iter().filter(|(_, ids)| !ids.is_empty()).collect());
        if !log.is_empty() {
            tiles.push((below, log));
        }
        tiles
    }
}

/// Shares an area out to columns in proportion to what they want, the rounding to the last.
fn share_columns(area: Area, wanted: Vec<(u16, Vec<PanelId>)>) -> Tiles {
    let whole: u32 = wanted.iter().map(|(columns, _)| u32::from(*columns)).sum::<u32>().max(1);
    let (mut left, mut sum) = (0, 0);
    let place = |(columns, members): (u16, Vec<PanelId>)| {
        sum += u32::from(columns);
        let right = (u32::from(area.width) * sum / whole) as u16;
        let tile = (area.columns(left, right - left), members);
        left = right;
        tile
    };
    wanted.into_iter().map(place).collect()
}

fn stack(area: Area, panels: &[Vec<PanelId>]) -> Tiles {
    let count = panels.len().max(1) as u16;
    let each = area.height / count;
    panels
        .iter()
        .enumerate()
        .map(|(i, members)| {
            let top = each * i as u16;
            let rows = if i + 1 == panels.len() { area.height - top } else { each };
            (area.rows(top, rows), members.clone())
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

    const MOONS: [PanelId; 5] = [PanelId::Loss, PanelId::Boundary, PanelId::Units, PanelId::Metrics, PanelId::Network];
    const AUTOENCODER: [PanelId; 6] =
        [PanelId::Loss, PanelId::Reconstruction, PanelId::Codes, PanelId::Maps, PanelId::Metrics, PanelId::Network];
    const CNN: [PanelId; 5] = [PanelId::Loss, PanelId::Maps, PanelId::Confusion, PanelId::Metrics, PanelId::Network];
    const FULL: [PanelId; 7] = [
        PanelId::Loss,
        PanelId::Boundary,
        PanelId::Units,
        PanelId::Landscape,
        PanelId::Metrics,
        PanelId::Network,
        PanelId::Layers,
    ];
    const PLAIN: [PanelId; 3] = [PanelId::Loss, PanelId::Metrics, PanelId::Network];
    const LOGGED: [PanelId; 9] = [
        PanelId::Loss,
        PanelId::Boundary,
        PanelId::Units,
        PanelId::Landscape,
        PanelId::Metrics,
        PanelId::Network,
        PanelId::Layers,
        PanelId::System,
        PanelId::Log,
    ];
    const RUNS: [&[PanelId]; 10] = [
        &LOGGED,
        &[PanelId::Loss, PanelId::Log],
        &[PanelId::Loss, PanelId::Boundary, PanelId::Metrics, PanelId::Network, PanelId::System],
        &FULL,
        &[PanelId::Loss, PanelId::Metrics, PanelId::Layers],
        &MOONS,
        &AUTOENCODER,
        &CNN,
        &PLAIN,
        &[PanelId::Loss],
    ];
    const ARRANGEMENTS: [Arrangement; 4] =
        [Arrangement::Overview, Arrangement::Pictures, Arrangement::Curves, Arrangement::Machine];

    fn request(panels: &[PanelId], size: (u16, u16)) -> Request<'_> {
        let arrangement = Arrangement::Overview;
        Request { size, panels, recent: &[PanelId::Loss], zoomed: false, arrangement, detail_rows: 12 }
    }

    fn at(panels: &[PanelId], width: u16, height: u16) -> Layout {
        layout(request(panels, (width, height))).unwrap()
    }

    fn shown(layout: &Layout) -> Vec<PanelId> {
        layout.slots.iter().map(|slot| slot.shown).collect()
    }

    fn place(layout: &Layout, id: PanelId) -> Area {
        layout.slots.iter().find(|slot| slot.shown == id).unwrap().area
    }

    #[test]
    fn large_screens_show_every_panel_at_once() {
        for panels in [&MOONS[..], &CNN, &PLAIN] {
            let mut seen = shown(&at(panels, 120, 40));
            seen.sort_by_key(|id| panels.iter().position(|other| other == id));
            assert_eq!(seen, panels);
        }
        assert!(!shown(&at(&AUTOENCODER, 120, 40)).contains(&PanelId::Maps));
        assert_eq!(at(&AUTOENCODER, 200, 60).slots.len(), AUTOENCODER.len());
    }

    #[test]
    fn the_first_picture_is_the_largest() {
        for (panels, size) in [(&MOONS[..], (120, 40)), (&AUTOENCODER, (120, 40)), (&CNN, (120, 40)), (&CNN, (200, 60))]
        {
            let layout = at(panels, size.0, size.1);
            let cells = |slot: &Slot| u32::from(slot.area.width) * u32::from(slot.area.height);
            let largest = layout.slots.iter().max_by_key(|slot| cells(slot)).unwrap();
            assert_eq!(largest.shown, panels[1], "{layout:?}");
        }
        // Ten classes need 34 columns and 13 rows inside of a frame.
        let confusion = place(&at(&CNN, 120, 40), PanelId::Confusion).inside_frame();
        assert!(confusion.width >= 34 && confusion.height >= 10, "{confusion:?}");
    }

    #[test]
    fn a_shared_frame_shows_the_first_picture_until_another_had_the_focus() {
        let small = at(&AUTOENCODER, 80, 24);
        let pictures = small.slots.iter().find(|slot| slot.members.len() == 3).unwrap();
        assert_eq!(pictures.shown, PanelId::Reconstruction);
        let recent = [PanelId::Loss, PanelId::Maps];
        let later = layout(Request { recent: &recent, ..request(&AUTOENCODER, (80, 24)) }).unwrap();
        assert!(shown(&later).contains(&PanelId::Maps));
    }

    #[test]
    fn arrangements_give_room_to_what_they_are_named_after() {
        for panels in [&FULL[..], &MOONS, &AUTOENCODER, &CNN] {
            for size in [(80, 24), (120, 40), (200, 60)] {
                let [overview, pictures, curves, _] =
                    ARRANGEMENTS.map(|arrangement| layout(Request { arrangement, ..request(panels, size) }).unwrap());
                let cells = |layout: &Layout, id| {
                    let area = place(layout, id);
                    u32::from(area.width) * u32::from(area.height)
                };
                assert!(cells(&pictures, panels[1]) > cells(&overview, panels[1]), "{size:?} {pictures:?}");
                assert!(cells(&curves, PanelId::Loss) > cells(&overview, PanelId::Loss), "{size:?} {curves:?}");
            }
        }
        assert_eq!(Arrangement::Overview.next(&PLAIN), Arrangement::Curves);
        assert_eq!(Arrangement::Overview.next(&CNN), Arrangement::Pictures);
        assert_eq!(Arrangement::Curves.next(&CNN), Arrangement::Overview);
        assert_eq!(Arrangement::Curves.next(&LOGGED), Arrangement::Machine);
        assert_eq!(Arrangement::Machine.next(&LOGGED), Arrangement::Overview);
    }

    #[test]
    fn what_belongs_together_shares_a_frame() {
        use PanelId::{Boundary, Landscape, Layers, Loss, Metrics, Network, Units};
        let middle = at(&FULL, 120, 40);
        let members: Vec<&[PanelId]> = middle.slots.iter().map(|slot| &slot.members[..]).collect();
        assert_eq!(members, [&[Loss][..], &[Boundary], &[Metrics], &[Network, Layers], &[Units, Landscape]]);
        let mut large = shown(&at(&FULL, 200, 60));
        large.sort_by_key(|id| FULL.iter().position(|other| other == id));
        assert_eq!(large, FULL, "and none where there is room");
    }

    #[test]
    fn the_log_takes_nothing_from_the_others_but_in_the_machine_room() {
        for size in [(80, 24), (120, 40), (200, 60)] {
            for arrangement in ARRANGEMENTS {
                let of = |panels| layout(Request { arrangement, ..request(panels, size) }).unwrap();
                let (with, without) = (of(&LOGGED), of(&FULL));
                let areas = |layout: &Layout| layout.slots.iter().map(|slot| slot.area).collect::<Vec<_>>();
                if arrangement == Arrangement::Machine {
                    assert_eq!(place(&with, PanelId::Log).width, size.0);
                    assert_eq!(areas(&without), areas(&at(&FULL, size.0, size.1)), "without a machine the overview");
                } else {
                    assert_eq!((areas(&with), shown(&with)), (areas(&without), shown(&without)), "{size:?}");
                }
            }
        }
    }

    #[test]
    fn small_screens_share_one_frame() {
        let layout = at(&MOONS, 40, 12);
        assert_eq!(layout.slots.len(), 1);
        assert_eq!(layout.slots[0].members, MOONS);
        assert!(super::layout(request(&MOONS, (39, 12))).is_none());
    }

    #[test]
    fn arrows_go_where_they_point() {
        let panels = [PanelId::Loss, PanelId::Boundary, PanelId::Metrics, PanelId::Network];
        let layout = at(&panels, 120, 40);
        assert_eq!(layout.neighbour(PanelId::Loss, Direction::Right), Some(PanelId::Boundary));
        assert_eq!(layout.neighbour(PanelId::Boundary, Direction::Left), Some(PanelId::Loss));
        assert_eq!(layout.neighbour(PanelId::Loss, Direction::Down), Some(PanelId::Metrics));
        assert_eq!(layout.neighbour(PanelId::Metrics, Direction::Right), Some(PanelId::Network));
        assert_eq!(layout.neighbour(PanelId::Network, Direction::Up), Some(PanelId::Loss));
        assert_eq!(layout.neighbour(PanelId::Loss, Direction::Up), None);
    }

    proptest! {
        #[test]
        fn slots_tile_the_body_and_every_panel_has_a_place(
            width in 40u16..300,
            height in 12u16..120,
            zoomed: bool,
            run in 0..RUNS.len(),
            arrangement in 0..ARRANGEMENTS.len(),
            detail_rows in 11u16..120,
        ) {
            let (panels, arrangement) = (RUNS[run], ARRANGEMENTS[arrangement]);
            let request = Request { zoomed, arrangement, detail_rows, ..request(panels, (width, height)) };
            let layout = layout(request).unwrap();
            let cells: u32 = layout.slots.iter().map(|s| u32::from(s.area.width) * u32::from(s.area.height)).sum();
            let frame = u32::from(layout.header.height + layout.footer.height) * u32::from(width);
            prop_assert_eq!(cells + frame, u32::from(width) * u32::from(height), "no cell is wasted");
            let mut placed: Vec<_> = layout.slots.iter().flat_map(|slot| slot.members.clone()).collect();
            placed.sort_by_key(|id| panels.iter().position(|other| other == id));
            prop_assert_eq!(&placed[..], panels, "every panel has one place");
            for slot in &layout.slots {
                prop_assert!(slot.area.width >= 14 && slot.area.height >= 5, "{:?}", slot);
                prop_assert!(slot.area.x + slot.area.width <= width && slot.area.y + slot.area.height <= height);
                for other in &layout.slots {
                    if slot != other {
                        let apart = slot.area.x + slot.area.width <= other.area.x
                            || other.area.x + other.area.width <= slot.area.x
                            || slot.area.y + slot.area.height <= other.area.y
                            || other.area.y + other.area.height <= slot.area.y;
                        prop_assert!(apart, "{:?} and {:?}", slot, other);
                    }
                }
            }
        }
    }
}
