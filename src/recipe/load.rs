//! The doors to a recipe: text, a file, or a built-in name.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::error::{Place, Problem, RecipeError, brief, listed, nearest};
use super::spec::{DataShape, DataSpec, Recipe};
use super::{read, tree};
use crate::files;

/// The recipes of `assets/recipes`, compiled in.
macro_rules! builtins {
    ($($name:literal),+ $(,)?) => {
        const NAMES: &[&str] = &[$($name),+];
        const TEXTS: &[&str] = &[$(include_str!(concat!("../../assets/recipes/", $name, ".toml"))),+];
    };
}

builtins!["autoencoder", "blobs", "circles", "cnn", "moons", "perceptron", "spiral", "xor"];

/// What data ask of a network, by a look at their files, or why they cannot be used.
pub type Look<'a> = &'a dyn Fn(&DataSpec) -> Result<DataShape, String>;

/// A value that the command line puts into a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The option as the user gave it, for errors: `--lr -1`.
    pub(super) option: String,
    /// Dotted key.
    pub(super) key: String,
    /// As TOML, or a text.
    pub(super) value: String,
}

impl Override {
    /// `--set key=value`.
    pub fn set(key: &str, value: &str) -> Self {
        let shown = brief(&format!("{key}={value}"));
        Self { option: format!("--set {shown}"), key: key.to_owned(), value: value.to_owned() }
    }

    /// Any other option, as the user gave it, and what it sets: (`--lr -1`, `optimizer.lr`, `-1`).
    pub fn option(option: &str, key: &str, value: &str) -> Self {
        Self { option: brief(option), key: key.to_owned(), value: value.to_owned() }
    }

    /// The dotted key that it sets.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What it sets it to: TOML where it is TOML, else a text.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl Recipe {
    /// Reads and checks the recipe in `text`; errors cite `source_name`.
    pub fn parse(source_name: &str, text: &str) -> Result<Self, RecipeError> {
        parsed(source_name, text, &[], None, None)
    }

    /// As [`Recipe::parse`], and checks that the network fits the data where only their files say what they are.
    pub fn parse_looking(source_name: &str, text: &str, look: Look<'_>) -> Result<Self, RecipeError> {
        parsed(source_name, text, &[], None, Some(look))
    }

    /// As [`Recipe::parse`], after putting each override where its key points, in that order; errors that come from one cite
    /// its option. Relative paths start at the current directory. With a `look`, the network is held against the data.
    pub fn parse_with(
        source_name: &str,
        text: &str,
        overrides: &[Override],
        look: Option<Look<'_>>,
    ) -> Result<Self, RecipeError> {
        parsed(source_name, text, overrides, Some(Path::new("")), look)
    }

    /// As [`Recipe::parse`], after putting each value of `sets` where its dotted key points, in that order.
    ///
    /// `optimizer.lr` is a key, `model.layers.0.units` one in a list. A value is read as TOML where it is TOML and is a
    /// text otherwise. Errors that come from an override cite it: `--set optimizer.lrr=1`. Paths are left as they are.
    pub fn with_overrides(source_name: &str, text: &str, sets: &[(String, String)]) -> Result<Self, RecipeError> {
        parsed(source_name, text, &of_sets(sets), None, None)
    }

    /// The recipe that `name_or_path` names: a built-in one by that name, else the file at that path. Relative paths in a
    /// file start at its folder, those in `sets` at the current directory; in the recipe they are absolute.
    pub fn load(name_or_path: impl AsRef<OsStr>, sets: &[(String, String)]) -> Result<Self, RecipeError> {
        Self::found(name_or_path.as_ref(), &of_sets(sets), None)
    }

    /// As [`Recipe::load`], and checks that the network fits the data where only their files say what they are. An error
    /// names the option that was used.
    pub fn load_looking(
        name_or_path: impl AsRef<OsStr>,
        overrides: &[Override],
        look: Look<'_>,
    ) -> Result<Self, RecipeError> {
        Self::found(name_or_path.as_ref(), overrides, Some(look))
    }

