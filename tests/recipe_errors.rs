//! Every kind of bad recipe: the error must name the place, the key and the next move.

use std::fs;

use torchscope::recipe::{DataSpec, Override, Place, Problem, Recipe, RecipeError};

/// A sound recipe to be spoilt, its lines numbered from 1.
const SOUND: [&str; 24] = [
    r#"name = "mine""#,          // 1
    r"seed = 1",                 // 2
    r"epochs = 10",              // 3
    r"batch_size = 32",          // 4
    r#"loss = "bce""#,           // 5
    r"",                         // 6
    r"[data]",                   // 7
    r#"kind = "moons""#,         // 8
    r"samples = 100",            // 9
    r"noise = 0.1",              // 10
    r"seed = 0",                 // 11
    r"[model]",                  // 12
    r#"init = "keras""#,         // 13
    r"[[model.layers]]",         // 14
    r#"kind = "dense""#,         // 15
    r"units = 20",               // 16
    r#"activation = "relu""#,    // 17
    r"[[model.layers]]",         // 18
    r#"kind = "dense""#,         // 19
    r"units = 1",                // 20
    r#"activation = "sigmoid""#, // 21
    r"[optimizer]",              // 22
    r#"kind = "sgd""#,           // 23
    r"lr = 0.5",                 // 24
];

fn sound() -> String {
    SOUND.join("\n")
}

/// The sound recipe with `line` replaced.
fn with_line(line: usize, text: &str) -> String {
    let mut lines = SOUND;
    lines[line - 1] = text;
    lines.join("\n")
}

fn parse_error(text: &str) -> RecipeError {
    Recipe::parse("my.toml", text).expect_err(text)
}

fn set_error(key: &str, value: &str) -> RecipeError {
    let sets = [(key.to_owned(), value.to_owned())];
    Recipe::with_overrides("my.toml", &sound(), &sets).expect_err(key)
}

#[test]
fn a_sound_recipe_is_accepted() {
    let recipe = Recipe::parse("my.toml", &sound()).unwrap();
    assert_eq!(recipe.title, "mine");
    assert!(recipe.shuffle);
    assert_eq!(recipe.pace, None);
}

/// A line replaced, its new text; then of the error: its line, its key, its suggestion and a part of its message.
type Case<'a> = (usize, &'a str, Option<usize>, Option<&'a str>, Option<&'a str>, &'a str);

