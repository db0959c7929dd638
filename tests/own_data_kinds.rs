//! Data of the user's own, trained on by the real program: tables, arrays, folders of pictures, and their panels.
#![cfg(feature = "trainer")]
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use torchscope::app::{App, Message};
use torchscope::log::{Data, Grid, LogReader, tags};
use torchscope::run::{Description, RunDir, State};

fn own(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/own").join(name).display().to_string()
}

/// A folder with a recipe on that data, and the run that is made of it.
struct Trained {
    folder: tempfile::TempDir,
    output: Output,
}

impl Trained {
    /// `layers` in TOML, without the last one, of so many `classes`; none for an autoencoder of so many pixels.
    fn new(data: &str, layers: &str, classes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            r#"
            name = "own"
            seed = 1
            epochs = 3
            batch_size = 4
            loss = "cross_entropy"
            optimizer = {{ kind = "adam", lr = 0.01 }}
            [data]
            {data}
            [model]
            init = "torch"
            layers = [{layers} {{ kind = "dense", units = {classes}, activation = "linear" }}]
            "#
        );
        Self::of(folder, &text)
    }

    fn of(folder: tempfile::TempDir, text: &str) -> Self {
        let recipe = folder.path().join("own.toml");
        fs::write(&recipe, text).unwrap();
        let output = program(&[
            "train",
            recipe.to_str().unwrap(),
            "--headless",
            "--run-dir",
            run(folder.path()).to_str().unwrap(),
        ]);
        Self { folder, output }
    }

    fn said(&self) -> String {
        let [out, error] =
            [&self.output.stdout, &self.output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        format!("{out}{error}")
    }

    /// What the log says of the run, which has finished.
    fn description(&self) -> Description {
        assert!(self.output.status.success(), "{}", self.said());
        let path = run(self.folder.path());
        assert_eq!(RunDir::open(&path).unwrap().status().unwrap().state, State::Finished, "{}", self.said());
        let mut app = App::new(path.clone(), (120, 40));
        app.update(Message::Records(LogReader::open(&path).unwrap().poll(64 << 20).unwrap().records));
        app.model.description
    }

    /// What `torchscope show` prints of a panel.
    fn shown(&self, what: &str) -> String {
        let output = program(&["show", run(self.folder.path()).to_str().unwrap(), what]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The last picture of a tag.
    fn grid(&self, tag: &str) -> Grid {
        let mut reader = LogReader::open(&run(self.folder.path())).unwrap();
        let poll = reader.poll(64 << 20).unwrap();
        let values = poll.records.into_iter().flat_map(|record| record.values);
        let found = values.filter(|value| &*value.tag == tag).last().unwrap();
        let Data::Image(image) = found.data else { panic!("{tag} is no picture") };
        Grid::decode(&image).unwrap()
    }
}

fn run(folder: &Path) -> PathBuf {
    folder.join("run")
}

fn program(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_torchscope")).args(arguments).output().unwrap()
}

const HIDDEN: &str = r#"{ kind = "dense", units = 8, activation = "relu" },"#;
const CONVOLUTION: &str = r#"{ kind = "conv2d", filters = 4, kernel = 3, activation = "relu" }, { kind = "flatten" },"#;

#[test]
fn a_table_with_words_shows_its_classes_by_name() {
    let trained = Trained::new(&format!("kind = \"csv\"\npath = {:?}", own("iris.csv")), HIDDEN, 3);
    let about = trained.description();
    assert_eq!(about.classes, ["setosa", "versicolor", "virginica"]);
    assert_eq!(about.setup.data.as_deref(), Some("iris 120 + 30 test"));
    assert_eq!(about.network.unwrap().input_shape, [4]);
    let confusion = trained.shown("confusion");
    assert!(confusion.contains("setosa") && confusion.contains("virginica"), "{confusion}");
}

/// Two features and two classes: the boundary, in the units of the table, with the names of the classes.
#[test]
fn two_features_get_the_boundary_in_their_own_units() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<String> =
        (0..40).map(|n| format!("{},{},{}", 1000 + n, n % 7, if n < 20 { "low" } else { "high" })).collect();
    fs::write(folder.path().join("points.csv"), format!("metres,wind,kind\n{}\n", rows.join("\n"))).unwrap();
    let text = format!(
        "name = \"own\"\nseed = 1\nepochs = 3\nbatch_size = 4\nloss = \"bce\"\noptimizer = {{ kind = \"adam\", lr = 0.01 }}\n\
         [data]\nkind = \"csv\"\npath = \"points.csv\"\n[model]\ninit = \"torch\"\nlayers = [{HIDDEN} \
         {{ kind = \"dense\", units = 1, activation = \"sigmoid\" }}]\n"
    );
    let trained = Trained::of(folder, &text);
    trained.description();
    let extent = trained.grid(tags::BOUNDARY_P).meta.extent.unwrap();
    assert!(extent[0] > 950.0 && extent[0] < 1001.0 && extent[1] > 1038.0 && extent[1] < 1100.0, "{extent:?}");
    let boundary = trained.shown("boundary");
    assert!(boundary.contains("high") && boundary.contains("low") && boundary.contains("p(low) = 0.5"), "{boundary}");
}

#[test]
fn an_archive_and_arrays_beside_each_other_are_trained_on() {
    for (data, classes) in [
        (format!("kind = \"npz\"\npath = {:?}", own("keras.npz")), ["1", "3"]),
        (
            format!(
                "kind = \"npy\"\ninputs = {:?}\nlabels = {:?}\nheld_out = 0.5",
                own("nchw_f4.npy"),
                own("words.npy")
            ),
            ["cat", "dog"],
        ),
    ] {
        let trained = Trained::new(&data, CONVOLUTION, 2);
        let about = trained.description();
        assert_eq!(
            (about.classes, about.network.unwrap().input_shape),
            (classes.map(str::to_owned).to_vec(), vec![3, 4, 5])
        );
        assert!(trained.shown("maps").contains("conv1"));
    }
}

/// Colour goes all the way: into the network, the log, and what is printed of the input.
#[test]
fn a_folder_of_coloured_pictures_is_trained_on_and_drawn() {
    let data = format!(
        "kind = \"folder\"\npath = {:?}\nheight = 12\nwidth = 16\nclass_names = [\"sea\", \"fire\"]",
        own("colours")
    );
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "name = \"own\"\nseed = 1\nepochs = 3\nbatch_size = 4\nloss = \"cross_entropy\"\noptimizer = {{ kind = \"adam\", lr = 0.01 }}\n\
         [data]\n{data}\n[model]\ninit = \"torch\"\nlayers = [{CONVOLUTION} {{ kind = \"dense\", units = 2 }}]\n\
         [probe]\npictures = [\"cat\"]\nsamples = 2\n"
    );
    let trained = Trained::of(folder, &text);
    let about = trained.description();
    assert_eq!(
        (about.classes, about.probes),
        (vec!["sea".to_owned(), "fire".to_owned()], ["cat", "sea", "fire"].map(str::to_owned).to_vec())
    );
    let fire = trained.grid("maps/input/fire").pictures().unwrap();
    assert_eq!(fire.dim(), (1, 3, 12, 16));
    let most = |channel: usize| fire.index_axis(ndarray::Axis(1), channel).iter().copied().fold(0.0, f32::max);
    assert!(most(0) > 0.8 && most(2) < 0.2, "red: {} {}", most(0), most(2));
    let cat = trained.grid("maps/input/cat").pictures().unwrap();
    assert_eq!(cat.dim(), (1, 3, 12, 16), "the cat is brought to three channels");
    let kernels = trained.grid("kernels/conv1").maps().unwrap();
    assert_eq!(kernels.dim(), (12, 3, 3), "a slice for each channel");
    let output = Command::new(env!("CARGO_BIN_EXE_torchscope"))
        .args(["show", run(trained.folder.path()).to_str().unwrap(), "input/fire", "--color", "truecolor"])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("12×16 in colour"), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

/// What does not fit is told before there is a run, with both shapes.
#[test]
fn a_network_that_does_not_fit_is_no_run() {
    let trained = Trained::new(&format!("kind = \"csv\"\npath = {:?}", own("iris.csv")), CONVOLUTION, 3);
    assert!(!trained.output.status.success() && !run(trained.folder.path()).exists());
    let said = trained.said();
    assert!(said.contains("takes pictures, shape [channels, height, width]") && said.contains("shape [4]"), "{said}");
    let trained = Trained::new(&format!("kind = \"csv\"\npath = {:?}", own("iris.csv")), HIDDEN, 2);
    assert!(trained.said().contains("one number for each of the 3 classes of `csv`"), "{}", trained.said());
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("t.csv");
    fs::write(&table, "a,b,k\n1,2,x\n3,,y\n").unwrap();
    let trained = Trained::new(&format!("kind = \"csv\"\npath = {table:?}"), HIDDEN, 2);
    let said = trained.said();
    assert!(said.contains("`data` cannot be used: `") && said.contains("has nothing in line 3, column `b`"), "{said}");
    assert!(!run(trained.folder.path()).exists());
}
