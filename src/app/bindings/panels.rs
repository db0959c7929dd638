//! What keys do while no overlay lies over the panels.

use super::super::action::{Action, Binding, Context, Direction, When};
use super::super::codes::CodesAction;
use super::super::key::{Code, Key};
use super::super::log_lines::LogAction;
use super::super::maps::MapsAction;
use super::super::message::Look;
use super::super::network_view::NetworkAction;
use super::super::panel::PanelId;
use super::super::units::UnitsAction;
use super::{k, row};

/// A row for the panel of the maps.
const fn maps(
    action: MapsAction,
    name: &'static str,
    description: &'static str,
    keys: &'static [Key],
    footer: Option<u8>,
) -> Binding {
    row(Action::Maps(action), name, description, keys, Context::Main, When::Focused(PanelId::Maps), footer)
}

/// A row for the panel of the hidden units.
const fn units(
    action: UnitsAction,
    name: &'static str,
    description: &'static str,
    keys: &'static [Key],
    footer: Option<u8>,
) -> Binding {
    row(Action::Units(action), name, description, keys, Context::Main, When::Focused(PanelId::Units), footer)
}

/// A row for the panel of the trainer's output.
const fn log(
    action: LogAction,
    name: &'static str,
    description: &'static str,
    keys: &'static [Key],
    footer: Option<u8>,
) -> Binding {
    row(Action::Log(action), name, description, keys, Context::Main, When::Focused(PanelId::Log), footer)
}

