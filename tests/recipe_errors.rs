//! Every kind of bad recipe: the error must name the place, the key and the next move.

use std::fs;

use torchscope::recipe::{Place, Recipe, RecipeError};

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
        assert_eq!(error.line(), *at, "{text}: {shown}");
        assert_eq!(error.key(), *key, "{text}: {shown}");
        assert_eq!(error.suggestion(), *suggestion, "{text}: {shown}");
        assert_eq!(error.source_name(), "my.toml");
        assert!(shown.contains(part), "{text}: {shown}");
        assert_is_one_clear_line(&shown);
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
            "must be `dense`, not \"dens\"; did you mean `dense`?",
        ),
        (15, "kind = \"linear\"", Some(15), Some("model.layers.0.kind"), Some("dense"), "must be `dense`"),
        (8, "kind = \"moon\"", Some(8), Some("data.kind"), Some("moons"), "must be `moons`"),
        (23, "kind = \"sdg\"", Some(23), Some("optimizer.kind"), Some("sgd"), "must be `sgd`"),
        (23, "kind = \"adam\"", Some(23), Some("optimizer.kind"), None, "must be `sgd`, not \"adam\""),
        (13, "init = \"glorot\"", Some(13), Some("model.init"), Some("keras"), "must be `keras`, `torch` or `tch`"),
        (13, "init = \"tourch\"", Some(13), Some("model.init"), Some("torch"), "must be"),
        (
            17,
            "activation = \"ReLU\"",
            Some(17),
            Some("model.layers.0.activation"),
            Some("relu"),
            "must be `linear`, `relu`, `tanh` or `sigmoid`",
        ),
        (17, "activation = \"none\"", Some(17), Some("model.layers.0.activation"), Some("linear"), "must be"),
        (5, "loss = \"BCE\"", Some(5), Some("loss"), Some("bce"), "must be `bce` or `mse`"),
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
            "`epochs` must be a whole number from 1 to 1,000,000,000, not \"ten\"",
        ),
        (3, "epochs = 10.5", Some(3), Some("epochs"), None, "not 10.5"),
        (3, "epochs = [10]", Some(3), Some("epochs"), None, "not a list"),
        (3, "epochs = 2024-01-01", Some(3), Some("epochs"), None, "not the date 2024-01-01"),
        (6, "shuffle = 1", Some(6), Some("shuffle"), None, "must be `true` or `false`, not 1"),
        (1, "name = 7", Some(1), Some("name"), None, "must be a text"),
        (5, "loss = true", Some(5), Some("loss"), None, "must be `bce` or `mse`, not true"),
        (24, "lr = \"0.5\"", Some(24), Some("optimizer.lr"), None, "must be a finite number above 0, not \"0.5\""),
        (10, "noise = {a = 1}", Some(10), Some("data.noise"), None, "not a table"),
    ]);
}

#[test]
fn values_out_of_range_are_named_with_the_range() {
    let long_name = format!("name = \"{}\"", "a".repeat(65));
    let long_title = format!("seed = 1\ntitle = \"{}\"", "a".repeat(121));
    check(&[
        (3, "epochs = 0", Some(3), Some("epochs"), None, "not 0"),
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
        (24, "lr = 0", Some(24), Some("optimizer.lr"), None, "above 0, not 0"),
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
            "a finite number from 0 up",
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
            "must be 1 in the last layer: `moons` has 1 per sample",
        ),
        (24, "lr = 0.5\nnesterov = true", Some(25), Some("optimizer.nesterov"), None, "needs a `momentum` above 0"),
    ]);
}

#[test]
fn missing_keys_are_named_at_the_heading_of_their_table() {
    check(&[
        (1, "", None, Some("name"), None, "my.toml: missing key `name`: a text of"),
        (2, "", None, Some("seed"), None, "missing key `seed`"),
        (3, "", None, Some("epochs"), None, "missing key `epochs`: a whole number from 1"),
        (5, "", None, Some("loss"), None, "missing key `loss`: `bce` or `mse`"),
        (8, "", Some(7), Some("data.kind"), None, "missing key `kind` in [data]: `moons`"),
        (10, "", Some(7), Some("data.noise"), None, "missing key `noise` in [data]"),
        (13, "", Some(12), Some("model.init"), None, "missing key `init` in [model]: `keras`, `torch` or `tch`"),
        (15, "", Some(14), Some("model.layers.0.kind"), None, "missing key `kind` in [[model.layers]]: `dense`"),
        (20, "", Some(18), Some("model.layers.1.units"), None, "missing key `units` in [[model.layers]]"),
        (24, "", Some(22), Some("optimizer.lr"), None, "missing key `lr` in [optimizer]: a finite number above 0"),
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
        assert_is_one_clear_line(&shown);
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
            "--set optimizer.lr=0: `optimizer.lr` must be a finite number above 0, not 0",
        ),
        ("optimizer.lr", "fast", "optimizer.lr", None, "not \"fast\""),
        (
            "optimizer.lr",
            "",
            "optimizer.lr",
            None,
            "--set optimizer.lr=: `optimizer.lr` must be a finite number above 0, not \"\"",
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
        assert_eq!(*error.place(), Place::Set(format!("{key}={value}")), "{shown}");
        assert_eq!(error.line(), None);
        assert_eq!(error.key(), Some(*at), "{shown}");
        assert_eq!(error.suggestion(), *suggestion, "{shown}");
        assert!(shown.contains(part), "{shown}");
        assert_is_one_clear_line(&shown);
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
    assert!(error.to_string().contains("`moons` is built in"), "{error}");

    let error = Recipe::load("nowhere/my.toml", &[]).unwrap_err();
    assert_eq!(error.suggestion(), None);
    assert_eq!(error.to_string(), "nowhere/my.toml: there is no such file (`moons` is built in)");
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
    assert!(error.to_string().contains("longer than 1024 KiB"), "{error}");

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
        let shown = parse_error(&text).to_string();
        assert_is_one_clear_line(&shown);
    }
    // Each line of the sound recipe left out, and each cut after any byte.
    let text = sound();
    for end in 0..text.len() {
        if let Err(error) = Recipe::parse("my.toml", &text[..end]) {
            assert_is_one_clear_line(&error.to_string());
        }
    }
}
