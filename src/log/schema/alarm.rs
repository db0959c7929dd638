use serde::{Deserialize, Serialize};

use super::{Document, Kind, Metadata};

/// What is wrong, by its name in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlarmKind {
    /// Something is not a finite number.
    Nan,
    /// The loss is far above where it began, or what was learnt is lost.
    Explosion,
    /// The loss has jumped.
    Spike,
    /// The loss no longer falls.
    Plateau,
    /// Units that never say anything any more.
    Dying,
    /// Steps take longer than they did.
    Slow,
    /// The disk takes nothing: training waits.
    Disk,
    /// Something could not be looked at: training goes on.
    Skipped,
    /// The trainer takes no more steps. Never written: a viewer concludes it.
    Stalled,
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}

impl AlarmKind {
    /// A word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nan => "not finite",
            Self::Explosion => "explosion",
            Self::Spike => "spike",
            Self::Plateau => "plateau",
            Self::Dying => "dying",
            Self::Slow => "slow",
            Self::Disk => "disk",
            Self::Skipped => "skipped",
            Self::Stalled => "stalled",
            Self::Other => "alarm",
        }
    }

    /// Whether nothing good can come after it, unless somebody does something.
    pub fn is_grave(self) -> bool {
        matches!(self, Self::Nan | Self::Explosion | Self::Stalled | Self::Disk)
    }
}

/// Something to look at, a record of the step at which it happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// What is wrong.
    pub kind: AlarmKind,
    /// In words.
    #[serde(default)]
    pub message: String,
    /// The layer that it is about, if it is about one.
    #[serde(default)]
    pub layer: Option<String>,
    /// The tensor that it is about, if it is about one.
    #[serde(default)]
    pub tensor: Option<String>,
    /// How often there has been one of this kind about this place so far, 1 or more: not all of them are written.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub count: u64,
}

fn once() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_once(count: &u64) -> bool {
    *count == 1
}

impl Alarm {
    /// The document for the log, under [`crate::log::tags::ALARM`].
    pub fn encode(&self) -> Document {
        let text = serde_json::to_string(self).unwrap_or_else(|_| self.message.clone());
        Document { about: Metadata::new(Kind::Alarm), text }
    }

    /// The alarm in a document; none in one of another kind. Text that is no alarm of ours is a message all the same.
    pub fn decode(document: &Document) -> Option<Self> {
        let message = || document.text.clone();
        let unknown = || Self { kind: AlarmKind::Other, message: message(), layer: None, tensor: None, count: 1 };
        (document.about.kind == Kind::Alarm).then(|| serde_json::from_str(&document.text).unwrap_or_else(|_| unknown()))
    }

    /// What it is about and what is wrong, in one line.
    pub fn sentence(&self) -> String {
        match self.place() {
            // Whoever wrote the message may have named the place in it.
            Some(place) if !self.message.contains(place) => format!("{place}: {}", self.message),
            _ => self.message.clone(),
        }
    }

    /// The tensor or layer that it is about.
    pub fn place(&self) -> Option<&str> {
        self.tensor.as_deref().or(self.layer.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(alarm: &Alarm) -> Option<Alarm> {
        Alarm::decode(&alarm.encode())
    }

    #[test]
    fn an_alarm_comes_back_and_any_text_is_a_message() {
        let alarm = Alarm {
            kind: AlarmKind::Nan,
            message: "first NaN".into(),
            layer: Some("conv2".into()),
            tensor: Some("conv2.weight".into()),
            count: 3,
        };
        assert_eq!(through(&alarm), Some(alarm.clone()));
        assert_eq!((alarm.sentence().as_str(), alarm.place()), ("conv2.weight: first NaN", Some("conv2.weight")));
        let document = |kind, text: &str| Document { about: Metadata::new(kind), text: text.to_owned() };
        let read = |text: &str| Alarm::decode(&document(Kind::Alarm, text)).unwrap();
        assert_eq!(read("plain words").kind, AlarmKind::Other);
        assert_eq!(read("plain words").message, "plain words");
        assert_eq!(read(r#"{"kind":"flood","message":"wet"}"#).sentence(), "wet");
        assert_eq!(Alarm::decode(&document(Kind::Network, "{}")), None);
    }
}
