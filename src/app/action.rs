//! What a user can do: one row an action, from which come dispatch, footer, help overlay and the README's table.

use super::codes::CodesAction;
use super::key::{Code, Key};
use super::maps::MapsAction;
use super::network_view::NetworkAction;
use super::panel::PanelId;
use super::units::UnitsAction;

/// Something a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Focus the next panel.
    NextPanel,
    /// Focus the previous panel.
    PreviousPanel,
    /// Focus the nearest panel on that side.
    Move(Direction),
    /// Focus the panel with that number (1-based).
    Panel(u8),
    /// Show the focused panel alone, or all again.
    Zoom,
    /// Go to the next arrangement of the panels.
    NextArrangement,
    /// Open or close the help overlay.
    Help,
    /// Pause or resume training.
    TogglePause,
    /// Train one step, then pause.
    Step,
    /// Train to the end of the epoch, then pause.
    Epoch,
    /// Multiply the learning rate by [`LR_FACTOR`].
    LrUp,
    /// Divide the learning rate by [`LR_FACTOR`].
    LrDown,
    /// Double the pace.
    PaceFaster,
    /// Halve the pace.
    PaceSlower,
    /// Lift the pace.
    PaceUnlimited,
    /// Start over as a new run with the same seed.
    Restart,
    /// Start over as a new run with a new seed.
    RestartNewSeed,
    /// Switch the loss axis between linear and logarithmic.
    LogAxis,
    /// Go to the next smoothing weight.
    Smoothing,
    /// Go to the next way of drawing the boundary.
    BoundaryStyle,
    /// Change how codes are looked at.
    Codes(CodesAction),
    /// Show the next reconstructed pictures (down), or the previous ones (up).
    Pictures(Direction),
    /// Select a layer in the network's table, or show what it puts out.
    Network(NetworkAction),
    /// Look at maps in another way.
    Maps(MapsAction),
    /// Show the selected map alone.
    OpenMap,
    /// Look at hidden units in another way.
    Units(UnitsAction),
    /// Focus the decision boundary.
    ToBoundary,
    /// Focus the hidden units.
    ToUnits,
    /// Look at the landscape over the next plane.
    Plane,
    /// Select a row of the table of layers.
    SelectLayer(Direction),
    /// Show what somebody should have looked at.
    Events,
    /// The banner has been read.
    Dismiss,
    /// Leave the view; asks first while the run is live.
    Leave,
    /// In the dialog: leave and let the run go on.
    LeaveRunning,
    /// In the dialog: stop the run, then leave.
    LeaveStop,
    /// Close what lies over the view.
    Close,
    /// Scroll the help overlay.
    Scroll(Direction),
}

/// One of the four sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Towards the first column.
    Left,
    /// Towards the last row.
    Down,
    /// Towards the first row.
    Up,
    /// Towards the last column.
    Right,
}

/// What one press of `+` multiplies the learning rate by, and `-` divides it by.
pub const LR_FACTOR: f64 = 1.25;

/// What has the keyboard. Within one context a key means one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The panels.
    Main,
    /// The help overlay.
    Help,
    /// The question what shall become of the run.
    Leave,
    /// The list of alarms.
    Events,
    /// The last words of a trainer that died.
    Died,
    /// A single feature map.
    Map,
}

/// When a row of the table applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// While the trainer is alive.
    Live,
    /// While that panel has the focus. Such a row comes before a general one on the same key.
    Focused(PanelId),
    /// While the run shows that panel.
    Shown(PanelId),
    /// While an alarm has not been read. Such a row comes first too.
    Alarmed,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// The footer's word for it.
    pub name: &'static str,
    /// The help overlay's and README's sentence.
    pub description: &'static str,
    /// The keys.
    pub keys: &'static [Key],
    /// What has the keyboard.
    pub context: Context,
    /// When it applies.
    pub when: When,
    /// Place in the footer, the smallest first; `None`: only in the help.
    pub footer: Option<u8>,
}

impl Binding {
    /// Whether the help overlay and the README list it.
    pub fn is_in_help(&self) -> bool {
        self.context == Context::Main && !self.description.is_empty()
    }
}

const fn row(
    action: Action,
    name: &'static str,
    description: &'static str,
    keys: &'static [Key],
    context: Context,
    when: When,
    footer: Option<u8>,
) -> Binding {
    Binding { action, name, description, keys, context, when, footer }
}

const fn k(c: char) -> Key {
    Key::char(c)
}

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

