//! What a training step costs beside a bare tch loop over the same model, and what recording adds to it.
//!
//! All figures are CPU time of the training thread, taken in turns within one process and compared round by round, so
//! that a busy machine does to one what it does to the other. The bounds are those of the design: recording adds 5 % at
//! most, and 1 % where a step takes 1 ms or more.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints its figures and stops when it cannot go on"
)]
#![expect(dead_code, unused_imports, reason = "a bench uses part of the trainer, and none of its unit tests")]

use std::sync::Arc;

use ndarray::{ArrayD, Axis};
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use tch::nn::{self, Module, OptimizerConfig};
use tch::{Device, Kind, Reduction, Tensor};
use torchscope::data::{self, Dataset};
use torchscope::recipe::{self, Activation, LayerKind, LayerSpec, Loss, OptimizerSpec, Recipe};
use torchscope::run::{RunDir, RunLock, State};

use crate::inbox::{Inbox, Order};
use crate::probe::Gallery;
use crate::pty::Program;
use crate::recorder::{Origin, Recorder};
use crate::session::{Samples, Session};
use crate::status::{Live, Status};
use crate::train::Trainer;

#[path = "../src/bin/trainer/alarm/mod.rs"]
mod alarm;
#[path = "../src/bin/trainer/checkpoint/mod.rs"]
mod checkpoint;
#[path = "../src/bin/trainer/clock.rs"]
mod clock;
#[path = "../src/bin/trainer/disk.rs"]
mod disk;
#[path = "../src/bin/trainer/inbox.rs"]
mod inbox;
#[path = "../src/bin/trainer/init.rs"]
mod init;
#[path = "../src/bin/trainer/loss.rs"]
mod loss;
#[path = "../src/bin/trainer/machine/mod.rs"]
mod machine;
#[path = "../src/bin/trainer/network/mod.rs"]
mod network;
#[path = "../src/bin/trainer/optimizer/mod.rs"]
mod optimizer;
#[path = "../src/bin/trainer/outcome.rs"]
mod outcome;
#[path = "../src/bin/trainer/pace.rs"]
mod pace;
#[path = "../src/bin/trainer/path.rs"]
mod path;
#[path = "../src/bin/trainer/probe/mod.rs"]
mod probe;
mod pty;
#[path = "../src/bin/trainer/random.rs"]
mod random;
#[path = "../src/bin/trainer/recorder/mod.rs"]
mod recorder;
#[path = "../src/bin/trainer/session/mod.rs"]
mod session;
#[path = "../src/bin/trainer/status.rs"]
mod status;
#[path = "../src/bin/trainer/train/mod.rs"]
mod train;

/// As the trainer has it: the norm of the gradient is what is measured, not its recording.
const GRADIENT_NORM_STEPS: u64 = 32;

/// A recipe, its data, and how much of it makes a round.
struct Case {
    name: &'static str,
    recipe: Recipe,
    data: Dataset,
    epochs: u64,
    rounds: usize,
    bounds: Bounds,
}

/// What the ratios may be at most.
struct Bounds {
    /// A step by a bare one.
    step: f64,
    /// Recorded by unrecorded, whoever watches.
    recorded: f64,
    /// Recorded with pictures by unrecorded: the budget of 5 %, with a little for what cannot be planned.
    pictures: f64,
}

/// Who looks at a run that is recorded.
#[derive(Clone, Copy, PartialEq)]
enum Audience {
    /// The trainer is told that somebody does.
    Told,
    /// Two viewers on terminals of their own.
    Two,
    /// One of them does nothing any more.
    OneStopped,
}

impl Case {
    fn new(
        name: &'static str,
        recipe: &str,
        sets: &[(&str, &str)],
        epochs: u64,
        rounds: usize,
        bounds: Bounds,
    ) -> Self {
        let sets: Vec<_> = sets.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let recipe = Recipe::load(recipe, &sets).unwrap();
        let data = data::load(&recipe.data).unwrap().training;
        Self { name, recipe, data, epochs, rounds, bounds }
    }