    fn found(given: &OsStr, overrides: &[Override], look: Option<Look<'_>>) -> Result<Self, RecipeError> {
        let shown = given.to_string_lossy();
        if let Some(text) = given.to_str().and_then(Self::builtin) {
            return parsed(&shown, text, overrides, Some(Path::new("")), look);
        }
        let path = Path::new(given);
        let text = read_text(path, &shown).map_err(|problem| problem.of_source(&shown))?;
        parsed(&shown, &text, overrides, Some(path.parent().unwrap_or(Path::new(""))), look)
    }

    /// The text of a built-in recipe, comments and all: a start for one's own.
    pub fn builtin(name: &str) -> Option<&'static str> {
        NAMES.iter().position(|known| *known == name).map(|index| TEXTS[index])
    }

    /// As [`Recipe::builtin`]; the error names those that there are, and the one that was meant.
    pub fn builtin_or_nearest(name: &str) -> Result<&'static str, RecipeError> {
        let what = || format!("no built-in recipe has this name; there are {}", listed(NAMES, "and"));
        let problem = || Problem::new(&Place::Whole, what()).suggesting(nearest(name, NAMES));
        Self::builtin(name).ok_or_else(|| problem().of_source(name))
    }

    /// Names of the built-in recipes.
    pub fn builtin_names() -> &'static [&'static str] {
        NAMES
    }
}

fn of_sets(sets: &[(String, String)]) -> Vec<Override> {
    sets.iter().map(|(key, value)| Override::set(key, value)).collect()
}

/// The recipe in `text` with the overrides; relative paths start at `folder`, if there is one.
fn parsed(
    source_name: &str,
    text: &str,
    overrides: &[Override],
    folder: Option<&Path>,
    look: Option<Look<'_>>,
) -> Result<Recipe, RecipeError> {
    let mut root = tree::parse(text).map_err(|problem| problem.of_source(source_name))?;
    let misplaced = overrides.iter().filter_map(|given| tree::set(&mut root, given).err()).collect();
    RecipeError::unless_none(source_name, misplaced)?;
    read::recipe(source_name, &root, folder, look)
}

