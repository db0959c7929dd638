use std::collections::BTreeMap;

use prost::Message;

use crate::log::tags;

/// Hyper-parameters as `TensorBoard`'s plugin of that name knows them, which shows them in its HPARAMS tab.
///
/// They carry no times: runs of one seed write the same log.
#[derive(Clone, Debug, PartialEq)]
pub enum Hparams {
    /// What is compared between runs: series by their tags.
    Experiment {
        /// Tags of scalars.
        metrics: Vec<String>,
    },
    /// What this run was started with, by dotted key.
    Start(BTreeMap<String, Hparam>),
    /// How it ended.
    End(Ending),
}

/// One hyper-parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Hparam {
    /// A number.
    Number(f64),
    /// A word.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

/// How a session ended, numbered as the plugin does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As it should.
    Success = 1,
    /// Otherwise.
    Failure = 2,
}

impl Hparams {
    /// The tag that the plugin looks for.
    pub fn tag(&self) -> &'static str {
        match self {
            Self::Experiment { .. } => tags::HPARAMS_EXPERIMENT,
            Self::Start(_) => tags::HPARAMS_START,
            Self::End(_) => tags::HPARAMS_END,
        }
    }

    /// The content of the plugin's metadata.
    pub(in crate::log) fn encode(&self) -> Vec<u8> {
        let data = match self {
            Self::Experiment { metrics } => {
                let metric = |tag: &String| Metric { name: Some(MetricName { tag: tag.clone() }) };
                let metrics = metrics.iter().map(metric).collect();
                PluginData { experiment: Some(Experiment { metrics }), ..PluginData::default() }
            }
            Self::Start(hparams) => {
                let hparams = hparams.iter().map(|(name, hparam)| (name.clone(), Scalar::of(hparam))).collect();
                PluginData { start: Some(Start { hparams }), ..PluginData::default() }
            }
            Self::End(ending) => PluginData { end: Some(End { status: *ending as i32 }), ..PluginData::default() },
        };
        data.encode_to_vec()
    }

    /// What stands in the content of the plugin's metadata; none where that is something else.
    pub(in crate::log) fn decode(content: &[u8]) -> Option<Self> {
        let PluginData { experiment, start, end } = PluginData::decode(content).ok()?;
        if let Some(Experiment { metrics }) = experiment {
            let metrics = metrics.into_iter().filter_map(|metric| Some(metric.name?.tag)).collect();
            return Some(Self::Experiment { metrics });
        }
        if let Some(Start { hparams }) = start {
            let hparams = hparams.into_iter().filter_map(|(name, value)| Some((name, value.hparam()?)));
            return Some(Self::Start(hparams.collect()));
        }
        match end?.status {
            1 => Some(Self::End(Ending::Success)),
            2 => Some(Self::End(Ending::Failure)),
            _ => None,
        }
    }
}

/// `HParamsPluginData` of the plugin's `plugin_data.proto`, as far as torchscope reads or writes it.
#[derive(Clone, PartialEq, Message)]
struct PluginData {
    #[prost(message, optional, tag = "2")]
    experiment: Option<Experiment>,
    #[prost(message, optional, tag = "3")]
    start: Option<Start>,
    #[prost(message, optional, tag = "4")]
    end: Option<End>,
}

#[derive(Clone, PartialEq, Message)]
struct Experiment {
    #[prost(message, repeated, tag = "5")]
    metrics: Vec<Metric>,
}

#[derive(Clone, PartialEq, Message)]
struct Metric {
    #[prost(message, optional, tag = "1")]
    name: Option<MetricName>,
}

#[derive(Clone, PartialEq, Message)]
struct MetricName {
    #[prost(string, tag = "2")]
    tag: String,
}

#[derive(Clone, PartialEq, Message)]
struct Start {
    #[prost(btree_map = "string, message", tag = "1")]
    hparams: BTreeMap<String, Scalar>,
}

#[derive(Clone, PartialEq, Message)]
struct End {
    #[prost(int32, tag = "1")]
    status: i32,
}

/// `google.protobuf.Value` without lists and structures.
#[derive(Clone, PartialEq, Message)]
struct Scalar {
    #[prost(double, optional, tag = "2")]
    number: Option<f64>,
    #[prost(string, optional, tag = "3")]
    text: Option<String>,
    #[prost(bool, optional, tag = "4")]
    flag: Option<bool>,
}

impl Scalar {
    fn of(hparam: &Hparam) -> Self {
        match hparam {
            Hparam::Number(number) => Self { number: Some(*number), ..Self::default() },
            Hparam::Text(text) => Self { text: Some(text.clone()), ..Self::default() },
            Hparam::Flag(flag) => Self { flag: Some(*flag), ..Self::default() },
        }
    }

    fn hparam(self) -> Option<Hparam> {
        let text = || self.text.map(Hparam::Text);
        self.number.map(Hparam::Number).or_else(text).or(self.flag.map(Hparam::Flag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_plugin() {
        let start = Hparams::Start(
            [("lr".to_owned(), Hparam::Number(0.5)), ("on".to_owned(), Hparam::Flag(true))].into_iter().collect(),
        );
        // session_start_info { hparams { key: "lr" value { number_value: 0.5 } } hparams { key: "on" .. bool_value: true } }
        let expected = b"\x1a\x1b\x0a\x0f\x0a\x02lr\x12\x09\x11\0\0\0\0\0\0\xe0\x3f\x0a\x08\x0a\x02on\x12\x02\x20\x01";
        assert_eq!(start.encode(), expected);
        let experiment = Hparams::Experiment { metrics: vec!["loss/eval".into()] };
        assert_eq!(experiment.encode(), b"\x12\x0f\x2a\x0d\x0a\x0b\x12\x09loss/eval");
        assert_eq!(Hparams::End(Ending::Success).encode(), b"\x22\x02\x08\x01");
    }

    #[test]
    fn what_is_written_is_read_and_garbage_is_none() {
        let text = Hparam::Text("sgd".into());
        for hparams in [
            Hparams::Experiment { metrics: vec!["loss/eval".into(), "accuracy/eval".into()] },
            Hparams::Start([("optimizer.kind".to_owned(), text)].into_iter().collect()),
            Hparams::End(Ending::Failure),
        ] {
            assert_eq!(Hparams::decode(&hparams.encode()), Some(hparams));
        }
        assert_eq!(Hparams::decode(b""), None);
        assert_eq!(Hparams::decode(b"\xff\xff"), None);
    }
}
