//! `torchscope lr-find`: tries learning rates on a recipe, in a run directory that nobody keeps.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use color_eyre::eyre::{Result, eyre};
use tokio::signal::unix::{SignalKind, signal};

use super::{complain, runtime, say, signal_code};
use crate::cli::LrFind;
use crate::log::{Data, LogReader, tags};
use crate::plot::braille::{self, BrailleGrid};
use crate::plot::format;
use crate::plot::scale::{Axis, AxisKind};
use crate::recipe::Recipe;
use crate::run::{self, Errand, RunDir, State, Sweep};
use crate::term::{Capabilities, Environment, Glyphs};

/// Between two looks at the trainer.
const LOOK: Duration = Duration::from_millis(50);
/// Bytes of the log taken at once.
const CHUNK: usize = 1 << 20;
/// Cells of the chart, without its axes.
const ROWS: usize = 14;
const COLUMNS: usize = 64;
/// The suggested rate, as a share of that with the lowest smoothed loss.
const SUGGESTED: f64 = 0.1;
/// Steps to each side that a slope is taken over.
const REACH: usize = 5;
/// Of the first step on, while the smoothed loss is still a mean of few.
const UNSETTLED: usize = 10;
/// Lines of the table that is printed where there is no terminal.
const LINES: usize = 40;

/// One step of the sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Trial {
    lr: f64,
    loss: f64,
    smoothed: f64,
}

/// What the sweep says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Finding {
    /// Where the smoothed loss comes down fastest over the logarithm of the rate.
    steepest: f64,
    /// Where it is lowest.
    lowest: f64,
    /// [`SUGGESTED`] of that.
    suggested: f64,
}

/// A run directory that goes away with it.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // Left in the folder for temporary files it harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn run(args: &LrFind) -> Result<u8> {
    if args.min_lr >= args.max_lr {
        return Err(eyre!("`--min-lr` must be below `--max-lr`: {} is not below {}", args.min_lr, args.max_lr));
    }
    let recipe = Recipe::load(&args.recipe, &args.sets)?;
    let scratch = Scratch(std::env::temp_dir().join(format!("torchscope-lr-find-{}", std::process::id())));
    let directory = RunDir::create_at(&scratch.0, &recipe)?;
    let sweep = Sweep { min_lr: args.min_lr, max_lr: args.max_lr, steps: args.steps };
    if let Some(signal) = carry_out(&directory, sweep)? {
        return Ok(signal_code(signal));
    }
    let meta = directory.status()?;
    if meta.state != State::Finished {
        let last = run::log_tail(&directory.trainer_log_path(), 1).pop();
        let why = meta.outcome.or(last).unwrap_or_else(|| format!("the trainer has {}", meta.state));
        return Err(eyre!("cannot try learning rates on {}: {why}", recipe.name));
    }
    let trials = read(&directory)?;
    let finding = find(&trials);
    let capabilities = Capabilities::detect(&Environment::of_process(), args.display.choices());
    let mut lines = if capabilities.interactive {
        let plain = capabilities.glyphs != Glyphs::Braille;
        chart(&trials, finding, plain)
    } else {
        table(&trials)
    };
    lines.extend(conclude(&trials, finding, args));
    say(&lines.join("\n"))?;
    Ok(0)
}

/// Runs the trainer to its end. A signal ends it before, and is returned.
fn carry_out(directory: &RunDir, sweep: Sweep) -> Result<Option<i32>> {
    let mut trainer = run::spawn_trainer(directory, &Errand::FindLr(sweep))?;
    let ended = runtime()?.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                _ = look.tick() => if trainer.try_wait()?.is_some() {
                    return Ok(None);
                },
                _ = interrupt.recv() => return Ok(Some(SignalKind::interrupt().as_raw_value())),
                _ = terminate.recv() => return Ok(Some(SignalKind::terminate().as_raw_value())),
                _ = hangup.recv() => return Ok(Some(SignalKind::hangup().as_raw_value())),
            }
        }
    });
    if !matches!(ended, Ok(None)) {
        // It trains nothing that anybody keeps.
        let _gone_already = trainer.kill();
        let _status = trainer.wait();
    }
    ended
}

fn read(directory: &RunDir) -> Result<Vec<Trial>> {
    let mut reader = LogReader::open(directory.path())?;
    let mut trials = Vec::new();
    loop {
        let poll = reader.poll(CHUNK)?;
        poll.notices.iter().for_each(|notice| complain(&format!("torchscope: {notice}")));
        for record in poll.records {
            let mut trial = Trial::default();
            for value in record.values {
                match (&*value.tag, value.data) {
                    (tags::LR, Data::Scalar(lr)) => trial.lr = lr,
                    (tags::LOSS_TRAIN, Data::Scalar(loss)) => trial.loss = loss,
                    (tags::LOSS_SMOOTHED, Data::Scalar(smoothed)) => trial.smoothed = smoothed,
                    _ => {}
                }
            }
            trials.push(trial);
        }
        if poll.caught_up {
            return Ok(trials);
        }
    }
}

