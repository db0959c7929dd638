use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::Array3;
use tch::{Device, Tensor};
use torchscope::data::{self, Split};
use torchscope::log::{Data, Grid, LogReader, tags};
use torchscope::recipe::{Activation, DataSpec, LayerSpec, Loss, Padding, Target};
use torchscope::run::{RunDir, State};

use super::*;
use crate::inbox::{Inbox, Order};
use crate::outcome::Outcome;
use crate::recorder::{Content, Origin, Recorder};
use crate::session::Samples;
use crate::status::{Live, Status};
use crate::train::Trainer;

const STEP: Duration = Duration::from_millis(100);

/// A recipe with its data and its network as it starts.
struct Subject {
    recipe: Recipe,
    network: recipe::Network,
    data: Split,
    session: Session,
    gallery: Gallery,
}

fn dense(units: usize, activation: Activation) -> LayerSpec {
    LayerSpec::Dense { units, activation }
}

fn conv(filters: usize) -> LayerSpec {
    LayerSpec::Conv2d { filters, kernel: 3, stride: 1, padding: Padding::Valid, activation: Activation::Relu }
}

fn recipe(data: DataSpec, loss: Loss, layers: Vec<LayerSpec>) -> Recipe {
    let mut recipe = Recipe::load("moons", &[]).unwrap();
    (recipe.data, recipe.loss, recipe.model.layers) = (data, loss, layers);
    recipe
}

fn moons(layers: Vec<LayerSpec>) -> Recipe {
    recipe(DataSpec::Moons { samples: 100, noise: 0.1, seed: 0 }, Loss::Bce, layers)
}

fn digits(target: Target, loss: Loss, layers: Vec<LayerSpec>) -> Recipe {
    recipe(DataSpec::Mnist { train: 200, test: 100, target }, loss, layers)
}

fn classifier() -> Recipe {
    let pool = LayerSpec::MaxPool2d { size: 2, stride: 2, padding: Padding::Valid };
    // Kernels of 4 * 9, and of 128 * 4 * 9 = 4,608 numbers.
    let layers = vec![conv(4), pool, conv(128), LayerSpec::Flatten, dense(10, Activation::Linear)];
    let mut recipe = digits(Target::Label, Loss::CrossEntropy, layers);
    recipe.probe.pictures = vec!["cat".to_owned(), "cat".to_owned()];
    recipe
}

fn autoencoder(loss: Loss) -> Recipe {
    let sizes = [(16, Activation::Relu), (4, Activation::Relu), (16, Activation::Relu), (784, Activation::Sigmoid)];
    let dense = sizes.map(|(units, activation)| dense(units, activation));
    digits(Target::Input, loss, [LayerSpec::Flatten].into_iter().chain(dense).collect())
}

fn subject(recipe: Recipe) -> Subject {
    let data = data::load(&recipe.data).unwrap();
    let network = recipe.network(&recipe.data.input_shape()).unwrap();
    let samples = |data| Samples::new(data, Device::Cpu).unwrap();
    let test = data.test.as_ref().map(samples);
    let session = Session::new(&recipe, &network, samples(&data.training), test).unwrap();
    let pictures = pictures(&recipe.probe, &network).unwrap();
    let sets = [&data.training, data.test.as_ref().unwrap_or(&data.training)];
    let gallery = Gallery::new(&recipe, &network, sets, &session, &pictures).unwrap();
    Subject { recipe, network, data, session, gallery }
}

impl Subject {
    /// The pictures that rest gives.
    fn rest(&mut self) -> Vec<Picture> {
        let mut album = Vec::new();
        let hand_over = |picture| {
            album.push(picture);
            true
        };
        self.gallery.look_at_rest(&self.session, Duration::ZERO, hand_over).unwrap();
        album
    }

