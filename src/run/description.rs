//! What a run is: the facts of step 0 in its log, from which panels draw.

use serde::{Deserialize, Deserializer, Serialize};
use toml::Table;

use crate::log::schema::{
    Classes, Document, Fact, Hparam, Hparams, Kind, Length, Probes, RecipeText, Reference, References, Setup,
};
use crate::log::{Data, Value, tags};
use crate::recipe::{Network, OptimizerSpec, Recipe};

/// Series that `TensorBoard` compares between runs.
const METRICS: [&str; 3] = [tags::LOSS_EVAL, tags::ACCURACY_EVAL, tags::LOSS_TRAIN];

/// What a run is, as far as it is known.
///
/// It stands in the log. Before there is one, and in runs of versions that wrote no such records, it stands in `run.json`,
/// without what is skipped here.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Description {
    /// How the network is trained and on what.
    #[serde(flatten)]
    pub setup: Setup,
    /// The network with its shapes. One that this version cannot read is none.
    #[serde(deserialize_with = "readable")]
    pub network: Option<Network>,
    /// Names of the classes; empty where there are none.
    pub classes: Vec<String>,
    /// What the network is looked at with, by the names that stand in the log: `cat`, `7`.
    pub probes: Vec<String>,
    /// Losses to compare the run's with.
    pub references: Vec<Reference>,
    /// Epochs and steps of the whole run.
    #[serde(skip)]
    pub length: Option<Length>,
    /// The recipe as TOML, every default written out.
    #[serde(skip)]
    pub recipe: Option<String>,
}

impl Fact for Network {
    const KIND: Kind = Kind::Network;
    const TAG: &'static str = tags::RUN_NETWORK;
}

impl Description {
    /// What a recipe says; what only the trainer knows is left open.
    pub fn of_recipe(recipe: &Recipe) -> Self {
        let setup = Setup {
            title: recipe.title.clone(),
            seed: recipe.seed,
            loss: recipe.loss.to_string(),
            optimizer: optimizer_in_words(&recipe.optimizer),
            init: recipe.model.init.to_string(),
            batch_size: recipe.batch_size,
            ..Setup::default()
        };
        let network = recipe.network(&recipe.data.input_shape()).ok();
        Self { setup, network, ..Self::default() }
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Takes over a fact of the log, in place of an earlier one of its kind; whether it was one.
    pub fn take(&mut self, document: &Document) -> bool {
        match document.about.kind {
            Kind::Setup => Setup::decode(document).map(|setup| self.setup = setup),
            Kind::Network => Network::decode(document).map(|network| self.network = Some(network)),
            Kind::Classes => Classes::decode(document).map(|Classes(classes)| self.classes = classes),
            Kind::Probes => Probes::decode(document).map(|Probes(probes)| self.probes = probes),
            Kind::References => References::decode(document).map(|References(references)| self.references = references),
            Kind::Length => Length::decode(document).map(|length| self.length = Some(length)),
            Kind::Recipe => RecipeText::decode(document).map(|RecipeText(recipe)| self.recipe = Some(recipe)),
            _ => None,
        }
        .is_some()
    }

    /// All of it for the log, and for `TensorBoard`'s hyper-parameters.
    pub fn values(&self) -> Vec<Value> {
        let mut values = vec![
            self.setup.encode(),
            Classes(self.classes.clone()).encode(),
            Probes(self.probes.clone()).encode(),
            References(self.references.clone()).encode(),
        ];
        values.extend(self.network.as_ref().map(Fact::encode));
        values.extend(self.length.as_ref().map(Fact::encode));
        if let Some(recipe) = &self.recipe {
            values.push(RecipeText(recipe.clone()).encode());
            let metrics = METRICS.map(str::to_owned).to_vec();
            let hparams = [Hparams::Experiment { metrics }, Hparams::Start(hparams(recipe))];
            values.extend(hparams.map(|hparams| Value { tag: hparams.tag().into(), data: Data::Hparams(hparams) }));
        }
        values
    }
}

/// Every key of a recipe with its value, lists by the numbers of their entries: `model.layers.0.units`.
fn hparams(recipe: &str) -> std::collections::BTreeMap<String, Hparam> {
    let mut waiting: Vec<(String, toml::Value)> = recipe.parse::<Table>().unwrap_or_default().into_iter().collect();
    let mut found = std::collections::BTreeMap::new();
    while let Some((key, value)) = waiting.pop() {
        let within = |name: String| format!("{key}.{name}");
        match value {
            toml::Value::Table(table) => waiting.extend(table.into_iter().map(|(name, it)| (within(name), it))),
            toml::Value::Array(list) => {
                waiting.extend(list.into_iter().enumerate().map(|(place, it)| (within(place.to_string()), it)));
            }
            toml::Value::Integer(number) => _ = found.insert(key, Hparam::Number(number as f64)),
            toml::Value::Float(number) => _ = found.insert(key, Hparam::Number(number)),
            toml::Value::Boolean(flag) => _ = found.insert(key, Hparam::Flag(flag)),
            toml::Value::String(text) => _ = found.insert(key, Hparam::Text(text)),
            toml::Value::Datetime(time) => _ = found.insert(key, Hparam::Text(time.to_string())),
        }
    }
    found
}

/// A value, or none where a newer torchscope wrote something this one does not know.
fn readable<'de, D: Deserializer<'de>, T: serde::de::DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(serde_json::from_value(value).ok())
}