/// None where the loss never came down, or there are too few steps to tell.
fn find(trials: &[Trial]) -> Option<Finding> {
    let settled = trials.get(UNSETTLED.min(trials.len() / 4)..)?;
    let lowest = (0..settled.len()).filter(|place| settled[*place].smoothed.is_finite());
    let lowest = lowest.min_by(|a, b| settled[*a].smoothed.total_cmp(&settled[*b].smoothed))?;
    let slope = |place: &usize| {
        let (from, to) = (settled[place.saturating_sub(REACH)], settled[(place + REACH).min(lowest)]);
        (to.smoothed - from.smoothed) / (to.lr / from.lr).ln()
    };
    let steepest = (0..lowest).filter(|place| slope(place).is_finite());
    let steepest = steepest.min_by(|a, b| slope(a).total_cmp(&slope(b))).filter(|place| slope(place) < 0.0)?;
    let lowest = settled[lowest].lr;
    Some(Finding { steepest: settled[steepest].lr, lowest, suggested: rounded(SUGGESTED * lowest) })
}

/// Two digits are more than a sweep can tell.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.1e}").parse().unwrap_or(rate)
}

fn rate(rate: f64) -> String {
    format::short(rounded(rate))
}

/// The smoothed loss over the rate, with what was found marked below it.
fn chart(trials: &[Trial], finding: Option<Finding>, plain: bool) -> Vec<String> {
    let (Some(first), Some(last)) = (trials.first(), trials.last()) else { return Vec::new() };
    let across = Axis::new(AxisKind::Log, first.lr, last.lr);
    let finite: Vec<f64> = trials.iter().map(|trial| trial.smoothed).filter(|loss| loss.is_finite()).collect();
    let largest = finite.iter().copied().fold(0.0, f64::max);
    let smallest = finite.iter().copied().fold(f64::INFINITY, f64::min);
    // The explosion would press the rest to the ground.
    let start = finite.first().copied().unwrap_or(1.0);
    let down = Axis::fit(AxisKind::Linear, smallest, largest.min(2.0 * start.max(smallest)));
    let mut grid = BrailleGrid::new(COLUMNS, ROWS);
    let dot = |trial: &Trial| {
        let x = across.index(trial.lr, grid.width())?;
        // What is not finite is above everything.
        let y = if trial.smoothed.is_finite() { down.index(trial.smoothed, grid.height())? } else { grid.height() - 1 };
        Some((x as i32, (grid.height() - 1 - y) as i32))
    };
    let dots: Vec<_> = trials.iter().filter_map(dot).collect();
    for pair in dots.windows(2) {
        grid.line(pair[0].0, pair[0].1, pair[1].0, pair[1].1);
    }
    let (wall, corner, floor) = if plain { ('|', '+', '-') } else { ('\u{2502}', '\u{2514}', '\u{2500}') };
    let mut lines = vec![format!("{:>8}  smoothed loss over the learning rate of the step", "")];
    for row in 0..ROWS {
        let label = match row {
            0 => format::number(down.hi()),
            _ if row == ROWS - 1 => format::number(down.lo()),
            _ => String::new(),
        };
        let mask = |mask: &u8| match (*mask, plain) {
            (0, _) => ' ',
            (_, true) => '*',
            (mask, false) => braille::char_of(mask),
        };
        let cells: String = grid.row(row).iter().map(mask).collect();
        lines.push(format!("{label:>8} {wall}{}", cells.trim_end()));
    }
    lines.push(format!("{:>8} {corner}{}", "", floor.to_string().repeat(COLUMNS)));
    let place = |lr: f64| across.index(lr, COLUMNS).unwrap_or(0);
    lines.push(format!(
        "{:>8}  {}",
        "",
        placed(across.ticks(6).iter().map(|tick| (place(tick.value), tick.label.clone())))
    ));
    if let Some(Finding { steepest, lowest, suggested }) = finding {
        let mark = if plain { '^' } else { '\u{25b2}' };
        for (name, lr) in [("suggested", suggested), ("steepest", steepest), ("lowest", lowest)] {
            lines.push(format!("{:>8}  {}", "", placed([(place(lr), format!("{mark} {name} {}", rate(lr)))])));
        }
    }
    lines
}

