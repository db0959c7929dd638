//! The doors to a recipe: text, a file, or a built-in name.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::error::{Place, RecipeError, listed, nearest};
use super::spec::Recipe;
use super::{read, tree};

/// The recipes of `assets/recipes`, compiled in.
macro_rules! builtins {
    ($($name:literal),+ $(,)?) => {
        const NAMES: &[&str] = &[$($name),+];
        const TEXTS: &[&str] = &[$(include_str!(concat!("../../assets/recipes/", $name, ".toml"))),+];
    };
}

builtins!["moons"];

impl Recipe {
    /// Reads and checks the recipe in `text`; errors cite `source_name`.
    pub fn parse(source_name: &str, text: &str) -> Result<Self, RecipeError> {
        Self::with_overrides(source_name, text, &[])
    }

    /// As [`Recipe::parse`], after putting each value of `sets` where its dotted key points, in that order.
    ///
    /// `optimizer.lr` is a key, `model.layers.0.units` one in a list. A value is read as TOML where it is TOML and is a
    /// text otherwise. Errors that come from an override cite it: `--set optimizer.lrr=1`.
    pub fn with_overrides(source_name: &str, text: &str, sets: &[(String, String)]) -> Result<Self, RecipeError> {
        let parsed = || {
            let mut root = tree::parse(text)?;
            for (key, value) in sets {
                tree::set(&mut root, key, value)?;
            }
            read::recipe(&root)
        };
        parsed().map_err(|error: RecipeError| error.of_source(source_name))
    }

    /// The recipe that `name_or_path` names: a built-in one by that name, else the file at that path.
    pub fn load(name_or_path: impl AsRef<OsStr>, sets: &[(String, String)]) -> Result<Self, RecipeError> {
        let given = name_or_path.as_ref();
        let shown = given.to_string_lossy();
        match given.to_str().and_then(Self::builtin) {
            Some(text) => Self::with_overrides(&shown, text, sets),
            None => Self::with_overrides(&shown, &read_text(Path::new(given), &shown)?, sets),
        }
    }

    /// The text of a built-in recipe, comments and all: a start for one's own.
    pub fn builtin(name: &str) -> Option<&'static str> {
        NAMES.iter().position(|known| *known == name).map(|index| TEXTS[index])
    }

    /// Names of the built-in recipes.
    pub fn builtin_names() -> &'static [&'static str] {
        NAMES
    }

    /// The recipe with every default written out. Parsed again it is the same recipe.
    ///
    /// # Panics
    /// Never: a recipe is a table of texts, numbers, flags and tables, all of which TOML can write.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a recipe holds nothing that TOML cannot write")
    }
}