    /// The pictures that a rest between others gives, when all so far took `bytes` and the run is `active` old.
    fn pause(&mut self, active: Duration, bytes: u64) -> Vec<Picture> {
        let mut album = Vec::new();
        let hand_over = |picture| {
            album.push(picture);
            true
        };
        self.gallery.look_at_pause(&self.session, active, bytes, hand_over).unwrap();
        album
    }

    /// The pictures that the look after `looks` tenths of a second gives, each followed by a step.
    fn look(&mut self, looks: u32, takes: bool) -> Vec<Picture> {
        let mut album = Vec::new();
        let hand_over = |picture| {
            album.push(picture);
            takes
        };
        let active = STEP * looks;
        let moment = Moment { active, watched: true, spent: Duration::ZERO, bytes: 0 };
        if self.gallery.look(&self.session, moment, hand_over).unwrap() {
            self.gallery.looked(active, Duration::ZERO);
        }
        self.session.step().map(drop).unwrap();
        album
    }
}

/// Tags and shapes of the contents: those of an atlas are of its maps.
fn shapes(pictures: &[Picture]) -> Vec<(&str, Vec<usize>)> {
    let parts = pictures.iter().flat_map(|picture| &picture.parts);
    parts
        .map(|part| match &part.content {
            Content::Grid(grid) if grid.meta.tiles.is_some() => (&*part.tag, maps(grid).shape().to_vec()),
            Content::Grid(grid) => (&*part.tag, grid.values.shape().to_vec()),
            Content::Numbers(numbers) => (&*part.tag, numbers.shape.clone()),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn tags_of(pictures: &[Picture]) -> Vec<&str> {
    shapes(pictures).into_iter().map(|(tag, _)| tag).collect()
}

fn maps(grid: &Grid) -> Array3<f32> {
    grid.maps().unwrap()
}

fn content<'a>(pictures: &'a [Picture], tag: &str) -> &'a Content {
    let mut found = pictures.iter().flat_map(|picture| &picture.parts).filter(|part| &*part.tag == tag);
    let part = found.next().unwrap_or_else(|| panic!("no {tag} in {:?}", tags_of(pictures)));
    assert!(found.next().is_none(), "{tag} twice");
    &part.content
}

/// The values of a grid, tile by tile.
fn values(pictures: &[Picture], tag: &str) -> Vec<f32> {
    match content(pictures, tag) {
        Content::Grid(grid) => maps(grid).iter().copied().collect(),
        Content::Numbers(numbers) => numbers.values.clone(),
        other => panic!("{other:?}"),
    }
}

fn flat(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.detach().contiguous().view([-1])).unwrap()
}

#[test]
fn a_network_with_a_plane_shows_the_plane() {
    let relu = Activation::Relu;
    let mut subject = subject(moons(vec![dense(6, relu), dense(70, relu), dense(1, Activation::Sigmoid)]));
    subject.session.evaluate().unwrap();
    assert_eq!(subject.gallery.probes(), [""; 0]);
    let pictures = subject.rest();
    let expected: [(&str, &[usize]); 9] = [
        ("confusion", &[2, 2]),
        ("peak/dense1", &[6]),
        ("peak/dense2", &[70]),
        ("peak/dense3", &[1]),
        ("boundary/points", &[100, 3]),
        ("boundary/p", &[96, 128]),
        ("boundary/points_p", &[100]),
        ("response/dense1", &[6, 18, 24]),
        ("response/dense2", &[64, 18, 24]),
    ];
    assert_eq!(shapes(&pictures), expected.map(|(tag, shape)| (tag, shape.to_vec())));

    let Content::Grid(boundary) = content(&pictures, tags::BOUNDARY_P) else { panic!() };
    assert_eq!((boundary.meta.min, boundary.meta.max), (0.0, 1.0));
    has_the_corners_of_the_plane(&subject, &pictures, 1);
}

