use std::sync::atomic::{AtomicU64, Ordering};

use tch::{Device, Tensor};
use torchscope::data;
use torchscope::log::{Data, LogReader, tags};
use torchscope::run::RunDir;

use super::executor::{Immediate, Loss, Queued, read};
use super::*;
use crate::clock::{Clock, SystemClock};
use crate::inbox::Order;
use crate::recorder::Origin;
use crate::session::Samples;
use crate::status::Live;

/// How a whole run ended, what it says of itself, and where it is.
pub(super) struct Ended {
    pub(super) outcome: Outcome,
    status: Arc<Status>,
    pub(super) run: RunDir,
    _home: tempfile::TempDir,
}

impl Ended {
    /// Step, tag and value of every scalar in the log.
    pub(super) fn scalars(&self) -> Vec<(i64, String, f64)> {
        let mut scalars = Vec::new();
        self.read(|step, tag, data| {
            if let Data::Scalar(scalar) = data {
                scalars.push((step, tag.to_owned(), *scalar));
            }
        });
        scalars
    }

    /// Step and text of every alarm in the log.
    pub(super) fn alarms(&self) -> Vec<(i64, String)> {
        let mut alarms = Vec::new();
        self.read(|step, tag, data| {
            if let Data::Document(document) = data
                && tag == tags::ALARM
            {
                alarms.push((step, document.text.clone()));
            }
        });
        alarms
    }

    fn read(&self, mut take: impl FnMut(i64, &str, &Data)) {
        let mut reader = LogReader::open(self.run.path()).unwrap();
        loop {
            let poll = reader.poll(1 << 20).unwrap();
            for record in poll.records {
                record.values.iter().for_each(|value| take(record.step, &value.tag, &value.data));
            }
            if poll.caught_up {
                return;
            }
        }
    }
}

/// Trains `recipe` to its end with that executor and clock.
fn run_of(recipe: &Recipe, executor: Box<dyn Executor>, clock: Arc<dyn Clock>, orders: &[Order]) -> Ended {
    let made = Made { landscape: None, ..Made::of(recipe) };
    made.train(recipe, clock, orders, |trainer| Trainer { executor, ..trainer }.run(false))
}

/// What trains a recipe, and what looks at it.
pub(super) struct Made {
    pub(super) session: Session,
    pub(super) network: recipe::Network,
    pub(super) gallery: Gallery,
    pub(super) landscape: Option<Landscape>,
}

impl Made {
    pub(super) fn of(recipe: &Recipe) -> Self {
        let data = data::load(&recipe.data).unwrap();
        let samples = |data| Samples::new(data, Device::Cpu).unwrap();
        let network = recipe.network(&recipe.data.input_shape()).unwrap();
        let session = Session::new(recipe, &network, samples(&data.training), data.test.as_ref().map(samples)).unwrap();
        let sets = [&data.training, data.test.as_ref().unwrap_or(&data.training)];
        let gallery = Gallery::new(recipe, &network, sets, &session, &[]).unwrap();
        let landscape = Some(Landscape::new(recipe, &network, &session).unwrap());
        Self { session, network, gallery, landscape }
    }

    /// How a whole run ended that `train` takes through, with its log written.
    pub(super) fn train(
        self,
        recipe: &Recipe,
        clock: Arc<dyn Clock>,
        orders: &[Order],
        train: impl FnOnce(Trainer) -> (Result<Outcome, TchError>, Recorder),
    ) -> Ended {
        let Self { session, network, gallery, landscape } = self;
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), recipe).unwrap();
        let inbox = Arc::new(Inbox::default());
        for order in orders {
            inbox.send(*order).unwrap();
        }
        let live = Live { state: State::Starting, lr: recipe.optimizer.lr(), pace: None, watchers: 0 };
        let status = Arc::new(Status::with_clock(live, clock));
        let recorder =
            Recorder::start(&run, run.meta().unwrap(), Arc::clone(&status), Arc::clone(&inbox), Origin::New).unwrap();
        let probes = (gallery, landscape);
        let trainer = Trainer::new(recipe, &network, session, probes, recorder, inbox, Arc::clone(&status)).unwrap();
        let (outcome, recorder) = train(trainer);
        let outcome = outcome.unwrap_or_else(|error| Outcome::Failed { message: error.to_string() });
        recorder.finish(&outcome).unwrap();
        Ended { outcome, status, run, _home: home }
    }
}

pub(super) fn recipe_with<const N: usize>(name: &str, sets: [(&str, &str); N]) -> Recipe {
    Recipe::load(name, &sets.map(|(key, value)| (key.to_owned(), value.to_owned()))).unwrap()
}

