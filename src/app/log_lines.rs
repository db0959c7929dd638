//! What the trainer printed: the newest lines, and which of them are looked at.

use std::collections::VecDeque;

use super::panel::PanelId;
use super::update::App;
use crate::plot::wrap;
use crate::run::Printed;

/// Lines kept; older ones are forgotten.
const MOST_LINES: usize = 1_000;
/// Cells of `12:34:56 `.
const TIME: u16 = 9;
/// Columns from which on times are shown.
const TIMED: u16 = 56;
/// Cells of the mark of a warning or an error.
const MARK: u16 = 2;

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    /// An ordinary line.
    Said,
    /// A warning of the trainer's or of libtorch's.
    Warning,
    /// An error, a panic, an abort.
    Error,
    /// No line of the log: a new day, or that something was left out.
    Note,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// `hh:mm:ss` in UTC, if the line says when it was written.
    pub time: Option<String>,
    /// How grave it is.
    pub kind: LogKind,
    /// The rest.
    pub text: String,
}

impl LogLine {
    /// Reads a line of the trainer's own log (`2026-11-24T12:02:48.948943Z  WARN text`) or of what libraries print
    /// (`[W1124 12:02:48.9 file.cpp:12] Warning: text`, `terminate called after ..`). Returns the day too.
    fn read(line: &str) -> (Self, Option<&str>) {
        if let Some((day, time, rest)) = stamped(line) {
            let (word, text) = rest.split_once(' ').unwrap_or((rest, ""));
            let (kind, text) = match word {
                "ERROR" => (LogKind::Error, text),
                "WARN" => (LogKind::Warning, text),
                "INFO" | "DEBUG" | "TRACE" => (LogKind::Said, text),
                _ => (LogKind::Said, rest),
            };
            return (Self { time: Some(time.to_owned()), kind, text: text.trim_start().to_owned() }, Some(day));
        }
        (Self { time: None, kind: judge(line), text: line.to_owned() }, None)
    }

    fn note(text: String) -> Self {
        Self { time: None, kind: LogKind::Note, text }
    }
}

/// Day, time to the second, and the rest of a line that begins with a timestamp as RFC 3339 has it.
fn stamped(line: &str) -> Option<(&str, &str, &str)> {
    let (stamp, rest) = line.split_once(' ')?;
    let (day, time) = stamp.split_once('T')?;
    let shaped = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(c, s)| if s == b'0' { c.is_ascii_digit() } else { c == s })
    };
    let time = time.get(..8).filter(|_| time.ends_with('Z'))?;
    (shaped(day, "0000-00-00") && shaped(time, "00:00:00")).then(|| (day, time, rest.trim_start()))
}

/// How grave a line is that does not say so itself.
fn judge(line: &str) -> LogKind {
    // glog, as libtorch uses it: the level's letter, then the date.
    let mut start = line.chars();
    if let (Some('['), Some(level), Some(' ' | '0'..='9')) = (start.next(), start.next(), start.next()) {
        match level {
            'W' => return LogKind::Warning,
            'E' | 'F' => return LogKind::Error,
            _ => {}
        }
    }
    let line = line.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| line.contains(word));
    if says(&["error:", "panicked at", "terminate called", "segmentation fault", "out of memory", "core dumped"]) {
        LogKind::Error
    } else if says(&["warning"]) {
        LogKind::Warning
    } else {
        LogKind::Said
    }
}

/// The newest lines, 1,000 at most.
#[derive(Debug, Default)]
pub struct LogLines {
    lines: VecDeque<LogLine>,
    unfinished: Option<LogLine>,
    /// How many were forgotten.
    forgotten: u64,
    day: Option<String>,
    timed: bool,
    warnings: u64,
    errors: u64,
}

/// A place in the log: a line by its number from the beginning, and a row of those it takes on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    line: u64,
    row: usize,
}

/// One row of the log on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRow<'a> {
    /// The line it belongs to.
    pub line: &'a LogLine,
    /// Whether the line begins with it.
    pub first: bool,
    /// Its part of the line's text.
    pub text: String,
}

