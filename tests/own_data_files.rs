//! Arrays and folders of the user's own, as numpy and Pillow write them, and what becomes of damaged and hostile ones.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::io::{Cursor, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use torchscope::data::{self, Split};
use torchscope::recipe::{Answer, DataSpec, FolderSpec, Layout, Normalise, NpySpec, NpzSpec, Preparation, Target};

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/own").join(name)
}

/// Everything to learn from, as it was read.
fn raw() -> Preparation {
    Preparation { held_out: Some(0.0), normalise: Some(Normalise::None), ..Preparation::default() }
}

fn npy(inputs: PathBuf, labels: Option<PathBuf>, layout: Option<Layout>) -> DataSpec {
    let target = if labels.is_some() { Target::Label } else { Target::Input };
    let preparation = Preparation { target, ..raw() };
    DataSpec::Npy(NpySpec { inputs, labels, test_inputs: None, test_labels: None, layout, preparation })
}

fn npz(path: PathBuf, preparation: Preparation) -> NpzSpec {
    NpzSpec { path, inputs: None, labels: None, test_inputs: None, test_labels: None, layout: None, preparation }
}

fn folder(path: PathBuf, preparation: Preparation) -> FolderSpec {
    FolderSpec { path, height: 12, width: 16, channels: 3, preparation }
}

fn numbers(split: &Split) -> Vec<f32> {
    split.training.inputs.iter().copied().collect()
}

fn wrong(spec: &DataSpec) -> String {
    let error = data::load(spec).unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    error
}

/// numpy's `arange(360).reshape(6, 4, 5, 3)` as bytes, in the order of (n, channels, height, width).
fn counted() -> Vec<f32> {
    let at = |n, c, y, x| f32::from((((n * 4 + y) * 5 + x) * 3 + c) as u8);
    let mut all = Vec::new();
    for (n, c) in (0..6).flat_map(|n| (0..3).map(move |c| (n, c))) {
        all.extend((0..4).flat_map(|y| (0..5).map(move |x| (y, x))).map(|(y, x)| at(n, c, y, x)));
    }
    all
}

#[test]
fn pictures_are_the_same_in_every_layout_order_and_type() {
    for (file, layout) in [("nchw_f4.npy", None), ("nchw_fortran_be_f8.npy", Some(Layout::Nchw))] {
        let split = data::load(&npy(own(file), Some(own("words.npy")), layout)).unwrap();
        assert_eq!(split.training.inputs.shape(), [6, 3, 4, 5], "{file}");
        assert_eq!(numbers(&split), counted(), "{file}");
        assert_eq!(split.training.classes, ["cat", "dog"]);
        assert_eq!(split.training.labels.unwrap().to_vec(), [1, 0, 1, 0, 1, 0]);
    }
    let split = data::load(&DataSpec::Npz(npz(own("pictures.npz"), raw()))).unwrap();
    assert_eq!((numbers(&split), split.training.classes), (counted(), vec!["1".to_owned(), "3".to_owned()]));
    let bytes = data::load(&npy(own("nchw_f4.npy"), Some(own("bytes.npy")), None)).unwrap();
    assert_eq!(bytes.training.classes, ["cat", "dog"]);
}

#[test]
fn two_halves_in_an_archive_are_found_and_divided_by_255() {
    let preparation = Preparation { class_names: vec!["one".into(), "three".into()], ..Preparation::default() };
    let spec = DataSpec::Npz(npz(own("keras.npz"), preparation));
    let shape = data::describe(&spec).unwrap();
    assert_eq!((shape.input, shape.answer, shape.samples), (vec![3, 4, 5], Answer::Classes(2), Some(4)));
    let Split { training, test } = data::load(&spec).unwrap();
    assert_eq!(
        (training.len(), test.unwrap().len(), training.classes.as_slice()),
        (4, 2, ["one", "three"].map(str::to_owned).as_slice())
    );
    let expected: Vec<f32> = counted().iter().take(4 * 60).map(|pixel| pixel / 255.0).collect();
    assert_eq!(training.inputs.iter().copied().collect::<Vec<_>>(), expected);
}