    /// Two hidden layers of so many units in place of the one.
    fn with_hidden_layers(mut self, units: usize) -> Self {
        let hidden = LayerSpec::Dense { units, activation: Activation::Relu };
        self.recipe.model.layers.splice(..1, [hidden.clone(), hidden]);
        self
    }

    /// The first samples alone.
    fn with_samples(mut self, count: usize) -> Self {
        let first = |array: &ArrayD<f32>| array.slice_axis(Axis(0), (..count).into()).to_owned();
        (self.data.inputs, self.data.targets) = (first(&self.data.inputs), first(&self.data.targets));
        self.data.labels = self.data.labels.map(|labels| labels.slice_move(ndarray::s![..count]));
        self
    }

    fn samples(&self) -> Samples {
        Samples::new(&self.data, Device::Cpu).unwrap()
    }

    fn network(&self) -> recipe::Network {
        self.recipe.network(&self.data.inputs.shape()[1..]).unwrap()
    }

    fn session(&self) -> Session {
        Session::new(&self.recipe, &self.network(), self.samples(), None).unwrap()
    }

    /// What a Rust programmer writes first: the loop of tch's own examples.
    fn bare(&self, epochs: u64) -> f64 {
        let samples = self.samples();
        let variables = nn::VarStore::new(Device::Cpu);
        let network = bare_network(&self.network(), &variables);
        let lr = self.recipe.optimizer.lr();
        let is_classifier = self.recipe.loss == Loss::CrossEntropy;
        let mut optimizer = match &self.recipe.optimizer {
            OptimizerSpec::Adam { .. } => nn::Adam::default().build(&variables, lr).unwrap(),
            _ => nn::Sgd::default().build(&variables, lr).unwrap(),
        };
        let (count, batch) = (self.data.len() as i64, self.recipe.batch_size as i64);
        timed(|| {
            for _ in 0..epochs {
                let order = Tensor::randperm(count, (Kind::Int64, Device::Cpu));
                let (inputs, targets) =
                    (samples.inputs.index_select(0, &order), samples.targets.index_select(0, &order));
                for start in (0..count).step_by(batch as usize) {
                    let length = batch.min(count - start);
                    let logits = network.forward(&inputs.narrow(0, start, length));
                    let targets = targets.narrow(0, start, length);
                    let loss = if is_classifier {
                        logits.cross_entropy_for_logits(&targets.view(-1).to_kind(Kind::Int64))
                    } else {
                        logits.binary_cross_entropy_with_logits::<Tensor>(&targets, None, None, Reduction::Mean)
                    };
                    optimizer.backward_step(&loss);
                    assert!(loss.double_value(&[]).is_finite());
                }
            }
        })
    }

    /// The trainer's steps, and with `evaluate` what it measures before the first and after each epoch, whoever records it.
    fn stepped(&self, epochs: u64, evaluate: bool) -> f64 {
        let mut session = self.session();
        let steps = epochs * session.steps_per_epoch();
        timed(|| {
            if evaluate {
                session.evaluate().unwrap();
            }
            while session.steps() < steps {
                assert!(session.step().unwrap().double_value(&[]).is_finite());
                let place = session.steps() % session.steps_per_epoch();
                if evaluate && place.is_multiple_of(GRADIENT_NORM_STEPS) {
                    session.gradient_norm().unwrap();
                }
                if evaluate && place == 0 {
                    session.evaluate().unwrap();
                }
            }
        })
    }

