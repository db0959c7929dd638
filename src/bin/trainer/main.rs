//! `torchscope-trainer RUN_DIR`: trains what the run directory's recipe says, and is the only program that links libtorch.
//!
//! ```text
//! main         the run directory, its lock, the exit code
//! control      thread: control socket and signals -> inbox
//! train        main thread: session (network, loss, optimizer, init, random), pace, probe
//! recorder     thread: event log and run.json
//! checkpoint   thread: all that a run goes on from
//! machine      thread: the load of the machine -> recorder
//! alarm        what somebody should look at
//! about        what this program says of itself
//! clock        the time, from one source
//! lr_find      learning rates tried instead of training
//! disk         one that is full holds training
//! status       what they know of each other
//! ```

use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use jiff::Timestamp;
use tch::TchError;
use torchscope::cli::learning_rate;
use torchscope::data::{self, DataError, Progress, Split};
use torchscope::files;
use torchscope::log::LogError;
use torchscope::recipe::{Recipe, RecipeError};
use torchscope::run::{Description, Length, OnNan, RunDir, RunError, RunLock, RunMeta, Setup, State, Sweep};

use crate::alarm::skipped::first_line;
use crate::checkpoint::{RestoreError, Resumption};
use crate::control::{Control, ControlError};
use crate::device::DeviceError;
use crate::inbox::Inbox;
use crate::outcome::Outcome;
use crate::probe::{Gallery, Landscape};
use crate::recorder::{Origin, Recorder, RecorderError};
use crate::session::{Samples, Session};
use crate::status::{Live, Status};
use crate::train::{Saving, Trainer};

mod about;
mod alarm;
mod checkpoint;
mod clock;
mod control;
mod device;
mod disk;
mod inbox;
mod init;
mod loss;
mod lr_find;
mod machine;
mod network;
mod optimizer;
mod outcome;
mod pace;
mod path;
mod probe;
mod random;
mod recorder;
mod session;
mod status;
mod train;

/// Time from one word on how much of the data has been read to the next.
const BETWEEN_PERCENTAGES: Duration = Duration::from_millis(250);

/// Trains the recipe of a run directory. `torchscope train` starts this for you.
#[derive(Parser)]
#[command(name = "torchscope-trainer", version)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
struct Arguments {
    /// Run directory, as `torchscope train` creates it
    #[arg(value_name = "RUN_DIR", required_unless_present = "about")]
    run_dir: Option<PathBuf>,
    /// Print what libtorch and graphics processors there are, as JSON
    #[arg(long, hide = true, exclusive = true)]
    about: bool,
    /// Take no step before a viewer has connected, or some seconds have passed
    #[arg(long)]
    await_viewer: bool,
    /// What to do when a number is NaN or infinite; pauses while somebody watches, and stops otherwise
    #[arg(long, value_enum)]
    on_nan: Option<OnNan>,
    /// Go on from the newest checkpoint
    #[arg(long, conflicts_with = "find_lr")]
    resume: bool,
    /// The learning rate to go on with
    #[arg(long, requires = "resume", value_parser = learning_rate)]
    lr: Option<f64>,
    /// Try learning rates instead of training
    #[arg(long, requires_all = ["min_lr", "max_lr", "steps"])]
    find_lr: bool,
    /// The first of them
    #[arg(long, requires = "find_lr", value_parser = learning_rate)]
    min_lr: Option<f64>,
    /// The last of them
    #[arg(long, requires = "find_lr", value_parser = learning_rate)]
    max_lr: Option<f64>,
    /// Steps from the one to the other
    #[arg(long, requires = "find_lr")]
    steps: Option<u64>,
}

impl Arguments {
    fn sweep(&self) -> Option<Sweep> {
        Some(Sweep { min_lr: self.min_lr?, max_lr: self.max_lr?, steps: self.steps? }).filter(|_| self.find_lr)
    }
}

/// Why there is no training at all, and nothing to write about it into `run.json`.
#[derive(Debug, thiserror::Error)]
enum LaunchError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(
        "`{name}` has been trained before (it is {state}); go on with `torchscope resume {name}`, or start a new run with \
         `torchscope train`"
    )]
    Used { name: String, state: State },
}