#[test]
fn every_type_of_number_is_read() {
    let mut seen = 0;
    for entry in fs::read_dir(own("")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("type_") {
            continue;
        }
        let split = data::load(&npy(path, None, None)).unwrap();
        let expected: &[f32] =
            if name.contains("b1") { &[0., 1., 1., 0., 1., 1.] } else { &[0., 7., 100., 3., 5., 120.] };
        assert_eq!(numbers(&split), expected, "{name}");
        seen += 1;
    }
    assert_eq!(seen, 14);
}

#[test]
fn a_folder_has_a_class_a_folder_in_colour() {
    let spec = DataSpec::Folder(folder(own("colours"), Preparation::default()));
    let shape = data::describe(&spec).unwrap();
    assert_eq!((shape.input, shape.answer), (vec![3, 12, 16], Answer::Classes(2)));
    let Split { training, test } = data::load(&spec).unwrap();
    assert_eq!(
        (training.name.as_str(), training.classes.as_slice()),
        ("colours 10 + 2 test", ["blue", "red"].map(str::to_owned).as_slice())
    );
    assert_eq!(test.unwrap().labels.unwrap().sum(), 1, "one of each class is held out");
    for (picture, label) in training.inputs.outer_iter().zip(training.labels.unwrap()) {
        let most = |channel: usize| picture.index_axis(ndarray::Axis(0), channel).iter().copied().fold(0.0, f32::max);
        assert_eq!(most(0) > most(2), label == 1, "red is red");
    }
    let grey = FolderSpec { channels: 1, ..folder(own("colours"), Preparation::default()) };
    assert_eq!(data::load(&DataSpec::Folder(grey)).unwrap().training.inputs.shape(), [10, 1, 12, 16]);
}

#[test]
fn train_and_test_folders_are_the_halves() {
    let root = tempfile::tempdir().unwrap();
    for half in ["train", "test"] {
        let place = root.path().join(half);
        fs::create_dir(&place).unwrap();
        for class in ["red", "blue"] {
            symlink(own("colours").join(class), place.join(class)).unwrap();
        }
    }
    let split = data::load(&DataSpec::Folder(folder(
        root.path().into(),
        Preparation { train: Some(4), ..Preparation::default() },
    )));
    let Split { training, test } = split.unwrap();
    assert_eq!((training.len(), training.labels.unwrap().sum(), test.unwrap().len()), (4, 2, 12));
    fs::remove_file(root.path().join("test/red")).unwrap();
    symlink(own("colours/red"), root.path().join("test/green")).unwrap();
    let shown = wrong(&DataSpec::Folder(folder(root.path().into(), Preparation::default())));
    assert!(shown.contains("test/green` is no class of the training half"), "{shown}");
}

#[test]
fn files_are_recognised() {
    let recognised = |name: &str| {
        let spec = data::recognise(&own(name)).unwrap();
        let shape = data::describe(&spec).unwrap();
        (spec.kind(), shape.input, shape.answer)
    };
    assert_eq!(recognised("iris.csv"), ("csv", vec![4], Answer::Classes(3)));
    assert_eq!(recognised("keras.npz").1, [3, 4, 5]);
    assert_eq!(recognised("colours").1, [3, 12, 16]);
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::copy(own("nchw_f4.npy"), at("x_train.npy")).unwrap();
    let alone = data::recognise(&at("x_train.npy")).and_then(|spec| data::describe(&spec)).unwrap_err().to_string();
    assert!(alone.contains("has no labels beside it; name them with `data.labels`"), "{alone}");
    fs::copy(own("words.npy"), at("y_train.npy")).unwrap();
    let found = data::recognise(&at("x_train.npy")).unwrap();
    let DataSpec::Npy(spec) = &found else { panic!("{found:?}") };
    assert_eq!((spec.labels.clone(), spec.test_inputs.clone()), (Some(at("y_train.npy")), None));
    assert!(data::recognise(&at("nothing")).unwrap_err().to_string().contains("does not exist"));
}

