use serde::{Deserialize, Serialize};

use crate::log::tags;

/// What a record is, beside its numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// What kind of thing.
    #[serde(skip_serializing_if = "Kind::is_unknown")]
    pub kind: Kind,
    /// The layer that it is about, if it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// Where in the layer it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    /// Whether it was taken between the moments that follow from the length of the run, because somebody watched: another run
    /// of the same seed need not have it.
    #[serde(skip_serializing_if = "is_false")]
    pub between: bool,
}

/// Kind of a record, which says how it is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Picture of values over a plane; its extent stands beside it.
    Plane,
    /// Picture of several maps of one size, cut into tiles.
    Atlas,
    /// Rows and columns of numbers: a picture, or a tensor (rows, columns).
    Matrix,
    /// Samples in the plane, see [`super::Points`].
    Points,
    /// A number for each of something that is known otherwise, a tensor (n).
    Values,
    /// Class of each of something, see [`super::Labels`].
    Labels,
    /// Way of the optimiser, see [`super::Path`].
    Path,
    /// What is known of a landscape, see [`super::PlaneFacts`].
    Facts,
    /// The network with all shapes, a document.
    Network,
    /// See [`super::Classes`].
    Classes,
    /// See [`super::Probes`].
    Probes,
    /// See [`super::References`].
    References,
    /// See [`super::RecipeText`].
    Recipe,
    /// See [`super::Setup`].
    Setup,
    /// See [`super::Length`].
    Length,
    /// See [`super::Alarm`].
    Alarm,
    /// Something that this version does not know.
    #[default]
    #[serde(other)]
    Other,
}

impl Kind {
    /// Whether it is a text that people can read as it is, so that `TensorBoard` should show it.
    pub(in crate::log) fn is_prose(self) -> bool {
        matches!(self, Self::Alarm | Self::Recipe)
    }

    /// Whether nothing is known of it.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_unknown(&self) -> bool {
        *self == Self::Other
    }
}

/// Where in a layer something was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Before the activation.
    Before,
    /// After the activation: what the next layer sees.
    After,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl Metadata {
    /// Metadata of a kind, and nothing else.
    pub fn new(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }

    /// These metadata, with what the tag says where no kind stands in them.
    #[must_use]
    pub(in crate::log) fn or_of_tag(self, tag: &str) -> Self {
        if self.kind != Kind::Other {
            return self;
        }
        let Self { kind, layer, stage, .. } = Self::of_tag(tag);
        Self { kind, layer: self.layer.or(layer), stage: self.stage.or(stage), between: self.between }
    }

    /// What torchscope writes under `tag`: the contract of [`tags`], and what is true of logs that were written before
    /// metadata were.
    pub fn of_tag(tag: &str) -> Self {
        let of_layer = |kind, layer: &str, stage| Self { kind, layer: Some(layer.to_owned()), stage, between: false };
        let (head, rest) = tag.split_once('/').unwrap_or((tag, ""));
        match tag {
            tags::BOUNDARY_P => return Self::new(Kind::Plane),
            tags::BOUNDARY_POINTS => return Self::new(Kind::Points),
            tags::BOUNDARY_POINTS_P => return Self::new(Kind::Values),
            tags::RECONSTRUCTION_INPUT | tags::RECONSTRUCTION_OUTPUT => return Self::new(Kind::Atlas),
            tags::RECONSTRUCTION_LABELS | tags::CODE_LABELS => return Self::new(Kind::Labels),
            tags::RECONSTRUCTION_CODES | tags::CODE_POINTS => {
                return Self { stage: Some(Stage::After), ..Self::new(Kind::Matrix) };
            }
            tags::CONFUSION => return Self::new(Kind::Matrix),
            tags::ALARM => return Self::new(Kind::Alarm),
            _ => {}
        }
        match (head, rest.split_once('/')) {
            (tags::MAPS, Some((tags::INPUT, _))) => Self::new(Kind::Atlas),
            (tags::MAPS, Some((layer, _))) => of_layer(Kind::Atlas, layer, Some(Stage::Before)),
            (tags::RESPONSE, _) => of_layer(Kind::Atlas, rest, Some(Stage::Before)),
            (tags::KERNELS, _) => of_layer(Kind::Atlas, rest, None),
            (tags::PEAK, _) => of_layer(Kind::Values, rest, Some(Stage::After)),
            (tags::LANDSCAPE, None) => Self::new(Kind::Plane),
            (tags::LANDSCAPE, Some((_, tags::PATH))) => Self::new(Kind::Path),
            (tags::LANDSCAPE, Some((_, tags::FACTS))) => Self::new(Kind::Facts),
            _ => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_short_and_come_back() {
        let plain = Metadata::new(Kind::Plane);
        assert_eq!(serde_json::to_string(&plain).unwrap(), r#"{"kind":"plane"}"#);
        let full =
            Metadata { kind: Kind::Atlas, layer: Some("conv1".into()), stage: Some(Stage::Before), between: true };
        let json = serde_json::to_string(&full).unwrap();
        assert_eq!(json, r#"{"kind":"atlas","layer":"conv1","stage":"before","between":true}"#);
        assert_eq!(serde_json::from_str::<Metadata>(&json).unwrap(), full);
        let newer: Metadata = serde_json::from_str(r#"{"kind":"hologram","depth":3}"#).unwrap();
        assert_eq!(newer.kind, Kind::Other);
    }

    #[test]
    fn every_tag_of_a_picture_or_tensor_has_a_kind() {
        for (tag, kind, layer, stage) in [
            ("boundary/p", Kind::Plane, None, None),
            ("boundary/points", Kind::Points, None, None),
            ("boundary/points_p", Kind::Values, None, None),
            ("maps/conv1/cat", Kind::Atlas, Some("conv1"), Some(Stage::Before)),
            ("maps/input/cat", Kind::Atlas, None, None),
            ("response/dense1", Kind::Atlas, Some("dense1"), Some(Stage::Before)),
            ("kernels/conv1", Kind::Atlas, Some("conv1"), None),
            ("peak/conv1", Kind::Values, Some("conv1"), Some(Stage::After)),
            ("landscape/path", Kind::Plane, None, None),
            ("landscape/path/path", Kind::Path, None, None),
            ("landscape/random/facts", Kind::Facts, None, None),
            ("reconstruction/codes", Kind::Matrix, None, Some(Stage::After)),
            ("code/labels", Kind::Labels, None, None),
            ("confusion", Kind::Matrix, None, None),
            ("loss/train", Kind::Other, None, None),
        ] {
            let metadata = Metadata::of_tag(tag);
            assert_eq!((metadata.kind, metadata.layer.as_deref(), metadata.stage), (kind, layer, stage), "{tag}");
        }
    }
}