/// Why training failed. One line, which goes to `run.json`.
#[derive(Debug, thiserror::Error)]
enum TrainerError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Control(#[from] ControlError),
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    #[error(transparent)]
    Device(#[from] DeviceError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(
        "`batch_size = {batch}` leaves a batch of a single sample of the {samples} in the data, of which `{layer}` cannot \
         take the variance; choose another size, or fewer samples with `data.train`"
    )]
    Starved { batch: usize, samples: usize, layer: String },
    #[error("libtorch: {}", first_line(&.0.to_string()))]
    Torch(#[from] TchError),
    #[error(transparent)]
    Recorder(#[from] RecorderError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // A closed pipe is no reason for another exit code.
            let _printed = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    if arguments.about {
        // Nothing but a closed pipe can go wrong, and then nobody listens.
        let text = serde_json::to_string(&about::about()).unwrap_or_default();
        let _printed = writeln!(io::stdout(), "{text}");
        return ExitCode::SUCCESS;
    }
    // Standard error is the run's trainer.log.
    // On a disk that is full it takes nothing, which must not end the trainer.
    let subscriber = tracing_subscriber::fmt().with_writer(io::stderr).with_ansi(false).with_target(false);
    subscriber.log_internal_errors(false).init();
    match launch(&arguments) {
        Ok(outcome) => {
            match (outcome.message(), outcome.state()) {
                (Some(message), State::Finished) => tracing::warn!("{}: {message}", State::Finished),
                (Some(message), state) => tracing::error!("{state}: {message}"),
                (None, state) => tracing::info!("{state}"),
            }
            ExitCode::from(outcome.exit_code())
        }
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Trains under the run's lock. Whatever happens under it is in `run.json` before the lock is let go.
fn launch(arguments: &Arguments) -> Result<Outcome, LaunchError> {
    // clap asks for it unless `--about` is given.
    // Held open: the run may be moved while it is trained.
    let run = RunDir::open(arguments.run_dir.as_deref().unwrap_or(Path::new("")))?.own()?;
    let lock = RunLock::acquire(&run)?;
    let state = run.meta()?.state;
    if state != State::Starting {
        return Err(LaunchError::Used { name: run.name(), state });
    }
    // A panic is a bug, of ours or of a library's; people should still read what happened where they look.
    let message = match catch_unwind(AssertUnwindSafe(|| train(&run, &lock, arguments))) {
        Ok(Ok(outcome)) => return Ok(outcome),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the trainer panicked, which is a bug; the last lines of trainer.log say where".to_owned(),
    };
    let outcome = Outcome::Failed { message };
    let mut meta = run.meta()?;
    let now = Timestamp::now();
    meta.state = outcome.state();
    meta.outcome = outcome.message().map(str::to_owned);
    (meta.socket, meta.trouble) = (None, None);
    (meta.updated, meta.finished) = (now, Some(now));
    run.write_meta(&meta)?;
    run.drop_reserve();
    Ok(outcome)
}

/// Sets everything up, trains, and records how it ended.
fn train(run: &RunDir, lock: &RunLock, arguments: &Arguments) -> Result<Outcome, TrainerError> {
    let mut meta = run.meta()?;
    let inbox = Arc::new(Inbox::default());
    let status = Arc::new(Status::new(Live { state: State::Starting, lr: meta.lr, pace: meta.pace, watchers: 0 }));
    let control = Control::start(lock, run, Arc::clone(&inbox), Arc::clone(&status))?;
    meta.pid = Some(std::process::id());
    meta.socket = Some(control.path().to_owned());
    meta.updated = Timestamp::now();
    run.write_meta(&meta)?;

    let text = run.recipe_text()?;
    let shown = files::shown(&run.recipe_path()).to_string();
    let recipe = Recipe::parse(&shown, &text)?;
    {
        let mut live = status.live();
        (live.lr, live.pace) = (recipe.optimizer.lr(), recipe.pace);
    }
    let device = device::choose(recipe.device)?;
    let split = read_data(&recipe, run, &mut meta)?;
    // Where only the files know what they ask of a network, it has not been checked before.
    if recipe.data.shape().is_none() {
        Recipe::parse_looking(&shown, &text, &|spec| Ok(split.shape(spec.target())))?;
    }
    let fingerprint = split.fingerprint();
    let resumption = if arguments.resume { Resumption::find(run, &recipe, fingerprint)? } else { None };
    let Split { training, test } = split;
    let description = recipe.network(&training.inputs.shape()[1..])?;
    if let Some(layer) = description.starved(training.len(), recipe.batch_size) {
        let layer = layer.name.clone();
        return Err(TrainerError::Starved { batch: recipe.batch_size, samples: training.len(), layer });
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = network::threads(&description, recipe.batch_size.min(training.len()), cores);
    tch::set_num_threads(threads);
    let samples = |data| Samples::new(data, device);
    let test_samples = test.as_ref().map(samples).transpose()?;
    let mut session = Session::new(&recipe, &description, samples(&training)?, test_samples)?;
    if let Some(sweep) = arguments.sweep() {
        meta.description.setup.device = Some(device::name(device));
        return lr_find::run(session, sweep, run, meta, &inbox);
    }
    let has_parameters = !session.network().parameters().is_empty();
    let resumption = if let Some(resumption) = resumption {
        let start = has_parameters.then(|| path::flat(session.network().parameters())).transpose()?;
        go_on(&mut session, &resumption, arguments.lr, &status)?;
        Some((resumption, start))
    } else {
        start(&mut session, arguments, &status)?;
        None
    };
    let pictures = probe::pictures(&recipe.probe, &description)?;
    let sets = [&training, test.as_ref().unwrap_or(&training)];
    let gallery = Gallery::new(&recipe, &description, sets, &session, &pictures)?;
    let landscape = has_parameters.then(|| Landscape::new(&recipe, &description, &session));
    let landscape = landscape.and_then(|landscape| or_without("landscape", landscape));
    if !landscape.as_ref().is_some_and(Landscape::has_path) {
        status.offer_only_random();
    }

    tracing::info!(
        recipe = recipe.name,
        data = training.name,
        parameters = description.parameter_count(),
        device = device::name(device),
        threads,
        seed = recipe.seed,
        step = session.steps(),
        "training"
    );
    let of_recipe = Description::of_recipe(&recipe);
    let references = probe::references::measure(&recipe, &description, &session);
    meta.description = Description {
        setup: Setup {
            device: Some(device::name(device)),
            threads: threads as usize,
            data: Some(training.name),
            evaluated: session.evaluated_name().into(),
            ..of_recipe.setup
        },
        network: Some(description.clone()),
        classes: training.classes,
        probes: gallery.probes().to_vec(),
        references: or_without("losses to compare with", references).unwrap_or_default(),
        length: Some(Length { epochs: recipe.epochs, steps_per_epoch: session.steps_per_epoch() }),
        recipe: Some(text.clone()),
    };
    status.set_probes(gallery.probes().len());
    status.set_lr(session.lr());
    status.set_steps_per_epoch(session.steps_per_epoch());
    let origin = origin(resumption.as_ref().map(|(resumption, _)| resumption), arguments.resume);
    let recorder = Recorder::start(run, meta, Arc::clone(&status), Arc::clone(&inbox), origin)?;
    let probes = (gallery, landscape);
    let saving = Saving::new(recipe.record.checkpoint_seconds, text, fingerprint);
    let trainer = Trainer::new(&recipe, &description, session, probes, recorder, inbox, status)?;
    let mut trainer = trainer.on_nan(arguments.on_nan).saving(saving);
    if let Some((resumption, start)) = resumption {
        trainer = trainer.resume_from(&resumption, start.as_ref())?;
    }
    let (ended, recorder) = trainer.run(arguments.await_viewer);
    let outcome = ended.unwrap_or_else(|error| Outcome::Failed { message: TrainerError::from(error).to_string() });
    recorder.finish(&outcome)?;
    Ok(outcome)
}

/// Reads the data, and says how far that is in `run.json` and `trainer.log` where it takes long.
fn read_data(recipe: &Recipe, run: &RunDir, meta: &mut RunMeta) -> Result<Split, TrainerError> {
    let mut said = Instant::now();
    let mut tell = |percent| {
        if said.elapsed() < BETWEEN_PERCENTAGES || percent >= 100 {
            return;
        }
        said = Instant::now();
        tracing::info!("reading data: {percent} %");
        (meta.reading, meta.updated) = (Some(percent), Timestamp::now());
        if let Err(error) = run.write_meta(meta) {
            tracing::warn!("{error}");
        }
    };
    let split = data::load_with(&recipe.data, &mut Progress::new(&mut tell))?;
    meta.reading = None;
    Ok(split)
}

/// What the log of a run goes on from.
fn origin(resumption: Option<&Resumption>, is_resumed: bool) -> Origin {
    match resumption {
        Some(resumption) => Origin::Checkpoint(Box::new(resumption.state.memory.clone())),
        None if is_resumed => Origin::Over,
        None => Origin::New,
    }
}

/// Begins at the first step; with another rate if one is given, of a run that is resumed and has no checkpoint.
fn start(session: &mut Session, arguments: &Arguments, status: &Status) -> Result<(), TrainerError> {
    if arguments.resume {
        tracing::warn!("the run ended before its first checkpoint; it starts over from its recipe");
    }
    if let Some(lr) = arguments.lr {
        session.set_lr(lr)?;
        status.live().lr = session.base_lr();
    }
    Ok(())
}

/// Brings a session, and what is known of the run, to where a checkpoint was made.
fn go_on(session: &mut Session, resumption: &Resumption, lr: Option<f64>, status: &Status) -> Result<(), TrainerError> {
    session.restore(&resumption.source()?, &resumption.state.training.session)?;
    if resumption.is_extended {
        // The rate in the checkpoint is that of the run as it was to end then.
        session.follow_schedule()?;
    }
    if let Some(lr) = lr {
        session.set_lr(lr)?;
    }
    status.go_on_from(resumption.state.training.spent);
    status.set_checkpoint(resumption.at);
    status.set_steps(session.steps());
    let mut live = status.live();
    (live.lr, live.pace) = (session.base_lr(), resumption.state.training.pace);
    tracing::info!(step = session.steps(), "going on from a checkpoint");
    Ok(())
}

/// What is looked at beside training, unless it cannot be made: training does without, and trainer.log says why.
fn or_without<T>(name: &str, result: Result<T, TchError>) -> Option<T> {
    result.inspect_err(|error| tracing::warn!("no {name}: {}", first_line(&error.to_string()))).ok()
}
