//! `torchscope lr-find`: tries learning rates on a recipe, in a run directory that nobody keeps.

use std::fmt::Write;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use color_eyre::eyre::{Result, WrapErr, eyre};
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::say::paint;
use super::{ask_for_theme, read_log, runtime, say, shell_word, signal_code};
use crate::app::Model;
use crate::cli::LrFind;
use crate::data;
use crate::log::{LogReader, tags};
use crate::plot::braille::{self, BrailleGrid};
use crate::plot::format;
use crate::plot::scale::{Axis, AxisKind};
use crate::recipe::Recipe;
use crate::run::{self, Errand, RunDir, State, Sweep};
use crate::term::{self, Capabilities, ColorDepth, Environment, Glyphs};
use crate::view::{Role, Sgr, Theme};

/// Columns and rows where the terminal does not say.
const PAPER: (u16, u16) = (80, 24);
/// Between two looks at the trainer.
const LOOK: Duration = Duration::from_millis(50);
/// Columns and rows beside the cells of the chart: labels and a column to spare; marks, conclusion and prompt.
const MARGIN: (u16, u16) = (11, 10);
/// Rows of the chart, at the least and at the most.
const ROWS: (usize, usize) = (6, 20);
/// Columns of the chart, at the least and at the most: it is of a few hundred steps.
const COLUMNS: (usize, usize) = (20, 120);
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

