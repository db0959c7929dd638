//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::recipe::Override;
use crate::recipe::{LEARNING_RATES, Recipe};
use crate::run::{OnNan, check_name};
use crate::term::{Choices, ColorChoice, GlyphChoice, ThemeChoice};

/// Train neural networks with libtorch and watch them learn, live, in any terminal.
#[derive(Debug, Parser)]
#[command(name = "torchscope", version, about, arg_required_else_help = true, max_term_width = 100)]
#[command(
    after_help = "Runs live under $TORCHSCOPE_HOME, else $XDG_STATE_HOME/torchscope, else ~/.local/state/torchscope.\n\
    Exit codes: 0 done, 1 error, 2 usage, 3 stopped by request, 4 ended by a NaN or Inf, 128+n by signal n."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Train a recipe and show it learning
    Train(Train),
    /// Go on with a run that was stopped, killed, or has finished, from its newest checkpoint
    Resume(Resume),
    /// Open the view on a run, running or finished
    Attach(Attach),
    /// The other end of `attach user@host`, started there by ssh
    #[command(hide = true)]
    Relay(Relay),
    /// Print a panel or a picture of a run
    Show(Show),
    /// List runs
    Ls(Ls),
    /// End a run after its current step
    Stop(Stop),
    /// Remove runs for good
    Rm(Rm),
    /// Try learning rates on a recipe, and suggest one
    LrFind(LrFind),
    /// Print recipes to start from, and every key that one may have
    Recipe(RecipePage),
    /// Look at terminal, libtorch and run directory, and say what to do
    Doctor(Doctor),
}

/// How to draw.
#[derive(Debug, Clone, Copy, Args)]
pub struct Display {
    /// Colours to use; `auto` judges from the environment
    #[arg(long, value_enum, default_value_t, value_name = "DEPTH", help_heading = "Display")]
    pub color: ColorChoice,
    /// Characters to draw with; `auto` judges from the locale
    #[arg(long, value_enum, default_value_t, value_name = "SET", help_heading = "Display")]
    pub glyphs: GlyphChoice,
    /// Colours for a dark or a light ground; `auto` asks the terminal
    #[arg(long, value_enum, default_value_t, value_name = "GROUND", help_heading = "Display")]
    pub theme: ThemeChoice,
    /// Ring the terminal's bell at every alarm: not a number, spike, plateau, dying layer, stalled trainer
    #[arg(long, help_heading = "Display")]
    pub bell: bool,
    /// Kilobytes (1000 bytes) a second to write at most [default: what the SSH connection delivers; 50 where that cannot
    /// be seen; locally none]
    #[arg(long, value_name = "KB", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Display")]
    pub max_kbps: Option<u32>,
}

impl Display {
    /// What it asks of the terminal.
    pub fn choices(&self) -> Choices {
        Choices { color: self.color, glyphs: self.glyphs, theme: self.theme }
    }
}

/// How a trainer is started and followed.
#[derive(Debug, Clone, Copy, Args)]
pub struct Launch {
    /// What to do when a number is NaN or infinite [default: pause while somebody watches, else stop]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub on_nan: Option<OnNan>,
    /// Train without a view and print progress lines (fit for nohup, cron and CI)
    #[arg(long, conflicts_with = "detach")]
    pub headless: bool,
    /// Start the run and return; `torchscope attach` shows it
    #[arg(long)]
    pub detach: bool,
    /// How to draw.
    #[command(flatten)]
    pub display: Display,
}

/// What to name a recipe by, with the names there are.
fn recipe_help() -> String {
    let names = Recipe::builtin_names().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    format!("A built-in recipe ({names}) or the path of a recipe file")
}