/// Every scalar of a whole run but the times, and how it ended.
fn log_of(lr: &str, executor: Box<dyn Executor>) -> (Outcome, Vec<(i64, String, u64)>) {
    // Moments ask for each loss at once.
    let sets = [("optimizer.lr", lr), ("epochs", "4"), ("batch_size", "10"), ("record.moments", "0")];
    let recipe = recipe_with("moons", sets);
    let ended = run_of(&recipe, executor, Arc::new(SystemClock), &[]);
    let by_step = ended.scalars().into_iter().filter(|(_, tag, _)| is_by_step(tag));
    let scalars = by_step.map(|(step, tag, scalar)| (step, tag, scalar.to_bits())).collect();
    (ended.outcome, scalars)
}

/// One that owes its losses.
fn queued() -> Box<dyn Executor> {
    Box::new(Queued::new(Device::Cpu).unwrap())
}

/// Whether the steps that a series is recorded at are decided by their number, not by the clock.
fn is_by_step(tag: &str) -> bool {
    !["time/", "norm/", "grad_norm/", "update_ratio/", "zeros/", "system/", "gpu/"]
        .iter()
        .any(|prefix| tag.starts_with(prefix))
}

#[test]
fn losses_fetched_in_batches_give_the_same_log() {
    let (outcome, log) = log_of("0.5", Box::new(Immediate));
    assert_eq!(outcome, Outcome::Finished { remark: None });
    // 200 steps with a loss and a rate, 5 evaluations of two, norms at steps 32 of 50 and 50 of 50.
    assert_eq!(log.len(), 200 * 2 + 5 * 2 + 4 * 2);
    assert_eq!((outcome, log), log_of("0.5", queued()));
}

#[test]
fn a_loss_that_diverges_is_the_last_one_either_way() {
    let (outcome, log) = log_of("1e38", Box::new(Immediate));
    let (late_outcome, late_log) = log_of("1e38", queued());
    assert_eq!(late_log, log);
    // Where it began is known only where the loss is read before the step goes on.
    let (message, late_message) = (outcome.message().unwrap(), late_outcome.message().unwrap());
    assert!(message.contains("at step 2 (epoch 1)") && late_message.contains("at step 2 (epoch 1)"), "{late_message}");
    assert!(message.contains(": dense2 puts out NaN before its activation"), "{message}");
    assert!(late_message.contains("; by step ") && late_message.contains(" holds NaN"), "{late_message}");
}

#[test]
fn an_evaluation_is_its_own_share_and_no_part_of_that_of_looking() {
    // A step of ten samples, then an evaluation of a thousand, then a picture.
    let sets = [("data.train", "10"), ("data.test", "1000"), ("batch_size", "10"), ("epochs", "4")];
    let mut recipe = recipe_with("cnn", sets);
    recipe.record.probe_share = 1.0;
    let ended = run_of(&recipe, Box::new(Immediate), Arc::new(SystemClock), &[Order::Watchers(1)]);
    assert_eq!(ended.outcome, Outcome::Finished { remark: None });
    let status = ended.status;
    let (probing, evaluating) = (status.probing(), status.evaluating());
    assert!(probing > Duration::ZERO && evaluating > Duration::ZERO);
    // One thread does one thing at a time. Whoever counted an evaluation twice would come to more than there was.
    let active = status.active(Instant::now());
    assert!(probing + evaluating <= active, "{probing:?} and {evaluating:?} of {active:?}");
}

const MS: Duration = Duration::from_millis(1);

/// A clock that stands still until somebody waits.
struct VirtualClock {
    start: Instant,
    /// Nanoseconds since then.
    passed: AtomicU64,
}

impl VirtualClock {
    fn passed(&self) -> Duration {
        Duration::from_nanos(self.passed.load(Ordering::Relaxed))
    }

