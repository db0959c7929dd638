//! The machine that the run is on: loads and memory with their recent history, and the GPUs with who is on them.

mod rows;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use unicode_width::UnicodeWidthStr;

use super::super::theme::{Role, Theme};
use super::super::widgets::{Gauge, History, Row};
use super::waiting;
use crate::app::{App, Gpu, Machine, Track};
use crate::plot::format;
use rows::Rows;

/// Cells of the longest name.
const NAME: u16 = 9;
/// Cells of a gauge in a row of its own, and from which on it is worth having.
const GAUGE: (u16, u16) = (6, 16);
/// Cells of a history, at the least.
const HISTORY: u16 = 10;
/// Cells before the history of a load where a GPU has one row.
const LOAD: u16 = 52;
/// Shares of memory and disk in use from which on they are worth a look, and grave.
const FULL: (f64, f64) = (0.85, 0.95);

/// A number with its history.
struct Meter<'a> {
    name: &'static str,
    /// In words, the longest first: the others are for less room.
    words: String,
    /// Of all that there could be, 0 to 1; none where nobody knows how much that is.
    share: Option<f64>,
    /// What has a history, and what fills its height.
    history: Option<(&'a Track, f64)>,
    role: Role,
}

/// What stands under one heading.
struct Section<'a> {
    head: Option<Head>,
    meters: Vec<Meter<'a>>,
    /// Meters that are shown where there is room, else they stand in the heading.
    further: Vec<Meter<'a>>,
    processes: Vec<Process>,
}

struct Head {
    name: String,
    /// What the further meters say.
    facts: String,
}

/// A process on a GPU.
struct Process {
    text: String,
    memory: String,
    is_own: bool,
}

pub(super) fn status(app: &App) -> Vec<String> {
    let cores = app.model.machine.cores.map(|cores| match cores {
        1 => "1 core".to_owned(),
        cores => format!("{cores} cores"),
    });
    let over = app.model.state().is_over().then(|| "when it ended".to_owned());
    let whole: Vec<String> = cores.clone().into_iter().chain(over.clone()).collect();
    vec![whole.join(" · "), over.or(cores).unwrap_or_default()]
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let machine = &app.model.machine;
    if machine.is_empty() {
        waiting(app, theme, "a look at the machine", area, buf);
        return;
    }
    let own = app.model.meta.as_ref().and_then(|meta| meta.pid);
    let mut sections = vec![host(machine)];
    sections.extend(machine.gpus.iter().enumerate().map(|(number, gpu)| of_gpu(number, gpu, own, theme)));
    let rows = Rows::new(&sections, machine.note.is_some(), area.height);
    if rows.is_brief {
        brief(machine, &sections, theme, area, buf);
        return;
    }
    for (section, further) in sections.iter_mut().zip(&rows.further) {
        if *further {
            section.meters.append(&mut section.further);
        }
    }
    let columns = Columns::new(&sections, rows.height, area.width);
    let mut y = area.y;
    let below = |y: u16| Rect { y, height: area.bottom().saturating_sub(y), ..area };
    for (index, (section, processes)) in sections.iter().zip(&rows.processes).enumerate() {
        if index > 0 {
            y += u16::from(rows.is_airy);
        }
        if let Some(head) = &section.head {
            let facts = if rows.further[index] { "" } else { &head.facts };
            draw_head(head, facts, theme, below(y), buf);
            y += 1;
        }
        for meter in &section.meters {
            let height = meter.height(rows.height);
            columns.draw(meter, theme, Rect { height, ..below(y) }.intersection(area), buf);
            y += height;
        }
        y += draw_processes(&section.processes, *processes, theme, below(y), buf);
    }
    if rows.has_axis {
        columns.axis(app, theme, below(y), buf);
        y += 1;
    }
    if let Some(note) = &machine.note {
        Row::new(buf, below(y), 0).put(note, theme.style(Role::Dim));
    }
}