/// A row for the view of a single map.
const fn map(action: MapsAction, name: &'static str, keys: &'static [Key], footer: Option<u8>) -> Binding {
    row(Action::Maps(action), name, "", keys, Context::Map, When::Always, footer)
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

/// Every action with its keys.
pub const BINDINGS: &[Binding] = {
    use Action as A;
    use Context::{Died, Events, Help, Leave, Main, Map};
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
        row(A::Restart, "restart", "start over as a new run, same seed", &[k('r')], Main, Always, Some(13)),
        row(A::RestartNewSeed, "new seed", "start over as a new run, new seed", &[k('R')], Main, Always, Some(14)),
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
        row(A::Panel(1), "panel 1", "focus panel 1, and so on to 9", &[k('1')], Main, Always, None),
        row(A::Panel(2), "panel 2", "", &[k('2')], Main, Always, None),
        row(A::Panel(3), "panel 3", "", &[k('3')], Main, Always, None),
        row(A::Panel(4), "panel 4", "", &[k('4')], Main, Always, None),
        row(A::Panel(5), "panel 5", "", &[k('5')], Main, Always, None),
        row(A::Panel(6), "panel 6", "", &[k('6')], Main, Always, None),
        row(A::Panel(7), "panel 7", "", &[k('7')], Main, Always, None),
        row(A::Panel(8), "panel 8", "", &[k('8')], Main, Always, None),
        row(A::Panel(9), "panel 9", "", &[k('9')], Main, Always, None),
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
        maps(M::PreviousPage, "page", "feature maps: the page before", &[Key::plain(Code::PageUp)], None),
        maps(M::NextPage, "page", "feature maps: the next page", &[Key::plain(Code::PageDown)], None),
        units(U::PreviousLayer, "layer", "hidden units: the layer before", &[k('[')], Some(4)),
        units(U::NextLayer, "layer", "hidden units: the next layer", &[k(']')], Some(4)),
        units(U::Activation, "before/after", "hidden units: before or after the activation", &[k('a')], Some(4)),
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
        row(
            A::NextArrangement,
            "layout",
            "next layout: overview, pictures large, curves large",
            &[k('v')],
            Main,
            Always,
            Some(9),
        ),
        row(A::Events, "events", "alarms so far: what happened at which step", &[k('e')], Main, Always, Some(15)),
        row(A::Dismiss, "dismiss", "put an alarm's banner away", &[k('d'), Key::plain(Code::Esc)], Main, Alarmed, None),
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
        row(
            A::Scroll(Direction::Down),
            "down",
            "scroll down",
            &[Key::plain(Code::Down), k('j')],
            Help,
            Always,
            Some(1),
        ),
        row(A::Scroll(Direction::Up), "up", "scroll up", &[Key::plain(Code::Up), k('k')], Help, Always, Some(2)),
        row(
            A::Close,
            "close",
            "close",
            &[k('?'), Key::plain(Code::Esc), k('q'), Key::plain(Code::Enter), Key::ctrl('c')],
            Help,
            Always,
            Some(0),
        ),
        row(
            A::Scroll(Direction::Down),
            "down",
            "scroll down",
            &[Key::plain(Code::Down), k('j')],
            Events,
            Always,
            Some(1),
        ),
        row(A::Scroll(Direction::Up), "up", "scroll up", &[Key::plain(Code::Up), k('k')], Events, Always, Some(2)),
        row(
            A::Close,
            "close",
            "close",
            &[k('e'), Key::plain(Code::Esc), k('q'), Key::plain(Code::Enter), Key::ctrl('c')],
            Events,
            Always,
            Some(0),
        ),
        row(A::TogglePause, "pause", "pause or resume training", &[k(' ')], Events, Live, Some(3)),
        row(
            A::LeaveRunning,
            "leave it running",
            "leave, the run goes on",
            &[k('q'), k('y'), Key::plain(Code::Enter), Key::ctrl('c')],
            Leave,
            Always,
            Some(0),
        ),
        row(A::LeaveStop, "stop it", "stop the run after this step, then leave", &[k('s')], Leave, Always, Some(1)),
        row(A::Close, "stay", "stay", &[k('n'), Key::plain(Code::Esc)], Leave, Always, Some(2)),
        row(
            A::Close,
            "close",
            "close",
            &[Key::plain(Code::Enter), Key::plain(Code::Esc), k(' ')],
            Died,
            Always,
            Some(0),
        ),
        row(A::Leave, "leave", "leave", &[k('q'), Key::ctrl('c')], Died, Always, Some(1)),
        row(A::Restart, "restart", "start over as a new run, same seed", &[k('r')], Died, Always, Some(2)),
        map(M::Cursor(Direction::Left), "left", &[Key::plain(Code::Left), k('h')], None),
        map(M::Cursor(Direction::Down), "down", &[Key::plain(Code::Down), k('j')], None),
        map(M::Cursor(Direction::Up), "up", &[Key::plain(Code::Up), k('k')], None),
        map(M::Cursor(Direction::Right), "right", &[Key::plain(Code::Right), k('l')], None),
        row(
            A::Close,
            "close",
            "close",
            &[Key::plain(Code::Enter), Key::plain(Code::Esc), k('q'), Key::ctrl('c')],
            Map,
            Always,
            Some(0),
        ),
        map(M::PreviousMap, "map", &[k('['), k('p')], Some(1)),
        map(M::NextMap, "map", &[k(']'), k('n')], Some(1)),
        map(M::Probe, "input", &[k('i')], Some(2)),
        map(M::Activation, "before/after", &[k('a')], Some(3)),
        map(M::Scale, "scale", &[k('s')], Some(4)),
        row(A::TogglePause, "pause", "pause or resume training", &[k(' ')], Map, Live, Some(5)),
    ]
};
