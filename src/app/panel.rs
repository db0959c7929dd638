//! The panels a view is made of.

/// A panel. What each shows stands with its drawing, in `view::panels`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PanelId {
    /// Sparkline and chart of the loss.
    Loss,
    /// The decision boundary over a two-dimensional input.
    Boundary,
    /// Current values with their history.
    Metrics,
    /// Layers, shapes and parameters.
    Network,
}

impl PanelId {
    /// The word in the panel's frame.
    pub fn title(self) -> &'static str {
        match self {
            PanelId::Loss => "Loss",
            PanelId::Boundary => "Decision boundary",
            PanelId::Metrics => "Metrics",
            PanelId::Network => "Network",
        }
    }
}