pub(super) fn run(args: &LrFind) -> Result<u8> {
    if args.min_lr >= args.max_lr {
        return Err(eyre!("`--min-lr` must be below `--max-lr`: {} is not below {}", args.min_lr, args.max_lr));
    }
    let recipe = Recipe::load_looking(&args.recipe, &args.overrides(), &data::look)?;
    let signals = Signals::catch()?;
    // Ours alone, under a name that nobody can have taken; it goes when this returns.
    let closed = Permissions::from_mode(0o700);
    let scratch = tempfile::Builder::new().prefix("torchscope-lr-find-").permissions(closed).tempdir();
    let scratch = scratch.wrap_err("no folder for a run that nobody keeps; TMPDIR can name another place")?;
    let directory = RunDir::create_at(scratch.path(), &recipe)?;
    let sweep = Sweep { min_lr: args.min_lr, max_lr: args.max_lr, steps: args.steps };
    if let Some(signal) = carry_out(&directory, sweep, signals)? {
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
    if capabilities.interactive {
        let (theme, _) = ask_for_theme(&capabilities);
        let paper = Paper::of_screen(theme, term::size().unwrap_or(PAPER));
        for line in chart(&trials, finding, &paper) {
            paint(&paper.colored(&line))?;
        }
    } else {
        say(&table(&trials).join("\n"))?;
    }
    say(&conclude(&trials, finding, args).join("\n"))?;
    Ok(0)
}

/// A line of the chart: texts with their meanings.
type Line = Vec<(Role, String)>;

/// What the chart is drawn on.
struct Paper {
    theme: Theme,
    /// Cells of the chart, without its axes.
    columns: usize,
    rows: usize,
}

impl Paper {
    /// What a screen of so many columns and rows has room for.
    fn of_screen(theme: Theme, (columns, rows): (u16, u16)) -> Self {
        let room = |all: u16, margin: u16, (least, most): (usize, usize)| {
            usize::from(all.saturating_sub(margin)).clamp(least, most)
        };
        Self { theme, columns: room(columns, MARGIN.0, COLUMNS), rows: room(rows, MARGIN.1, ROWS) }
    }

    /// A line with the escape sequences for its colours, as far as there are any.
    fn colored(&self, line: &Line) -> String {
        let mono = self.theme.depth() == ColorDepth::Mono;
        let texts = line.iter().map(|(role, text)| match self.theme.style(*role).fg {
            Some(color) if !mono && !text.trim().is_empty() => {
                format!("\x1b[{}m{text}\x1b[0m", Sgr::foreground(color))
            }
            _ => text.clone(),
        });
        texts.collect()
    }
}

/// The signals that end a sweep, caught so that nothing of it stays.
struct Signals {
    runtime: Runtime,
    caught: [(SignalKind, Signal); 4],
}

impl Signals {
    /// Catches them from now on. To be called before there is something to clear up.
    fn catch() -> Result<Self> {
        let runtime = runtime()?;
        let caught = {
            let _context = runtime.enter();
            let catch = |kind| signal(kind).map(|signal| (kind, signal));
            [
                catch(SignalKind::interrupt())?,
                catch(SignalKind::terminate())?,
                catch(SignalKind::hangup())?,
                catch(SignalKind::quit())?,
            ]
        };
        Ok(Self { runtime, caught })
    }
}

/// Runs the trainer to its end. A signal ends it before, and is returned.
fn carry_out(directory: &RunDir, sweep: Sweep, signals: Signals) -> Result<Option<i32>> {
    let Signals { runtime, mut caught } = signals;
    let mut trainer = run::spawn_trainer(directory, &Errand::FindLr(sweep))?;
    let ended = runtime.block_on(async {
        let mut look = tokio::time::interval(LOOK);
        let [interrupt, terminate, hangup, quit] = &mut caught;
        loop {
            let kind = tokio::select! {
                _ = look.tick() => match trainer.try_wait()? {
                    Some(_) => return Ok(None),
                    None => continue,
                },
                _ = interrupt.1.recv() => interrupt.0,
                _ = terminate.1.recv() => terminate.0,
                _ = hangup.1.recv() => hangup.0,
                _ = quit.1.recv() => quit.0,
            };
            return Ok(Some(kind.as_raw_value()));
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
    let mut model = Model::new(directory.path().to_owned(), 0.0);
    read_log(&mut LogReader::open(directory.path())?, |records| model.apply(records))?;
    let series = |tag| model.series(tag).into_iter().flat_map(|series| series.iter().map(|(_, value)| value));
    let steps = series(tags::LR).zip(series(tags::LOSS_TRAIN)).zip(series(tags::LOSS_SMOOTHED));
    Ok(steps.map(|((lr, loss), smoothed)| Trial { lr, loss, smoothed }).collect())
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
fn chart(trials: &[Trial], finding: Option<Finding>, paper: &Paper) -> Vec<Line> {
    let (Some(first), Some(last)) = (trials.first(), trials.last()) else { return Vec::new() };
    let Paper { ref theme, columns, rows } = *paper;
    let plain = theme.glyphs() != Glyphs::Braille;
    let across = Axis::new(AxisKind::Log, first.lr, last.lr);
    let finite: Vec<f64> = trials.iter().map(|trial| trial.smoothed).filter(|loss| loss.is_finite()).collect();
    let largest = finite.iter().copied().fold(0.0, f64::max);
    let smallest = finite.iter().copied().fold(f64::INFINITY, f64::min);
    // The explosion would press the rest to the ground.
    let start = finite.first().copied().unwrap_or(1.0);
    let down = Axis::fit(AxisKind::Linear, smallest, largest.min(2.0 * start.max(smallest)));
    let mut grid = BrailleGrid::new(columns, rows);
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
    let indented = |role, text: String| vec![(Role::Dim, format!("{:10}", "")), (role, text)];
    let titles = ["smoothed loss over the learning rate of the step", "loss over the rate"];
    let title = titles.into_iter().find(|title| title.len() <= columns).unwrap_or(titles[1]);
    let mut lines = vec![indented(Role::Dim, title.to_owned())];
    for row in 0..rows {
        let label = match row {
            0 => format::number(down.hi()),
            _ if row == rows - 1 => format::number(down.lo()),
            _ => String::new(),
        };
        let mask = |mask: &u8| match (*mask, plain) {
            (0, _) => ' ',
            (_, true) => '*',
            (mask, false) => braille::char_of(mask),
        };
        let cells: String = grid.row(row).iter().map(mask).collect();
        lines.push(vec![
            (Role::Text, format!("{label:>8} ")),
            (Role::Frame, wall.to_string()),
            (Role::Accent, cells.trim_end().to_owned()),
        ]);
    }
    lines.push(vec![(Role::Frame, format!("{:>8} {corner}{}", "", floor.to_string().repeat(columns)))]);
    let place = |lr: f64| across.index(lr, columns).unwrap_or(0);
    let ticks = across.ticks((columns / 10).max(2));
    lines.push(indented(Role::Text, placed(ticks.iter().map(|tick| (place(tick.value), tick.label.clone())), columns)));
    if let Some(Finding { steepest, lowest, suggested }) = finding {
        let mark = if plain { '^' } else { '\u{25b2}' };
        let found =
            [("suggested", suggested, Role::Good), ("steepest", steepest, Role::Text), ("lowest", lowest, Role::Warn)];
        for (name, lr, role) in found {
            lines.push(indented(role, placed([(place(lr), format!("{mark} {name} {}", rate(lr)))], columns)));
        }
    }
    lines
}

/// Texts at their columns, pushed to the left where they would not fit, left out where they would touch.
fn placed(texts: impl IntoIterator<Item = (usize, String)>, columns: usize) -> String {
    let mut line = String::new();
    for (column, text) in texts {
        let length = text.chars().count();
        let column = column.min(columns.saturating_sub(length));
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
    let mut command = format!("torchscope train {} --lr {}", shell_word(&args.recipe), rate(suggested));
    for (key, value) in &args.sets {
        let _ = write!(command, " --set {}", shell_word(&format!("{key}={value}")));
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
    fn the_chart_fits_the_screen_and_marks_what_was_found() {
        let mut trials = sweep();
        trials.push(Trial { lr: 40.0, loss: f64::INFINITY, smoothed: f64::INFINITY });
        let finding = find(&trials);
        for (screen, glyphs) in [
            ((80, 24), Glyphs::Braille),
            ((80, 24), Glyphs::Ascii),
            ((40, 12), Glyphs::Ascii),
            ((200, 60), Glyphs::Braille),
        ] {
            let paper = Paper::of_screen(Theme::new(ColorDepth::Mono, glyphs), screen);
            let lines: Vec<String> = chart(&trials, finding, &paper).iter().map(|line| paper.colored(line)).collect();
            let widest = lines.iter().map(|line| line.chars().count()).max().unwrap();
            assert!(
                widest < usize::from(screen.0) && (screen.0 > 120 || widest + 2 > usize::from(screen.0)),
                "{lines:#?}"
            );
            assert!(lines.len() + 4 <= usize::from(screen.1).max(16), "{lines:#?}");
            assert_eq!(lines.iter().all(|line| line.is_ascii()), glyphs == Glyphs::Ascii);
            let text = lines.join("\n");
            assert!(["suggested", "steepest", "lowest"].iter().all(|name| text.contains(name)), "{text}");
        }
        assert!(chart(&[], None, &Paper::of_screen(Theme::new(ColorDepth::Mono, Glyphs::Ascii), PAPER)).is_empty());
    }

    #[test]
    fn the_chart_has_the_colours_of_the_terminal() {
        let trials = sweep();
        let text = |depth| {
            let paper = Paper::of_screen(Theme::new(depth, Glyphs::Braille), PAPER);
            let lines = chart(&trials, find(&trials), &paper);
            lines.iter().map(|line| paper.colored(line)).collect::<Vec<_>>().join("\n")
        };
        assert!(!text(ColorDepth::Mono).contains('\u{1b}'));
        assert!(text(ColorDepth::Ansi256).contains("\u{1b}[38;5;"));
        let full = text(ColorDepth::TrueColor);
        assert!(full.contains("\u{1b}[38;2;") && full.matches('\u{1b}').count() % 2 == 0, "each is switched off again");
    }

    #[test]
    fn the_table_is_short_and_ends_with_the_last_step() {
        let lines = table(&sweep());
        assert!(lines.len() <= LINES + 2 && lines[0].starts_with("lr "), "{lines:#?}");
        assert!(lines[lines.len() - 1].starts_with(&rate(sweep()[159].lr)));
    }
}
