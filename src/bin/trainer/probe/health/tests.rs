use std::collections::BTreeMap;

use tch::Device;
use torchscope::data;

use super::*;
use crate::session::Samples;

/// Moons in numbers of `kind`, after some steps.
fn session(kind: Kind, steps: u64) -> (Session, Health) {
    let recipe = Recipe::load("moons", &[]).unwrap();
    let network = recipe.network(&[2]).unwrap();
    let data = data::load(&recipe.data).unwrap().training;
    let mut samples = Samples::new(&data, Device::Cpu).unwrap();
    (samples.inputs, samples.targets) = (samples.inputs.to_kind(kind), samples.targets.to_kind(kind));
    let mut session = Session::new(&recipe, &network, samples, None).unwrap();
    for _ in 0..steps {
        session.step().map(drop).unwrap();
    }
    let health = Health::new(&recipe, &network, &session).unwrap();
    (session, health)
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.detach().reshape([-1]).to_kind(Kind::Double)).unwrap()
}

fn contents(checkup: Checkup) -> BTreeMap<String, Content> {
    checkup.picture.parts.into_iter().map(|part| (part.tag.to_string(), part.content)).collect()
}

fn scalar(contents: &BTreeMap<String, Content>, tag: &str) -> f64 {
    match &contents[tag] {
        Content::Scalar(value) => *value,
        other => panic!("{tag} is {other:?}"),
    }
}

#[track_caller]
fn assert_near(got: f64, expected: f64) {
    assert!((got - expected).abs() <= 1e-12 * expected.abs().max(1e-3), "{got}, not {expected}");
}

fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Holds a histogram against the numbers that went into it.
#[track_caller]
fn assert_histogram(content: &Content, values: &[f64]) {
    let Content::Histogram(histogram) = content else { panic!("{content:?}") };
    let min = values.iter().copied().fold(f64::INFINITY, f64::min);
    let max = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert_eq!((histogram.min, histogram.max, histogram.count), (min, max, values.len() as f64));
    assert_near(histogram.sum, values.iter().sum());
    assert_near(histogram.sum_squares, values.iter().map(|value| value * value).sum());
    assert_eq!((histogram.limits.len(), histogram.counts.len()), (BUCKETS, BUCKETS));
    let mut counts = vec![0.0; BUCKETS];
    for value in values {
        let place = ((value - min) * ((max - min).recip() * BUCKETS as f64)) as usize;
        counts[place.min(BUCKETS - 1)] += 1.0;
    }
    assert_eq!(histogram.counts, counts);
    assert!(histogram.limits.is_sorted() && *histogram.limits.last().unwrap() == max);
}

#[test]
fn statistics_are_those_of_a_computation_in_float64() {
    let (mut session, health) = session(Kind::Double, 40);
    let before = session.copy_parameters().unwrap();
    session.step().map(drop).unwrap();
    let checkup = health.examine(&session, Some(&before)).unwrap();
    assert!(!checkup.is_broken);
    assert_eq!(checkup.picture.step, 41);
    let contents = contents(checkup);
    let names = ["dense1.weight", "dense1.bias", "dense2.weight", "dense2.bias"];
    for (place, name) in names.into_iter().enumerate() {
        let values = numbers(&session.network().parameters()[place]);
        let gradient = numbers(&session.gradients()[place]);
        let update: Vec<f64> = values.iter().zip(numbers(&before[place])).map(|(new, old)| new - old).collect();
        assert_near(scalar(&contents, &format!("norm/{name}")), length(&values));
        assert_near(scalar(&contents, &format!("grad_norm/{name}")), length(&gradient));
        assert_near(scalar(&contents, &format!("update_ratio/{name}")), length(&update) / length(&values));
        // Plain descent: the update is the gradient at a rate of 0.5.
        assert!((length(&update) / length(&gradient) - 0.5).abs() < 1e-9);
        if values.len() > 1 {
            assert_histogram(&contents[&format!("weights/{name}")], &values);
            assert_histogram(&contents[&format!("grads/{name}")], &gradient);
        }
    }
    let first = session.evaluated().inputs.narrow(0, 0, SAMPLES);
    for (output, layer) in session.trace(&first).unwrap().iter().zip(["dense1", "dense2"]) {
        let values = numbers(&output.after);
        assert_histogram(&contents[&format!("activations/{layer}")], &values);
        let zeros = values.iter().filter(|value| **value == 0.0).count() as f64;
        assert_near(scalar(&contents, &format!("zeros/{layer}")), zeros / values.len() as f64);
    }
    assert!(scalar(&contents, "zeros/dense1") > 0.1, "a ReLU says nothing to some samples");
}

#[test]
fn before_the_first_step_there_is_nothing_of_a_step() {
    let (session, health) = session(Kind::Float, 0);
    let contents = contents(health.examine(&session, None).unwrap());
    assert!(contents.keys().all(|tag| !tag.starts_with("grad") && !tag.starts_with("update")), "{contents:?}");
    // A bias that starts at 0 is one bucket.
    let Content::Histogram(histogram) = &contents["weights/dense1.bias"] else { panic!() };
    assert_eq!((&histogram.limits[..], &histogram.counts[..]), (&[0.0][..], &[20.0][..]));
    assert_eq!(contents.len(), 4 * 2 + 2 * 2);
}

#[test]
fn what_is_not_finite_is_told_and_has_no_histogram() {
    for value in [f64::NAN, f64::INFINITY] {
        let (session, health) = session(Kind::Float, 3);
        {
            let _guard = tch::no_grad_guard();
            let _same = session.network().parameters()[2].get(0).get(4).fill_(value);
        }
        let checkup = health.examine(&session, None).unwrap();
        assert!(checkup.is_broken);
        let contents = contents(checkup);
        assert!(!contents.contains_key("weights/dense2.weight") && contents.contains_key("weights/dense1.weight"));
        assert!(!scalar(&contents, "norm/dense2.weight").is_finite());
    }
    // Squares beyond float32 are no reason, nor is a range beyond it.
    let (session, health) = session(Kind::Float, 3);
    {
        let _guard = tch::no_grad_guard();
        let weight = &session.network().parameters()[0];
        let _same = weight.get(0).fill_(3e38);
        let _same = weight.get(1).fill_(-3e38);
        let _same = session.network().parameters()[2].shallow_clone().fill_(0.0);
    }
    let contents = contents(health.examine(&session, None).unwrap());
    assert!((scalar(&contents, "norm/dense1.weight") / 6e38 - 1.0).abs() < 1e-6);
    let Content::Histogram(histogram) = &contents["weights/dense1.weight"] else { panic!() };
    assert_eq!(histogram.counts.iter().sum::<f64>(), 40.0);
}

#[test]
fn looking_changes_nothing() {
    let (mut looked_at, health) = session(Kind::Float, 0);
    let (mut left_alone, _) = session(Kind::Float, 0);
    for _ in 0..40 {
        let before = looked_at.copy_parameters().unwrap();
        looked_at.step().map(drop).unwrap();
        health.examine(&looked_at, Some(&before)).unwrap();
        left_alone.step().map(drop).unwrap();
    }
    for (a, b) in looked_at.network().parameters().iter().zip(left_alone.network().parameters()) {
        assert!(a.equal(b));
    }
}

#[test]
fn a_look_takes_no_more_bytes_than_are_reckoned_with() {
    let (mut session, health) = session(Kind::Float, 1);
    let before = session.copy_parameters().unwrap();
    session.step().map(drop).unwrap();
    let picture = health.examine(&session, Some(&before)).unwrap().picture;
    assert!(picture.most_bytes() <= most_bytes(&health.parameters, &health.layers));
}