/// Texts at their columns, pushed to the left where they would not fit, left out where they would touch.
fn placed(texts: impl IntoIterator<Item = (usize, String)>) -> String {
    let mut line = String::new();
    for (column, text) in texts {
        let length = text.chars().count();
        let column = column.min(COLUMNS.saturating_sub(length));
        let taken = line.chars().count();
        if line.is_empty() || column > taken {
            let _ = write!(line, "{}{text}", " ".repeat(column - taken.min(column)));
        }
    }
    line
}

/// Rates and losses in columns, for a file or a pipe.
fn table(trials: &[Trial]) -> Vec<String> {
    let stride = trials.len().div_ceil(LINES).max(1);
    let last = trials.len().saturating_sub(1);
    let shown = trials.iter().enumerate().filter(|(place, _)| place.is_multiple_of(stride) || *place == last);
    let line = |(_, trial): (usize, &Trial)| {
        format!("{:<10} {:<10} {}", rate(trial.lr), format::number(trial.loss), format::number(trial.smoothed))
    };
    [format!("{:<10} {:<10} smoothed", "lr", "loss")].into_iter().chain(shown.map(line)).collect()
}

/// The rates in words, and a line to copy.
fn conclude(trials: &[Trial], finding: Option<Finding>, args: &LrFind) -> Vec<String> {
    let Some(last) = trials.last() else { return vec!["no step was taken".to_owned()] };
    let ended = if (trials.len() as u64) < args.steps {
        format!("the loss exploded at {}", rate(last.lr))
    } else {
        format!("the loss did not explode up to {}", rate(last.lr))
    };
    let Some(Finding { steepest, lowest, suggested }) = finding else {
        return vec![format!("{ended}, and came down nowhere before; try other rates (`--min-lr`, `--max-lr`)")];
    };
    let mut command = format!("torchscope train {} --lr {}", args.recipe, rate(suggested));
    for (key, value) in &args.sets {
        let _ = write!(command, " --set {key}={value}");
    }
    vec![
        format!("steepest at {}, lowest at {}; {ended}", rate(steepest), rate(lowest)),
        format!("suggested: {}, a tenth of the lowest", rate(suggested)),
        format!("  {command}"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A loss that falls around 0.1 and explodes beyond 10.
    fn sweep() -> Vec<Trial> {
        let trial = |step: i32| {
            let lr = 10_f64.powf(f64::from(step) / 25.0 - 5.0);
            let fall = 1.0 / (1.0 + (-3.0 * (lr / 0.1).ln()).exp());
            let loss = 0.7 - 0.4 * fall + (lr / 10.0).powi(3);
            Trial { lr, loss, smoothed: loss }
        };
        (0..160).map(trial).collect()
    }

    #[test]
    fn the_steepest_and_a_tenth_of_the_lowest_are_found() {
        let finding = find(&sweep()).unwrap();
        assert!((0.07..0.14).contains(&finding.steepest), "{finding:?}");
        assert!((0.3..1.5).contains(&finding.lowest), "{finding:?}");
        assert_eq!(finding.suggested, rounded(0.1 * finding.lowest));
    }

    #[test]
    fn a_loss_that_only_rises_suggests_nothing() {
        let rising: Vec<Trial> =
            sweep().into_iter().enumerate().map(|(step, trial)| Trial { smoothed: step as f64, ..trial }).collect();
        assert_eq!(find(&rising), None);
        assert_eq!(find(&[]), None);
        assert_eq!(find(&[Trial { lr: 1.0, loss: f64::NAN, smoothed: f64::NAN }; 30]), None);
    }

    #[test]
    fn the_chart_fits_in_eighty_columns_and_marks_what_was_found() {
        let mut trials = sweep();
        trials.push(Trial { lr: 40.0, loss: f64::INFINITY, smoothed: f64::INFINITY });
        let finding = find(&trials);
        for plain in [false, true] {
            let lines = chart(&trials, finding, plain);
            assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:#?}");
            assert_eq!(lines.iter().all(|line| line.is_ascii()), plain);
            let text = lines.join("\n");
            assert!(["suggested", "steepest", "lowest"].iter().all(|name| text.contains(name)), "{text}");
        }
        assert!(chart(&[], None, true).is_empty());
    }

    #[test]
    fn the_table_is_short_and_ends_with_the_last_step() {
        let lines = table(&sweep());
        assert!(lines.len() <= LINES + 2 && lines[0].starts_with("lr "), "{lines:#?}");
        assert!(lines[lines.len() - 1].starts_with(&rate(sweep()[159].lr)));
    }
}