/// Every row of the context [`Context::Main`], in the order of the help.
pub(super) const PANELS: &[Binding] = {
    use Action as A;
    use Context::Main;
    use LogAction as L;
    use MapsAction as M;
    use UnitsAction as U;
    use When::{Alarmed, Always, Focused, Live, Shown};
    &[
        row(A::TogglePause, "pause", "pause or resume training", &[k(' ')], Main, Live, Some(1)),
        row(A::Step, "step", "train one step, then pause", &[k('n')], Main, Live, Some(5)),
        row(A::Epoch, "epoch", "train to the end of the epoch, then pause", &[k('N')], Main, Live, Some(6)),
        row(A::LrUp, "lr", "raise the learning rate by a quarter", &[k('+'), k('=')], Main, Live, Some(7)),
        row(A::LrDown, "lr", "lower the learning rate by a fifth", &[k('-')], Main, Live, Some(8)),
        row(
            A::PaceFaster,
            "pace",
            "double the pace (epochs a second while watched)",
            &[k('>'), k('.')],
            Main,
            Live,
            Some(10),
        ),
        row(A::PaceSlower, "pace", "halve the pace", &[k('<'), k(',')], Main, Live, Some(11)),
        row(
            A::PaceUnlimited,
            "full speed",
            "lift the pace: train as fast as the machine can",
            &[k('u')],
            Main,
            Live,
            Some(12),
        ),
        row(A::Checkpoint, "save", "write a checkpoint now, to resume from", &[k('c')], Main, Live, Some(16)),
        row(
            A::Restart,
            "restart",
            "start over as a new run, same seed; asks if this one is live",
            &[k('r')],
            Main,
            Always,
            Some(13),
        ),
        row(A::RestartNewSeed, "new seed", "the same with a new seed", &[k('R')], Main, Always, Some(14)),
        row(A::NextPanel, "panel", "focus the next panel", &[Key::plain(Code::Tab)], Main, Always, Some(0)),
        row(A::PreviousPanel, "back", "focus the previous panel", &[Key::plain(Code::BackTab)], Main, Always, None),
        row(
            A::LogAxis,
            "log axis",
            "loss panel: linear or logarithmic axis",
            &[k('l')],
            Main,
            Focused(PanelId::Loss),
            Some(4),
        ),
        row(
            A::Move(Direction::Left),
            "left",
            "focus the panel to the left",
            &[Key::plain(Code::Left), k('h')],
            Main,
            Always,
            None,
        ),
        row(
            A::Move(Direction::Down),
            "down",
            "focus the panel below",
            &[Key::plain(Code::Down), k('j')],
            Main,
            Always,
            None,
        ),
        row(A::Move(Direction::Up), "up", "focus the panel above", &[Key::plain(Code::Up), k('k')], Main, Always, None),
        row(
            A::Move(Direction::Right),
            "right",
            "focus the panel to the right (`l` outside the loss panel)",
            &[Key::plain(Code::Right), k('l')],
            Main,
            Always,
            None,
        ),
        row(A::Panel(1), "panel 1", "focus panel 1, and so on to 9; `0` is the tenth", &[k('1')], Main, Always, None),
        row(A::Panel(2), "panel 2", "", &[k('2')], Main, Always, None),
        row(A::Panel(3), "panel 3", "", &[k('3')], Main, Always, None),
        row(A::Panel(4), "panel 4", "", &[k('4')], Main, Always, None),
        row(A::Panel(5), "panel 5", "", &[k('5')], Main, Always, None),
        row(A::Panel(6), "panel 6", "", &[k('6')], Main, Always, None),
        row(A::Panel(7), "panel 7", "", &[k('7')], Main, Always, None),
        row(A::Panel(8), "panel 8", "", &[k('8')], Main, Always, None),
        row(A::Panel(9), "panel 9", "", &[k('9')], Main, Always, None),
        row(A::Panel(10), "panel 10", "", &[k('0')], Main, Always, None),
        maps(M::PreviousLayer, "layer", "feature maps: the layer before", &[k('[')], Some(4)),
        maps(M::NextLayer, "layer", "feature maps: the next layer", &[k(']')], Some(4)),
        maps(M::Probe, "input", "feature maps: the next input picture", &[k('i')], Some(4)),
        maps(M::Scale, "scale", "feature maps: range per layer, per channel, z-score", &[k('s')], Some(4)),
        maps(M::Order, "order", "feature maps: by index, maximum, variance", &[k('o')], Some(4)),
        maps(M::Activation, "before/after", "feature maps: before or after the activation", &[k('a')], Some(4)),
        row(
            A::OpenMap,
            "open",
            "feature maps: show the selected map alone",
            &[Key::plain(Code::Enter)],
            Main,
            Focused(PanelId::Maps),
            Some(4),
        ),
        maps(
            M::Select(Direction::Left),
            "left",
            "feature maps: select a map, with all arrows or `hjkl`",
            &[Key::plain(Code::Left), k('h')],
            None,
        ),
        maps(M::Select(Direction::Down), "down", "", &[Key::plain(Code::Down), k('j')], None),
        maps(M::Select(Direction::Up), "up", "", &[Key::plain(Code::Up), k('k')], None),
        maps(M::Select(Direction::Right), "right", "", &[Key::plain(Code::Right), k('l')], None),
        maps(M::PreviousPage, "page", "feature maps, hidden units: the page before", &[Key::plain(Code::PageUp)], None),
        maps(M::NextPage, "page", "feature maps, hidden units: the next page", &[Key::plain(Code::PageDown)], None),
        units(U::PreviousLayer, "layer", "hidden units: the layer before", &[k('[')], Some(4)),
        units(U::NextLayer, "layer", "hidden units: the next layer", &[k(']')], Some(4)),
        units(U::Activation, "before/after", "hidden units: before or after the activation", &[k('a')], Some(4)),
        units(U::PreviousPage, "page", "", &[Key::plain(Code::PageUp)], None),
        units(U::NextPage, "page", "", &[Key::plain(Code::PageDown)], None),
        row(
            A::ToUnits,
            "hidden units",
            "from the decision boundary to the hidden units, and back",
            &[k('h')],
            Main,
            Focused(PanelId::Boundary),
            Some(4),
        ),
        row(A::ToBoundary, "boundary", "", &[k('h')], Main, Focused(PanelId::Units), Some(4)),
        row(
            A::Zoom,
            "zoom",
            "show the focused panel alone, or all again",
            &[k('z'), Key::plain(Code::Enter)],
            Main,
            Always,
            Some(4),
        ),
        row(
            A::Smoothing,
            "smooth",
            "loss panel: next smoothing weight",
            &[k('s')],
            Main,
            Shown(PanelId::Loss),
            Some(9),
        ),
        row(
            A::BoundaryStyle,
            "style",
            "boundary: dots on tint, dots, tint",
            &[k('b')],
            Main,
            Shown(PanelId::Boundary),
            Some(9),
        ),
        row(
            A::Codes(CodesAction::Projection),
            "axes",
            "code space: principal axes, or any two units",
            &[k('p')],
            Main,
            Focused(PanelId::Codes),
            Some(4),
        ),
        row(
            A::Codes(CodesAction::NextX),
            "unit",
            "code space: next unit across",
            &[k('x')],
            Main,
            Focused(PanelId::Codes),
            Some(4),
        ),
        row(
            A::Codes(CodesAction::NextY),
            "unit",
            "code space: next unit up",
            &[k('y')],
            Main,
            Focused(PanelId::Codes),
            Some(4),
        ),
        row(
            A::Plane,
            "plane",
            "loss landscape: plane of the path, or of random directions",
            &[k('p')],
            Main,
            Focused(PanelId::Landscape),
            Some(4),
        ),
        row(
            A::SelectLayer(Direction::Up),
            "select",
            "layers: select the tensor above",
            &[Key::plain(Code::Up), k('k')],
            Main,
            Focused(PanelId::Layers),
            Some(4),
        ),
        row(
            A::SelectLayer(Direction::Down),
            "select",
            "layers: select the tensor below; zoomed, its history",
            &[Key::plain(Code::Down), k('j')],
            Main,
            Focused(PanelId::Layers),
            Some(4),
        ),
        row(
            A::Pictures(Direction::Down),
            "more",
            "reconstruction: next pictures",
            &[Key::plain(Code::PageDown)],
            Main,
            Focused(PanelId::Reconstruction),
            Some(4),
        ),
        row(
            A::Pictures(Direction::Up),
            "more",
            "reconstruction: previous pictures",
            &[Key::plain(Code::PageUp)],
            Main,
            Focused(PanelId::Reconstruction),
            Some(4),
        ),
        row(
            A::Network(NetworkAction::Up),
            "layer",
            "network: select the layer above",
            &[Key::plain(Code::Up), k('k')],
            Main,
            Focused(PanelId::Network),
            Some(4),
        ),
        row(
            A::Network(NetworkAction::Down),
            "layer",
            "network: select the layer below",
            &[Key::plain(Code::Down), k('j')],
            Main,
            Focused(PanelId::Network),
            Some(4),
        ),
        row(
            A::Network(NetworkAction::Open),
            "show layer",
            "network: show what the selected layer puts out",
            &[Key::plain(Code::Enter)],
            Main,
            Focused(PanelId::Network),
            Some(4),
        ),
        log(
            L::Up,
            "scroll",
            "log: a row up; `Down`, `PageUp` and `PageDown` likewise",
            &[Key::plain(Code::Up), k('k')],
            Some(4),
        ),
        log(L::Down, "scroll", "", &[Key::plain(Code::Down), k('j')], Some(4)),
        log(L::PageUp, "page", "", &[Key::plain(Code::PageUp)], Some(5)),
        log(L::PageDown, "page", "", &[Key::plain(Code::PageDown)], Some(5)),
        log(L::Newest, "newest", "log: to the newest line, and on with it", &[k('f')], Some(4)),
        row(
            A::NextArrangement,
            "layout",
            "next layout: overview, pictures, curves, machine room",
            &[k('v')],
            Main,
            Always,
            Some(9),
        ),
        row(A::Events, "events", "alarms so far: what happened at which step", &[k('e')], Main, Always, Some(15)),
        row(A::Dismiss, "dismiss", "put an alarm's banner away", &[k('d'), Key::plain(Code::Esc)], Main, Alarmed, None),
        row(
            A::Picture,
            "picture",
            "the focused picture as a real image over the whole screen",
            &[k('I')],
            Main,
            Always,
            None,
        ),
        row(A::Look(Look::Colors), "colours", "colours: 24 bits, 256, 16, none", &[k('C')], Main, Always, None),
        row(A::Look(Look::Glyphs), "characters", "characters: braille, blocks, ASCII", &[k('G')], Main, Always, None),
        row(A::Look(Look::Ground), "theme", "theme: for a dark or a light ground", &[k('T')], Main, Always, None),
        row(A::Traffic, "traffic", "bytes and frames a second to the terminal", &[k('F')], Main, Always, Some(16)),
        row(A::Help, "help", "open or close this help", &[k('?')], Main, Always, Some(2)),
        row(
            A::Leave,
            "leave",
            "leave; while the run is live asks whether to stop it",
            &[k('q'), Key::ctrl('c')],
            Main,
            Always,
            Some(3),
        ),
    ]
};