    /// Waits until so much has passed since the start.
    fn wait_until(&self, moment: Duration) {
        self.passed.fetch_max(moment.as_nanos() as u64, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Instant {
        self.start + self.passed()
    }
}

/// A device that executes late: launching takes a millisecond, and whoever asks for a value sleeps until all that was
/// launched before has been computed.
struct Late {
    clock: Arc<VirtualClock>,
    /// Launch to be computed so long after the start.
    busy_until: Duration,
    /// Time to compute the step that follows so many.
    step: fn(u64) -> Duration,
    /// Time to compute what else is asked for at a time.
    look: Duration,
}

impl Late {
    fn new(step: fn(u64) -> Duration, look: Duration) -> (Box<Self>, Arc<VirtualClock>) {
        let clock = Arc::new(VirtualClock { start: Instant::now(), passed: AtomicU64::new(0) });
        (Box::new(Self { clock: Arc::clone(&clock), busy_until: Duration::ZERO, step, look }), clock)
    }

    /// Gives the device what takes so long.
    fn give(&mut self, time: Duration) {
        self.busy_until = self.busy_until.max(self.clock.passed()) + time;
    }
}

impl Executor for Late {
    fn launch(&mut self, session: &mut Session, _finder: Option<&Finder>) -> Result<Loss, TchError> {
        self.clock.wait_until(self.clock.passed() + MS);
        self.give((self.step)(session.steps()));
        session.step().map(Loss::Owed)
    }

    fn fetch(&mut self, losses: &[Tensor]) -> Result<Vec<f64>, TchError> {
        self.clock.wait_until(self.busy_until);
        read(losses)
    }

    fn synchronize(&mut self) -> Result<(), TchError> {
        self.give(self.look);
        self.clock.wait_until(self.busy_until);
        Ok(())
    }
}

/// Trains `epochs` epochs of 50 steps, watched, on a late device, with nothing recorded but for whoever watches.
fn late_run(epochs: &str, step: fn(u64) -> Duration, look: Duration) -> (Ended, Duration) {
    late_run_with("0", epochs, step, look)
}

/// The same with so many moments.
fn late_run_with(moments: &str, epochs: &str, step: fn(u64) -> Duration, look: Duration) -> (Ended, Duration) {
    let recipe = recipe_with("moons", [("epochs", epochs), ("batch_size", "10"), ("record.moments", moments)]);
    let (device, clock) = Late::new(step, look);
    // Steps that a pace holds back are not compared.
    let orders = [Order::SetPace(None), Order::Watchers(1)];
    let ended = run_of(&recipe, device, Arc::clone(&clock) as Arc<dyn Clock>, &orders);
    assert_eq!(ended.outcome, Outcome::Finished { remark: None });
    (ended, clock.passed())
}

/// Values of the scalars `tag`, in the order of their steps.
fn values_of(scalars: &[(i64, String, f64)], tag: &str) -> Vec<f64> {
    scalars.iter().filter(|(_, found, _)| found == tag).map(|(.., value)| *value).collect()
}

#[test]
fn waiting_for_training_is_training_and_every_moment_is_one_thing() {
    let (ended, passed) = late_run("8", |_| 10 * MS, 5 * MS);
    let scalars = ended.scalars();
    let times = values_of(&scalars, tags::STEP_MS);
    assert_eq!(times.len(), 400);
    // The device computes for 10 ms, and waits at most for the launch of the first step after each time it is waited for.
    assert!(times.iter().all(|time| (10.0..=11.0).contains(time)), "{times:?}");
    let mean = times.iter().sum::<f64>() / 400.0;
    assert!(mean < 10.5, "{mean}");

    let (probing, evaluating) = (ended.status.probing(), ended.status.evaluating());
    // The first one, and one after each epoch.
    assert_eq!(evaluating, 9 * 5 * MS);
    // Norms of gradients at steps 32 and 50 of each epoch are taken in any case. Pictures and checkups are what the rest
    // of the share has room for.
    let (norms, looks) = (16 * 5 * MS, probing.as_millis() / 5);
    assert_eq!(probing, looks as u32 * 5 * MS);
    assert!(probing > norms && probing <= passed.mul_f64(0.05) + 5 * MS + norms, "{probing:?} of {passed:?}");
    // Nothing is counted twice, and nothing left out.
    let training = Duration::from_secs_f64(times.iter().sum::<f64>() / 1e3);
    let sum = training + probing + evaluating;
    assert!(sum.abs_diff(passed) < Duration::from_micros(1), "{sum:?} of {passed:?}");
    assert_eq!(ended.status.active(ended.status.now()), passed);
    let share = |tag, time: Duration| {
        let last = values_of(&scalars, tag).pop().unwrap();
        assert!((last - time.as_secs_f64() / passed.as_secs_f64()).abs() < 1e-6, "{tag}: {last}");
    };
    share(tags::PROBE_SHARE, probing);
    share(tags::EVAL_SHARE, evaluating);
}

#[test]
fn what_moments_take_is_looking_and_no_part_of_a_step() {
    let (ended, passed) = late_run_with("40", "4", |_| 10 * MS, 5 * MS);
    let times = values_of(&ended.scalars(), tags::STEP_MS);
    assert!(times.iter().all(|time| (10.0..=11.0).contains(time)), "{times:?}");
    let (probing, evaluating) = (ended.status.probing(), ended.status.evaluating());
    // A copy of the parameters, a checkup and pictures at each of some 35.
    assert!(probing > 30 * 3 * 5 * MS, "{probing:?}");
    let training = Duration::from_secs_f64(times.iter().sum::<f64>() / 1e3);
    let sum = training + probing + evaluating;
    assert!(sum.abs_diff(passed) < Duration::from_micros(1), "{sum:?} of {passed:?}");
}

#[test]
fn looking_longer_does_not_make_steps_slow() {
    // Ten times the time of a step for whatever else is asked for.
    let (ended, _) = late_run("20", |_| 10 * MS, 100 * MS);
    assert_eq!(ended.alarms(), []);
    let times = values_of(&ended.scalars(), tags::STEP_MS);
    assert!(times.iter().all(|time| (10.0..=11.0).contains(time)), "{times:?}");
}

#[test]
fn steps_that_a_late_device_computes_more_slowly_raise_the_alarm() {
    // Launching takes no longer than before.
    let (ended, _) = late_run("12", |before| if before < 250 { 10 * MS } else { 30 * MS }, 5 * MS);
    let alarms = ended.alarms();
    assert_eq!(alarms.len(), 1, "{alarms:?}");
    let (step, text) = &alarms[0];
    assert!(text.contains("\"slow\"") && text.contains("a step takes 30."), "{text}");
    // Two windows of two seconds, after the one under way.
    assert!((250 + 2 * 67..=250 + 4 * 67).contains(step), "step {step}");
}

#[test]
fn a_late_device_is_not_waited_for_more_often_than_people_notice() {
    struct Counted(Box<Late>, Arc<AtomicU64>);
    impl Executor for Counted {
        fn launch(&mut self, session: &mut Session, finder: Option<&Finder>) -> Result<Loss, TchError> {
            self.0.launch(session, finder)
        }

        fn fetch(&mut self, losses: &[Tensor]) -> Result<Vec<f64>, TchError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.fetch(losses)
        }

        fn synchronize(&mut self) -> Result<(), TchError> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.synchronize()
        }
    }
    // An epoch of 500 steps with nobody watching and no time for pictures: norms after every 32 steps, and what follows
    // from the bound of 50 ms.
    let mut recipe = recipe_with("moons", [("epochs", "1"), ("batch_size", "1")]);
    (recipe.record.probe_share, recipe.record.moments) = (0.0, 0);
    let (device, clock) = Late::new(|_| 2 * MS, MS);
    let waits = Arc::new(AtomicU64::new(0));
    let executor = Box::new(Counted(device, Arc::clone(&waits)));
    let ended = run_of(&recipe, executor, Arc::clone(&clock) as Arc<dyn Clock>, &[]);
    assert_eq!(ended.outcome, Outcome::Finished { remark: None });
    let steps = values_of(&ended.scalars(), tags::STEP_MS).len();
    let measured = steps.div_ceil(32) as u64;
    let waits = waits.load(Ordering::Relaxed);
    // Two for what is measured (training before it, and it), two for an evaluation, some for the last checkup.
    let most = 2 * measured + clock.passed().as_millis() as u64 / 50 + 8;
    assert!(waits >= 2 * measured && waits <= most, "{waits} waits for {steps} steps, {most} at most");
}