/// Whether what is used of something is worth a look.
fn fullness(share: f64, usual: Role) -> Role {
    match share {
        share if share >= FULL.1 => Role::Bad,
        share if share >= FULL.0 => Role::Warn,
        _ => usual,
    }
}

fn host(machine: &Machine) -> Section<'_> {
    let mut meters = vec![load("CPU", &machine.cpu)];
    meters.push(memory("memory", &machine.mem, machine.mem_total.last()));
    // A thread fills a core, and a machine has more of them.
    let top = 100.0 * (machine.trainer_cpu.max().unwrap_or(0.0) / 100.0).ceil().max(1.0);
    let cpu = machine.trainer_cpu.last();
    meters.push(Meter {
        name: "trainer",
        words: cpu.map_or_else(|| "-".to_owned(), |cpu| format!("{} of a core", format::percent(cpu / 100.0))),
        share: cpu.map(|cpu| cpu / top),
        history: Some((&machine.trainer_cpu, top)),
        role: Role::Good,
    });
    let resident = machine.trainer_mem.last();
    meters.push(Meter {
        name: "resident",
        words: resident.map_or_else(|| "-".to_owned(), |bytes| format::bytes(bytes as u64)),
        share: resident.zip(machine.mem_total.last()).map(|(bytes, total)| bytes / total),
        history: Some((&machine.trainer_mem, above(&machine.trainer_mem))),
        role: Role::Good,
    });
    if let Some(left) = machine.disk_left.last() {
        let used = machine.disk_total.last().map(|total| 1.0 - left / total);
        let words = format!("{} left", format::bytes(left as u64));
        let role = fullness(used.unwrap_or(0.0), Role::Text);
        meters.push(Meter { name: "disk", words, share: used, history: None, role });
    }
    Section { head: None, meters, further: Vec::new(), processes: Vec::new() }
}

fn of_gpu<'a>(number: usize, gpu: &'a Gpu, own: Option<u32>, theme: &Theme) -> Section<'a> {
    let mut meters = vec![load("load", &gpu.util)];
    if gpu.mem.last().is_some() {
        meters.push(memory("memory", &gpu.mem, gpu.mem_total.last()));
    }
    let degrees = theme.pick("°C", "C");
    let temp = gpu.temp.last().map(|temp| format!("{temp:.0} {degrees}"));
    let power = gpu.power.last().map(|power| format!("{power:.0} W"));
    let facts: Vec<String> = temp.iter().chain(&power).cloned().collect();
    let warm = |words, share| Meter { name: "temp", words, share, history: Some((&gpu.temp, 100.0)), role: Role::Warn };
    let mut further: Vec<Meter<'a>> =
        temp.map(|words| warm(words, gpu.temp.last().map(|temp| temp / 100.0))).into_iter().collect();
    further.extend(power.map(|words| Meter {
        name: "power",
        words,
        share: None,
        history: Some((&gpu.power, above(&gpu.power))),
        role: Role::Warn,
    }));
    let process = |process: &crate::log::GpuProcess| Process {
        text: format!("{:>7} {}", process.pid, process.name),
        memory: process.memory.map_or_else(String::new, format::bytes),
        is_own: Some(process.pid) == own,
    };
    let mut processes: Vec<Process> = gpu.processes.iter().map(process).collect();
    // The run's own is what people look for.
    processes.sort_by_key(|process| !process.is_own);
    let name = format!("GPU {number}{}{}", if gpu.name.is_empty() { "" } else { " · " }, gpu.name);
    Section { head: Some(Head { name, facts: facts.join(" · ") }), meters, further, processes }
}

/// A load in percent.
fn load<'a>(name: &'static str, track: &'a Track) -> Meter<'a> {
    let share = track.last().map(|percent| percent / 100.0);
    let words = share.map_or_else(|| "-".to_owned(), format::percent);
    Meter { name, words, share, history: Some((track, 100.0)), role: Role::Accent }
}