impl LogLines {
    /// Takes over what is new.
    pub fn take(&mut self, printed: Printed) {
        if printed.anew {
            // Numbers go on, so that a place looked at in the old log is not taken for one in the new.
            *self = Self { forgotten: self.forgotten + self.lines.len() as u64, ..Self::default() };
        }
        if printed.skipped {
            self.push(LogLine::note("… lines left out, see trainer.log".to_owned()));
        }
        for line in printed.lines {
            let (line, day) = LogLine::read(&line);
            if let Some(day) = day.filter(|day| self.day.as_deref() != Some(*day)) {
                // The first day is no news.
                if self.day.replace(day.to_owned()).is_some() {
                    self.push(LogLine::note(day.to_owned()));
                }
            }
            self.timed |= line.time.is_some();
            match line.kind {
                LogKind::Warning => self.warnings += 1,
                LogKind::Error => self.errors += 1,
                LogKind::Said | LogKind::Note => {}
            }
            self.push(line);
        }
        self.unfinished = (!printed.unfinished.is_empty()).then(|| LogLine::read(&printed.unfinished).0);
    }

    fn push(&mut self, line: LogLine) {
        self.lines.push_back(line);
        if self.lines.len() > MOST_LINES {
            self.lines.pop_front();
            self.forgotten += 1;
        }
    }

    /// Whether the trainer has said nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lines kept, that under way among them.
    pub fn len(&self) -> usize {
        self.lines.len() + usize::from(self.unfinished.is_some())
    }

    /// Warnings and errors said so far, those of forgotten lines among them.
    pub fn gravity(&self) -> (u64, u64) {
        (self.warnings, self.errors)
    }

    /// Whether lines say when they were written, and there is room to show it in so many columns.
    pub fn is_timed(&self, columns: u16) -> bool {
        self.timed && columns >= TIMED
    }

    /// The newest `count` lines, the oldest of them first.
    pub fn newest(&self, count: usize) -> impl Iterator<Item = &LogLine> {
        self.lines.iter().chain(&self.unfinished).skip(self.len().saturating_sub(count))
    }

    fn line(&self, number: u64) -> Option<&LogLine> {
        let index = usize::try_from(number.checked_sub(self.forgotten)?).ok()?;
        self.lines.get(index).or(self.unfinished.as_ref().filter(|_| index == self.lines.len()))
    }

    /// The number after that of the last line.
    fn end(&self) -> u64 {
        self.forgotten + self.len() as u64
    }

    /// Cells before a line's text in so many columns.
    pub fn indent(&self, columns: u16) -> u16 {
        MARK + if self.is_timed(columns) { TIME } else { 0 }
    }

    fn fold(&self, line: &LogLine, columns: u16) -> Vec<String> {
        wrap(&line.text, columns.saturating_sub(self.indent(columns)))
    }

    fn height(&self, number: u64, columns: u16) -> usize {
        self.line(number).map_or(0, |line| self.fold(line, columns).len())
    }

    /// The place so many rows before another one, or the first.
    fn back(&self, from: Place, mut rows: usize, columns: u16) -> Place {
        let mut place = from;
        while rows > place.row && place.line > self.forgotten {
            rows -= place.row;
            place.line -= 1;
            place.row = self.height(place.line, columns);
        }
        Place { row: place.row.saturating_sub(rows), ..place }
    }

    /// The place so many rows after another one, or the end.
    fn ahead(&self, from: Place, rows: usize, columns: u16) -> Place {
        let mut place = Place { row: from.row + rows, ..from };
        while place.line < self.end() {
            let height = self.height(place.line, columns);
            if place.row < height {
                return place;
            }
            place = Place { line: place.line + 1, row: place.row - height };
        }
        Place { line: self.end(), row: 0 }
    }

    /// What the first row shows while the newest line is the last.
    fn newest_top(&self, (columns, rows): (u16, u16)) -> Place {
        self.back(Place { line: self.end(), row: 0 }, rows.into(), columns)
    }

    fn top(&self, view: LogView, size: (u16, u16)) -> Place {
        let newest = self.newest_top(size);
        let first = Place { line: self.forgotten, row: 0 };
        view.top.map_or(newest, |top| {
            let last = self.height(top.line, size.0).saturating_sub(1);
            Place { row: top.row.min(last), ..top }.clamp(first, newest.max(first))
        })
    }

