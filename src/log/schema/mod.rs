//! Every record of torchscope's own, encoded and decoded in one place: the trainer writes through these types, and everything
//! that reads a log reads through them.
//!
//! What a record is stands beside it as JSON, [`Metadata`]: `{"kind": "plane", ...}`. Pictures, tensors and documents carry it
//! as the content of the plugin `torchscope`; texts that people may read in `TensorBoard` too are of its own plugin `text`, and
//! have the JSON for a description. Another program that writes the same metadata gets the same panels.
//!
//! ```text
//! alarm     something to look at               length      epochs and steps of the whole run
//! facts     what is known of a landscape       metadata    what a record is
//! hparams   TensorBoard's hyper-parameters     path        the optimiser's way over a plane
//! labels    classes of samples                 points      samples in the plane
//! names     classes, probes                    recipe      what is trained, as TOML
//! reference a loss to compare with             setup       how it is trained, in a few words
//! ```

mod alarm;
mod document;
mod facts;
mod hparams;
mod labels;
mod length;
mod metadata;
mod names;
mod path;
mod points;
mod recipe;
mod reference;
mod setup;

pub use alarm::{Alarm, AlarmKind};
pub use document::{Document, Fact};
pub use facts::PlaneFacts;
pub use hparams::{Ending, Hparam, Hparams};
pub use labels::Labels;
pub use length::Length;
pub use metadata::{Kind, Metadata, Stage};
pub use names::{Classes, Probes};
pub use path::{Path, Waypoint};
pub use points::{Points, Sample};
pub use recipe::RecipeText;
pub use reference::{Reference, References};
pub use setup::Setup;