    /// The whole training loop with its recorder, watched and at full speed; without `pictures` there are those of the
    /// first and the last step.
    fn recorded(&self, epochs: u64, pictures: bool, audience: Audience) -> f64 {
        let home = tempfile::tempdir().unwrap();
        let mut recipe = self.recipe.clone();
        recipe.epochs = epochs;
        let run = RunDir::create(home.path(), &recipe).unwrap();
        // Whoever looks takes the run for a live one.
        let _lock = RunLock::acquire(&run).unwrap();
        let inbox = Arc::new(Inbox::default());
        let live = Live { state: State::Starting, lr: 0.0, pace: None, watchers: 1 };
        let status = Arc::new(Status::new(live));
        inbox.send(Order::SetPace(None)).unwrap();
        inbox.send(Order::Watchers(1)).unwrap();
        // It knows when it ends.
        let session = Session::new(&recipe, &self.network(), self.samples(), None).unwrap();
        if !pictures {
            recipe.record.image_budget_mib = 0.0;
        }
        let network = self.network();
        let gallery = Gallery::new(&recipe, &network, [&self.data, &self.data], &session, &[]).unwrap();
        let recorder =
            Recorder::start(&run, run.meta().unwrap(), Arc::clone(&status), Arc::clone(&inbox), Origin::New).unwrap();
        let viewers = if audience == Audience::Told { 0 } else { 2 };
        let viewers: Vec<Program> = (0..viewers).map(|_| Program::view(run.path(), home.path(), (120, 40))).collect();
        for viewer in &viewers {
            viewer.wait_for("leave");
        }
        if let Some(viewer) = viewers.first().filter(|_| audience == Audience::OneStopped) {
            let pid = Pid::from_raw(viewer.pid() as i32).unwrap();
            kill_process(pid, Signal::STOP).unwrap();
        }
        let trainer = Trainer::new(&recipe, &network, session, (gallery, None), recorder, inbox, status).unwrap();
        let mut ended = None;
        let time = timed(|| ended = Some(trainer.run(false)));
        let (outcome, recorder) = ended.unwrap();
        recorder.finish(&outcome.unwrap()).unwrap();
        time
    }

    /// Prints the figures; false if a bound is broken.
    ///
    /// What a run costs once (its first and its last picture, the first look at its layers) is measured on runs of one
    /// epoch in the same rounds, printed, and taken off: it says nothing of what a step costs.
    fn measure(&self) -> bool {
        type Variant<'a> = (&'static str, Box<dyn Fn(u64) -> f64 + 'a>);
        use Audience::{OneStopped, Told, Two};
        let variants: [Variant<'_>; 7] = [
            ("bare tch loop", Box::new(|epochs| self.bare(epochs))),
            ("session", Box::new(|epochs| self.stepped(epochs, false))),
            ("session, evaluated each epoch", Box::new(|epochs| self.stepped(epochs, true))),
            ("trainer, recording", Box::new(|epochs| self.recorded(epochs, false, Told))),
            ("trainer, recording, two viewers", Box::new(|epochs| self.recorded(epochs, false, Two))),
            ("trainer, recording, one of two stopped", Box::new(|epochs| self.recorded(epochs, false, OneStopped))),
            ("trainer, recording and pictures, two viewers", Box::new(|epochs| self.recorded(epochs, true, Two))),
        ];
        let mut rounds: Vec<[f64; 7]> = Vec::new();
        let mut once: Vec<[f64; 7]> = Vec::new();
        for round in 0..=self.rounds {
            let (mut times, mut short) = ([0.0; 7], [0.0; 7]);
            // Whoever goes first in a round differs, so that no variant profits from its place.
            for turn in 0..variants.len() {
                let index = (turn + round) % variants.len();
                short[index] = variants[index].1(1);
                times[index] = variants[index].1(1 + self.epochs) - short[index];
            }
            // The first round warms up.
            if round > 0 {
                rounds.push(times);
                once.push(short);
            }
        }
        let epoch = self.session().steps_per_epoch() as f64;
        let steps = self.epochs as f64 * epoch;
        println!("{}: {steps} steps a round, {} rounds", self.name, self.rounds);
        for (index, (name, _)) in variants.iter().enumerate() {
            let (best, median) = best_and_median(rounds.iter().map(|times| times[index] / steps * 1e6));
            let (_, once) = best_and_median(
                once.iter().zip(&rounds).map(|(once, times)| (once[index] - times[index] / self.epochs as f64) * 1e3),
            );
            println!("  {best:8.1} us a step at best, {median:8.1} in the median, {once:6.1} ms once   {name}");
        }
        let mut held = true;
        let Bounds { step, recorded, pictures } = self.bounds;
        for (bound, what, over, under) in [
            (step, "session / bare", 1, 0),
            (recorded, "recording / unrecorded", 3, 2),
            (recorded, "recording, two viewers / unrecorded", 4, 2),
            (recorded, "recording, one of two viewers stopped / unrecorded", 5, 2),
            (pictures, "recording and pictures, two viewers / unrecorded", 6, 2),
        ] {
            // A neighbour on the machine only ever adds: the best rounds show what the code costs.
            let best = |index: usize| best_and_median(rounds.iter().map(|times| times[index])).0;
            let ratio = best(over) / best(under);
            let (_, median) = best_and_median(rounds.iter().map(|times| times[over] / times[under]));
            // Either estimate can be a few parts in a thousand off on a shared machine; what both say is so.
            let within = ratio.min(median) <= bound;
            let verdict = if within { "" } else { "  EXCEEDED" };
            println!("  {ratio:8.3} (at most {bound}), median of rounds {median:.3}   {what}{verdict}");
            held &= within;
        }
        held
    }
}

