use std::collections::BTreeSet;

use tch::{Device, Kind};
use torchscope::data;
use torchscope::recipe::{Activation, DataSpec, LayerSpec, OptimizerSpec};

use super::*;
use crate::path::Trail;
use crate::session::Samples;
use crate::session::tests::deterministic_moons;

/// A landscape and what it is of.
struct Subject {
    session: Session,
    landscape: Landscape,
    album: Vec<Picture>,
}

fn subject(recipe: &Recipe, session: Session, bytes: usize) -> Subject {
    let network = recipe.network(&recipe.data.input_shape()).unwrap();
    let landscape = Landscape::within(bytes, recipe, &network, &session).unwrap();
    Subject { session, landscape, album: Vec::new() }
}

/// `reference.md`'s moons.
fn moons() -> Subject {
    let (recipe, session) = deterministic_moons();
    subject(&recipe, session, path::MOST_BYTES)
}

fn session_of(recipe: &Recipe) -> Session {
    let data = data::load(&recipe.data).unwrap().training;
    let network = recipe.network(&recipe.data.input_shape()).unwrap();
    Session::new(recipe, &network, Samples::new(&data, Device::Cpu).unwrap(), None).unwrap()
}

impl Subject {
    fn evaluate(&mut self) {
        self.session.evaluate().map(drop).unwrap();
        self.landscape.remember(&self.session).unwrap();
    }

    /// Trains `epochs` epochs, and gives the parameters at the end of each, the start first where it is step 0.
    fn train(&mut self, epochs: u64) -> Vec<Tensor> {
        let mut places = Vec::new();
        if self.session.steps() == 0 {
            self.evaluate();
            places.push(self.parameters());
        }
        for _ in 0..epochs * self.session.steps_per_epoch() {
            self.session.step().map(drop).unwrap();
            if self.session.steps().is_multiple_of(self.session.steps_per_epoch()) {
                self.evaluate();
                places.push(self.parameters());
            }
        }
        places
    }

    fn parameters(&self) -> Tensor {
        path::flat(self.session.network().parameters()).unwrap()
    }

    fn present(&self) -> Present {
        self.landscape.present(&self.session).unwrap().unwrap()
    }

    fn plan(&mut self, plane: Plane) -> View {
        let present = self.present();
        self.landscape.plan(plane, &present, None, &self.session).unwrap()
    }

    /// One slice with time enough, `seconds` after the start, that ends after `cells` cells.
    fn work(&mut self, seconds: u64, cells: usize) -> bool {
        let moment = Moment { active: Duration::from_secs(seconds), watched: true, spent: Duration::ZERO, bytes: 0 };
        let mut count = 0;
        let enough = || {
            count += 1;
            count >= cells
        };
        let album = &mut self.album;
        let worked = self.landscape.work(&self.session, moment, enough, |picture| {
            album.push(picture);
            true
        });
        worked.unwrap()
    }

    /// Rests until so many cells are computed.
    fn rest(&mut self, cells: usize) {
        let mut count = 0;
        let interrupted = || {
            count += 1;
            count > cells
        };
        let album = &mut self.album;
        let hand_over = |picture| {
            album.push(picture);
            true
        };
        self.landscape.work_at_rest(&self.session, Duration::ZERO, interrupted, hand_over).unwrap();
    }

    fn conclude(&mut self) {
        let album = &mut self.album;
        let hand_over = |picture| {
            album.push(picture);
            true
        };
        self.landscape.conclude(&self.session, || false, hand_over).unwrap();
    }
}

fn part<'a>(picture: &'a Picture, tag: &str) -> &'a Content {
    let found = picture.parts.iter().find(|part| &*part.tag == tag);
    &found.unwrap_or_else(|| panic!("no {tag}")).content
}

fn numbers(picture: &Picture, tag: &str) -> Vec<f32> {
    match part(picture, tag) {
        Content::Grid(grid) => grid.values.iter().copied().collect(),
        Content::Numbers(numbers) => numbers.values.clone(),
        other => panic!("{tag} is {other:?}"),
    }
}

/// Cells across each picture's losses; 0 where it has none.
fn across(pictures: &[Picture]) -> Vec<usize> {
    let of = |picture: &Picture| {
        picture.parts.iter().find_map(|part| match &part.content {
            Content::Grid(grid) => Some(grid.values.nrows()),
            _ => None,
        })
    };
    pictures.iter().map(|picture| of(picture).unwrap_or(0)).collect()
}