/// `torchscope train`.
#[derive(Debug, Args)]
pub struct Train {
    /// A recipe, by name or path
    #[arg(help = recipe_help(), required_unless_present = "data")]
    pub recipe: Option<String>,
    /// Data to learn from (CSV, .npy, .npz, a folder of pictures), without a recipe: one that fits is made, printed, trained
    #[arg(long, value_name = "PATH", conflicts_with = "recipe", help_heading = "Recipe")]
    pub data: Option<PathBuf>,
    /// Keep the recipe that was made for `--data` in a new file
    #[arg(long, value_name = "FILE", requires = "data", conflicts_with = "recipe", help_heading = "Recipe")]
    pub save: Option<PathBuf>,
    /// Times to go over the data
    #[arg(long, value_name = "N", help_heading = "Recipe")]
    pub epochs: Option<u64>,
    /// Show the network as it starts, without training
    #[arg(long, conflicts_with = "epochs", help_heading = "Recipe")]
    pub untrained: bool,
    /// Learning rate
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, help_heading = "Recipe")]
    pub lr: Option<f64>,
    /// Samples in a step
    #[arg(long, value_name = "N", help_heading = "Recipe")]
    pub batch_size: Option<usize>,
    /// Seed of initialisation and data order
    #[arg(long, value_name = "SEED", help_heading = "Recipe")]
    pub seed: Option<u64>,
    /// Epochs a second while somebody watches; `max`: as fast as it goes
    #[arg(long, value_name = "RATE", allow_negative_numbers = true, help_heading = "Recipe")]
    pub pace: Option<Pace>,
    /// Where to compute: `cpu`, `cuda`, `cuda:N`, or `auto` (CUDA when libtorch has it)
    #[arg(long, value_name = "DEVICE", help_heading = "Recipe")]
    pub device: Option<String>,
    /// Set anything else in the recipe, for example `model.layers.0.units=40`
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value, help_heading = "Recipe")]
    pub sets: Vec<(String, String)>,
    /// Name of the run [default: the recipe's with a number, such as moons-0003]
    #[arg(long, value_name = "NAME", value_parser = run_name)]
    pub name: Option<String>,
    /// Write the run here instead of into a new directory of the runs' home
    #[arg(long, value_name = "DIR", conflicts_with = "name")]
    pub run_dir: Option<PathBuf>,
    /// How to follow the run.
    #[command(flatten)]
    pub launch: Launch,
}

/// `torchscope resume`.
#[derive(Debug, Args)]
#[command(
    after_help = "The run goes on as if it had never been interrupted, in the same directory. Its recipe and data must be what \
    they were; what the log holds beyond the checkpoint is computed again."
)]
pub struct Resume {
    /// A run by name, directory, or beginning of a name, of which the newest is meant [default: the newest run]
    pub run: Option<String>,
    /// Times to go over the data in all; a finished run needs more, and a schedule over all epochs stretches
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub epochs: Option<u64>,
    /// Learning rate to go on with; a run that diverged needs another
    #[arg(long, value_name = "RATE", value_parser = learning_rate)]
    pub lr: Option<f64>,
    /// How to follow the run.
    #[command(flatten)]
    pub launch: Launch,
}

/// `torchscope attach`.
#[derive(Debug, Args)]
#[command(
    after_help = "Another machine is reached by ssh, as you have set it up: configuration, keys, agent, jump hosts. torchscope has to be \
    installed there too; nothing listens on any port. What comes is kept in $XDG_CACHE_HOME/torchscope, else ~/.cache/torchscope, so \
    that a line that breaks goes on where it was."
)]
pub struct Attach {
    /// A run by name, directory, or beginning of a name, of which the newest is meant, here or on another machine:
    /// `user@host:run` [default: the newest run; of another machine `user@host:`]
    pub run: Option<String>,
    /// The ssh for another machine, with options, cut at blanks: "ssh -p 2222"
    #[arg(long, value_name = "COMMAND", default_value = "ssh", help_heading = "Other machines")]
    pub ssh: String,
    /// torchscope there, where it is not in the PATH: "~/.cargo/bin/torchscope", "nice torchscope"
    #[arg(long, value_name = "COMMAND", default_value = "torchscope", help_heading = "Other machines")]
    pub remote_command: String,
    /// How to draw.
    #[command(flatten)]
    pub display: Display,
}

