//! `torchscope show`: a panel or a picture of a run, printed.

use color_eyre::eyre::{Result, eyre};

use super::say::{Unsaid, paint};
use super::{ask_for_theme, pick, read_log, say};
use crate::app::{App, Exhibit, Message, PanelId, Subject};
use crate::cli::{PageSize, Show};
use crate::log::LogReader;
use crate::plot::format;
use crate::run::{Eligible, PrintedReader, RunDir, RunMeta};
use crate::term::{self, Capabilities, ColorDepth, Environment, Graphics};
use crate::view::{self, Page, Theme};

/// Columns and rows where there is no terminal to ask.
const PAPER: PageSize = PageSize { columns: 80, rows: 24 };
/// Rows of the parts of a summary.
const LOSS_ROWS: u16 = 12;
const METRIC_ROWS: u16 = 11;
/// Rows of the network's panel beside those of its layers.
const NETWORK_ROWS: u16 = 8;
/// Rows that a picture leaves free: its caption, and the prompt that follows.
const SPARE_ROWS: u16 = 3;

/// Where it is printed.
struct Paper {
    theme: Theme,
    graphics: Graphics,
    size: PageSize,
    /// Whether only text is wanted.
    plain: bool,
}

pub(super) fn run(args: &Show) -> Result<u8> {
    let run = pick(args.run.as_deref(), Eligible::All)?;
    let (mut app, meta) = load(&run)?;
    let exhibit = match &args.panel {
        None => None,
        Some(name) => Some(app.exhibit(name).ok_or_else(|| unknown(name, &run, &app))?),
    };
    let paper = Paper::of(args);
    match exhibit {
        None => summary(&mut app, &meta, &paper)?,
        Some(exhibit) => {
            if let Some(subject) = exhibit.subject().filter(|_| !paper.plain)
                && picture(&app, &exhibit, &subject, &paper)?
            {
                return Ok(0);
            }
            match &exhibit {
                Exhibit::Panel(id) => paper.panel(&mut app, *id, paper.size)?,
                Exhibit::Input(probe) => {
                    if let Some(values) = app.model.maps.inputs.get(probe) {
                        let room = (paper.size.columns, paper.size.rows - 1);
                        say(&view::caption(&app, &exhibit))?;
                        paper.print(&Page::photo(values.view(), &paper.theme, room))?;
                    }
                }
            }
        }
    }
    Ok(0)
}

/// Reads a run as far as it has come.
fn load(run: &RunDir) -> Result<(App, RunMeta)> {
    let mut app = App::new(run.path().to_owned(), (PAPER.columns, PAPER.rows));
    let meta = run.status()?;
    app.update(Message::Status(Box::new(meta.clone())));
    let mut reader = LogReader::open(run.path())?;
    read_log(&mut reader, |records| _ = app.update(Message::Records(records)))?;
    app.update(Message::CaughtUp);
    if let Some(printed) = PrintedReader::new(run.trainer_log_path()).poll() {
        app.update(Message::Printed(printed));
    }
    Ok((app, meta))
}

fn unknown(name: &str, run: &RunDir, app: &App) -> color_eyre::eyre::Report {
    let names = app.exhibits();
    let close = names.iter().map(|other| (strsim::jaro_winkler(name, other), other));
    let close = close.filter(|(likeness, _)| *likeness > 0.8).max_by(|a, b| a.0.total_cmp(&b.0));
    let hint = close.map_or_else(String::new, |(_, other)| format!("; did you mean `{other}`?"));
    eyre!("{} has no `{name}`{hint}\nThere are: {}", run.name(), names.join(", "))
}

impl Paper {
    fn of(args: &Show) -> Self {
        let env = Environment::of_process();
        let capabilities = Capabilities::detect(&env, args.display.choices());
        let plain = args.text || !env.stdout_is_terminal || env.get("TERM").is_none_or(|term| term == "dumb");
        let (theme, graphics) = if plain {
            (Theme::new(ColorDepth::Mono, capabilities.glyphs), Graphics::None)
        } else {
            ask_for_theme(&capabilities)
        };
        let screen = if plain { None } else { term::size() };
        let size = args.size.or(screen.map(PageSize::of_screen)).unwrap_or(PAPER);
        Self { theme, graphics, size, plain }
    }

    fn print(&self, page: &Page) -> Result<(), Unsaid> {
        let lines = if self.plain { page.plain() } else { page.colored() };
        lines.iter().try_for_each(|line| if self.plain { say(line) } else { paint(line) })
    }

    /// Prints a panel with its frame on so many columns and rows.
    fn panel(&self, app: &mut App, id: PanelId, PageSize { columns, rows }: PageSize) -> Result<(), Unsaid> {
        // With the bars above and below, which are not printed.
        for bars in 2..=3 {
            app.update(Message::Resized(columns, rows + bars));
            app.zoom_on(id);
            let slots = app.layout().map(|layout| layout.slots).unwrap_or_default();
            if slots.iter().any(|slot| slot.area.height == rows) {
                break;
            }
        }
        Page::panel(app, &self.theme, id).map_or(Ok(()), |page| self.print(&page))
    }
}

/// Prints a picture: as an image, or in half blocks. `false` where the terminal has not the colours for either, or there is
/// nothing to show yet.
fn picture(app: &App, exhibit: &Exhibit, subject: &Subject, paper: &Paper) -> Result<bool> {
    let PageSize { columns, rows } = paper.size;
    let rows = rows.saturating_sub(SPARE_ROWS).max(1);
    let blocks = paper.graphics == Graphics::None;
    if blocks && !paper.theme.has_pixels() {
        return Ok(false);
    }
    let room =
        if blocks { (usize::from(columns), 2 * usize::from(rows)) } else { paper.graphics.room((columns, rows)) };
    let Some(pixels) = view::picture(app, &paper.theme, subject, room) else { return Ok(false) };
    say(&view::caption(app, exhibit))?;
    if blocks {
        paper.print(&Page::pixels(&pixels, &paper.theme))?;
    } else {
        paper.graphics.show(&pixels, None)?;
    }
    Ok(true)
}

/// What the run is, how it stands, and what else there is to show.
fn summary(app: &mut App, meta: &RunMeta, paper: &Paper) -> Result<(), Unsaid> {
    let clean = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
    let model = &app.model;
    let setup = &model.description.setup;
    let mut facts = vec![clean(&meta.name), meta.state.to_string()];
    if let Some(length) = model.length().filter(|length| length.epochs > 0) {
        facts.push(format!("epoch {}/{}", model.epoch().floor() as u64, length.epochs));
    }
    facts.push(format!("step {}", format::count(model.step())));
    facts.extend(setup.device.as_deref().map(clean));
    facts.push(format!("seed {}", setup.seed));
    let separator = if paper.theme.ascii() { " | " } else { " · " };
    say(&facts.join(separator))?;
    if let Some(outcome) = meta.outcome.as_deref().filter(|_| meta.state.is_over()) {
        say(&clean(outcome))?;
    }
    say(&model.path.display().to_string())?;
    say("")?;
    let layers = model.network().map_or(0, |network| network.layers.len().min(40) as u16);
    let columns = paper.size.columns;
    for (id, rows) in
        [(PanelId::Loss, LOSS_ROWS), (PanelId::Metrics, METRIC_ROWS), (PanelId::Network, NETWORK_ROWS + layers)]
    {
        paper.panel(app, id, PageSize { columns, rows: rows.max(PageSize::LEAST.rows) })?;
    }
    say("")?;
    say(&format!("torchscope show {} PANEL prints one of: {}", clean(&meta.name), app.exhibits().join(", ")))
}
