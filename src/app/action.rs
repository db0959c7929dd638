//! What a user can do, and what a row of the table of actions says. The rows are in `bindings`.

use super::codes::CodesAction;
use super::key::Key;
use super::log_lines::LogAction;
use super::maps::MapsAction;
use super::message::Look;
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
    /// Write a checkpoint.
    Checkpoint,
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
    /// Look at another part of the trainer's output.
    Log(LogAction),
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
    /// Show or hide the counter of bytes and frames.
    Traffic,
    /// The banner has been read.
    Dismiss,
    /// Show the picture that is looked at in pixels, over all panels.
    Picture,
    /// Look otherwise on this terminal.
    Look(Look),
    /// Leave the view; asks first while the run is live.
    Leave,
    /// In the dialog: leave and let the run go on.
    LeaveRunning,
    /// In the dialog: stop the run, then leave.
    LeaveStop,
    /// In the dialog: stop the run and start over.
    StartOverStop,
    /// In the dialog: start over and let the run go on.
    StartOverBeside,
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
    /// The question what shall become of the run when the view is left.
    Leave,
    /// The question what shall become of the run when it is started over.
    StartOver,
    /// The list of alarms.
    Events,
    /// The last words of a trainer that died.
    Died,
    /// A single feature map.
    Map,
    /// A picture of pixels.
    Picture,
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

impl Action {
    /// Whether a key that is held down does it once only: what starts a process.
    pub(super) fn is_once(self) -> bool {
        matches!(self, Self::Restart | Self::RestartNewSeed | Self::StartOverStop | Self::StartOverBeside)
    }
}

impl Binding {
    /// Whether the help overlay and the README list it.
    pub fn is_in_help(&self) -> bool {
        self.context == Context::Main && !self.description.is_empty()
    }
}
