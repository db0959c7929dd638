//! The panels a view is made of.

/// A panel. What each shows stands with its drawing, in `view::panels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PanelId {
    /// Sparkline and chart of the loss.
    Loss,
    /// The decision boundary over a two-dimensional input.
    Boundary,
    /// What each hidden unit says over the plane.
    Units,
    /// The loss over a plane through parameter space, with the optimiser's way.
    Landscape,
    /// What a layer makes of a picture, channel by channel.
    Maps,
    /// What an autoencoder makes of a few pictures.
    Reconstruction,
    /// The codes of many pictures in two dimensions.
    Codes,
    /// Which class is taken for which.
    Confusion,
    /// Norms and distributions of every parameter.
    Layers,
    /// Current values with their history.
    Metrics,
    /// Layers, shapes and parameters.
    Network,
    /// Load and memory of the machine.
    System,
    /// What the trainer printed.
    Log,
}

impl PanelId {
    /// The word in the panel's frame.
    pub fn title(self) -> &'static str {
        match self {
            PanelId::Loss => "Loss",
            PanelId::Boundary => "Decision boundary",
            PanelId::Units => "Hidden units",
            PanelId::Landscape => "Loss landscape",
            PanelId::Maps => "Feature maps",
            PanelId::Reconstruction => "Reconstruction",
            PanelId::Codes => "Code space",
            PanelId::Confusion => "Confusion",
            PanelId::Layers => "Layers",
            PanelId::Metrics => "Metrics",
            PanelId::Network => "Network",
            PanelId::System => "System",
            PanelId::Log => "Log",
        }
    }

    /// Whether it shows something of the network at work, not numbers about it.
    pub fn is_picture(self) -> bool {
        !matches!(self, PanelId::Loss | PanelId::Layers | PanelId::Metrics | PanelId::Network) && !self.is_of_machine()
    }

    /// Whether it shows the process and the machine at work, not the network.
    pub fn is_of_machine(self) -> bool {
        matches!(self, PanelId::System | PanelId::Log)
    }

    /// Columns from which it says all it has to say.
    pub(super) fn wanted_columns(self) -> u16 {
        match self {
            // Ten classes of hundreds of samples, their accuracies, and the frame.
            PanelId::Confusion => 52,
            _ => 50,
        }
    }

    /// Rows from which it says all it has to say, and more than which it has no use for; 0 where any will do.
    pub(super) fn wanted_rows(self) -> (u16, u16) {
        match self {
            // Three digits of five rows below each other, a code of four, two rows of labels, and the frame; then a free
            // row after each of them.
            PanelId::Reconstruction => (23, 27),
            _ => (0, 0),
        }
    }

    /// What the loss chart gets of the width beside it, in percent: a boundary wants the shape of its plane, a row of
    /// pictures wants to be wide.
    pub(super) fn loss_share(self) -> u16 {
        match self {
            PanelId::Boundary | PanelId::Units | PanelId::Landscape => 50,
            _ => 42,
        }
    }
}