    /// The rows to show in so many columns and rows.
    pub fn window(&self, view: LogView, size: (u16, u16)) -> Vec<LogRow<'_>> {
        let top = self.top(view, size);
        let rows = (top.line..self.end()).filter_map(|number| Some((number, self.line(number)?)));
        let rows = rows.flat_map(|(number, line)| {
            let skipped = if number == top.line { top.row } else { 0 };
            let folded = self.fold(line, size.0).into_iter().enumerate().skip(skipped);
            folded.map(move |(row, text)| LogRow { line, first: row == 0, text })
        });
        rows.take(size.1.into()).collect()
    }

    /// Lines of which nothing is shown because they are newer.
    pub fn below(&self, view: LogView, size: (u16, u16)) -> u64 {
        let after = self.ahead(self.top(view, size), size.1.into(), size.0);
        self.end() - after.line
    }
}

/// Which part of the log is looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LogView {
    /// What the first row shows; none: whatever makes the newest line the last.
    top: Option<Place>,
}

impl LogView {
    /// Whether the newest line is looked at, whatever it is.
    pub fn follows(self) -> bool {
        self.top.is_none()
    }
}

/// Something a key asks of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogAction {
    /// A row up.
    Up,
    /// A row down.
    Down,
    /// Nearly as many rows up as there are.
    PageUp,
    /// Nearly as many rows down as there are.
    PageDown,
    /// To the newest line, and on with it.
    Newest,
}

impl App {
    /// Columns and rows of the log on the screen, while it is there.
    pub fn log_size(&self) -> Option<(u16, u16)> {
        let slots = self.layout()?.slots;
        let inside = slots.iter().find(|slot| slot.shown == PanelId::Log)?.area.inside_frame();
        Some((inside.width, inside.height))
    }

