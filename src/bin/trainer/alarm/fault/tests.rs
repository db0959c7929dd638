use tch::Device;
use torchscope::data;
use torchscope::recipe::Recipe;

use super::*;
use crate::session::Samples;

const EVALUATION: Mode = Mode::Evaluation;

/// Moons with two hidden layers, after a step.
fn session() -> (Session, Finder) {
    let mut recipe = Recipe::load("moons", &[]).unwrap();
    recipe.model.layers.insert(1, recipe.model.layers[0].clone());
    let network = recipe.network(&[2]).unwrap();
    let data = data::load(&recipe.data).unwrap().training;
    let mut session = Session::new(&recipe, &network, Samples::new(&data, Device::Cpu).unwrap(), None).unwrap();
    session.step().map(drop).unwrap();
    (session, Finder::new(&network))
}

/// Fills the parameter at `place` with `value`.
fn fill(session: &Session, place: usize, value: f64) {
    let _guard = tch::no_grad_guard();
    let _same = session.network().parameters()[place].shallow_clone().fill_(value);
}

fn find(session: &Session, finder: &Finder) -> Option<Fault> {
    finder.find(session, &session.evaluated().inputs, EVALUATION).unwrap()
}

#[test]
fn a_sound_network_has_no_fault() {
    let (session, finder) = session();
    assert_eq!(find(&session, &finder), None);
}

#[test]
fn the_first_layer_that_breaks_is_named() {
    // Weights of 1e30 are finite, and so is what the first of them makes of inputs near 1.
    let (session, finder) = session();
    fill(&session, 0, 1e30);
    fill(&session, 2, 1e30);
    let fault = find(&session, &finder).unwrap();
    assert_eq!((fault.layer.as_str(), &fault.place), ("dense2", &Place::BeforeActivation));
    assert!(!fault.has_nan && fault.bad > 0, "{fault:?}");
    assert!(fault.describe().starts_with("dense2 puts out Inf before its activation ("), "{}", fault.describe());

    // Further on there is more that is not finite; the first counts.
    fill(&session, 4, 0.0);
    assert_eq!(find(&session, &finder).unwrap().layer, "dense2");
}

#[test]
fn parameters_come_before_what_they_bring_about() {
    let (session, finder) = session();
    fill(&session, 3, f64::NAN);
    fill(&session, 4, f64::INFINITY);
    let fault = find(&session, &finder).unwrap();
    assert_eq!(fault.place, Place::Parameter { name: "dense2.bias".to_owned(), gradient_too: false });
    assert_eq!((fault.has_nan, fault.bad, fault.of), (true, 20, 20));
    let alarm = alarm(7, fault.describe(), Some(&fault));
    assert_eq!((alarm.layer.as_deref(), alarm.tensor.as_deref()), (Some("dense2"), Some("dense2.bias")));
    let picture = alarm.picture();
    let crate::recorder::Content::Document(document) = &picture.parts[0].content else { panic!("{picture:?}") };
    let json: serde_json::Value = serde_json::from_str(&document.text).unwrap();
    assert_eq!((json["kind"].as_str(), json["layer"].as_str()), (Some("nan"), Some("dense2")));
    assert_eq!((picture.step, json.get("step")), (7, None));
}

#[test]
fn a_gradient_that_broke_a_parameter_is_blamed() {
    let (session, finder) = session();
    {
        let _guard = tch::no_grad_guard();
        let _same = session.gradients()[4].shallow_clone().fill_(f64::INFINITY);
    }
    let fault = find(&session, &finder).unwrap();
    assert_eq!(fault.place, Place::Gradient { name: "dense3.weight".to_owned() });
    fill(&session, 4, f64::NEG_INFINITY);
    let fault = find(&session, &finder).unwrap();
    assert_eq!(fault.place, Place::Parameter { name: "dense3.weight".to_owned(), gradient_too: true });
    assert!(fault.describe().contains("as does its gradient"));
}