/// The optimiser and what sets it apart, without the learning rate, which changes.
fn optimizer_in_words(spec: &OptimizerSpec) -> String {
    let (momentum, nesterov, weight_decay) = match *spec {
        OptimizerSpec::Sgd { momentum, nesterov, weight_decay, .. } => (momentum, nesterov, weight_decay),
        OptimizerSpec::RmsProp { momentum, weight_decay, .. } => (momentum, false, weight_decay),
        OptimizerSpec::Adam(adam) | OptimizerSpec::AdamW(adam) => (0.0, false, adam.weight_decay),
    };
    let mut words = vec![spec.kind().to_owned()];
    if momentum > 0.0 {
        words.push(format!("{}momentum {momentum}", if nesterov { "nesterov " } else { "" }));
    }
    if weight_decay > 0.0 {
        words.push(format!("weight decay {weight_decay}"));
    }
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_known_goes_through_the_log() {
        let recipe = super::super::moons();
        let mut description = Description::of_recipe(&recipe);
        description.setup.device = Some("cpu".into());
        description.setup.evaluated = "full set".into();
        description.classes = vec!["upper".into(), "lower".into()];
        description.probes = vec!["cat".into()];
        description.references = vec![Reference { name: "mean image".into(), loss: 0.25 }];
        description.length = Some(Length { epochs: 100, steps_per_epoch: 16 });
        description.recipe = Some(recipe.to_toml());
        let mut read = Description { probes: vec!["old".into()], ..Description::default() };
        let documents = description.values().into_iter().filter_map(|value| match value.data {
            Data::Document(document) => Some(document),
            _ => None,
        });
        let taken = documents.map(|document| read.take(&document)).collect::<Vec<_>>();
        assert_eq!(taken, [true; 7]);
        assert_eq!(read, description);
        assert_eq!(read.network.unwrap().parameter_count(), 81);
    }

    #[test]
    fn what_cannot_be_read_changes_nothing() {
        let mut description = Description::of_recipe(&super::super::moons());
        let before = description.clone();
        for (kind, text) in [
            (Kind::Network, "{}"),
            (Kind::Setup, "7"),
            (Kind::Classes, "7"),
            (Kind::Length, "{\"epochs\": -1}"),
            (Kind::Alarm, "{}"),
            (Kind::Other, "{}"),
        ] {
            let about = crate::log::schema::Metadata::new(kind);
            assert!(!description.take(&Document { about, text: text.into() }), "{text}");
        }
        assert_eq!(description, before);
    }

    #[test]
    fn every_key_of_the_recipe_is_a_hyper_parameter() {
        let hparams = hparams(&super::super::moons().to_toml());
        assert_eq!(hparams["optimizer.kind"], Hparam::Text("sgd".into()));
        assert_eq!(hparams["batch_size"], Hparam::Number(32.0));
        assert_eq!(hparams["shuffle"], Hparam::Flag(true));
        assert_eq!(hparams["model.layers.0.units"], Hparam::Number(20.0));
        assert!(super::hparams("no toml").is_empty());
    }

    #[test]
    fn the_optimizer_is_named_with_what_sets_it_apart() {
        let words = |momentum, nesterov, weight_decay| {
            optimizer_in_words(&OptimizerSpec::Sgd { lr: 0.5, momentum, nesterov, weight_decay })
        };
        assert_eq!(words(0.0, false, 0.0), "sgd");
        assert_eq!(words(0.9, false, 0.0), "sgd, momentum 0.9");
        assert_eq!(words(0.9, true, 0.001), "sgd, nesterov momentum 0.9, weight decay 0.001");
    }
}