/// `torchscope relay`.
#[derive(Debug, Args)]
pub struct Relay {
    /// As for `attach`
    pub run: Option<String>,
}

/// `torchscope show`.
#[derive(Debug, Args)]
#[command(
    after_help = "Panels are named as in the view: loss, boundary, units, reconstruction, codes, maps, confusion, landscape, \
    metrics, network, layers, system, log. `maps/conv1` is a layer, `maps/conv1/cat` the same for one input, `input/cat` the input. \
    Pictures are shown in Kitty, iTerm2 or Sixel graphics where the terminal has them, else in half blocks."
)]
pub struct Show {
    /// A run by name, directory, or beginning of a name, of which the newest is meant [default: the newest run]
    pub run: Option<String>,
    /// What to print [default: a summary]
    pub panel: Option<String>,
    /// Print text without colours and images, for scripts and mail; so does output that is no terminal
    #[arg(long)]
    pub text: bool,
    /// Columns and rows to print [default: the terminal's, else 80x24]
    #[arg(long, value_name = "COLSxROWS")]
    pub size: Option<PageSize>,
    /// How to draw.
    #[command(flatten)]
    pub display: Display,
}

/// Columns and rows of what is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
}

impl PageSize {
    /// The smallest that shows something.
    pub const LEAST: Self = Self { columns: 40, rows: 10 };
    /// More makes no sense, and takes memory.
    const MOST: Self = Self { columns: 500, rows: 300 };

    /// What a screen of that size has room for, with a row for the prompt.
    pub fn of_screen((columns, rows): (u16, u16)) -> Self {
        let (least, most) = (Self::LEAST, Self::MOST);
        Self {
            columns: columns.clamp(least.columns, most.columns),
            rows: rows.saturating_sub(1).clamp(least.rows, most.rows),
        }
    }
}

impl std::str::FromStr for PageSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (least, most) = (Self::LEAST, Self::MOST);
        let number = |text: &str, least: u16, most: u16| text.parse().ok().filter(|n| (least..=most).contains(n));
        let parts = text.split_once('x').and_then(|(columns, rows)| {
            let columns = number(columns, least.columns, most.columns)?;
            Some(Self { columns, rows: number(rows, least.rows, most.rows)? })
        });
        parts.ok_or_else(|| {
            let Self { columns, rows } = least;
            format!("columns and rows, 120x40 for example, from {columns}x{rows} to {}x{}", most.columns, most.rows)
        })
    }
}

/// `torchscope ls`.
#[derive(Debug, Args)]
pub struct Ls {
    /// Directories to look for runs in [default: the runs' home]
    pub paths: Vec<PathBuf>,
    /// Print JSON, one array of runs
    #[arg(long)]
    pub json: bool,
}

/// `torchscope stop`.
#[derive(Debug, Args)]
pub struct Stop {
    /// A run by name, directory, or beginning of a name, of which the newest live one is meant [default: the newest live
    /// run]
    pub run: Option<String>,
}

/// `torchscope rm`.
#[derive(Debug, Args)]
#[command(
    after_help = "Removed is what torchscope wrote; a directory that holds other files stays with them. A live run has to be \
    stopped first. `user@host:run` is what was copied here of a run on another machine; the run itself stays there."
)]
pub struct Rm {
    /// Runs by whole name or directory
    #[arg(required = true)]
    pub runs: Vec<String>,
    /// Remove them without asking
    #[arg(long, short)]
    pub yes: bool,
}

/// `torchscope doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// How to draw.
    #[command(flatten)]
    pub display: Display,
}

/// `torchscope recipe`.
#[derive(Debug, Args)]
#[command(after_help = "Start one of your own: torchscope recipe cnn > mine.toml, then torchscope train mine.toml")]
pub struct RecipePage {
    /// A built-in recipe to print [default: list them]
    pub name: Option<String>,
    /// Print every key that a recipe may have: what it is for, type, range, default
    #[arg(long, conflicts_with = "name")]
    pub reference: bool,
    /// Colours to use; `auto` judges from the environment
    #[arg(long, value_enum, default_value_t, value_name = "DEPTH", help_heading = "Display")]
    pub color: ColorChoice,
}