/// An array file with that header.
fn array(dict: &str, numbers: &[u8]) -> Vec<u8> {
    [b"\x93NUMPY\x01\x00", &(dict.len() as u16).to_le_bytes()[..], dict.as_bytes(), numbers].concat()
}

fn dict(descr: &str, shape: &str) -> String {
    format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}")
}

#[test]
fn damaged_arrays_are_told_before_memory_is_taken() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.npy");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        wrong(&npy(path.clone(), None, None))
    };
    let floats = |numbers: &[f32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let cases = [
        (Vec::new(), "ends after 0 of 10 bytes"),
        (b"PK\x03\x04 and so on".to_vec(), "does not start with the letters NUMPY"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec(), "its header claims 4294967295 bytes"),
        (b"\x93NUMPY\x09\x00\x00\x00".to_vec(), "its version is 9"),
        (array(&dict("<f4", "(2, 2)"), &floats(&[1., 2., 3.])), "it was cut short"),
        (array(&dict("<f4", "(2, 2)"), &floats(&[1., 2., 3., 4., 5.])), "goes on after the"),
        (array(&dict("<f4", "(1000000, 1000000)"), &[]), "of 4000000000081 bytes; it was cut short"),
        (array(&dict("<f4", "(99999999999, 99999999999, 99999999999)"), &[]), "claims to hold"),
        (array(&dict("<f4", "(99999999999999999999999, 2)"), &[]), "its shape has the size"),
        (array(&dict("<f4", "(2, 2)"), &floats(&[1., 2., f32::NAN, 4.])), "has NaN at [1, 0]; give finite numbers"),
        (array(&dict("<f8", "(1, 1)"), &1e300_f64.to_le_bytes()), "has inf at [0, 0]"),
        (array(&dict("<f4", "(0, 2)"), &[]), "is empty"),
        (array(&dict("<f4", "(1, 0)"), &[]), "is empty"),
        (array(&dict("<c8", "(1, 1)"), &[0; 8]), "its elements are of type \"<c8\""),
        (array(&dict("|O", "(1, 1)"), &[0; 8]), "its elements are of type \"|O\""),
        (
            array("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", &[0; 4]),
            "records of several fields",
        ),
        (array(&dict("<f4", "(1, 1, 1, 1, 1)"), &[0; 4]), "has the shape (1, 1, 1, 1, 1); tables are"),
        (array(&dict("|u1", "(1, 3, 7, 3)"), &[0; 63]), "of which the channels may be first or last; say `data.layout"),
        (array("{'descr'", &[]), "its header is no dict"),
        (array(&"(".repeat(60_000), &[]), "its header claims 60000 bytes"),
    ];
    for (bytes, part) in cases {
        let shown = read(&bytes);
        assert!(shown.starts_with(&format!("`{}` ", path.display())) && shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn labels_that_do_not_fit_are_told() {
    let root = tempfile::tempdir().unwrap();
    let labels = root.path().join("y.npy");
    let read = |bytes: &[u8]| {
        fs::write(&labels, bytes).unwrap();
        wrong(&npy(own("nchw_f4.npy"), Some(labels.clone()), None))
    };
    let cases = [
        (array(&dict("|u1", "(5,)"), &[0, 1, 0, 1, 0]), "holds 6 samples, but `"),
        (array(&dict("|u1", "(6,)"), &[4; 6]), "has one class only, `4`"),
        (
            array(&dict("|u1", "(6, 2)"), &[0; 12]),
            "rows of 2 numbers are no labels; write the number of the class, `labels.argmax(1)`",
        ),
        (
            array(&dict("<f4", "(6,)"), &[0.5_f32, 1., 0., 1., 0., 1.].map(f32::to_le_bytes).concat()),
            "has 0.5 as label 0",
        ),
        (array(&dict("|u1", "(6, 1, 1)"), &[0; 6]), "labels have (n,)"),
    ];
    for (bytes, part) in cases {
        let shown = read(&bytes);
        assert!(shown.contains(part), "{part}: {shown}");
    }
}

#[test]
fn damaged_archives_are_told() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("a.npz");
    let read = |bytes: &[u8], change: &dyn Fn(&mut NpzSpec)| {
        fs::write(&path, bytes).unwrap();
        let mut spec = npz(path.clone(), raw());
        change(&mut spec);
        wrong(&DataSpec::Npz(spec))
    };
    let whole = fs::read(own("keras.npz")).unwrap();
    for end in (0..whole.len()).step_by(37) {
        assert!(read(&whole[..end], &|_| {}).contains("is no sound archive"), "{end}");
    }
    let shown = read(&whole, &|spec| spec.inputs = Some("pictures".into()));
    assert!(
        shown
            .contains("has no array `pictures`; there are `x_test`, `x_train`, `y_test`, `y_train`: let `data.inputs`"),
        "{shown}"
    );
    // An array that claims a terabyte, in an archive that says so too.
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in [
        ("a.npy", array(&dict("<f8", "(131072, 1048576)"), &[0; 4096])),
        ("b.npy", array(&dict("|u1", "(2,)"), &[0, 1])),
    ] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    let shown = read(&bytes, &|_| {});
    assert!(shown.contains("has the arrays `a`, `b`, and none of the usual pairs of names"), "{shown}");
    let shown = read(&bytes, &|spec| (spec.inputs, spec.labels) = (Some("a".into()), Some("b".into())));
    assert!(shown.contains("(array `a`) ") && (shown.contains("cut short") || shown.contains("claims")), "{shown}");
}

#[test]
fn damaged_folders_are_told() {
    let root = tempfile::tempdir().unwrap();
    let shown = |path: &Path| wrong(&DataSpec::Folder(folder(path.into(), Preparation::default())));
    assert!(shown(root.path()).contains("holds no folders; put the pictures of each class"));
    assert!(shown(&root.path().join("none")).contains("does not exist"));
    assert!(shown(&own("iris.csv")).contains("it is no folder"));
    for class in ["a", "b"] {
        fs::create_dir(root.path().join(class)).unwrap();
    }
    assert!(shown(root.path()).contains("a` holds no PNG or JPEG file"));
    fs::write(root.path().join("a/1.png"), "no picture").unwrap();
    fs::write(root.path().join("b/1.png"), "no picture").unwrap();
    let told = shown(root.path());
    assert!(told.contains("a/1.png` is no picture that can be read here"), "{told}");
    // Links in a circle, and a pipe, which would be waited for.
    fs::remove_file(root.path().join("a/1.png")).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        root.path().join("a/1.png"),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RWXU,
        0,
    )
    .unwrap();
    assert!(shown(root.path()).contains("a/1.png` cannot be read: it is not a regular file"));
    symlink(root.path().join("loop"), root.path().join("loop")).unwrap();
    assert!(shown(root.path()).contains("loop` cannot be read: "));
    fs::remove_file(root.path().join("loop")).unwrap();
    symlink(root.path(), root.path().join("c")).unwrap();
    assert!(shown(root.path()).contains("c` holds no PNG or JPEG file"), "a link to the folder itself ends there");
    let one = tempfile::tempdir().unwrap();
    symlink(own("colours/red"), one.path().join("red")).unwrap();
    assert!(shown(one.path()).contains("has one class only, `red`"));
}

proptest! {
    #[test]
    fn any_damage_to_an_array_is_read_or_refused(at in any::<u16>(), with in 1..=255_u8, cut in any::<u16>()) {
        let mut bytes = fs::read(own("nchw_fortran_be_f8.npy")).unwrap();
        let at = usize::from(at) % 200;
        bytes[at] ^= with;
        bytes.truncate(usize::from(cut) % (2 * bytes.len()));
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        if let Err(error) = data::load(&npy(file.path().into(), None, None)) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }
}