/// The network as tch's own layers have it; all but the last are followed by a `ReLU` where the recipe says so.
fn bare_network(description: &recipe::Network, variables: &nn::VarStore) -> nn::Sequential {
    let mut network = nn::seq();
    for (index, layer) in description.layers.iter().enumerate() {
        let shape: Vec<i64> =
            layer.parameters.first().map_or(&[][..], |weight| &weight.shape).iter().map(|n| *n as i64).collect();
        let place = variables.root() / index;
        network = match layer.kind {
            LayerKind::Conv2d => {
                network.add(nn::conv2d(place, shape[1], shape[0], shape[2], nn::ConvConfig::default()))
            }
            LayerKind::MaxPool2d => network.add_fn(|input| input.max_pool2d_default(2)),
            LayerKind::Flatten => network.add_fn(|input| input.flatten(1, -1)),
            _ => network.add(nn::linear(place, shape[1], shape[0], nn::LinearConfig::default())),
        };
        if layer.activation == Activation::Relu {
            network = network.add_fn(Tensor::relu);
        }
    }
    network
}

/// Seconds of this thread's CPU time that `work` takes.
fn timed(work: impl FnOnce()) -> f64 {
    let now = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
    };
    let began = now();
    work();
    now() - began
}

fn best_and_median(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2])
}

fn main() -> std::process::ExitCode {
    tch::set_num_threads(1);
    println!("load of the machine: {}", std::fs::read_to_string("/proc/loadavg").unwrap().trim());
    let wide = [("batch_size", "256"), ("data.samples", "4096")];
    let cases = [
        Case::new(
            "moons, 2-20-1, batch 32",
            "moons",
            &[],
            100,
            11,
            Bounds { step: 1.05, recorded: 1.05, pictures: 1.1 },
        ),
        Case::new(
            "2-192-192-1, batch 256",
            "moons",
            &wide,
            60,
            9,
            // A step of it takes 0.8 ms.
            Bounds { step: 1.05, recorded: 1.05, pictures: 1.1 },
        )
        .with_hidden_layers(192),
        Case::new(
            "cnn on 1,024 digits, batch 64",
            "cnn",
            &[],
            2,
            5,
            Bounds { step: 1.05, recorded: 1.01, pictures: 1.07 },
        )
        .with_samples(1_024),
    ];
    // Some of them alone: `cargo bench --bench step -- cnn`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let is_wanted = |case: &&Case| wanted.is_empty() || wanted.iter().any(|word| case.name.contains(word.as_str()));
    let held = cases.iter().filter(is_wanted).map(Case::measure).fold(true, |all, held| all & held);
    if held { std::process::ExitCode::SUCCESS } else { std::process::ExitCode::FAILURE }
}