/// The text at `path`, which the user named `shown`, or one clear reason why there is none.
fn read_text(path: &Path, shown: &str) -> Result<String, Problem> {
    let fault = |what: String| Problem::new(&Place::Whole, what);
    let cannot = |error: std::io::Error| fault(format!("cannot be read: {error}"));
    let builtin = listed(NAMES, "and");
    if path.is_dir() {
        let inside = path.join("recipe.toml");
        let inside = inside.is_file().then(|| inside.display().to_string());
        return Err(fault("is a directory, not a recipe file".to_owned()).suggesting(inside));
    }
    // What a shell pipes in is waited for; a pipe that lies somewhere is not.
    let is_piped = ["/dev/fd", "/dev/stdin", "/proc/self/fd"].iter().any(|place| path.starts_with(place));
    let file = match if is_piped { File::open(path) } else { files::open(path) } {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let what = if path.components().count() > 1 || path.extension().is_some() {
                format!("there is no such file ({builtin} are built in)")
            } else {
                format!("no recipe has this name; {builtin} are built in, any other needs the path of its TOML file")
            };
            return Err(fault(what).suggesting(nearest(shown, NAMES)));
        }
        Err(error) => return Err(cannot(error)),
    };
    let mut bytes = Vec::new();
    file.take(tree::MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() > tree::MOST_BYTES {
        return Err(fault(tree::too_long()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        Problem::new(&Place::Line(line), "not UTF-8 text, so not TOML")
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use proptest::prelude::*;

    use super::*;
    use crate::recipe::{
        Activation, AdamSpec, Column, CsvSpec, Delimiter, Device, FolderSpec, Init, LayerSpec, Layout, Loss, ModelSpec,
        Normalise, NpySpec, NpzSpec, OptimizerSpec, Padding, Preparation, ProbeSpec, RecordSpec, ScheduleSpec, Target,
    };

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
    fn built_in_networks_have_the_size_that_is_told_of_them() {
        let count = |name: &str| {
            let recipe = Recipe::load(name, &[]).unwrap();
            recipe.network(&recipe.data.input_shape()).unwrap().parameter_count()
        };
        let names = ["perceptron", "moons", "autoencoder", "cnn"];
        assert_eq!(names.map(count), [41, 81, 222_384, 93_322]);
    }

    #[test]
    fn what_a_recipe_leaves_out_is_what_pytorch_and_scikit_learn_take() {
        let adam = |weight_decay| AdamSpec { lr: 0.1, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay };
        for (kind, expected) in [
            ("sgd", OptimizerSpec::Sgd { lr: 0.1, momentum: 0.0, nesterov: false, weight_decay: 0.0 }),
            ("adam", OptimizerSpec::Adam(adam(0.0))),
            ("adamw", OptimizerSpec::AdamW(adam(0.01))),
            (
                "rmsprop",
                OptimizerSpec::RmsProp { lr: 0.1, alpha: 0.99, epsilon: 1e-8, momentum: 0.0, weight_decay: 0.0 },
            ),
        ] {
            assert_eq!(set("optimizer", &format!("{{kind = \"{kind}\", lr = 0.1}}")).optimizer, expected);
        }
        for (given, expected) in [
            (
                "{kind = \"circles\", samples = 9, noise = 0.1, seed = 1}",
                DataSpec::Circles { samples: 9, noise: 0.1, factor: 0.8, seed: 1 },
            ),
            (
                "{kind = \"blobs\", samples = 9, centers = 2, seed = 1}",
                DataSpec::Blobs { samples: 9, centers: 2, spread: 1.0, seed: 1 },
            ),
            (
                "{kind = \"spiral\", samples = 9, noise = 0.1, seed = 1}",
                DataSpec::Spiral { samples: 9, noise: 0.1, turns: 1.5, seed: 1 },
            ),
        ] {
            assert_eq!(set("data", given).data, expected);
        }
        let cnn = Recipe::load("cnn", &[("data".to_owned(), "{kind = \"mnist\"}".to_owned())]).unwrap();
        assert_eq!(cnn.data, DataSpec::Mnist { train: 10_000, test: 2_000, target: Target::Label });
        let pool = LayerSpec::MaxPool2d { size: 2, stride: 2, padding: Padding::Valid };
        assert_eq!(cnn.model.layers[1], pool);
        assert_eq!(cnn.probe, ProbeSpec { pictures: vec!["cat".to_owned()], samples: 10 });
        let none = ProbeSpec { pictures: Vec::new(), samples: 10 };
        assert_eq!((moons().schedule, moons().probe), (ScheduleSpec::Constant { warmup: 0.0 }, none));
        let record = RecordSpec { image_budget_mib: 64.0, probe_share: 0.05, moments: 256, checkpoint_seconds: 30.0 };
        assert_eq!(cnn.record, record);
        assert_eq!(set("schedule", "{kind = \"cosine\"}").schedule, ScheduleSpec::Cosine { floor: 0.0, warmup: 0.0 });
        let step = set("schedule", "{kind = \"step\", every = 3}").schedule;
        assert_eq!(step, ScheduleSpec::Step { every: 3.0, factor: 0.1, warmup: 0.0 });
    }

    #[test]
    fn overrides_reach_every_depth() {
        assert_eq!(set("optimizer.lr", "0.1").optimizer.lr(), 0.1);
        assert_eq!(set("optimizer.lr", "1").optimizer.lr(), 1.0);
        assert_eq!(set("device", "cuda:1").device, Device::Cuda(Some(1)));
        assert_eq!(set("device", "\"cpu\"").device, Device::Cpu);
        assert_eq!(set("record.probe_share", "0").record.probe_share, 0.0);
        assert_eq!(
            (set("record.moments", "0").record.moments, set("record.probe_share", "0").record.moments),
            (0, 256)
        );
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

    #[test]
    fn commented_text_says_what_a_key_is_for_once_and_leaves_defaults_out() {
        let text = moons().to_commented_toml();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "name = \"moons\"                   # Names its runs: name-0001, name-0002 and so on");
        for (line, count) in [("kind = \"dense\"", 2), ("units = 20", 1), ("[[model.layers]]", 2), ("samples = 500", 1)]
        {
            assert_eq!(lines.iter().filter(|written| written.starts_with(line)).count(), count, "{line} in\n{text}");
        }
        assert_eq!(text.matches("# Outputs").count(), 1, "{text}");
        for left_out in ["shuffle", "momentum", "[schedule]", "[probe]", "[record]", "device"] {
            assert!(!text.contains(left_out), "{left_out} in\n{text}");
        }
        let cnn = Recipe::load("cnn", &[]).unwrap().to_commented_toml();
        assert!(cnn.contains("\n[probe]\npictures = [\"cat\"]") && !cnn.contains("stride"), "{cnn}");
    }

    fn above_zero() -> impl Strategy<Value = f64> {
        any::<f64>().prop_filter_map("a number of single precision", |x| {
            Some(x.abs()).filter(|x| crate::recipe::LEARNING_RATES.contains(x))
        })
    }

    fn preparations() -> impl Strategy<Value = Preparation> {
        let count = || proptest::option::of(1..=MOST);
        let names = proptest::collection::btree_set("[^\\p{C}]{0,20}x", 2..5);
        (
            proptest::option::of(0.0..1.0_f64),
            proptest::option::of(proptest::sample::select(Normalise::ALL)),
            prop_oneof![Just(Vec::new()), names.prop_map(|names| names.into_iter().collect())],
            any::<u32>(),
            (count(), count()),
            proptest::sample::select(Target::ALL),
        )
            .prop_map(|(held_out, normalise, class_names, seed, (train, test), target)| Preparation {
                held_out,
                normalise,
                class_names,
                seed,
                train,
                test,
                target,
            })
    }

    /// Data of one's own, of which only the files know the shape.
    fn own_data() -> impl Strategy<Value = DataSpec> {
        let path = || "[a-z/é \"\\\\]{1,20}".prop_map(PathBuf::from);
        let paths = || proptest::option::of(path());
        let names = || proptest::option::of("[^\\p{C}]{0,20}x");
        let layout = || proptest::option::of(proptest::sample::select(Layout::ALL));
        let column =
            || prop_oneof![(1..=1_000_usize).prop_map(Column::Number), "[^\\p{C}]{1,20}".prop_map(Column::Name)];
        let csv = (
            path(),
            proptest::collection::vec(column(), 0..4),
            proptest::option::of(column()),
            proptest::option::of(any::<bool>()),
            proptest::option::of(proptest::sample::select(Delimiter::ALL)),
            preparations(),
        );
        let npy = (path(), (paths(), paths(), paths()), layout(), preparations());
        let npz = (path(), (names(), names(), names(), names()), layout(), preparations());
        let folder = (path(), (1..=64_usize, 1..=64_usize), any::<bool>(), preparations());
        prop_oneof![
            csv.prop_map(|(path, features, label, header, delimiter, preparation)| {
                DataSpec::Csv(CsvSpec { path, features, label, header, delimiter, preparation })
            }),
            npy.prop_map(|(inputs, (labels, test_inputs, test_labels), layout, preparation)| {
                DataSpec::Npy(NpySpec { inputs, labels, test_inputs, test_labels, layout, preparation })
            }),
            npz.prop_map(|(path, (inputs, labels, test_inputs, test_labels), layout, preparation)| {
                DataSpec::Npz(NpzSpec { path, inputs, labels, test_inputs, test_labels, layout, preparation })
            }),
            folder.prop_map(|(path, (height, width), colour, preparation)| {
                DataSpec::Folder(FolderSpec { path, height, width, channels: if colour { 3 } else { 1 }, preparation })
            }),
        ]
    }

    fn data() -> impl Strategy<Value = DataSpec> {
        let points = || (2..=MOST, 0.0..=1_000.0_f64, any::<u32>());
        let target = || proptest::sample::select(Target::ALL);
        let path = || "[a-z/é \"\\\\]{1,20}".prop_map(PathBuf::from);
        let first = || proptest::option::of(1..=MOST);
        prop_oneof![
            points().prop_map(|(samples, noise, seed)| DataSpec::Moons { samples, noise, seed }),
            (points(), 0.0..1.0_f64).prop_map(|((samples, noise, seed), factor)| DataSpec::Circles {
                samples,
                noise,
                factor,
                seed
            }),
            (100..=MOST, 2..=100_usize, 0.0..=1_000.0_f64, any::<u32>())
                .prop_map(|(samples, centers, spread, seed)| DataSpec::Blobs { samples, centers, spread, seed }),
            (points(), 0.1..=10.0_f64).prop_map(|((samples, noise, seed), turns)| DataSpec::Spiral {
                samples,
                noise,
                turns,
                seed
            }),
            points().prop_map(|(samples, noise, seed)| DataSpec::Xor { samples, noise, seed }),
            (1..=10_000_usize, 1..=2_000_usize, target()).prop_map(|(train, test, target)| DataSpec::Mnist {
                train,
                test,
                target
            }),
            (
                (path(), path(), path(), path()),
                (1..=64_usize, 1..=64_usize),
                2..=1_000_usize,
                (first(), first()),
                target()
            )
                .prop_map(|(paths, (height, width), classes, (train, test), target)| DataSpec::Idx {
                    channels: 1 + classes % 3,
                    class_names: if classes < 5 {
                        (0..classes).map(|class| format!("c{class}")).collect()
                    } else {
                        Vec::new()
                    },
                    train_images: paths.0,
                    train_labels: paths.1,
                    test_images: paths.2,
                    test_labels: paths.3,
                    height,
                    width,
                    classes,
                    train,
                    test,
                    target,
                }),
        ]
    }

    /// Layers that fit pictures of any size, and rows; batch normalisation is left to fit itself.
    fn hidden(of_pictures: bool) -> impl Strategy<Value = LayerSpec> {
        let activation = || proptest::sample::select(Activation::ALL);
        let same = Padding::Same;
        let window = || (1..=255_usize, 1..=255_usize);
        let rows = prop_oneof![
            (1..=1_000_usize, activation()).prop_map(|(units, activation)| LayerSpec::Dense { units, activation }),
            (0.0..1.0_f64).prop_map(|rate| LayerSpec::Dropout { rate }),
        ];
        let pictures = prop_oneof![
            (1..=8_usize, window(), activation()).prop_map(move |(filters, (kernel, stride), activation)| {
                LayerSpec::Conv2d { filters, kernel, stride, padding: same, activation }
            }),
            window().prop_map(move |(size, stride)| LayerSpec::MaxPool2d { size, stride, padding: same }),
            window().prop_map(move |(size, stride)| LayerSpec::AvgPool2d { size, stride, padding: same }),
            (0.0..1.0_f64).prop_map(|rate| LayerSpec::Dropout { rate }),
        ];
        if of_pictures { pictures.boxed() } else { rows.boxed() }
    }

    fn optimizers() -> impl Strategy<Value = OptimizerSpec> {
        let share = || 0.001..1.0_f64;
        let adam = || {
            (above_zero(), share(), share(), above_zero(), above_zero()).prop_map(
                |(lr, beta1, beta2, epsilon, weight_decay)| AdamSpec { lr, beta1, beta2, epsilon, weight_decay },
            )
        };
        prop_oneof![
            (above_zero(), share(), any::<bool>(), above_zero()).prop_map(|(lr, momentum, nesterov, weight_decay)| {
                OptimizerSpec::Sgd { lr, momentum, nesterov, weight_decay }
            }),
            adam().prop_map(OptimizerSpec::Adam),
            adam().prop_map(OptimizerSpec::AdamW),
            (above_zero(), share(), above_zero(), share(), above_zero()).prop_map(
                |(lr, alpha, epsilon, momentum, weight_decay)| {
                    OptimizerSpec::RmsProp { lr, alpha, epsilon, momentum, weight_decay }
                }
            ),
        ]
    }

    fn schedules() -> impl Strategy<Value = ScheduleSpec> {
        let warmup = || 0.0..=1e9_f64;
        prop_oneof![
            warmup().prop_map(|warmup| ScheduleSpec::Constant { warmup }),
            (f64::MIN_POSITIVE..=1e9, f64::MIN_POSITIVE..=1.0, warmup())
                .prop_map(|(every, factor, warmup)| ScheduleSpec::Step { every, factor, warmup }),
            (0.0..=1.0_f64, warmup()).prop_map(|(floor, warmup)| ScheduleSpec::Cosine { floor, warmup }),
        ]
    }

    fn shape(data: &DataSpec) -> DataShape {
        data.shape().unwrap()
    }

    /// A model for `data`, and a loss that goes with both.
    fn models(data: &DataSpec) -> impl Strategy<Value = (Loss, ModelSpec)> + use<> {
        let losses: Vec<Loss> = Loss::ALL.iter().copied().filter(|loss| shape(data).output(*loss).is_some()).collect();
        let shape = shape(data);
        let pictured = shape.input.len() == 3;
        let before = proptest::collection::vec(hidden(true), if pictured { 0..3 } else { 0..1 });
        let rows = proptest::collection::vec(hidden(false), 0..4);
        let init = proptest::sample::select(Init::ALL);
        (proptest::sample::select(losses), before, rows, init).prop_map(move |(loss, before, rows, init)| {
            let activation = if loss == Loss::Bce { Activation::Sigmoid } else { Activation::Linear };
            let units = shape.output(loss).map_or(1, |shape| shape[0]);
            let flatten = pictured.then_some(LayerSpec::Flatten);
            let last = LayerSpec::Dense { units, activation };
            (loss, ModelSpec { init, layers: before.into_iter().chain(flatten).chain(rows).chain([last]).collect() })
        })
    }

    prop_compose! {
        fn recipes()(
            data in data(),
        )(
            (loss, model) in models(&data),
            data in Just(data),
            (name, title) in ("[a-z0-9][a-z0-9_-]{0,63}", "[^\\p{C}]{0,60}x"),
            seed in any::<u64>(),
            (epochs, batch_size) in (0..=1_000_000_000_u64, 2..=MOST),
            shuffle in any::<bool>(),
            pace in proptest::option::of(0.001..=1e6_f64),
            device in prop_oneof![
                Just(Device::Auto), Just(Device::Cpu), Just(Device::Cuda(None)),
                any::<u8>().prop_map(|n| Device::Cuda(Some(n.into()))),
            ],
            optimizer in optimizers(),
            schedule in schedules(),
            (pictures, samples) in (proptest::collection::vec("cat|[^\\p{C}]{1,20}", 0..=16), 0..=100_usize),
            (image_budget_mib, probe_share, moments, checkpoint_seconds) in
                (0.0..=1_048_576.0_f64, 0.0..=1.0_f64, 0..=10_000_u64, 0.0..=1e6_f64),
        ) -> Recipe {
            let pictures = if data.input_shape().len() == 3 { pictures } else { Vec::new() };
            Recipe {
                name, title, epochs, batch_size, shuffle, pace, device, seed, loss, data, model, optimizer, schedule,
                probe: ProbeSpec { pictures, samples },
                record: RecordSpec { image_budget_mib, probe_share, moments, checkpoint_seconds },
            }
        }
    }

    const MOST: usize = crate::recipe::MOST_SAMPLES;

    proptest! {
        #[test]
        fn every_recipe_survives_being_written(recipe in recipes()) {
            let text = recipe.to_toml();
            prop_assert_eq!(Recipe::parse("again", &text).map_err(|error| format!("{error}\n{text}")), Ok(recipe.clone()));
            let text = recipe.to_commented_toml();
            prop_assert_eq!(Recipe::parse("again", &text).map_err(|error| format!("{error}\n{text}")), Ok(recipe));
        }

        #[test]
        fn data_of_ones_own_survive_being_written(data in own_data()) {
            let recipe = Recipe { data, ..moons() };
            for text in [recipe.to_toml(), recipe.to_commented_toml()] {
                let again = Recipe::parse("again", &text).map_err(|error| format!("{error}\n{text}"));
                prop_assert_eq!(again, Ok(recipe.clone()));
            }
        }

        #[test]
        fn any_text_is_a_recipe_or_a_line_for_each_error(text in "(\\PC|\n|\\[|\\]|=|\"|kind|\\.){0,80}") {
            if let Err(error) = Recipe::parse("any", &text) {
                let shown = error.to_string();
                let lines = if error.problems().len() == 1 { 1 } else { 1 + error.problems().len() };
                prop_assert_eq!(shown.lines().count(), lines, "{}", shown);
            }
        }
    }
}