fn dot(a: &Tensor, b: &Tensor) -> f64 {
    a.dot(b).double_value(&[])
}

/// `reference.md`: shares .9837 and .0097 over 101 snapshots, about their mean.
#[test]
fn the_path_of_the_deterministic_run_is_nearly_straight() {
    let mut subject = moons();
    let places = subject.train(100);
    assert_eq!(places.len(), 101);
    let view = subject.plan(Plane::Path);
    let [first, second] = view.frame.shares();
    assert!((first - 0.983_726).abs() < 1e-5 && (second - 0.009_720).abs() < 1e-5, "{first} {second}");

    let directions = view.frame.directions();
    let [one, two] = [directions.get(0), directions.get(1)];
    assert!((dot(&one, &one) - 1.0).abs() < 1e-9 && (dot(&two, &two) - 1.0).abs() < 1e-9);
    assert!(dot(&one, &two).abs() < 1e-9);
    let mean = Tensor::stack(&places, 0).mean_dim([0].as_slice(), false, Kind::Double);
    let points = view.frame.points();
    assert_eq!(points.len(), 101);
    let [x0, x1, y0, y1] = view.frame.extent();
    for (point, place) in points.iter().zip(&places) {
        let offset = place - &mean;
        let [x, y] = point.place;
        assert!((x - dot(&offset, &one)).abs() < 1e-9 && (y - dot(&offset, &two)).abs() < 1e-9);
        // Pythagoras, without the plane's own arithmetic.
        let off = (dot(&offset, &offset) - x * x - y * y).sqrt();
        assert!((point.distance - off).abs() < 1e-6, "{} {off}", point.distance);
        assert!((x0..=x1).contains(&x) && (y0..=y1).contains(&y));
    }
    for axis in [0, 1] {
        let from_start = points.iter().map(|point| point.place[axis] - points[0].place[axis]);
        let farthest = from_start.fold(0.0_f64, |far, next| if next.abs() > far.abs() { next } else { far });
        assert!(farthest > 0.0, "an axis points to where the path goes");
    }
    assert!((points[0].station.loss - 0.693_302_995_1).abs() < 1e-8);
    assert!((points[10].station.loss - 0.218_364_491_6).abs() < 1e-8);
    assert_eq!((points[100].station.step, points[100].station.epoch), (1600, 100.0));
}

#[test]
fn axes_keep_the_side_that_the_last_picture_had() {
    let mut subject = moons();
    subject.train(10);
    let mut view = subject.plan(Plane::Path);
    let by_rule = view.frame.directions().shallow_clone();
    let axes = Axes { origin: subject.parameters(), directions: -&by_rule, shares: view.frame.shares() };
    let present = subject.present();
    let end = (present.station, &present.parameters);
    view.frame = Frame::new(axes, &mut subject.landscape.path, end, 1.0, Device::Cpu).unwrap();
    subject.landscape.shown = Some(view);
    subject.train(2);
    let present = subject.present();
    let next = subject.landscape.begin(&present, &subject.session).unwrap();
    let cosine = |axis| dot(&next.frame.directions().get(axis), &by_rule.get(axis));
    assert!(cosine(0) < -0.9 && cosine(1) < -0.9, "{} {}", cosine(0), cosine(1));
    subject.landscape.shown = None;
    let first = subject.plan(Plane::Path);
    assert!(dot(&first.frame.directions().get(0), &by_rule.get(0)) > 0.9);
}