/// The corners of the thumbnails of the dense layer at `place` are those of the plane, before the activation.
fn has_the_corners_of_the_plane(subject: &Subject, pictures: &[Picture], place: usize) {
    let Content::Grid(boundary) = content(pictures, tags::BOUNDARY_P) else { panic!() };
    let [x0, x1, y0, y1] = boundary.meta.extent.unwrap();
    let corners = [[x0, y1], [x1, y1], [x0, y0], [x1, y0]].concat();
    let corners = Tensor::from_slice(&corners.iter().map(|v| *v as f32).collect::<Vec<_>>()).view([4, 2]);
    let trace = subject.session.trace(&corners).unwrap();
    let name = &subject.network.layers[place].name;
    let Content::Grid(response) = content(pictures, &tags::of_layer(tags::RESPONSE, name)) else { panic!() };
    let response = maps(response);
    for unit in [0, 1, 63] {
        let seen = [(0, 0), (0, 23), (17, 0), (17, 23)].map(|(row, column)| response[[unit, row, column]]);
        let expected = flat(&trace[place].before.narrow(1, unit as i64, 1));
        assert!(seen.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-5), "{seen:?} {expected:?}");
    }
    assert!(response.iter().any(|value| *value < 0.0));
}

#[test]
fn wide_layers_are_seen_over_the_plane_in_pieces() {
    let relu = Activation::Relu;
    let mut subject = subject(moons(vec![dense(2000, relu), dense(1, Activation::Sigmoid)]));
    assert!(subject.session.pieces(18 * 24).count() > 1);
    let pictures = subject.rest();
    assert!(shapes(&pictures).contains(&("response/dense1", vec![64, 18, 24])));
    has_the_corners_of_the_plane(&subject, &pictures, 0);
}

#[test]
fn without_one_output_there_is_no_boundary_and_without_hidden_layers_no_response() {
    let blobs = DataSpec::Blobs { samples: 30, centers: 3, spread: 1.0, seed: 0 };
    let layers = vec![dense(5, Activation::Tanh), dense(3, Activation::Linear)];
    let mut many = subject(recipe(blobs, Loss::CrossEntropy, layers));
    assert_eq!(shapes(&many.rest()), [("response/dense1", vec![5, 18, 24])]);
    let mut shallow = subject(moons(vec![dense(1, Activation::Sigmoid)]));
    assert_eq!(tags_of(&shallow.rest()), [tags::BOUNDARY_POINTS, tags::BOUNDARY_P, tags::BOUNDARY_POINTS_P]);
}