    pub(super) fn act_on_log(&mut self, action: LogAction) {
        let Some(size) = self.log_size() else { return };
        let lines = &self.model.printed;
        let top = lines.top(self.log_view, size);
        let page = usize::from(size.1.saturating_sub(1)).max(1);
        let top = match action {
            LogAction::Up => lines.back(top, 1, size.0),
            LogAction::PageUp => lines.back(top, page, size.0),
            LogAction::Down => lines.ahead(top, 1, size.0),
            LogAction::PageDown => lines.ahead(top, page, size.0),
            LogAction::Newest => lines.newest_top(size),
        };
        self.log_view.top = Some(top).filter(|top| *top < lines.newest_top(size));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn printed(lines: &[&str]) -> Printed {
        Printed { lines: lines.iter().map(|line| (*line).to_owned()).collect(), ..Printed::default() }
    }

    fn log(lines: &[&str]) -> LogLines {
        let mut log = LogLines::default();
        log.take(printed(lines));
        log
    }

    fn texts(log: &LogLines, view: LogView, size: (u16, u16)) -> Vec<String> {
        log.window(view, size).into_iter().map(|row| row.text).collect()
    }

    #[test]
    fn lines_are_read_as_their_writers_meant_them() {
        use LogKind::{Error, Said, Warning};
        for (line, time, kind, text) in [
            ("2026-11-24T12:02:48.948896Z  INFO training threads=1", Some("12:02:48"), Said, "training threads=1"),
            ("2026-11-24T12:02:48.948896Z  WARN slow", Some("12:02:48"), Warning, "slow"),
            ("2026-11-24T12:02:48Z ERROR failed: no", Some("12:02:48"), Error, "failed: no"),
            ("2026-11-24T12:02:48Z something else", Some("12:02:48"), Said, "something else"),
            ("2026-11-24T12:02:4", None, Said, "2026-11-24T12:02:4"),
            ("2026-11-24Tübermut!Z x", None, Said, "2026-11-24Tübermut!Z x"),
            ("[W1124 12:02:48.9 Parallel.cpp:230] x", None, Warning, "[W1124 12:02:48.9 Parallel.cpp:230] x"),
            ("[E socket.cpp:12] x", None, Error, "[E socket.cpp:12] x"),
            ("[Whatever] x", None, Said, "[Whatever] x"),
            ("UserWarning: x", None, Warning, "UserWarning: x"),
            ("terminate called after throwing", None, Error, "terminate called after throwing"),
            ("thread 'main' panicked at src/a.rs:1:", None, Error, "thread 'main' panicked at src/a.rs:1:"),
            ("", None, Said, ""),
        ] {
            let read = LogLine::read(line).0;
            assert_eq!((read.time.as_deref(), read.kind, read.text.as_str()), (time, kind, text));
        }
    }

    #[test]
    fn only_the_newest_thousand_lines_are_kept() {
        let mut log = LogLines::default();
        for line in 0..5_000 {
            log.take(printed(&[&format!("warning {line}")]));
        }
        assert_eq!(log.len(), MOST_LINES);
        assert_eq!(log.newest(1).next().unwrap().text, "warning 4999");
        assert_eq!(log.gravity(), (5_000, 0));
        log.take(Printed { unfinished: "under way".into(), ..Printed::default() });
        assert_eq!(log.newest(2).map(|line| line.text.as_str()).collect::<Vec<_>>(), ["warning 4999", "under way"]);
        log.take(Printed { anew: true, ..printed(&["new"]) });
        assert_eq!((log.len(), log.gravity()), (1, (0, 0)));
    }

    #[test]
    fn a_new_day_and_a_gap_are_told() {
        let log = {
            let mut log = log(&["2026-11-24T23:59:59Z  INFO a", "2026-11-25T00:00:00Z  INFO b"]);
            log.take(Printed { skipped: true, ..printed(&["c"]) });
            log
        };
        let texts: Vec<_> = log.newest(9).map(|line| (line.kind, line.text.as_str())).collect();
        let note = LogKind::Note;
        let said = LogKind::Said;
        let gap = "… lines left out, see trainer.log";
        assert_eq!(texts, [(said, "a"), (note, "2026-11-25"), (said, "b"), (note, gap), (said, "c")]);
    }

    #[test]
    fn the_newest_line_is_the_last_until_somebody_looks_back() {
        let mut log = log(&["one", "two words", "three", "four"]);
        let size = (7, 3);
        let follow = LogView::default();
        assert_eq!(texts(&log, follow, size), ["words", "three", "four"]);
        let back = LogView { top: Some(log.back(log.top(follow, size), 1, 7)) };
        assert_eq!(texts(&log, back, size), ["two ", "words", "three"]);
        assert_eq!((log.below(back, size), log.below(follow, size)), (1, 0));
        // What comes meanwhile moves nothing.
        log.take(printed(&["five"]));
        assert_eq!(texts(&log, back, size), ["two ", "words", "three"]);
        assert_eq!(texts(&log, follow, size), ["three", "four", "five"]);
        // A line that is forgotten meanwhile gives way to the oldest that is not.
        log.take(printed(&["x"; MOST_LINES]));
        assert_eq!(texts(&log, back, size), ["x", "x", "x"]);
        assert_eq!(texts(&LogLines::default(), back, size), [""; 0]);
    }

    proptest! {
        #[test]
        fn every_walk_ends_where_it_should(
            lines in prop::collection::vec("[a-z ]{0,40}", 0..12),
            columns in 0u16..20,
            rows in 0u16..8,
            walk in prop::collection::vec((any::<bool>(), 0usize..6), 0..12),
        ) {
            let mut log = LogLines::default();
            log.take(Printed { lines, ..Printed::default() });
            let size = (columns, rows);
            let newest = log.newest_top(size);
            let mut view = LogView::default();
            let all = texts(&log, LogView { top: Some(Place { line: 0, row: 0 }) }, (columns, u16::MAX));
            for (back, by) in walk {
                let top = log.top(view, size);
                let top = if back { log.back(top, by, columns) } else { log.ahead(top, by, columns) };
                view.top = Some(top).filter(|top| *top < newest);
                let shown = texts(&log, view, size);
                prop_assert_eq!(shown.len(), usize::from(rows).min(all.len()), "no row is left empty");
                prop_assert!(shown.is_empty() || all.windows(shown.len()).any(|rows| rows == shown));
            }
            let top = log.top(view, size);
            prop_assert_eq!(log.ahead(log.back(top, 0, columns), 0, columns), top);
            prop_assert_eq!(log.back(top, 10_000, columns), Place { line: 0, row: 0 });
        }
    }
}
