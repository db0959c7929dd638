use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Kind, Metadata};
use crate::log::{Data, Value};

/// A record of torchscope's own that is a text: JSON, or a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// What it is.
    pub about: Metadata,
    /// The text.
    pub text: String,
}

/// Something that is true of a run as a whole, one JSON document of step 0. Readers take the newest.
pub trait Fact: Serialize + DeserializeOwned {
    /// What kind of document it is.
    const KIND: Kind;
    /// The tag that torchscope writes it under; readers go by the kind.
    const TAG: &'static str;

    /// The value for the log.
    fn encode(&self) -> Value {
        // Texts, numbers and lists of them, which JSON can hold.
        let text = serde_json::to_string(self).unwrap_or_default();
        let document = Document { about: Metadata::new(Self::KIND), text };
        Value { tag: Self::TAG.into(), data: Data::Document(document) }
    }

    /// The fact in a document; none if it is another kind of document, or cannot be read.
    fn decode(document: &Document) -> Option<Self> {
        if document.about.kind != Self::KIND {
            return None;
        }
        serde_json::from_str(&document.text).ok()
    }
}