fn memory<'a>(name: &'static str, track: &'a Track, total: Option<f64>) -> Meter<'a> {
    let (used, whole) = (track.last(), total.filter(|total| *total > 0.0));
    let words = match (used, whole) {
        (Some(used), Some(whole)) => format::bytes_of(used as u64, whole as u64),
        (Some(used), None) => format::bytes(used as u64),
        (None, _) => "-".to_owned(),
    };
    let share = used.zip(whole).map(|(used, whole)| used / whole);
    let role = fullness(share.unwrap_or(0.0), Role::Eval);
    Meter { name, words, share, history: Some((track, whole.unwrap_or_else(|| above(track)))), role }
}

/// A ceiling for what has none: a quarter above the largest so far.
fn above(track: &Track) -> f64 {
    track.max().filter(|max| *max > 0.0).map_or(1.0, |max| 1.25 * max)
}

impl Meter<'_> {
    /// Rows, where those with a history have so many.
    fn height(&self, with_history: u16) -> u16 {
        if self.history.is_some() { with_history } else { 1 }
    }
}

/// Where in a row what stands.
struct Columns {
    words: u16,
    gauge: u16,
    /// From the left edge on, and how many.
    history: (u16, u16),
    /// Whether meters have rows enough for the gauge to stand below the words.
    is_tall: bool,
}