/// `torchscope lr-find`.
#[derive(Debug, Args)]
#[command(
    after_help = "The rate rises from step to step until the loss explodes. Suggested is a tenth of the rate at which the \
    smoothed loss was lowest: there it still came down, and what is lowest is already at the brink."
)]
pub struct LrFind {
    /// A recipe, by name or path
    #[arg(help = recipe_help())]
    pub recipe: String,
    /// Rate of the first step
    #[arg(long, value_name = "RATE", default_value_t = 1e-5, value_parser = learning_rate)]
    pub min_lr: f64,
    /// Rate of the last step, if the loss does not explode before
    #[arg(long, value_name = "RATE", default_value_t = 100.0, value_parser = learning_rate)]
    pub max_lr: f64,
    /// Steps from the one to the other
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u64).range(10..=100_000))]
    pub steps: u64,
    /// Set anything else in the recipe, for example `batch_size=64`
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = key_value)]
    pub sets: Vec<(String, String)>,
    /// How to draw.
    #[command(flatten)]
    pub display: Display,
}

fn run_name(text: &str) -> Result<String, String> {
    check_name(text).map(|()| text.to_owned())
}

/// Reads a learning rate, one of [`LEARNING_RATES`].
pub fn learning_rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if LEARNING_RATES.contains(&rate) => Ok(rate),
        _ => {
            let (least, most) = LEARNING_RATES.into_inner();
            Err(format!("a learning rate is from {least:e} to {most:e}"))
        }
    }
}

/// A pace from the command line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pace {
    /// As fast as it goes.
    Max,
    /// Epochs a second.
    EpochsPerSecond(f64),
}

impl std::str::FromStr for Pace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "max" => Ok(Self::Max),
            _ => match text.parse() {
                Ok(rate) if rate > 0.0 && f64::is_finite(rate) => Ok(Self::EpochsPerSecond(rate)),
                _ => Err("epochs a second, a number above 0, or `max`".into()),
            },
        }
    }
}

fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        _ => Err("write KEY=VALUE, for example optimizer.momentum=0.9".into()),
    }
}

impl Train {
    /// What the command line sets in the recipe; errors name the option that did.
    pub fn overrides(&self) -> Vec<Override> {
        let mut overrides = of_sets(&self.sets);
        let mut set = |key: &str, option: &str, given: Option<(String, String)>| {
            overrides.extend(given.map(|(given, value)| Override::option(&format!("{option} {given}"), key, &value)));
        };
        let same = |given: String| (given.clone(), given);
        let number = |rate: f64| same(format!("{rate:?}").trim_end_matches(".0").to_owned());
        set("epochs", "--epochs", self.epochs.map(|n| same(n.to_string())));
        set("optimizer.lr", "--lr", self.lr.map(number));
        set("batch_size", "--batch-size", self.batch_size.map(|n| same(n.to_string())));
        set("seed", "--seed", self.seed.map(|n| same(n.to_string())));
        let device = self.device.as_ref();
        set("device", "--device", device.map(|name| (name.clone(), toml::Value::from(name.as_str()).to_string())));
        if let Some(Pace::EpochsPerSecond(rate)) = self.pace {
            set("pace", "--pace", Some(number(rate)));
        }
        if self.untrained {
            overrides.push(Override::option("--untrained", "epochs", "0"));
        }
        overrides
    }
}

impl LrFind {
    /// What the command line sets in the recipe.
    pub fn overrides(&self) -> Vec<Override> {
        of_sets(&self.sets)
    }
}