#[test]
fn every_filter_of_a_direction_is_as_long_as_that_of_the_network() {
    let shapes = [vec![4, 3], vec![4], vec![2, 4, 3, 3], vec![2], vec![1, 2]];
    let counts: Vec<i64> = shapes.iter().map(|shape| shape.iter().product()).collect();
    let parameters = Tensor::arange(counts.iter().sum::<i64>(), (Kind::Double, Device::Cpu)) * 0.1 - 3.0;
    let directions = axes::random(3, &shapes, &parameters).unwrap();
    assert_eq!(directions.size(), [2, counts.iter().sum::<i64>()]);
    let mut start = 0;
    for (shape, count) in shapes.iter().zip(&counts) {
        let own = parameters.narrow(0, start, *count).view([shape[0], -1]);
        for place in [0, 1] {
            let piece = directions.get(place).narrow(0, start, *count).view([shape[0], -1]);
            if shape.len() < 2 {
                assert_eq!(piece.abs().max().double_value(&[]), 0.0);
                continue;
            }
            for row in 0..shape[0] {
                let [ours, theirs] = [&piece, &own].map(|rows| rows.get(row).norm().double_value(&[]));
                assert!((ours - theirs).abs() < 1e-12 * theirs, "{shape:?}, row {row}: {ours} {theirs}");
            }
        }
        start += count;
    }
    let [one, two] = [directions.get(0), directions.get(1)];
    assert!(dot(&one, &two).abs() < 0.9 * one.norm().double_value(&[]) * two.norm().double_value(&[]));
    assert_eq!(directions, axes::random(3, &shapes, &parameters).unwrap());
    assert_ne!(directions, axes::random(4, &shapes, &parameters).unwrap());
    let nothing = axes::random(3, &shapes, &parameters.zeros_like()).unwrap();
    assert_eq!(nothing.abs().max().double_value(&[]), 0.0);
}

#[test]
fn the_path_is_on_random_directions_where_it_is_closest_to_them() {
    let mut subject = moons();
    let places = subject.train(12);
    let view = subject.plan(Plane::Random);
    let directions = view.frame.directions();
    let [one, two] = [directions.get(0), directions.get(1)];
    assert!(dot(&one, &two).abs() > 1e-3, "they are not perpendicular, or this would show nothing");
    for (point, place) in view.frame.points().iter().zip(&places) {
        let left = place - view.frame.at(point.place).unwrap();
        let distance = left.norm().double_value(&[]);
        assert!((point.distance - distance).abs() < 1e-9);
        assert!(dot(&left, &one).abs() < 1e-9 && dot(&left, &two).abs() < 1e-9, "what is left stands upright on both");
    }
    let present = view.frame.points().last().unwrap();
    assert_eq!((present.place, present.distance), ([0.0; 2], 0.0));
    assert!(view.frame.shares().iter().all(|share| share.is_nan()));
    let [x0, x1, y0, y1] = view.frame.extent();
    assert!(x1 - x0 >= 2.0 * LEAST_OF_RANDOM && y1 - y0 >= 2.0 * LEAST_OF_RANDOM);
    for Point { place: [x, y], .. } in view.frame.points() {
        assert!((x0..=x1).contains(x) && (y0..=y1).contains(y));
    }
}

#[test]
fn a_large_network_has_shadows_of_its_path() {
    let (recipe, session) = deterministic_moons();
    let mut subject = subject(&recipe, session, 15 * 81 * 8);
    assert!(!subject.landscape.has_path());
    let places = subject.train(12);
    let view = subject.plan(Plane::Random);
    let points = view.frame.points();
    assert_eq!(points.len(), 13);
    for (index, (point, place)) in points.iter().zip(&places).enumerate() {
        let left = place - view.frame.at(point.place).unwrap();
        for axis in [0, 1] {
            assert!(dot(&left, &view.frame.directions().get(axis)).abs() < 1e-9);
        }
        // How far off the plane a shadow is nobody knows any more; the present is on it.
        assert_eq!(point.distance.is_nan(), index < 12, "{point:?}");
    }
    subject.conclude();
    let tags: Vec<_> = subject.album.iter().flat_map(|picture| &picture.parts).map(|part| &*part.tag).collect();
    assert_eq!(tags, ["landscape/random", "landscape/random/path", "landscape/random/facts"]);
}

#[test]
fn a_path_of_one_point_is_shown_around_it() {
    let mut subject = moons();
    subject.train(0);
    let view = subject.plan(Plane::Path);
    let [x0, x1, y0, y1] = view.frame.extent();
    let length = subject.parameters().norm().double_value(&[]);
    assert!([x0, x1, y0, y1].iter().all(|side| (side.abs() / length - LEAST_OF_LENGTH).abs() < 1e-9));
    let directions = view.frame.directions();
    assert!(dot(&directions.get(0), &directions.get(1)).abs() < 1e-9);
    assert!((directions.get(1).norm().double_value(&[]) - 1.0).abs() < 1e-9);
    // With two points there is one axis, and something beside it.
    subject.train(1);
    let view = subject.plan(Plane::Path);
    let [first, second] = view.frame.shares();
    assert!((first - 1.0).abs() < 1e-9 && second == 0.0);
    assert!(view.frame.points().iter().all(|point| point.distance < 1e-9));
}