#[test]
fn every_layer_shows_what_it_makes_of_every_probe() {
    let mut subject = subject(classifier());
    subject.session.evaluate().unwrap();
    let names = ["cat", "cat-2", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    assert_eq!(subject.gallery.probes(), names);
    let pictures = subject.rest();
    assert_eq!(pictures.len(), 1 + names.len());
    assert!(pictures.iter().all(|picture| picture.step == 0));
    let layers = [("conv1", [4, 26, 26]), ("pool1", [4, 13, 13]), ("conv2", [128, 11, 11]), ("dense1", [10, 1, 1])];
    let mut expected: Vec<(String, Vec<usize>)> = vec![("confusion".into(), vec![10, 10])];
    expected.extend(layers.map(|(layer, [channels, ..])| (format!("peak/{layer}"), vec![channels])));
    for name in names {
        expected.push((format!("maps/input/{name}"), vec![1, 28, 28]));
        expected.extend(layers.map(|(layer, shape)| (format!("maps/{layer}/{name}"), shape.to_vec())));
        if name == "cat" {
            expected.push(("kernels/conv1".into(), vec![4, 3, 3]));
            expected.push(("kernels/conv2".into(), vec![512, 3, 3]));
        }
    }
    let seen: Vec<_> = shapes(&pictures).into_iter().map(|(tag, shape)| (tag.to_owned(), shape)).collect();
    assert_eq!(seen, expected);

    // What goes to the log is what the network computes, to half of 1/65,535 of its range.
    let test = subject.data.test.as_ref().unwrap();
    let labels = test.labels.as_ref().unwrap();
    for (place, name) in names.iter().enumerate() {
        let pixels = values(&pictures, &tags::map(tags::INPUT, name));
        if place >= 2 {
            let sample = labels.iter().position(|label| label.to_string() == *name).unwrap();
            let pixels_there = test.inputs.index_axis(ndarray::Axis(0), sample);
            assert_eq!(pixels, pixels_there.iter().copied().collect::<Vec<_>>());
        }
        let trace = subject.session.trace(&Tensor::from_slice(&pixels).view([1, 1, 28, 28])).unwrap();
        for (index, layer) in subject.network.layers.iter().enumerate().filter(|(_, layer)| layer.is_pictured()) {
            let Content::Grid(grid) = content(&pictures, &tags::map(&layer.name, name)) else { panic!() };
            assert_eq!(grid.meta.about.layer.as_ref(), Some(&layer.name));
            let read = Grid::decode(&grid.encode().unwrap()).unwrap();
            let half_level = (grid.meta.max - grid.meta.min) / 131_070.0;
            for (seen, value) in maps(&read).iter().zip(flat(&trace[index].before)) {
                assert!((seen - value).abs() <= half_level * 1.01 + 1e-6, "{} {name}: {seen} {value}", layer.name);
            }
        }
    }
    assert_eq!(values(&pictures, "kernels/conv1"), flat(&subject.session.network().parameters()[0]));
    assert_eq!(values(&pictures, "kernels/conv2"), flat(&subject.session.network().parameters()[2]));
}

#[test]
fn an_autoencoder_shows_codes_and_what_becomes_of_them() {
    let mut subject = subject(autoencoder(Loss::Bce));
    let pictures = subject.rest();
    let of_code: Vec<_> = shapes(&pictures)
        .into_iter()
        .filter(|(tag, _)| tag.starts_with("reconstruction/") || tag.starts_with("code/"))
        .collect();
    let expected: [(&str, &[usize]); 6] = [
        ("reconstruction/input", &[10, 28, 28]),
        ("reconstruction/labels", &[10]),
        ("code/labels", &[100]),
        ("reconstruction/output", &[10, 28, 28]),
        ("reconstruction/codes", &[10, 4]),
        ("code/points", &[100, 4]),
    ];
    assert_eq!(of_code, expected.map(|(tag, shape)| (tag, shape.to_vec())));
    assert_eq!(subject.gallery.probes(), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    assert_eq!(values(&pictures, tags::RECONSTRUCTION_LABELS), [0., 1., 2., 3., 4., 5., 6., 7., 8., 9.]);
    let inputs = values(&pictures, tags::RECONSTRUCTION_INPUT);
    assert_eq!(inputs[7 * 784..8 * 784], values(&pictures, "maps/input/7"));

    let session = &subject.session;
    let trace = session.trace(&Tensor::from_slice(&inputs).view([10, 1, 28, 28])).unwrap();
    let close = |a: &[f32], b: &[f32]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-5);
    assert!(close(&values(&pictures, tags::RECONSTRUCTION_CODES), &flat(&trace[2].after)));
    assert!(close(&values(&pictures, tags::RECONSTRUCTION_OUTPUT), &flat(&trace[4].after)));
    let trace = session.trace(&session.evaluated().inputs).unwrap();
    assert!(close(&values(&pictures, tags::CODE_POINTS), &flat(&trace[2].after)));
    assert!(!values(&pictures, tags::CODE_POINTS).iter().any(|value| *value < 0.0), "after the activation");
}

#[test]
fn without_samples_only_the_codes_are_left() {
    let mut recipe = autoencoder(Loss::Mse);
    recipe.probe.samples = 0;
    let mut subject = subject(recipe);
    assert_eq!(tags_of(&subject.rest()), [tags::CODE_LABELS, tags::CODE_POINTS]);
}

#[test]
fn evaluations_are_counted_in_full() {
    let mut subject = subject(classifier());
    let evaluation = subject.session.evaluate().unwrap().clone();
    let pictures = subject.rest();
    let confusion = values(&pictures, tags::CONFUSION);
    assert_eq!(confusion.iter().sum::<f32>(), 100.0);
    let right: f32 = (0..10).map(|class| confusion[11 * class]).sum();
    assert_eq!(Some(f64::from(right) / 100.0), evaluation.accuracy);
    let trace = subject.session.trace(&subject.session.evaluated().inputs).unwrap();
    for (layer, output) in subject.network.layers.iter().zip(trace).filter(|(layer, _)| layer.is_pictured()) {
        let peaks = values(&pictures, &tags::of_layer(tags::PEAK, &layer.name));
        let (lowest, highest) = (output.after.min().double_value(&[]), output.after.max().double_value(&[]));
        let reached = f64::from(peaks.iter().copied().fold(0.0, f32::max));
        assert!((reached - highest.max(-lowest)).abs() < 1e-5, "{}", layer.name);
        assert_eq!(peaks.len(), layer.channels());
    }
}

#[test]
fn what_is_shown_is_not_shown_again_and_some_is_shown_only_once() {
    let mut subject = subject(autoencoder(Loss::Bce));
    subject.session.evaluate().unwrap();
    let first = subject.rest();
    assert!(subject.rest().is_empty(), "nothing has changed");
    subject.session.step().map(drop).unwrap();
    let second = subject.rest();
    let count = |pictures: &[Picture], tag: &str| tags_of(pictures).iter().filter(|seen| seen.starts_with(tag)).count();
    let once = ["maps/input/", tags::RECONSTRUCTION_INPUT, tags::RECONSTRUCTION_LABELS, tags::CODE_LABELS, tags::PEAK];
    for tag in once {
        assert!(count(&first, tag) > 0 && count(&second, tag) == 0, "{tag}");
    }
    for tag in ["maps/dense2/", tags::RECONSTRUCTION_OUTPUT, tags::RECONSTRUCTION_CODES, tags::CODE_POINTS] {
        assert_eq!(count(&first, tag), count(&second, tag), "{tag}");
    }
    assert!(second.iter().all(|picture| picture.step == 1));
    subject.session.evaluate().unwrap();
    let evaluated = subject.rest();
    assert_eq!(evaluated.len(), 1);
    assert!(tags_of(&evaluated).iter().all(|tag| tag.starts_with(tags::PEAK)));
}

#[test]
fn pictures_show_the_probes_in_turn_and_those_asked_for_most() {
    let mut recipe = classifier();
    recipe.probe.samples = 1;
    let mut subject = subject(recipe);
    let mut shown = Vec::new();
    let mut kernels = Vec::new();
    for look in 1..=24 {
        if look == 13 {
            subject.gallery.ask(2);
        }
        let pictures = subject.look(look, true);
        let tags = tags_of(&pictures);
        assert!(tags.contains(&"kernels/conv1"));
        kernels.push(tags.contains(&"kernels/conv2"));
        shown.extend(tags.iter().filter_map(|tag| tag.strip_prefix("maps/conv1/")).map(str::to_owned));
    }
    let expected = "cat cat cat cat-2 cat cat cat 0 cat cat cat cat-2 0 0 0 cat 0 0 0 cat-2 0 0 0 cat";
    assert_eq!(shown.join(" "), expected);
    let with_kernels: Vec<usize> = (0..24).filter(|look| kernels[*look]).collect();
    assert_eq!(with_kernels, [0, 8, 16]);
}

#[test]
fn what_nobody_took_is_shown_later() {
    let mut subject = subject(classifier());
    subject.session.evaluate().unwrap();
    let refused = subject.look(1, false);
    assert_eq!(refused.len(), 2, "an evaluation and a picture");
    let taken = subject.look(2, true);
    assert_eq!((taken[0].step, taken[1].step), (0, 1));
    assert_eq!(tags_of(&taken), tags_of(&refused));
    assert!(!tags_of(&subject.look(3, true)).contains(&"maps/input/cat"));
}

/// Rests and looks as a trainer would, ten times a second and watched, and adds up what the pictures take at most.
#[test]
fn the_byte_budget_holds_with_the_largest_pictures() {
    for (mebibytes, at_rest) in [(0.0, 1), (1.0, 1), (4.0, 10), (64.0, 12)] {
        let mut recipe = classifier();
        recipe.record.image_budget_mib = mebibytes;
        recipe.batch_size = 1;
        let mut subject = subject(recipe);
        let budget = (mebibytes * f64::from(1 << 20)) as u64;
        let (mut bytes, mut count) = (0, 0);
        let mut measure = |pictures: Vec<Picture>| {
            count += pictures.len();
            pictures.iter().map(Picture::most_bytes).sum::<u64>()
        };
        subject.session.evaluate().unwrap();
        let first = subject.rest();
        assert!((at_rest..=13).contains(&first.len()), "{} at {mebibytes} MiB", first.len());
        bytes += measure(first);
        for look in 1..200_u32 {
            subject.session.step().map(drop).unwrap();
            let mut album = Vec::new();
            let active = STEP * look;
            let moment = Moment { active, watched: true, spent: Duration::ZERO, bytes };
            let hand_over = |picture| {
                album.push(picture);
                true
            };
            if subject.gallery.look(&subject.session, moment, hand_over).unwrap() {
                subject.gallery.looked(active, Duration::ZERO);
            }
            bytes += measure(album);
            if look % 10 == 0 {
                subject.session.evaluate().unwrap();
                bytes += measure(subject.pause(active, bytes));
            }
        }
        subject.session.step().map(drop).unwrap();
        bytes += measure(subject.rest());
        if budget > 2 << 20 {
            assert!(bytes <= budget, "{bytes} of {budget} bytes");
            assert!(bytes > budget / 4, "{bytes} of {budget} bytes: too thrifty");
        }
        assert!(count >= 4, "the first and the last are always there");
    }
}

#[test]
fn whoever_steps_through_a_run_leaves_room_for_live_pictures() {
    let mut recipe = classifier();
    recipe.batch_size = 1;
    let mut subject = subject(recipe);
    let measure = |pictures: &[Picture]| pictures.iter().map(Picture::most_bytes).sum::<u64>();
    let mut bytes = measure(&subject.rest());
    let mut probes = Vec::new();
    let quarter = 16 << 20;
    for rest in 0..200 {
        subject.session.step().map(drop).unwrap();
        let pictures = subject.pause(STEP, bytes);
        assert!(!pictures.is_empty(), "rest {rest} shows nothing");
        let tags = tags_of(&pictures);
        assert!(tags.contains(&"maps/conv1/cat"), "the probe that is looked at is always there: {tags:?}");
        probes.push(tags.iter().filter(|tag| tag.starts_with("maps/conv1/")).count());
        assert!(subject.pause(STEP, bytes).is_empty(), "and not twice at rest {rest}");
        bytes += measure(&pictures);
    }
    assert_eq!((probes[0], probes[199]), (12, 1), "everything first, one probe when that has become much");
    assert!(probes.is_sorted_by(|earlier, later| earlier >= later), "{probes:?}");
    assert!(bytes <= 2 * quarter + (2 << 20), "{bytes} bytes");
    // Who asks for another probe while training rests sees that one.
    subject.gallery.ask(5);
    let asked = subject.pause(STEP, bytes);
    assert!(tags_of(&asked).contains(&"maps/conv1/3"), "{:?}", tags_of(&asked));
    bytes += measure(&asked);
    let mut live = 0;
    for look in 2..52 {
        subject.session.step().map(drop).unwrap();
        let moment = Moment { active: STEP * look, watched: true, spent: Duration::ZERO, bytes };
        let mut album = Vec::new();
        let hand_over = |picture| {
            album.push(picture);
            true
        };
        if subject.gallery.look(&subject.session, moment, hand_over).unwrap() {
            subject.gallery.looked(moment.active, Duration::ZERO);
        }
        live += album.len();
        bytes += measure(&album);
    }
    assert!(live >= 40, "{live} of 50 live pictures");
}

#[test]
fn references_are_those_of_known_methods() {
    // On the whole of MNIST; ours is a sample of it.
    let expected = [
        (Loss::Bce, vec![("perfect", 0.0581), ("mean image", 0.2625)]),
        (Loss::Mse, vec![("mean image", 0.0675), ("PCA-32", 0.0168)]),
    ];
    for (loss, expected) in expected {
        let mut recipe = autoencoder(loss);
        recipe.data = DataSpec::Mnist { train: 10_000, test: 2_000, target: Target::Input };
        for (place, units) in [(1, 64), (2, 32), (3, 64)] {
            recipe.model.layers[place] = dense(units, Activation::Relu);
        }
        let subject = subject(recipe);
        let references = references::measure(&subject.recipe, &subject.network, &subject.session).unwrap();
        let found: BTreeMap<_, _> = references.iter().map(|found| (found.name.as_str(), found.loss)).collect();
        for (name, loss) in expected {
            assert!((found[name] / loss - 1.0).abs() < 0.04, "{name}: {} instead of {loss}", found[name]);
        }
        assert_eq!(found.contains_key("perfect"), loss == Loss::Bce);
        // Between what cannot be beaten and what knows nothing of the picture.
        let floor = found.get("perfect").copied().unwrap_or(0.0);
        assert!(floor < found["PCA-32"] && found["PCA-32"] < found["mean image"], "{found:?}");
    }
}

#[test]
fn data_that_is_no_number_has_nothing_to_be_compared_with() {
    let subject = subject(autoencoder(Loss::Mse));
    tch::no_grad(|| {
        let _first = subject.session.samples().targets.get(0).fill_(f64::NAN);
    });
    assert_eq!(references::measure(&subject.recipe, &subject.network, &subject.session).unwrap(), []);
}

#[test]
fn only_what_repeats_its_input_has_references() {
    let subject = subject(classifier());
    assert_eq!(references::measure(&subject.recipe, &subject.network, &subject.session).unwrap(), []);
}

/// Steps and tags of all that a whole run logs beside numbers, in order; what is a grid has been read back.
fn log_of(recipe: &Recipe, orders: &[Order]) -> Vec<(i64, String)> {
    let subject = subject(recipe.clone());
    let home = tempfile::tempdir().unwrap();
    let run = RunDir::create(home.path(), recipe).unwrap();
    let inbox = Arc::new(Inbox::default());
    for order in orders {
        inbox.send(*order).unwrap();
    }
    let live = Live { state: State::Starting, lr: 0.1, pace: None, watchers: 0 };
    let status = Arc::new(Status::new(live));
    let recorder =
        Recorder::start(&run, run.meta().unwrap(), Arc::clone(&status), Arc::clone(&inbox), Origin::New).unwrap();
    let (network, status_too) = (&subject.network, Arc::clone(&status));
    let probes = (subject.gallery, None);
    let trainer = Trainer::new(recipe, network, subject.session, probes, recorder, inbox, status_too).unwrap();
    let (outcome, recorder) = trainer.run(false);
    assert_eq!(outcome.unwrap(), Outcome::Finished { remark: None });
    recorder.finish(&Outcome::Finished { remark: None }).unwrap();

    let mut seen = Vec::new();
    let (mut bytes, mut small) = (0, 0);
    let mut reader = LogReader::open(run.path()).unwrap();
    loop {
        let poll = reader.poll(1 << 20).unwrap();
        assert!(poll.notices.is_empty(), "{:?}", poll.notices);
        for record in poll.records {
            for value in record.values {
                match &value.data {
                    // Of the machine and of what the run is, which nothing here is about.
                    Data::Text(_) if value.tag.starts_with("system/") || value.tag.starts_with("gpu/") => continue,
                    Data::Document(_) | Data::Hparams(_) => continue,
                    // Of the series and of the health of the layers, which have tests of their own.
                    Data::Scalar(_) | Data::Histogram(_) => {
                        small += 1;
                        bytes += if let Data::Histogram(histogram) = &value.data {
                            16 * histogram.counts.len() as u64
                        } else {
                            0
                        };
                        continue;
                    }
                    Data::Image(image) => {
                        bytes += image.png.len() as u64;
                        assert!(Grid::decode(image).unwrap().maps().is_some());
                    }
                    Data::Tensor(tensor) => bytes += 4 * tensor.values.len() as u64,
                    other => panic!("{other:?}"),
                }
                if &*value.tag == tags::BETWEEN {
                    small += 1;
                    continue;
                }
                seen.push((record.step, value.tag.to_string()));
            }
        }
        if poll.caught_up {
            break;
        }
    }
    // Nothing waits any more, so what is reckoned with is what there is, names and framing included.
    let reckoned = status.picture_bytes();
    assert!(
        (bytes..bytes + 512 * (seen.len() as u64 + small)).contains(&reckoned),
        "{reckoned} reckoned, {bytes} in the log"
    );
    seen
}

#[test]
fn a_network_that_learns_nothing_is_shown_in_full() {
    let kinds =
        [moons(vec![dense(4, Activation::Relu), dense(1, Activation::Sigmoid)]), classifier(), autoencoder(Loss::Bce)];
    for mut recipe in kinds {
        recipe.epochs = 0;
        let mut subject = subject(recipe.clone());
        subject.session.evaluate().unwrap();
        let expected: Vec<_> = tags_of(&subject.rest()).into_iter().map(|tag| (0, tag.to_owned())).collect();
        assert!(expected.len() > 5);
        assert_eq!(log_of(&recipe, &[]), expected);
    }
}

#[test]
fn the_log_of_a_run_has_the_first_and_the_last_state_in_full() {
    let kinds =
        [moons(vec![dense(4, Activation::Relu), dense(1, Activation::Sigmoid)]), classifier(), autoencoder(Loss::Bce)];
    for mut recipe in kinds {
        (recipe.epochs, recipe.batch_size, recipe.record.probe_share) = (2, 50, 1.0);
        let mut subject = subject(recipe.clone());
        let last = 2 * subject.session.steps_per_epoch() as i64;
        subject.session.evaluate().unwrap();
        let first = subject.rest();
        subject.session.step().map(drop).unwrap();
        subject.session.evaluate().unwrap();
        let again = subject.rest();
        let log = log_of(&recipe, &[Order::Watchers(1), Order::Look(0)]);
        let at = |step: i64| {
            let mut tags: Vec<&str> = log.iter().filter(|(at, _)| *at == step).map(|(_, tag)| &**tag).collect();
            tags.sort_unstable();
            tags
        };
        let sorted = |pictures: &[Picture]| {
            let mut tags: Vec<String> = tags_of(pictures).into_iter().map(str::to_owned).collect();
            tags.sort_unstable();
            tags
        };
        assert_eq!(at(0), sorted(&first));
        assert_eq!(at(last), sorted(&again), "what is written once is there, and nothing is there twice");
        // An evaluation may come after pictures of later steps, but no series goes back.
        let mut series: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
        for (step, tag) in &log {
            series.entry(tag).or_default().push(*step);
        }
        for (tag, steps) in series {
            assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{tag} at {steps:?}");
        }
    }
}