impl Columns {
    fn new(sections: &[Section<'_>], height: u16, width: u16) -> Self {
        let all = sections.iter().flat_map(|section| &section.meters);
        let words = all.map(|meter| meter.words.width() as u16).max().unwrap_or(0);
        let is_tall = height > 1;
        let left = NAME + words + 1;
        let rest = width.saturating_sub(left + 1);
        let room = rest.saturating_sub(HISTORY + 1);
        let gauge = if is_tall || room < GAUGE.0 { 0 } else { (rest / 3).clamp(GAUGE.0, GAUGE.1).min(room) };
        let start = left + if gauge > 0 { gauge + 2 } else { 1 };
        Self { words, gauge, history: (start, width.saturating_sub(start)), is_tall }
    }

    fn draw(&self, meter: &Meter<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let mut row = Row::new(buf, area, 0);
        row.put_cell(meter.name, NAME, theme.style(Role::Dim));
        row.put_column(&meter.words, self.words, theme.style(Role::Bright));
        let part = |x: u16, y: u16, width: u16, height: u16| {
            Rect { x: area.x.saturating_add(x), y: area.y + y, width, height }.intersection(area)
        };
        let (start, columns) = self.history;
        let gauge = match (&meter.history, self.is_tall) {
            // What has no history has its place for the gauge.
            (None, _) => part(NAME + self.words + 2, 0, area.width.saturating_sub(NAME + self.words + 2), 1),
            (Some(_), true) => part(0, 1, NAME + self.words, area.height.saturating_sub(1).min(1)),
            (Some(_), false) => part(NAME + self.words + 2, 0, self.gauge, 1),
        };
        if let Some(share) = meter.share.filter(|_| gauge.width > 0) {
            Gauge { share, role: meter.role }.render(theme, gauge, buf);
        }
        if let Some((track, top)) = meter.history {
            // A row of air, so that one does not run into the one above.
            let air = u16::from(area.height > 3);
            let place = part(start, air, columns, area.height - air);
            let values = track.tail(History::capacity(theme, place.width));
            History { top, role: meter.role }.render(values, theme, place, buf);
        }
    }

    /// What the histories span.
    fn axis(&self, app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
        let (start, columns) = self.history;
        let capacity = History::capacity(theme, columns);
        let track = &app.model.machine.mem;
        let shown = track.tail(capacity).len();
        let span = format::duration(track.span(shown));
        let place = Rect { x: area.x.saturating_add(start), width: columns, ..area }.intersection(area);
        let (end, before) = if app.model.is_live() { ("now", "ago") } else { ("end", "before") };
        let mut row = Row::new(buf, place, 0);
        let text = format!("{span} {before} ");
        if text.width() + end.width() > usize::from(columns) {
            row.put_right(&format!("last {span}"), theme.style(Role::Dim));
            return;
        }
        row.put_right(end, theme.style(Role::Dim));
        // Under the first of them, or as near to it as there is room.
        let first = (capacity - shown) / (capacity / usize::from(columns.max(1))).max(1);
        let room = row.room().saturating_sub(text.width() as u16);
        row.gap(room.min(first as u16)).put_whole(&text, theme.style(Role::Dim));
    }
}

fn draw_head(head: &Head, facts: &str, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let mut row = Row::new(buf, area, 0);
    row.put_right(facts, theme.style(Role::Bright));
    row.put(&head.name, theme.style(Role::Accent).add_modifier(Modifier::BOLD));
}

/// As many as there are rows; how many more there are stands beside the last. Returns the rows used.
fn draw_processes(processes: &[Process], room: u16, theme: &Theme, area: Rect, buf: &mut Buffer) -> u16 {
    let listed = processes.len().min(usize::from(room));
    let more = processes.len() - listed;
    for (y, process) in (0..).zip(&processes[..listed]) {
        let mut row = Row::new(buf, area, y);
        if usize::from(y) + 1 == listed && more > 0 {
            row.put_right(&format!("  and {more} more"), theme.style(Role::Dim));
        }
        row.put_right(&process.memory, theme.style(Role::Text));
        row.put(if process.is_own { theme.pick("▸", ">") } else { " " }, theme.style(Role::Accent));
        row.put(&process.text, theme.style(if process.is_own { Role::Bright } else { Role::Dim }));
    }
    listed as u16
}

/// Where there is least room: the host in three rows, and each GPU in one.
fn brief(machine: &Machine, sections: &[Section<'_>], theme: &Theme, area: Rect, buf: &mut Buffer) {
    let gpus = machine.gpus.len() as u16;
    let host = &sections[0].meters;
    let rows = area.height.saturating_sub(gpus).clamp(area.height.min(1), host.len() as u16);
    let columns = Columns::new(sections, 1, area.width);
    for (y, meter) in (0..rows).zip(host) {
        columns.draw(meter, theme, Rect { y: area.y + y, height: 1, ..area }, buf);
    }
    let room = area.height - rows;
    let listed = if gpus > room { room.saturating_sub(1) } else { gpus };
    for (y, section) in (rows..rows + listed).zip(&sections[1..]) {
        let number = y - rows;
        let mut row = Row::new(buf, area, y);
        row.put_cell(&format!("GPU {number}"), NAME, theme.style(Role::Accent));
        row.put_column(&section.meters[0].words, 5, theme.style(Role::Bright)).gap(2);
        if let Some(memory) = section.meters.get(1) {
            row.put_whole(&memory.words, theme.style(Role::Text)).gap(2);
        }
        let facts = section.head.as_ref().map_or("", |head| &head.facts);
        row.put_whole(facts, theme.style(Role::Dim));
        // Below each other, whatever the words.
        let load = area.x + LOAD;
        if let Some((track, top)) = section.meters[0].history
            && row.column() < load
            && area.right() >= load + HISTORY
        {
            let place = Rect { x: load, y: area.y + y, width: area.right() - load, height: 1 };
            let values = track.tail(History::capacity(theme, place.width));
            History { top, role: Role::Accent }.render(values, theme, place, buf);
        }
    }
    if listed < gpus && room > 0 {
        let text = format!("{} more GPUs", gpus - listed);
        Row::new(buf, area, rows + listed).put(&text, theme.style(Role::Dim));
    } else if gpus == 0
        && let Some(note) = &machine.note
    {
        Row::new(buf, area, rows).put(note, theme.style(Role::Dim));
    }
}