#[test]
fn losses_over_the_plane_are_those_of_the_network_there() {
    let mut subject = moons();
    let places = subject.train(5);
    subject.rest(usize::MAX);
    assert_eq!(across(&subject.album), [11, 21, 41]);
    let [coarse, _, fine] = subject.album.as_slice() else { panic!() };
    let Content::Grid(grid) = part(fine, "landscape/path") else { panic!() };
    let view = subject.landscape.shown.as_ref().unwrap();
    assert_eq!(grid.meta.extent, Some(view.frame.extent()));
    let [x0, _, _, y1] = view.frame.extent();
    let corner = view.frame.at([x0, y1]).unwrap();
    let ground = &subject.landscape.ground;
    let loss = |flat: &Tensor| ground.loss(&subject.session, flat, &mut Partial::default(), || false).unwrap().unwrap();
    assert!((f64::from(grid.values[[0, 0]]) - loss(&corner)).abs() < 1e-6);
    let Content::Grid(first) = part(coarse, "landscape/path") else { panic!() };
    assert_eq!(first.values[[10, 3]], grid.values[[40, 12]]);
    // What the landscape computes at a snapshot is what the evaluation gave there, to the last digits.
    let path = numbers(fine, "landscape/path/path");
    assert_eq!(path.len(), 6 * 5);
    for (row, place) in path.chunks(5).zip(&places) {
        assert!((f64::from(row[2]) - loss(place)).abs() < 1e-6);
    }
    let facts = numbers(fine, "landscape/path/facts");
    assert_eq!(facts[2..5], [500.0, 500.0, 41.0]);
    let present = view.frame.points().last().unwrap();
    assert!((f64::from(facts[5]) - loss(&view.frame.at(present.place).unwrap())).abs() < 1e-6);
    assert!((f64::from(facts[6]) - loss(&subject.parameters())).abs() < 1e-6);
    assert!(fine.most_bytes() <= most_bytes());
}

#[test]
fn losses_that_are_no_numbers_stay_none() {
    let mut subject = moons();
    subject.train(1);
    let mut view = subject.plan(Plane::Random);
    let parameters = subject.parameters();
    let axes = Axes {
        directions: Tensor::full([2, 81], 1e300, (Kind::Double, Device::Cpu)),
        origin: parameters.shallow_clone(),
        shares: [f64::NAN; 2],
    };
    let present = subject.landscape.present(&subject.session).unwrap().unwrap();
    let end = (present.station, &parameters);
    view.frame = Frame::new(axes, &mut subject.landscape.path, end, 1.0, Device::Cpu).unwrap();
    view.refine(&subject.landscape.ground, &subject.session, &mut || false).unwrap();
    let parts = subject.landscape.parts(&view, Plane::Random, &present, &subject.session).unwrap();
    let Content::Grid(grid) = &parts[0].content else { panic!() };
    assert_eq!(grid.values.nrows(), 11);
    assert!(grid.values.iter().any(|value| value.is_nan()));
    assert!((f64::from(grid.values[[5, 5]]) - present.station.loss).abs() < 1e-6, "the middle is the present");
    let read = Grid::decode(&grid.encode().unwrap()).unwrap();
    for (before, after) in grid.values.iter().zip(&read.values) {
        assert_eq!(before.is_finite(), after.is_finite());
    }
}