#[test]
fn what_cannot_be_looked_at_is_said_once_and_does_not_end_training() {
    // What looks was made for another network: none of it can be computed.
    let other = recipe_with("cnn", [("data.train", "16"), ("data.test", "8")]);
    let moons = recipe_with("moons", [("epochs", "4")]);
    let executors: [fn() -> Box<dyn Executor>; 2] = [|| Box::new(Immediate), queued];
    for (executor, orders) in
        executors.into_iter().flat_map(|make| [(make(), vec![]), (make(), vec![Order::Watchers(1)])])
    {
        let Made { gallery, landscape, .. } = Made::of(&other);
        let made = Made { gallery, landscape, ..Made::of(&moons) };
        let ended =
            made.train(&moons, Arc::new(SystemClock), &orders, |trainer| Trainer { executor, ..trainer }.run(false));
        assert_eq!(ended.outcome, Outcome::Finished { remark: None });
        let alarms: Vec<_> = ended.alarms().into_iter().filter(|(_, text)| text.contains("\"skipped\"")).collect();
        let count = |what: &str| alarms.iter().filter(|(_, text)| text.contains(what)).count();
        let expected = "the picture of the network is missing at step 0: ";
        assert_eq!((count(expected), count("the landscape of the loss is missing at step ")), (1, 1), "{alarms:?}");
        let ends = |text: &str| text.contains("; training goes on, and it is tried again\"");
        assert!(
            alarms.iter().all(|(_, text)| ends(text) && !text.contains("\\n") && !text.contains("Some(")),
            "{alarms:?}"
        );
    }
}
