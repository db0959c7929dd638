//! `torchscope train --data` as people run it: data without a recipe, from the file to a finished run.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]
#![allow(dead_code, reason = "the other tests use the rest of the support, and without the trainer less is used here")]

mod support;

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use support::Home;
use torchscope::recipe::Recipe;
#[cfg(feature = "trainer")]
use torchscope::recipe::{DataSpec, LayerKind, LayerSpec, Loss};

/// Data sets that come with the tests of `data`.
fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/own").join(name)
}

/// A table of points in two classes.
fn points(folder: &Path) -> PathBuf {
    let mut text = String::from("x,y,kind\n");
    for row in 0..120 {
        let (side, noise) = (f64::from(row % 2), f64::from(row * 37 % 17) / 40.0);
        writeln!(text, "{},{},k{}", side + noise, side * 2.0 - noise, row % 2).unwrap();
    }
    let path = folder.join("My Points.csv");
    fs::write(&path, text).unwrap();
    path
}

/// Trains on data with such options: what was printed, and the recipe of the run.
fn train(home: &Home, data: &Path, more: &[&str]) -> (String, Recipe) {
    let arguments = [&["train", "--data", data.to_str().unwrap(), "--headless", "--epochs", "3"], more].concat();
    let output = home.torchscope(&arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("finished"), "{text}");
    (text, Recipe::load(home.runs()[0].join("recipe.toml"), &[]).unwrap())
}

fn refused(home: &Home, arguments: &[&str]) -> String {
    let output = home.torchscope(arguments);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
#[cfg(feature = "trainer")]
fn points_of_two_features_get_a_small_network_and_the_recipe_is_printed() {
    let home = Home::new();
    let (text, trained) = train(&home, &points(home.path()), &[]);
    assert!(text.starts_with("name = \"my-points\"") && text.contains("\n[optimizer]\n"), "{text}");
    assert!(text.contains("\nkind = \"csv\"") && text.contains("\nepochs = 3 "), "{text}");
    assert_eq!((trained.loss, trained.epochs, trained.model.layers.len()), (Loss::Bce, 3, 3));
    assert!(home.runs()[0].file_name().unwrap().to_str().unwrap().starts_with("my-points"));
}

#[test]
#[cfg(feature = "trainer")]
fn what_is_kept_is_the_recipe_that_was_trained() {
    let home = Home::new();
    let mine = home.path().join("mine.toml");
    let options = ["--lr", "0.02", "--set", "model.layers.0.units=7", "--save", mine.to_str().unwrap()];
    let (text, trained) = train(&home, &sample("iris.csv"), &options);
    assert!(text.contains(&format!("torchscope train {} trains it again", mine.display())), "{text}");
    assert_eq!(Recipe::load(&mine, &[]).unwrap(), trained);
    assert_eq!((trained.optimizer.lr(), trained.loss), (0.02, Loss::CrossEntropy));
    assert!(matches!(trained.model.layers[0], LayerSpec::Dense { units: 7, .. }));
    assert!(matches!(trained.model.layers.last(), Some(LayerSpec::Dense { units: 3, .. })));
}

#[test]
#[cfg(feature = "trainer")]
fn pictures_get_convolutions() {
    let home = Home::new();
    let (_, trained) = train(&home, &sample("colours"), &[]);
    assert!(matches!(trained.data, DataSpec::Folder(_)));
    assert_eq!((trained.loss, trained.model.layers[0].kind()), (Loss::Bce, LayerKind::Conv2d));
    let home = Home::new();
    // 4x5 pixels of 3 channels, or 4 channels of 5x3 pixels: what the options say of the data counts before they are seen.
    let (text, trained) = train(&home, &sample("keras.npz"), &["--set", "data.layout=nchw"]);
    assert!(text.contains("\nlayout = \"nchw\" "), "{text}");
    assert!(matches!(trained.data, DataSpec::Npz(_)));
    assert_eq!(trained.model.layers[0].kind(), LayerKind::Conv2d);
}

#[test]
#[cfg(feature = "trainer")]
fn options_say_which_column_is_the_class() {
    let home = Home::new();
    let (text, trained) = train(&home, &sample("iris_semicolon.csv"), &["--set", "data.label=1"]);
    assert!(text.contains("\nlabel = 1 "), "{text}");
    assert!(matches!(trained.model.layers.last(), Some(LayerSpec::Dense { units: 3, .. })));
}

#[test]
fn a_file_that_is_there_is_not_overwritten() {
    let home = Home::new();
    let mine = home.path().join("mine.toml");
    fs::write(&mine, "my work").unwrap();
    let data = points(home.path());
    let arguments = ["train", "--headless", "--data", data.to_str().unwrap(), "--save", mine.to_str().unwrap()];
    let told = refused(&home, &arguments);
    assert!(told.contains("exists already and is not overwritten"), "{told}");
    assert_eq!(fs::read_to_string(&mine).unwrap(), "my work");
    assert!(home.runs().is_empty(), "nothing is trained");
}

#[test]
fn errors_name_what_is_wrong_with_the_data() {
    let home = Home::new();
    let refused_data = |data: &Path, more: &[&str]| {
        refused(&home, &[&["train", "--headless", "--data", data.to_str().unwrap()], more].concat())
    };
    let told = refused_data(&points(home.path()), &["--lr", "-1"]);
    assert!(told.starts_with("torchscope: --lr -1: `optimizer.lr` must be"), "{told}");
    let told = refused_data(&points(home.path()), &["--set", "model.layers.2.units=2"]);
    assert!(told.starts_with("torchscope: --set model.layers.2.units=2: `model.layers.2.units` must be 1"), "{told}");
    let broken = home.path().join("broken.csv");
    fs::write(&broken, "a,b,label\n1,2,x\n1,oops,y\n3,4,x\n3,5,y\n").unwrap();
    let told = refused_data(&broken, &[]);
    assert!(told.contains("broken.csv") && told.contains("line 3") && told.contains("column `b`"), "{told}");
    let told = refused_data(&sample("nchw_f4.npy"), &[]);
    assert!(told.contains("has no labels beside it; name them with `data.labels`"), "{told}");
    let told = refused_data(&home.path().join("nowhere.csv"), &[]);
    assert!(told.contains("nowhere.csv"), "{told}");
    assert!(home.runs().is_empty(), "nothing is trained");
}

#[test]
fn a_recipe_or_data_but_not_both() {
    let home = Home::new();
    for arguments in [&["train"][..], &["train", "moons", "--data", "x.csv"], &["train", "moons", "--save", "x.toml"]] {
        assert_eq!(home.torchscope(arguments).status.code(), Some(2), "{arguments:?}");
    }
}