#[test]
fn the_landscape_grows_in_slices_while_the_path_goes_on() {
    let mut subject = moons();
    subject.train(20);
    let mut seconds = 0;
    let mut slices = |subject: &mut Subject, count: usize| {
        (0..count)
            .filter(|_| {
                seconds += 1;
                subject.work(seconds, 40)
            })
            .count()
    };
    // 121 cells, then 320, then 1,240, by forty; a level ends its slice.
    assert_eq!(slices(&mut subject, 3), 3);
    assert_eq!(across(&subject.album), [0; 0]);
    assert_eq!(slices(&mut subject, 1), 1);
    assert_eq!(across(&subject.album), [11]);
    // The path goes on over the plane as it is, and the plane is refined.
    subject.train(1);
    assert_eq!(slices(&mut subject, 8), 8);
    assert_eq!(across(&subject.album), [11, 11, 21], "each picture stands for itself");
    let points = |picture: &Picture| numbers(picture, "landscape/path/path").len() / 5;
    assert_eq!(subject.album.iter().map(points).collect::<Vec<_>>(), [21, 22, 22]);
    assert!(slices(&mut subject, 31) >= 31);
    assert_eq!(across(&subject.album), [11, 11, 21, 41]);
    assert_eq!(slices(&mut subject, 5), 0, "there is nothing left to do");
    // Twice as far a new plane is due.
    subject.train(30);
    slices(&mut subject, 4);
    assert_eq!(across(&subject.album)[4..], [41, 11], "the way out of the old one first");
    subject.landscape.turn_to(Plane::Random);
    slices(&mut subject, 4);
    let last = subject.album.last().unwrap();
    assert_eq!(&*last.parts[0].tag, "landscape/random");
    assert!(subject.album.windows(2).all(|pair| pair[0].step <= pair[1].step));
}

#[test]
fn training_time_must_be_earned() {
    let mut subject = moons();
    subject.train(2);
    let mut work = |millis: u64, spent: Duration| {
        let moment = Moment { active: Duration::from_millis(millis), watched: true, spent, bytes: 0 };
        subject.landscape.work(&subject.session, moment, || true, |_| true).unwrap()
    };
    // Two hundredths of 100 ms are no slice; those of 300 ms are, unless all that probes may take is taken.
    assert!(!work(100, Duration::ZERO));
    assert!(!work(300, Duration::from_millis(16)));
    assert!(work(301, Duration::from_millis(10)));
    subject.landscape.worked(SLICE);
    assert!(!subject.landscape.may_be_due(Duration::from_millis(310)));
    let moment = Moment { active: Duration::from_millis(330), watched: true, spent: SLICE, bytes: 0 };
    assert!(!subject.landscape.work(&subject.session, moment, || true, |_| true).unwrap());
}

#[test]
fn rest_can_be_interrupted_and_goes_on() {
    let mut subject = moons();
    subject.train(4);
    subject.session.step().map(drop).unwrap();
    subject.rest(100);
    assert_eq!(across(&subject.album), [0; 0]);
    subject.rest(100);
    assert_eq!(across(&subject.album), [11]);
    let path = numbers(&subject.album[0], "landscape/path/path");
    assert_eq!(path.len(), 6 * 5);
    assert_eq!(path[5 * 5 + 4], 4.0625, "the present is the first of sixteen steps into an epoch");
    subject.rest(usize::MAX);
    subject.rest(usize::MAX);
    assert_eq!(across(&subject.album), [11, 21, 41]);
    subject.landscape.turn_to(Plane::Random);
    subject.rest(usize::MAX);
    assert_eq!(across(&subject.album), [11, 21, 41, 11, 21, 41]);
    assert!(subject.album.iter().all(|picture| picture.step == 65));
}

#[test]
fn the_end_shows_the_whole_path_on_every_plane() {
    let mut subject = moons();
    subject.train(3);
    subject.landscape.plan = subject.landscape.plan.with_end(2.0 * 41.0 * 41.0);
    subject.conclude();
    assert_eq!(across(&subject.album), [41, 41]);
    let tags: BTreeSet<_> = subject.album.iter().flat_map(|picture| &picture.parts).map(|part| &*part.tag).collect();
    assert_eq!(tags.len(), 9, "{tags:?}");
    let whole = numbers(&subject.album[0], "landscape/whole");
    assert_eq!(whole, numbers(&subject.album[0], "landscape/path"));
    subject.album.clear();
    // With room for as much as the coarsest level of the other plane and nothing more.
    subject.landscape.plan = subject.landscape.plan.with_end(2.0 * 121.0);
    subject.conclude();
    assert_eq!(across(&subject.album), [11, 11]);
    subject.album.clear();
    subject.landscape.plan = subject.landscape.plan.with_end(0.0);
    subject.conclude();
    assert_eq!(across(&subject.album), [11], "without room only the first plane, and coarsely");
}