fn of_sets(sets: &[(String, String)]) -> Vec<Override> {
    sets.iter().map(|(key, value)| Override::set(key, value)).collect()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::app::PanelId;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_become_recipe_keys() {
        let cli = Cli::try_parse_from([
            "torchscope",
            "train",
            "moons",
            "--lr",
            "0.1",
            "--epochs",
            "3",
            "--device",
            "cuda:1",
            "--pace",
            "2",
            "--set",
            "optimizer.momentum = 0.9",
        ])
        .unwrap();
        let Command::Train(train) = cli.command else { panic!("train expected") };
        let sets = train.overrides();
        for (key, value) in [
            ("optimizer.momentum", "0.9"),
            ("optimizer.lr", "0.1"),
            ("epochs", "3"),
            ("device", "\"cuda:1\""),
            ("pace", "2"),
        ] {
            assert!(sets.iter().any(|set| (set.key(), set.value()) == (key, value)), "{key}={value} in {sets:?}");
        }
    }

    #[test]
    fn untrained_means_no_epochs() {
        let cli = Cli::try_parse_from(["torchscope", "train", "moons", "--untrained"]).unwrap();
        let Command::Train(train) = cli.command else { panic!("train expected") };
        assert_eq!(train.overrides(), [Override::option("--untrained", "epochs", "0")]);
    }

    #[test]
    fn the_help_names_every_built_in_recipe() {
        let mut command = Cli::command();
        let help = command.find_subcommand_mut("train").unwrap().render_help().to_string();
        for name in Recipe::builtin_names() {
            assert!(help.contains(&format!("`{name}`")), "{help}");
        }
    }

    #[test]
    fn the_help_names_every_panel() {
        let mut command = Cli::command();
        let help = command.find_subcommand_mut("show").unwrap().render_help().to_string();
        for id in [
            PanelId::Loss,
            PanelId::Boundary,
            PanelId::Units,
            PanelId::Reconstruction,
            PanelId::Codes,
            PanelId::Maps,
            PanelId::Confusion,
            PanelId::Landscape,
            PanelId::Metrics,
            PanelId::Network,
            PanelId::Layers,
            PanelId::System,
            PanelId::Log,
        ] {
            assert!(help.contains(&id.slug()), "{}: {help}", id.slug());
        }
    }

    #[test]
    fn every_help_fits_in_eighty_columns_and_says_what_each_thing_is() {
        let mut cli = Cli::command().term_width(80);
        cli.build();
        let names: Vec<String> = cli.get_subcommands().map(|command| command.get_name().to_owned()).collect();
        assert!(names.len() > 9, "{names:?}");
        for name in &names {
            let command = cli.find_subcommand_mut(name).unwrap();
            let nameless = |arg: &&clap::Arg| arg.get_help().is_none_or(|help| help.to_string().trim().is_empty());
            let nameless: Vec<_> = command.get_arguments().filter(nameless).map(clap::Arg::get_id).collect();
            assert!(nameless.is_empty(), "{name}: {nameless:?} without a word");
            let help = command.render_help().to_string();
            assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        }
        assert!(cli.render_help().to_string().lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn a_sweep_has_rates_above_zero() {
        for args in [["--min-lr", "0"], ["--max-lr", "inf"], ["--max-lr", "1e39"], ["--steps", "1"]] {
            assert!(
                Cli::try_parse_from(["torchscope", "lr-find", "moons"].into_iter().chain(args)).is_err(),
                "{args:?}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for (args, reason) in [
            (vec!["--pace", "0"], "above 0"),
            (vec!["--pace", "fast"], "`max`"),
            (vec!["--set", "momentum"], "KEY=VALUE"),
            (vec!["--headless", "--detach"], "cannot be used with"),
            (vec!["--untrained", "--epochs", "3"], "cannot be used with"),
            (vec!["--name", "a/b"], "'/' cannot be in a name"),
            (vec!["--name", "a", "--run-dir", "b"], "cannot be used with"),
        ] {
            let args = ["torchscope", "train", "moons"].into_iter().chain(args);
            let error = Cli::try_parse_from(args).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }
}