/// The text at `path`, or one clear reason why there is none.
fn read_text(path: &Path, shown: &str) -> Result<String, RecipeError> {
    let fault = |problem: String| RecipeError::new(&Place::Whole, problem).of_source(shown);
    let cannot = |error: std::io::Error| fault(format!("cannot be read: {error}"));
    let builtin = listed(NAMES, "and");
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let built_in = if NAMES.len() == 1 { "is built in" } else { "are built in" };
            let problem = if path.components().count() > 1 || path.extension().is_some() {
                format!("there is no such file ({builtin} {built_in})")
            } else {
                format!("no recipe has this name; {builtin} {built_in}, any other needs the path of its TOML file")
            };
            return Err(fault(problem).suggesting(nearest(shown, NAMES)));
        }
        Err(error) => return Err(cannot(error)),
    };
    if file.metadata().map_err(cannot)?.is_dir() {
        let inside = path.join("recipe.toml");
        let inside = inside.is_file().then(|| inside.display().to_string());
        return Err(fault("is a directory, not a recipe file".to_owned()).suggesting(inside));
    }
    let mut bytes = Vec::new();
    file.take(tree::MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > tree::MOST_BYTES {
        return Err(fault(tree::too_long()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        RecipeError::new(&Place::Line(line), "not UTF-8 text, so not TOML").of_source(shown)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::recipe::{Activation, DataSpec, Device, Init, LayerSpec, Loss, ModelSpec, OptimizerSpec, RecordSpec};

    fn moons() -> Recipe {
        Recipe::load("moons", &[]).unwrap()
    }

    fn set(key: &str, value: &str) -> Recipe {
        Recipe::load("moons", &[(key.to_owned(), value.to_owned())]).unwrap()
    }

    #[test]
    fn built_in_recipes_are_sound_and_named_as_their_files() {
        for name in Recipe::builtin_names() {
            assert_eq!(Recipe::load(name, &[]).unwrap().name, *name);
        }
        assert_eq!(Recipe::builtin("nothing"), None);
        let mut files: Vec<String> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/recipes"))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        files.sort();
        assert_eq!(files, Recipe::builtin_names(), "every recipe in assets is built in");
    }

    #[test]
    fn moons_is_the_tutorial() {
        let recipe = moons();
        assert_eq!(recipe.data, DataSpec::Moons { samples: 500, noise: 0.1, seed: 0 });
        assert_eq!((recipe.epochs, recipe.batch_size, recipe.shuffle), (100, 32, true));
        assert_eq!((recipe.pace, recipe.loss, recipe.device), (Some(10.0), Loss::Bce, Device::Auto));
        assert_eq!(
            recipe.model.layers,
            [
                LayerSpec::Dense { units: 20, activation: Activation::Relu },
                LayerSpec::Dense { units: 1, activation: Activation::Sigmoid },
            ]
        );
        assert_eq!(recipe.optimizer, OptimizerSpec::Sgd { lr: 0.5, momentum: 0.0, nesterov: false, weight_decay: 0.0 });
        assert_eq!(recipe.network(&[2]).unwrap().parameter_count(), 81);
    }

    #[test]
    fn overrides_reach_every_depth() {
        assert_eq!(set("optimizer.lr", "0.1").optimizer.lr(), 0.1);
        assert_eq!(set("optimizer.lr", "1").optimizer.lr(), 1.0);
        assert_eq!(set("device", "cuda:1").device, Device::Cuda(Some(1)));
        assert_eq!(set("device", "\"cpu\"").device, Device::Cpu);
        assert_eq!(set("record.probe_share", "0").record.probe_share, 0.0);
        assert_eq!(set("title", "two words = fine").title, "two words = fine");
        let layer = LayerSpec::Dense { units: 40, activation: Activation::Relu };
        assert_eq!(set("model.layers.0.units", "40").model.layers[0], layer);
        let one = set("model.layers", "[{kind = \"dense\", units = 1, activation = \"sigmoid\"}]");
        assert_eq!(one.network(&[2]).unwrap().parameter_count(), 3);
    }

    #[test]
    fn the_last_override_of_a_key_wins() {
        let sets = ["1", "2"].map(|value| ("seed".to_owned(), value.to_owned()));
        assert_eq!(Recipe::load("moons", &sets).unwrap().seed, 2);
    }

    #[test]
    fn resolved_text_is_for_people_too() {
        let text = moons().to_toml();
        assert!(text.contains("\n[[model.layers]]\nkind = \"dense\"\nunits = 20\n"), "{text}");
        assert!(text.contains("\n[record]\n"), "{text}");
    }

    fn above_zero() -> impl Strategy<Value = f64> {
        any::<f64>().prop_filter_map("a number above 0", |x| (x.is_finite() && x != 0.0).then_some(x.abs()))
    }

    prop_compose! {
        fn recipes()(
            name in "[a-z0-9][a-z0-9_-]{0,63}",
            title in "[^\\p{C}]{0,60}x",
            seeds in any::<(u64, u32)>(),
            epochs in 1..=1_000_000_000_u64,
            (batch_size, samples) in (1..=MOST, 2..=MOST),
            pace in proptest::option::of(0.001..=1e6_f64),
            device in prop_oneof![
                Just(Device::Auto), Just(Device::Cpu), Just(Device::Cuda(None)),
                any::<u8>().prop_map(|n| Device::Cuda(Some(n.into()))),
            ],
            (shuffle, bce, nesterov) in any::<(bool, bool, bool)>(),
            noise in 0.0..=1_000.0_f64,
            init in proptest::sample::select(Init::ALL),
            hidden in proptest::collection::vec((1..=1_000_usize, proptest::sample::select(Activation::ALL)), 0..5),
            (lr, weight_decay) in (above_zero(), above_zero()),
            momentum in 0.001..1.0_f64,
            (image_budget_mib, probe_share) in (0.0..=1_048_576.0_f64, 0.0..=1.0_f64),
        ) -> Recipe {
            let last = if bce { Activation::Sigmoid } else { Activation::Linear };
            let layers = hidden.into_iter().chain([(1, last)]);
            Recipe {
                name, title, epochs, batch_size, shuffle, pace, device,
                seed: seeds.0,
                loss: if bce { Loss::Bce } else { Loss::Mse },
                data: DataSpec::Moons { samples, noise, seed: seeds.1 },
                model: ModelSpec {
                    init,
                    layers: layers.map(|(units, activation)| LayerSpec::Dense { units, activation }).collect(),
                },
                optimizer: OptimizerSpec::Sgd { lr, momentum, nesterov, weight_decay },
                record: RecordSpec { image_budget_mib, probe_share },
            }
        }
    }

    const MOST: usize = crate::recipe::MOST_SAMPLES;

    proptest! {
        #[test]
        fn every_recipe_survives_being_written(recipe in recipes()) {
            let text = recipe.to_toml();
            prop_assert_eq!(Recipe::parse("again", &text).map_err(|error| format!("{error}\n{text}")), Ok(recipe));
        }

        #[test]
        fn any_text_is_a_recipe_or_one_line_of_error(text in "(\\PC|\n|\\[|\\]|=|\"|kind|\\.){0,80}") {
            if let Err(error) = Recipe::parse("any", &text) {
                prop_assert!(!error.to_string().contains('\n'));
            }
        }
    }
}