/// With everything whose state could be touched: running statistics, dropout, momenta, an order of samples.
#[test]
fn training_is_the_same_to_the_last_bit_with_and_without() {
    let mut recipe = Recipe::load("moons", &[]).unwrap();
    recipe.data = DataSpec::Moons { samples: 60, noise: 0.1, seed: 0 };
    recipe.optimizer = OptimizerSpec::Sgd { lr: 0.1, momentum: 0.9, nesterov: false, weight_decay: 0.01 };
    recipe.batch_size = 16;
    recipe.shuffle = true;
    recipe.model.layers = vec![
        LayerSpec::Dense { units: 6, activation: Activation::Linear },
        LayerSpec::BatchNorm { activation: Activation::Relu },
        LayerSpec::Dropout { rate: 0.3 },
        LayerSpec::Dense { units: 1, activation: Activation::Sigmoid },
    ];
    let mut plain = session_of(&recipe);
    let mut subject = subject(&recipe, session_of(&recipe), path::MOST_BYTES);
    subject.evaluate();
    for step in 1..=40_u64 {
        let expected = plain.step().unwrap();
        let got = subject.session.step().unwrap();
        assert_eq!(got.double_value(&[]).to_bits(), expected.double_value(&[]).to_bits(), "loss of step {step}");
        if step.is_multiple_of(4) {
            plain.evaluate().map(drop).unwrap();
            subject.evaluate();
        }
        subject.work(step, 100);
        if step == 20 {
            subject.rest(600);
            subject.landscape.turn_to(Plane::Random);
        }
    }
    subject.conclude();
    assert!(subject.album.len() > 8, "{}", subject.album.len());
    let bits = |tensor: &Tensor| {
        let numbers = Vec::<f32>::try_from(tensor.detach().reshape([-1])).unwrap();
        numbers.into_iter().map(f32::to_bits).collect::<Vec<_>>()
    };
    let pairs = subject.session.network().parameters().iter().zip(plain.network().parameters());
    for (ours, theirs) in pairs {
        assert_eq!(bits(ours), bits(theirs));
        assert!(ours.requires_grad());
    }
    // Running statistics are no parameters, but the outputs depend on them.
    let inputs = &plain.samples().inputs;
    assert_eq!(bits(&subject.session.outputs(inputs).unwrap()), bits(&plain.outputs(inputs).unwrap()));
    let [ours, theirs] = [&mut subject.session, &mut plain].map(|session| session.step().unwrap().double_value(&[]));
    assert_eq!(ours.to_bits(), theirs.to_bits());
    assert_eq!(subject.session.gradient_norm().unwrap().to_bits(), plain.gradient_norm().unwrap().to_bits());
}

#[test]
fn the_byte_budget_bounds_all_but_the_end() {
    let (mut recipe, _) = deterministic_moons();
    for (mebibytes, shown) in [(0.0, false), (4.0, true)] {
        recipe.record.image_budget_mib = mebibytes;
        let (_, session) = deterministic_moons();
        let mut subject = subject(&recipe, session, path::MOST_BYTES);
        subject.train(0);
        for second in 1..=200 {
            subject.train(1);
            subject.work(10 * second, 500);
            if second % 20 == 0 {
                subject.rest(usize::MAX);
            }
        }
        assert_eq!(!subject.album.is_empty(), shown);
        subject.conclude();
        let bytes: u64 = subject.album.iter().map(Picture::most_bytes).sum();
        let budget = (mebibytes * f64::from(1 << 20)) as u64 / OF_LANDSCAPES;
        assert!(bytes <= budget.max(3 * most_bytes()), "{bytes} of {budget}");
    }
}

#[test]
fn a_path_that_has_outgrown_its_numbers_lies_on_spare_axes() {
    let start = Tensor::zeros([3], (Kind::Float, Device::Cpu));
    let rows = Tensor::from_slice(&[0.0_f32, 0.0, 0.0, 1e30, 0.0, 0.0]).view([2, 3]);
    let gram = ndarray::array![[0.0, 0.0], [0.0, f64::INFINITY]];
    let stations = [0_u64, 1].map(|step| Station { step, epoch: step as f64, loss: 1.0 }).to_vec();
    let trail = Trail { stations, start: &start, rows, gram: gram.view() };
    let spare = [1.0_f32, 0.0, 0.0, 0.0, 1.0, 0.0];
    let axes = axes::principal(&trail, None, || Ok(Tensor::from_slice(&spare).view([2, 3]))).unwrap();
    assert_eq!(Vec::<f32>::try_from(axes.directions.view([-1])).unwrap(), spare);
    assert_eq!(axes.shares, [0.0; 2]);
}