fn check(cases: &[Case<'_>]) {
    for (line, text, at, key, suggestion, part) in cases {
        let error = parse_error(&with_line(*line, text));
        let shown = error.to_string();
        let problem = error.problems().iter().find(|problem| problem.key() == *key);
        let problem = problem.unwrap_or_else(|| panic!("{text}: {shown}"));
        assert_eq!(problem.line(), *at, "{text}: {shown}");
        assert_eq!(problem.suggestion(), *suggestion, "{text}: {shown}");
        assert_eq!(error.source_name(), "my.toml");
        assert!(shown.contains(part), "{text}: {shown}");
        assert_is_clear(&error);
        // A key of another kind stands where one that is needed stood; every other fault is told once.
        let needed = matches!(*text, "centers = 3" | "filters = 20" | "beta1 = 0.5");
        assert_eq!(error.problems().len(), if needed { 2 } else { 1 }, "{text}: {shown}");
    }
}

#[test]
fn unknown_keys_are_named_with_the_key_that_was_meant() {
    check(&[
        (3, "epoch = 10", Some(3), Some("epoch"), Some("epochs"), "unknown key `epoch`; did you mean `epochs`?"),
        (4, "batch-size = 32", Some(4), Some("batch-size"), Some("batch_size"), "unknown key"),
        (4, "Batch_Size = 32", Some(4), Some("Batch_Size"), Some("batch_size"), "unknown key"),
        (6, "zzz = 1", Some(6), Some("zzz"), None, "unknown key `zzz`; allowed: `name`, `title`, "),
        (9, "sampels = 100", Some(9), Some("data.sampels"), Some("samples"), "in [data]; did you mean `samples`?"),
        (9, "n_samples = 100", Some(9), Some("data.n_samples"), Some("samples"), "in [data]"),
        (11, "random_state = 0", Some(11), Some("data.random_state"), Some("seed"), "in [data]"),
        (13, "innit = \"keras\"", Some(13), Some("model.innit"), Some("init"), "in [model]"),
        (
            16,
            "unit = 20",
            Some(16),
            Some("model.layers.0.unit"),
            Some("units"),
            "my.toml:16: unknown key `unit` in [[model.layers]]; did you mean `units`? Allowed: `kind`, `units`, `activation`",
        ),
        (20, "neurons = 1", Some(20), Some("model.layers.1.neurons"), Some("units"), "in [[model.layers]]"),
        (15, "knd = \"dense\"", Some(15), Some("model.layers.0.knd"), Some("kind"), "unknown key `knd`"),
        (22, "[optimiser]", Some(22), Some("optimiser"), Some("optimizer"), "unknown key `optimiser`"),
        (24, "lrr = 0.5", Some(24), Some("optimizer.lrr"), Some("lr"), "in [optimizer]"),
        (24, "learning_rate = 0.5", Some(24), Some("optimizer.learning_rate"), Some("lr"), "in [optimizer]"),
        (
            24,
            "lr = 0.5\n[record]\nprobe_shares = 0.1",
            Some(26),
            Some("record.probe_shares"),
            Some("probe_share"),
            "in [record]",
        ),
    ]);
}

#[test]
fn keys_in_the_wrong_table_are_sent_home() {
    check(&[
        (6, "lr = 0.5", Some(6), Some("lr"), None, "unknown key `lr`; `lr` belongs in [optimizer]"),
        (6, "learning_rate = 0.5", Some(6), Some("learning_rate"), None, "`lr` belongs in [optimizer]"),
        (
            24,
            "lr = 0.5\nshuffle = false",
            Some(25),
            Some("optimizer.shuffle"),
            None,
            "`shuffle` belongs at the top, above the first [table]",
        ),
        (13, "init = \"keras\"\nunits = 3", Some(14), Some("model.units"), None, "`units` belongs in [[model.layers]]"),
    ]);
}

#[test]
fn unknown_words_are_answered_with_the_known_ones() {
    check(&[
        (
            15,
            "kind = \"dens\"",
            Some(15),
            Some("model.layers.0.kind"),
            Some("dense"),
            "`dropout` or `batch_norm`, not \"dens\"; did you mean `dense`?",
        ),
        (15, "kind = \"linear\"", Some(15), Some("model.layers.0.kind"), Some("dense"), "must be `dense`"),
        (8, "kind = \"moon\"", Some(8), Some("data.kind"), Some("moons"), "must be `moons`, `circles`, `blobs`, "),
        (
            23,
            "kind = \"sdg\"",
            Some(23),
            Some("optimizer.kind"),
            Some("sgd"),
            "must be `sgd`, `adam`, `adamw` or `rmsprop`",
        ),
        (23, "kind = \"Adam\"", Some(23), Some("optimizer.kind"), Some("adam"), "must be `sgd`, `adam`,"),
        (8, "kind = \"digits\"", Some(8), Some("data.kind"), Some("mnist"), "must be"),
        (15, "kind = \"MaxPool2d\"", Some(15), Some("model.layers.0.kind"), Some("max_pool2d"), "must be"),
        (13, "init = \"glorot\"", Some(13), Some("model.init"), Some("keras"), "must be `keras`, `torch` or `tch`"),
        (13, "init = \"tourch\"", Some(13), Some("model.init"), Some("torch"), "must be"),
        (
            17,
            "activation = \"ReLU\"",
            Some(17),
            Some("model.layers.0.activation"),
            Some("relu"),
            "must be `linear`, `relu`, `tanh`, `sigmoid`, `gelu` or `leaky_relu`",
        ),
        (17, "activation = \"none\"", Some(17), Some("model.layers.0.activation"), Some("linear"), "must be"),
        (5, "loss = \"BCE\"", Some(5), Some("loss"), Some("bce"), "must be `bce`, `mse` or `cross_entropy`"),
        (6, "device = \"gpu\"", Some(6), Some("device"), Some("cuda"), "`cuda:N` with N from 0 to 255"),
        (6, "device = \"cuda:999\"", Some(6), Some("device"), None, "must be"),
        (6, "device = \"cuda:+1\"", Some(6), Some("device"), None, "must be"),
    ]);
}

#[test]
fn wrong_types_are_named_with_the_right_one() {
    check(&[
        (
            3,
            "epochs = \"ten\"",
            Some(3),
            Some("epochs"),
            None,
            "`epochs` must be a whole number from 0 to 1,000,000,000, not \"ten\"",
        ),
        (3, "epochs = 10.5", Some(3), Some("epochs"), None, "not 10.5"),
        (3, "epochs = [10]", Some(3), Some("epochs"), None, "not a list"),
        (3, "epochs = 2024-01-01", Some(3), Some("epochs"), None, "not the date 2024-01-01"),
        (6, "shuffle = 1", Some(6), Some("shuffle"), None, "must be `true` or `false`, not 1"),
        (1, "name = 7", Some(1), Some("name"), None, "must be a text"),
        (5, "loss = true", Some(5), Some("loss"), None, "must be `bce`, `mse` or `cross_entropy`, not true"),
        (
            24,
            "lr = \"0.5\"",
            Some(24),
            Some("optimizer.lr"),
            None,
            "must be a number from 1e-38 to 3.4e38, not \"0.5\"",
        ),
        (10, "noise = {a = 1}", Some(10), Some("data.noise"), None, "not a table"),
    ]);
}

#[test]
fn values_out_of_range_are_named_with_the_range() {
    let long_name = format!("name = \"{}\"", "a".repeat(65));
    let long_title = format!("seed = 1\ntitle = \"{}\"", "a".repeat(121));
    check(&[
        (3, "epochs = -1", Some(3), Some("epochs"), None, "not -1"),
        (3, "epochs = 1_000_000_001", Some(3), Some("epochs"), None, "not 1000000001"),
        (2, "seed = -1", Some(2), Some("seed"), None, "from 0 to 18,446,744,073,709,551,615"),
        (2, "seed = 18446744073709551616", Some(2), Some("seed"), None, "must be a whole number"),
        (4, "batch_size = 0", Some(4), Some("batch_size"), None, "from 1 to 10,000,000"),
        (6, "pace = 0", Some(6), Some("pace"), None, "a number from 0.001 to 1,000,000, not 0"),
        (6, "pace = nan", Some(6), Some("pace"), None, "not NaN"),
        (9, "samples = 1", Some(9), Some("data.samples"), None, "from 2 to 10,000,000"),
        (9, "samples = 99999999999", Some(9), Some("data.samples"), None, "from 2 to 10,000,000"),
        (10, "noise = -0.1", Some(10), Some("data.noise"), None, "from 0 to 1,000, not -0.1"),
        (10, "noise = inf", Some(10), Some("data.noise"), None, "not inf"),
        (11, "seed = 4294967296", Some(11), Some("data.seed"), None, "from 0 to 4,294,967,295"),
        (16, "units = 0", Some(16), Some("model.layers.0.units"), None, "from 1 to 1,000,000"),
        (24, "lr = 3.5e38", Some(24), Some("optimizer.lr"), None, "from 1e-38 to 3.4e38, not 3.5e38"),
        (24, "lr = 1e-46", Some(24), Some("optimizer.lr"), None, "from 1e-38 to 3.4e38, not 1e-46"),
        (
            24,
            "lr = 0.5\nweight_decay = 1e39",
            Some(25),
            Some("optimizer.weight_decay"),
            None,
            "a number from 0 to 3.4e38, not 1e39",
        ),
        (24, "lr = 0", Some(24), Some("optimizer.lr"), None, "from 1e-38 to 3.4e38, not 0"),
        (24, "lr = inf", Some(24), Some("optimizer.lr"), None, "not inf"),
        (24, "lr = 1e999", Some(24), Some("optimizer.lr"), None, "not inf"),
        (
            23,
            "kind = \"sgd\"\nmomentum = 1.0",
            Some(24),
            Some("optimizer.momentum"),
            None,
            "a number from 0 up to but not including 1, not 1.0",
        ),
        (
            23,
            "kind = \"sgd\"\nweight_decay = -1",
            Some(24),
            Some("optimizer.weight_decay"),
            None,
            "a number from 0 to 3.4e38, not -1",
        ),
        (
            24,
            "lr = 0.5\n[record]\nprobe_share = 1.5",
            Some(26),
            Some("record.probe_share"),
            None,
            "a number from 0 to 1, not 1.5",
        ),
        (
            24,
            "lr = 0.5\n[record]\nimage_budget_mib = -1",
            Some(26),
            Some("record.image_budget_mib"),
            None,
            "from 0 to 1,048,576",
        ),
        (1, "name = \"My Run\"", Some(1), Some("name"), None, "a-z, 0-9, `_` and `-`"),
        (1, "name = \"../x\"", Some(1), Some("name"), None, "a-z, 0-9"),
        (1, "name = \"\"", Some(1), Some("name"), None, "a-z, 0-9"),
        (1, &long_name, Some(1), Some("name"), None, "at most 64 long, that starts with a letter or digit, not \"aaa"),
        (2, &long_title, Some(3), Some("title"), None, "at most 120 long"),
        (6, "title = \"\\u001b[2J\"", Some(6), Some("title"), None, "not \"\\u{1b}[2J\""),
    ]);
}

#[test]
fn keys_that_need_each_other_are_checked_together() {
    check(&[
        (
            21,
            "activation = \"linear\"",
            Some(21),
            Some("model.layers.1.activation"),
            None,
            "must be `sigmoid` in the last layer, not `linear`, because `loss = \"bce\"`",
        ),
        (21, "", Some(18), Some("model.layers.1.activation"), None, "must be `sigmoid` in the last layer"),
        (
            20,
            "units = 3",
            Some(20),
            Some("model.layers.1.units"),
            None,
            "must be 1 in the last layer: `moons` has 1 per sample to predict",
        ),
        (24, "lr = 0.5\nnesterov = true", Some(25), Some("optimizer.nesterov"), None, "needs a `momentum` above 0"),
    ]);
}

#[test]
fn missing_keys_are_named_at_the_heading_of_their_table() {
    check(&[
        (1, "", None, Some("name"), None, "my.toml: missing key `name`: a text of"),
        (2, "", None, Some("seed"), None, "missing key `seed`"),
        (3, "", None, Some("epochs"), None, "missing key `epochs`: a whole number from 0"),
        (5, "", None, Some("loss"), None, "missing key `loss`: `bce`, `mse` or `cross_entropy`"),
        (8, "", Some(7), Some("data.kind"), None, "missing key `kind` in [data]: `moons`"),
        (10, "", Some(7), Some("data.noise"), None, "missing key `noise` in [data]"),
        (13, "", Some(12), Some("model.init"), None, "missing key `init` in [model]: `keras`, `torch` or `tch`"),
        (15, "", Some(14), Some("model.layers.0.kind"), None, "missing key `kind` in [[model.layers]]: `dense`"),
        (20, "", Some(18), Some("model.layers.1.units"), None, "missing key `units` in [[model.layers]]"),
        (
            24,
            "",
            Some(22),
            Some("optimizer.lr"),
            None,
            "missing key `lr` in [optimizer]: a number from 1e-38 to 3.4e38",
        ),
    ]);
}

#[test]
fn text_that_is_no_toml_is_named_by_line() {
    check(&[
        (5, "loss = bce", Some(5), Some("loss"), None, "my.toml:5: not valid TOML: string values must be quoted"),
        (3, "epochs 10", Some(3), None, None, "not valid TOML"),
        (3, "epochs =", Some(3), Some("epochs"), None, "not valid TOML"),
        (5, "loss = \"bce", Some(5), Some("loss"), None, "not valid TOML"),
        (14, "[[model.layers]", Some(14), None, None, "not valid TOML"),
        (6, "epochs = 20", Some(6), Some("epochs"), None, "`epochs` is given twice"),
        (16, "units = 20\nunits = 30", Some(17), Some("units"), None, "`units` is given twice"),
        (22, "[data]", Some(22), Some("data"), None, "`data` is given twice"),
        (6, "x = 999999999999999999999999999999999999999999999999", Some(6), None, None, "is too large"),
    ]);
}

/// The heads of recipes for pictures, and how they go on.
const PICTURES: &str = r#"name = "mine"
seed = 1
epochs = 1
batch_size = 32
loss = "LOSS"
[data]
kind = "mnist"
target = "TARGET"
[model]
init = "keras"
layers = [
"#;
const END: &str = "]\n[optimizer]\nkind = \"adam\"\nlr = 0.001\n";

/// A recipe for pictures; the layers, inline tables, stand on lines 12 and on.
fn pictures(loss: &str, target: &str, layers: &[&str]) -> String {
    let head = PICTURES.replace("LOSS", loss).replace("TARGET", target);
    let layers: Vec<String> = layers.iter().map(|layer| format!("{{ kind = {layer} }},\n")).collect();
    let layers = layers.concat();
    format!("{head}{layers}{END}")
}

const CONV: &str = r#""conv2d", filters = 4, kernel = 3, activation = "relu""#;
const FLATTEN: &str = r#""flatten""#;
const TEN: &str = r#""dense", units = 10"#;

/// Loss, target and layers; then of the error: its line, its key and a part of its message.
type Misfit<'a> = (&'a str, &'a str, &'a [&'a str], usize, &'a str, &'a str);

#[test]
fn layers_that_do_not_fit_are_named_with_both_shapes() {
    assert!(Recipe::parse("my.toml", &pictures("cross_entropy", "label", &[CONV, FLATTEN, TEN])).is_ok());
    let pixels = r#""dense", units = 784, activation = "sigmoid""#;
    assert!(Recipe::parse("my.toml", &pictures("bce", "input", &[FLATTEN, pixels])).is_ok());
    let cases: &[Misfit<'_>] = &[
        (
            "cross_entropy",
            "label",
            &[CONV, TEN],
            13,
            "model.layers.1",
            "is `dense` and takes one row of numbers, shape [n], but the output of `conv1` of shape [4, 26, 26] reaches it; \
             put a `flatten` layer before it",
        ),
        (
            "cross_entropy",
            "label",
            &[FLATTEN, CONV, TEN],
            13,
            "model.layers.1",
            "is `conv2d` and takes pictures, shape [channels, height, width], but the output of `flatten1` of shape [784]",
        ),
        (
            "cross_entropy",
            "label",
            &[r#""avg_pool2d", size = 29"#, FLATTEN, TEN],
            12,
            "model.layers.0",
            "windows of 29x29, but the input of shape [1, 28, 28] reaches it, which is smaller; make `size` smaller or set",
        ),
        (
            "cross_entropy",
            "label",
            &[FLATTEN, r#""dense", units = 9"#],
            13,
            "model.layers.1.units",
            "must be 10 in the last",
        ),
        (
            "cross_entropy",
            "label",
            &[CONV, FLATTEN],
            13,
            "model.layers.1",
            "is `flatten` and the last layer, and puts out the shape [2704], but `cross_entropy` takes one number for each \
             of the 10 classes of `mnist`; end with a `dense` layer of `units = 10`",
        ),
        (
            "cross_entropy",
            "label",
            &[FLATTEN, r#""dense", units = 10, activation = "sigmoid""#],
            13,
            "model.layers.1.activation",
            "must be `linear` in the last layer, not `sigmoid`, because `loss = \"cross_entropy\"` applies the softmax",
        ),
        (
            "bce",
            "input",
            &[FLATTEN, pixels, r#""dropout", rate = 0.5"#],
            14,
            "model.layers.2",
            "is `dropout`, but the last layer must be one with `activation = \"sigmoid\"`, because `loss = \"bce\"`",
        ),
        ("bce", "input", &[FLATTEN, TEN], 13, "model.layers.1.units", "asks for every pixel, 28x28 of them"),
        ("bce", "label", &[FLATTEN, TEN], 5, "loss", "must be `cross_entropy`, not `bce`: `mnist` has 10 classes"),
        (
            "cross_entropy",
            "input",
            &[FLATTEN, pixels],
            5,
            "loss",
            "must be `bce` or `mse` where `data.target = \"input\"`",
        ),
    ];
    for (loss, target, layers, line, key, part) in cases {
        let error = parse_error(&pictures(loss, target, layers));
        let shown = error.to_string();
        assert_eq!((error.line(), error.key()), (Some(*line), Some(*key)), "{shown}");
        assert!(shown.contains(part), "{shown}");
        assert_is_clear(&error);
    }
}

#[test]
fn keys_of_another_kind_are_told_apart_from_mistyped_ones() {
    check(&[
        (
            9,
            "centers = 3",
            Some(9),
            Some("data.centers"),
            None,
            "unknown key `centers` in [data]: `blobs` has it, `moons` has not; allowed: `kind`, `samples`, `noise`, `seed`",
        ),
        (16, "filters = 20", Some(16), Some("model.layers.0.filters"), None, "`conv2d` has it, `dense` has not"),
        (16, "size = 20", Some(16), Some("model.layers.0.size"), Some("units"), "`max_pool2d` or `avg_pool2d` has it"),
        (24, "beta1 = 0.5", Some(24), Some("optimizer.beta1"), None, "`adam` or `adamw` has it, `sgd` has not"),
        (
            24,
            "lr = 0.5\neps = 1e-8",
            Some(25),
            Some("optimizer.eps"),
            None,
            "unknown key `eps` in [optimizer]; allowed",
        ),
        (
            24,
            "lr = 0.5\n[schedule]\nkind = \"step\"\nstep_size = 3",
            Some(27),
            Some("schedule.step_size"),
            Some("every"),
            "in [schedule]; did you mean `every`?",
        ),
        (6, "warmup = 3", Some(6), Some("warmup"), None, "`warmup` belongs in [schedule]"),
    ]);
}

#[test]
fn tables_that_may_be_left_out_are_checked_all_the_same() {
    let after = |table: &str| format!("lr = 0.5\n{table}");
    // (table, line, key, part of the message)
    for (table, line, key, part) in [
        ("[schedule]", 25, "schedule.kind", "missing key `kind` in [schedule]: `constant`, `step` or `cosine`"),
        ("[schedule]\nkind = \"step\"", 25, "schedule.every", "a number above 0 and up to 1,000,000,000"),
        ("[schedule]\nkind = \"cosine\"\nfloor = 1.5", 27, "schedule.floor", "a number from 0 to 1, not 1.5"),
        ("[schedule]\nkind = \"constant\"\nwarmup = -1", 27, "schedule.warmup", "a number from 0 to 1,000,000,000"),
        (
            "[probe]\npictures = \"cat\"",
            26,
            "probe.pictures",
            "must be a list like [\"cat\", \"my/picture.png\"], not \"cat\"",
        ),
        ("[probe]\npictures = [\"cat\", 7]", 26, "probe.pictures.1", "must be a text, not 7"),
        ("[probe]\npictures = [\"\"]", 26, "probe.pictures.0", "must be the path of a file"),
        ("[probe]\nsamples = 101", 26, "probe.samples", "from 0 to 100"),
        (
            "[probe]\npictures = [\"cat\"]",
            26,
            "probe.pictures",
            "needs pictures to learn from, as `mnist` has them; the samples of `moons` are none",
        ),
    ] {
        let error = parse_error(&with_line(24, &after(table)));
        assert_eq!((error.line(), error.key()), (Some(line), Some(key)), "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert_is_clear(&error);
    }
    let many = format!("[probe]\npictures = [{}]", "\"cat\",".repeat(17));
    assert!(parse_error(&with_line(24, &after(&many))).to_string().contains("must have at most 16 items, not 17"));
    let sound = "[schedule]\nkind = \"step\"\nevery = 3\n[probe]\nsamples = 0";
    assert!(Recipe::parse("my.toml", &with_line(24, &after(sound))).is_ok());
    assert!(Recipe::parse("my.toml", &with_line(3, "epochs = 0")).is_ok());
}

#[test]
fn batches_of_one_cannot_be_normalised() {
    let norm = "[[model.layers]]\nkind = \"batch_norm\"\n[[model.layers]]";
    assert!(Recipe::parse("my.toml", &with_line(18, norm)).is_ok(), "batches of 32 and a last one of 4");
    for (samples, batch) in [(100, 1), (100, 33), (2, 1), (33, 32)] {
        let text = with_line(18, norm).replace("= 100", &format!("= {samples}")).replace("= 32", &format!("= {batch}"));
        let error = parse_error(&text);
        assert_eq!((error.line(), error.key()), (Some(4), Some("batch_size")), "{error}");
        assert!(error.to_string().contains("a batch of a single sample, of which `norm1` cannot take"), "{error}");
    }
}

#[test]
fn few_blobs_need_few_centres() {
    let error = parse_error(&with_line(8, "kind = \"blobs\"\ncenters = 101").replace("noise = 0.1", ""));
    assert!(error.to_string().contains("`data.centers` must be a whole number from 2 to 100"), "{error}");
    let text = with_line(8, "kind = \"blobs\"\ncenters = 5").replace("noise = 0.1", "").replace("= 100", "= 4");
    assert!(
        parse_error(&text).to_string().contains("`data.samples` must be at least 5, one for each of the `centers`")
    );
}

#[test]
fn an_override_of_the_data_is_cited_where_the_rest_no_longer_fits() {
    let cases = [
        ("moons", "data", "{kind = \"blobs\", samples = 99, seed = 0}", "`loss` must be `cross_entropy`, not `bce`"),
        ("blobs", "data.centers", "4", "`model.layers.1.units` must be 4 in the last layer"),
        ("cnn", "model.layers.0.kernel", "28", "`model.layers.1` is `max_pool2d` with windows of 2x2"),
        ("cnn", "data.target", "input", "`loss` must be `bce` or `mse`"),
        ("cnn", "data", "{kind = \"moons\", samples = 9, noise = 0, seed = 0}", "the input of shape [2] reaches it"),
    ];
    for (recipe, key, value, part) in cases {
        let error = Recipe::load(recipe, &[(key.to_owned(), value.to_owned())]).unwrap_err();
        let shown = error.to_string();
        assert_eq!(*error.place(), Place::Option(format!("--set {key}={value}")), "{shown}");
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn paths_start_at_the_folder_of_the_recipe() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let idx = "train_images = \"a\"\ntrain_labels = \"b\"\ntest_images = \"sub/a\"\ntest_labels = \"b\"";
    let layers = pictures("cross_entropy", "label", &[FLATTEN, TEN]);
    let text = layers.replace("\"mnist\"", &format!("\"idx\"\n{idx}")) + "[probe]\npictures = [\"cat\", \"b\"]\n";
    fs::write(at("my.toml"), &text).unwrap();
    let error = Recipe::load(at("my.toml"), &[]).unwrap_err();
    assert_eq!((error.line(), error.key()), (Some(8), Some("data.train_images")), "{error}");
    assert_eq!(error.problems().len(), 5, "{error}");
    let told = error.problems()[0].to_string();
    assert!(told.ends_with(&format!("names {}, which does not exist", at("a").display())), "{told}");

    fs::create_dir(at("sub")).unwrap();
    for name in ["a", "b", "sub/a"] {
        fs::write(at(name), "").unwrap();
    }
    let recipe = Recipe::load(at("my.toml"), &[]).unwrap();
    let DataSpec::Idx { train_images, test_images, height, classes, train, .. } = &recipe.data else { panic!("idx") };
    assert_eq!((train_images, test_images), (&at("a"), &at("sub/a")));
    assert_eq!((*height, *classes, *train), (28, 10, None));
    assert_eq!(recipe.probe.pictures, ["cat", at("b").to_str().unwrap()]);
    // The copy in a run directory means the same files, and the text alone leaves paths as they are.
    assert_eq!(Recipe::parse("copy", &recipe.to_toml()).unwrap(), recipe);
    assert_eq!(Recipe::parse("my.toml", &text).unwrap().probe.pictures, ["cat", "b"]);
    // On the command line a path starts where the command is run: here, where Cargo.toml is.
    let sets = [("data.train_images".to_owned(), "Cargo.toml".to_owned())];
    let recipe = Recipe::load(at("my.toml"), &sets).unwrap();
    let DataSpec::Idx { train_images, .. } = &recipe.data else { panic!("idx") };
    assert_eq!(train_images, &std::env::current_dir().unwrap().join("Cargo.toml"));
    let sets = [("probe.pictures".to_owned(), "[\"nowhere.png\"]".to_owned())];
    let error = Recipe::load("cnn", &sets).unwrap_err();
    assert!(
        error.to_string().starts_with("--set probe.pictures=[\"nowhere.png\"]: `probe.pictures.0` names /"),
        "{error}"
    );
}

/// One line for one problem, and one more above several.
fn assert_is_clear(error: &RecipeError) {
    let shown = error.to_string();
    shown.lines().for_each(assert_is_one_clear_line);
    let lines = match error.problems().len() {
        1 => 1,
        several => 1 + several.min(20) + usize::from(several > 20),
    };
    assert_eq!(shown.lines().count(), lines, "{shown}");
}

fn assert_is_one_clear_line(shown: &str) {
    assert!(!shown.chars().any(char::is_control), "{shown:?}");
    assert!(shown.chars().count() < 320, "{shown}");
}

#[test]
fn tables_of_the_wrong_shape_are_explained() {
    let head = SOUND[..11].join("\n");
    let tail = SOUND[21..].join("\n");
    let last = "kind = \"dense\"\nunits = 1\nactivation = \"sigmoid\"";
    // (model, line of the error, key, part of the message)
    let cases = [
        ("", None, "model", "missing table [model]"),
        (
            "[model]\ninit = \"keras\"",
            Some(12),
            "model.layers",
            "missing key `layers` in [model]: write [[model.layers]] above each",
        ),
        ("[model]\ninit = \"keras\"\nlayers = []", Some(14), "model.layers", "must have from 1 to 1000 tables, not 0"),
        (
            "[model]\ninit = \"keras\"\nlayers = [20, 1]",
            Some(14),
            "model.layers.0",
            "must be a table, not 20; write [[model.layers]]",
        ),
        ("[model]\ninit = \"keras\"\nlayers = 3", Some(14), "model.layers", "must be a list of tables, not 3"),
        (
            &format!("[model]\ninit = \"keras\"\n[model.layers]\n{last}"),
            Some(14),
            "model.layers",
            "must be a list of tables, not a table; write [[model.layers]]",
        ),
    ];
    for (model, line, key, part) in cases {
        let error = parse_error(&format!("{head}\n{model}\n{tail}"));
        let shown = error.to_string();
        assert_eq!((error.line(), error.key()), (line, Some(key)), "{shown}");
        assert!(shown.contains(part), "{shown}");
        assert_is_clear(&error);
    }
    let error = parse_error(&format!("optimizer = \"sgd\"\n{}", SOUND[..21].join("\n")));
    assert_eq!((error.line(), error.key()), (Some(1), Some("optimizer")));
    assert!(error.to_string().contains("must be a table, not \"sgd\"; write [optimizer]"), "{error}");
}

#[test]
fn networks_beyond_all_memory_are_refused() {
    let text = with_line(16, "units = 1_000_000\n[[model.layers]]\nkind = \"dense\"\nunits = 1_000_000");
    let error = parse_error(&text);
    assert_eq!((error.line(), error.key()), (Some(19), Some("model.layers.1")));
    assert!(error.to_string().contains("more than the 1073741824 allowed"), "{error}");

    let layers = "[[model.layers]]\nkind = \"dense\"\nunits = 1\n".repeat(1_001);
    let error = parse_error(&with_line(14, &format!("{layers}[[model.layers]]")));
    assert!(error.to_string().contains("from 1 to 1000 tables, not 1003"), "{error}");
}

#[test]
fn layers_written_inline_have_their_own_lines() {
    let layers = "layers = [\n  { kind = \"dense\", units = 20 },\n  { kind = \"dense\", unit = 1 },\n]";
    let text = format!("{}\n{layers}\n{}", SOUND[..13].join("\n"), SOUND[21..].join("\n"));
    let error = parse_error(&text);
    assert_eq!((error.line(), error.key()), (Some(16), Some("model.layers.1.unit")), "{error}");
    assert_eq!(error.suggestion(), Some("units"));
}

#[test]
fn overrides_are_cited_instead_of_a_line() {
    // (key, value, key of the error, suggestion, whole or part of the message)
    let cases: &[(&str, &str, &str, Option<&str>, &str)] = &[
        (
            "optimizer.lrr",
            "1",
            "optimizer.lrr",
            Some("lr"),
            "--set optimizer.lrr=1: unknown key `lrr` in [optimizer]; did you mean `lr`?",
        ),
        ("optimiser.lr", "1", "optimiser", Some("optimizer"), "--set optimiser.lr=1: unknown key `optimiser`"),
        ("lr", "1", "lr", Some("optimizer.lr"), "--set lr=1: unknown key `lr`; did you mean `optimizer.lr`?"),
        (
            "optimizer.epochs",
            "1",
            "optimizer.epochs",
            Some("epochs"),
            "unknown key `epochs` in [optimizer]; did you mean `epochs`?",
        ),
        ("units", "1", "units", Some("model.layers.0.units"), "did you mean `model.layers.0.units`?"),
        ("epoch", "1", "epoch", Some("epochs"), "--set epoch=1: unknown key `epoch`"),
        (
            "optimizer.lr",
            "0",
            "optimizer.lr",
            None,
            "--set optimizer.lr=0: `optimizer.lr` must be a number from 1e-38 to 3.4e38, not 0",
        ),
        ("optimizer.lr", "fast", "optimizer.lr", None, "not \"fast\""),
        (
            "optimizer.lr",
            "",
            "optimizer.lr",
            None,
            "--set optimizer.lr=: `optimizer.lr` must be a number from 1e-38 to 3.4e38, not \"\"",
        ),
        ("optimizer.lr", "1\nx = 2", "optimizer.lr", None, "not \"1\\nx = 2\""),
        ("optimizer.kind", "sdg", "optimizer.kind", Some("sgd"), "did you mean `sgd`?"),
        ("optimizer", "sgd", "optimizer", None, "must be a table, not \"sgd\""),
        ("optimizer", "{kind = \"sgd\"}", "optimizer.lr", None, "missing key `lr` in [optimizer]"),
        ("model.layers.0.units", "0", "model.layers.0.units", None, "`model.layers.0.units` must be a whole number"),
        ("model.layers.1.activation", "tanh", "model.layers.1.activation", None, "must be `sigmoid` in the last layer"),
        (
            "model.layers.2.units",
            "4",
            "model.layers.2.units",
            None,
            "`model.layers` is a list of 2; give an index from 0 to 1, not `2`",
        ),
        ("model.layers.first.units", "4", "model.layers.first.units", None, "give an index from 0 to 1, not `first`"),
        ("epochs.x", "4", "epochs.x", None, "`epochs` is 10, which has no keys"),
        ("record.probe_share", "2", "record.probe_share", None, "a number from 0 to 1, not 2"),
        ("", "4", "", None, "this is no key; write it with dots, as in `--set optimizer.lr=0.1`"),
        ("optimizer..lr", "4", "optimizer..lr", None, "this is no key"),
        ("a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", "4", "a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a", None, "this is no key"),
    ];
    for (key, value, at, suggestion, part) in cases {
        let error = set_error(key, value);
        let shown = error.to_string();
        assert_eq!(*error.place(), Place::Option(format!("--set {key}={value}")), "{shown}");
        assert_eq!(error.line(), None);
        assert_eq!(error.key(), Some(*at), "{shown}");
        assert_eq!(error.suggestion(), *suggestion, "{shown}");
        assert!(shown.contains(part), "{shown}");
        assert_is_clear(&error);
    }
}

#[test]
fn an_override_that_breaks_a_sound_recipe_is_the_one_cited() {
    let text = with_line(5, "loss = \"mse\"").replace("activation = \"sigmoid\"", "activation = \"linear\"");
    assert!(Recipe::parse("my.toml", &text).is_ok());
    let sets = [("loss".to_owned(), "bce".to_owned())];
    let error = Recipe::with_overrides("my.toml", &text, &sets).unwrap_err();
    assert!(error.to_string().starts_with("--set loss=bce: `model.layers.1.activation` must be `sigmoid`"), "{error}");
}

#[test]
fn unknown_names_list_the_built_in_ones() {
    let error = Recipe::load("moon", &[]).unwrap_err();
    assert_eq!(error.suggestion(), Some("moons"));
    assert!(error.to_string().contains("`spiral` and `xor` are built in"), "{error}");

    let error = Recipe::load("nowhere/my.toml", &[]).unwrap_err();
    assert_eq!(error.suggestion(), None);
    assert!(error.to_string().starts_with("nowhere/my.toml: there is no such file (`autoencoder`, "), "{error}");
}

#[test]
fn files_that_are_no_recipe_give_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let shown = |name: &str| at(name).display().to_string();

    let error = Recipe::load(folder.path(), &[]).unwrap_err();
    assert!(error.to_string().ends_with("is a directory, not a recipe file"), "{error}");
    assert_eq!(error.suggestion(), None);

    fs::write(at("recipe.toml"), sound()).unwrap();
    let error = Recipe::load(folder.path(), &[]).unwrap_err();
    assert_eq!(error.suggestion(), Some(shown("recipe.toml").as_str()));
    assert_eq!(Recipe::load(at("recipe.toml"), &[]).unwrap().name, "mine");

    fs::write(at("latin1.toml"), b"name = \"x\"\ntitle = \"caf\xe9\"\n").unwrap();
    let error = Recipe::load(at("latin1.toml"), &[]).unwrap_err();
    assert_eq!(error.line(), Some(2));
    assert!(error.to_string().ends_with("latin1.toml:2: not UTF-8 text, so not TOML"), "{error}");

    fs::write(at("huge.toml"), vec![b'#'; 2 << 20]).unwrap();
    let error = Recipe::load(at("huge.toml"), &[]).unwrap_err();
    assert!(error.to_string().ends_with("is longer than 1024 KiB, which no recipe is"), "{error}");

    let error = Recipe::load("/dev/zero", &[]).unwrap_err();
    assert!(error.to_string().ends_with("cannot be read: it is a device, not a regular file"), "{error}");

    // A path through a file cannot be opened, whoever runs the test.
    let error = Recipe::load(at("recipe.toml").join("x"), &[]).unwrap_err();
    assert!(error.to_string().contains("cannot be read: "), "{error}");

    fs::write(at("empty.toml"), "").unwrap();
    let error = Recipe::load(at("empty.toml"), &[]).unwrap_err();
    assert_eq!(error.key(), Some("name"));
    assert!(error.to_string().contains("empty.toml: missing key `name`"), "{error}");
}

#[test]
fn hostile_text_is_an_error_and_never_a_panic() {
    for text in [
        "[".repeat(100_000),
        format!("x = {}", "[".repeat(100_000)),
        format!("{}x = 1", "a.".repeat(100_000)),
        "\u{feff}".to_owned(),
        "\0".to_owned(),
        "\"\\u001b[31m\" = 1".to_owned(),
        "x = \"".to_owned(),
        "'''".to_owned(),
        format!("{} = 1", "k".repeat(100_000)),
    ] {
        assert_is_clear(&parse_error(&text));
    }
    // Each line of the sound recipe left out, and each cut after any byte.
    let text = sound();
    for end in 0..text.len() {
        if let Err(error) = Recipe::parse("my.toml", &text[..end]) {
            assert_is_clear(&error);
        }
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let text = with_line(3, "epoch = 10")
        .replace("batch_size = 32", "")
        .replace("samples = 100", "samples = 1")
        .replace("units = 20", "unit = 20")
        .replace("kind = \"sgd\"", "kind = \"sdg\"")
        .replace("init = \"keras\"", "warmup = 1");
    let error = parse_error(&text);
    let lines: Vec<String> = error.to_string().lines().map(str::to_owned).collect();
    let expected = [
        "my.toml has 7 errors:",
        "my.toml: missing key `batch_size`: a whole number from 1 to 10,000,000",
        "my.toml:3: unknown key `epoch`; did you mean `epochs`?",
        "my.toml:9: `data.samples` must be a whole number from 2 to 10,000,000, not 1",
        "my.toml:12: missing key `init` in [model]: `keras`, `torch` or `tch`",
        "my.toml:13: unknown key `warmup` in [model]; `warmup` belongs in [schedule]",
        "my.toml:16: unknown key `unit` in [[model.layers]]; did you mean `units`?",
        "my.toml:23: `optimizer.kind` must be `sgd`, `adam`, `adamw` or `rmsprop`, not \"sdg\"; did you mean `sgd`?",
    ];
    assert_eq!(lines.len(), expected.len(), "{error}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with(expected), "{line}\n{expected}");
    }
    assert_eq!(error.problems().len(), 7);
    assert_is_clear(&error);
}

#[test]
fn an_empty_recipe_is_told_all_it_needs() {
    let error = parse_error("");
    let keys: Vec<_> = error.problems().iter().filter_map(Problem::key).collect();
    assert_eq!(keys, ["name", "seed", "epochs", "batch_size", "loss", "data", "model", "optimizer"]);
}

#[test]
fn keys_that_are_each_right_and_do_not_go_together_are_told_at_once() {
    let text = with_line(20, "units = 3").replace("\"sigmoid\"", "\"relu\"")
        + "\nnesterov = true\n[probe]\npictures = [\"cat\"]";
    let error = parse_error(&text);
    let told: Vec<_> = error.problems().iter().map(|problem| (problem.line(), problem.key().unwrap())).collect();
    let expected = [
        (Some(20), "model.layers.1.units"),
        (Some(21), "model.layers.1.activation"),
        (Some(25), "optimizer.nesterov"),
        (Some(27), "probe.pictures"),
    ];
    assert_eq!(told, expected, "{error}");
}

#[test]
fn options_are_told_after_lines_and_by_the_name_that_was_used() {
    let look = |_: &DataSpec| Err("moons need no look".to_owned());
    let options = [
        Override::option("--lr -1", "optimizer.lr", "-1"),
        Override::option("--epochs 2000000000", "epochs", "2000000000"),
        Override::set("seed", "x"),
    ];
    let error = Recipe::load_looking("moons", &options, &look).unwrap_err();
    let expected = [
        "moons has 3 errors:",
        "--set seed=x: `seed` must be a whole number from 0 to 18,446,744,073,709,551,615, not \"x\"",
        "--epochs 2000000000: `epochs` must be a whole number from 0 to 1,000,000,000, not 2000000000",
        "--lr -1: `optimizer.lr` must be a number from 1e-38 to 3.4e38, not -1",
    ];
    assert_eq!(error.to_string().lines().collect::<Vec<_>>(), expected);
    let misplaced = [Override::set("model.layers.9.units", "1"), Override::set("epochs.x", "1")];
    assert_eq!(Recipe::load_looking("moons", &misplaced, &look).unwrap_err().problems().len(), 2);
}

#[test]
fn a_file_that_is_no_recipe_does_not_flood_the_screen() {
    let text = (0..500).map(|n| format!("x{n} = {n}")).collect::<Vec<_>>().join("\n");
    let error = parse_error(&text);
    assert!(error.problems().len() > 500);
    assert!(error.to_string().ends_with("\nand 488 more"), "{error}");
    assert_is_clear(&error);
}

/// The keys of data of one's own, in a recipe that is sound but for one of them.
#[test]
fn keys_of_ones_own_data_are_checked_like_all_others() {
    let text = |data: &str| {
        let (head, tail) = (SOUND[..7].join("\n"), SOUND[11..].join("\n"));
        format!("{head}\n{data}\n{tail}")
    };
    let csv = "kind = \"csv\"\npath = \"a.csv\"\n";
    assert!(Recipe::parse("my.toml", &text(csv)).is_ok());
    for (data, line, key, part) in [
        (format!("{csv}label = 0"), 10, "data.label", "must be the name of a column, or its number from 1, not 0"),
        (
            format!("{csv}features = [\"a\", true]"),
            10,
            "data.features",
            "must be a list of columns by name or by number",
        ),
        (format!("{csv}delimiter = \"|\""), 10, "data.delimiter", "must be `,`, `;` or `\\t`, not \"|\""),
        (format!("{csv}class_names = [\"a\"]"), 10, "data.class_names", "must have from 2 to 1000 names, not 1"),
        (format!("{csv}class_names = [\"a\", \"\"]"), 10, "data.class_names.1", "must be a name of 1 to 64 characters"),
        (format!("{csv}class_names = [\"a\", \"a\"]"), 10, "data.class_names.1", "is `a` once more"),
        (format!("{csv}class_names = [\"a\", 2]"), 10, "data.class_names.1", "must be a text, not 2"),
        (format!("{csv}held_out = 1"), 10, "data.held_out", "up to but not including 1, not 1"),
        (
            format!("{csv}samples = 3"),
            10,
            "data.samples",
            "`moons`, `circles`, `blobs`, `spiral` or `xor` has it, `csv`",
        ),
        ("kind = \"npz\"\npath = \"a\"\ninputs = \"\"".to_owned(), 10, "data.inputs", "must be the name of an array"),
        ("kind = \"npy\"".to_owned(), 7, "data.inputs", "missing key `inputs` in [data]: the path of an array"),
    ] {
        let error = parse_error(&text(&data));
        assert_eq!((error.line(), error.key()), (Some(line), Some(key)), "{error}");
        assert!(error.to_string().contains(part), "{error}");
        assert_eq!(error.problems().len(), 1, "{error}");
        assert_is_clear(&error);
    }
}