/// Moments of a run of so many epochs, as the log has them: of a run left alone, or of one somebody watches between them, or of
/// one that goes on from a checkpoint after each epoch.
fn recorded(epochs: u64, watched: bool, restarted: bool) -> Vec<Picture> {
    let mut subject = moons();
    let start = subject.parameters();
    let per_epoch = subject.session.steps_per_epoch();
    let moments = crate::probe::Moments::new(epochs * per_epoch, 40);
    let mut album = Vec::new();
    subject.evaluate();
    for step in 0..=epochs * per_epoch {
        if step > 0 {
            subject.session.step().map(drop).unwrap();
            if step.is_multiple_of(per_epoch) {
                subject.evaluate();
            }
        }
        if let Some(place) = moments.place(step) {
            let hand_over = |picture| {
                album.push(picture);
                true
            };
            subject.landscape.take_moment(&subject.session, (place, moments.len()), hand_over).unwrap();
        }
        if watched {
            if step == 40 {
                subject.landscape.turn_to(Plane::Random);
            }
            subject.work(step, 30);
        }
        if restarted && step % per_epoch == 7 {
            let (mut tensors, mut looks) = (Tensors::default(), Looks::default());
            let state = subject.landscape.save(&mut tensors, &mut looks).unwrap();
            let bytes = crate::checkpoint::in_memory(&mut tensors);
            let (recipe, _) = deterministic_moons();
            let network = recipe.network(&recipe.data.input_shape()).unwrap();
            subject.landscape = Landscape::new(&recipe, &network, &subject.session).unwrap();
            let source = Source::new(&bytes).unwrap();
            subject.landscape.restore(&start, &source, (&state, &looks)).unwrap();
        }
    }
    assert_eq!(watched, !subject.album.is_empty());
    assert_eq!(album.len(), moments.len());
    album
}

#[test]
fn moments_are_the_same_whoever_watches_and_however_often_it_is_restarted() {
    let left_alone = recorded(9, false, false);
    let mut planes: Vec<_> = left_alone.iter().map(|picture| numbers(picture, "landscape/path")).collect();
    assert!(planes.iter().all(|plane| plane.len() >= 121));
    planes.dedup();
    assert!((5..=40).contains(&planes.len()), "{} planes", planes.len());
    // Text, not numbers: what is no number is not equal to itself.
    let shown = |album: Vec<Picture>| format!("{album:?}");
    let expected = shown(left_alone);
    assert!(shown(recorded(9, true, false)) == expected, "somebody watches");
    assert!(shown(recorded(9, false, true)) == expected, "it goes on from checkpoints");
}

#[test]
fn true_losses_and_those_of_the_plane_are_of_the_same_samples() {
    let recipe = Recipe::load("moons", &[("data.samples".to_owned(), "6000".to_owned())]).unwrap();
    let mut subject = subject(&recipe, session_of(&recipe), path::MOST_BYTES);
    subject.train(1);
    subject.conclude();
    let facts = numbers(&subject.album[0], "landscape/path/facts");
    assert_eq!(facts[2..4], [2000.0, 6000.0]);
    let path = numbers(&subject.album[0], "landscape/path/path");
    let evaluated = path[path.len() - 3];
    let all = subject.session.evaluation().unwrap().1.loss as f32;
    let there = ground_loss(&subject);
    assert!(
        (evaluated - all).abs() < 1e-6 && (facts[6] - there).abs() < 1e-6 && (all - there).abs() > 1e-6,
        "{facts:?}"
    );
}

/// The loss of the network as it is on the landscape's samples.
fn ground_loss(subject: &Subject) -> f32 {
    let ground = &subject.landscape.ground;
    let loss = ground.loss(&subject.session, &subject.parameters(), &mut Partial::default(), || false);
    loss.unwrap().unwrap() as f32
}
