//! What the trainer prints, line by line as it prints it: `trainer.log`, followed.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::error::shown;
use super::tail::plain;
use crate::files;

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;
/// Bytes taken in at one look. Of a log that has grown by more only the end is read.
const MOST_AT_ONCE: u64 = 256 << 10;
/// Bytes kept of a line; the rest is left out.
const MOST_OF_A_LINE: usize = 2_000;

/// What there is to say since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Printed {
    /// Everything said before is void: the log is another one, was cut short, or has gone.
    pub anew: bool,
    /// Lines that were skipped because the log grew too fast come before these.
    pub skipped: bool,
    /// Whole lines as [`plain`] text, at most 2,000 bytes each.
    pub lines: Vec<String>,
    /// The line under way, which the next look replaces; empty if there is none.
    pub unfinished: String,
}

/// Follows a log that grows, is cut short, replaced or missing. Holds no more than a line of it.
#[derive(Debug)]
pub struct PrintedReader {
    path: PathBuf,
    /// Device and inode of the file that was read, none before there was one.
    file: Option<(u64, u64)>,
    offset: u64,
    lines: Lines,
    /// Said once: why it cannot be read.
    complaint: Option<String>,
}

impl PrintedReader {
    /// A reader of the log at `path`, which need not exist.
    pub fn new(path: PathBuf) -> Self {
        Self { path, file: None, offset: 0, lines: Lines::default(), complaint: None }
    }

    /// What is new; none if nothing is. By `stat`, so that a quiet log costs next to nothing, on any file system.
    pub fn poll(&mut self) -> Option<Printed> {
        match self.look() {
            Ok(printed) => {
                self.complaint = None;
                printed
            }
            Err(error) => {
                let complaint = format!("cannot read `{}`: {error}", shown(&self.path));
                if self.complaint.as_ref() == Some(&complaint) {
                    return None;
                }
                self.complaint = Some(complaint.clone());
                (self.file, self.offset, self.lines) = (None, 0, Lines::default());
                Some(Printed { anew: true, lines: vec![complaint], ..Printed::default() })
            }
        }
    }

    fn look(&mut self) -> io::Result<Option<Printed>> {
        let found = match fs::metadata(&self.path) {
            Ok(found) => found,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let gone = self.file.take().is_some() || self.complaint.is_some();
                (self.offset, self.lines) = (0, Lines::default());
                return Ok(gone.then(|| Printed { anew: true, ..Printed::default() }));
            }
            Err(error) => return Err(error),
        };
        let same = self.file == Some(identity(&found)) && found.len() >= self.offset;
        if same && found.len() == self.offset {
            return Ok(None);
        }
        let mut printed =
            Printed { anew: !same && (self.file.is_some() || self.complaint.is_some()), ..Printed::default() };
        if !same {
            (self.offset, self.lines) = (0, Lines::default());
        }
        let mut file = files::open(&self.path)?;
        let found = file.metadata()?;
        self.file = Some(identity(&found));
        if found.len().saturating_sub(self.offset) > MOST_AT_ONCE {
            self.offset = found.len() - MOST_AT_ONCE;
            self.lines = Lines { skipping: true, ..Lines::default() };
            printed.skipped = true;
        }
        file.seek(SeekFrom::Start(self.offset))?;
        let mut rest = file.take(MOST_AT_ONCE);
        let mut chunk = vec![0; CHUNK];
        loop {
            let count = match rest.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            self.offset += count as u64;
            self.lines.feed(&chunk[..count], &mut printed.lines);
        }
        printed.unfinished = self.lines.unfinished();
        Ok(Some(printed))
    }
}

fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// Cuts bytes into lines. Of a line that is written over with carriage returns, as progress bars do, the last state
/// counts.
#[derive(Debug, Default)]
struct Lines {
    line: Vec<u8>,
    /// There is more of the line than is kept.
    cut: bool,
    /// A carriage return came last: a line end if a newline follows, else the beginning of the same line anew.
    returned: bool,
    /// The line under way began before what was read.
    skipping: bool,
}

impl Lines {
    fn feed(&mut self, bytes: &[u8], whole: &mut Vec<String>) {
        for byte in bytes {
            match byte {
                b'\n' => {
                    let line = self.unfinished();
                    if !self.skipping {
                        whole.push(line);
                    }
                    *self = Self::default();
                }
                b'\r' => self.returned = true,
                byte => {
                    if std::mem::take(&mut self.returned) {
                        self.line.clear();
                        self.cut = false;
                    }
                    if self.line.len() < MOST_OF_A_LINE {
                        self.line.push(*byte);
                    } else {
                        self.cut = true;
                    }
                }
            }
        }
    }

    fn unfinished(&self) -> String {
        if self.skipping {
            return String::new();
        }
        let mut line = plain(&String::from_utf8_lossy(&self.line)).trim_end().to_owned();
        if self.cut {
            line.push('…');
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    struct Log {
        _folder: tempfile::TempDir,
        path: PathBuf,
        reader: PrintedReader,
    }

    impl Log {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("trainer.log");
            Self { _folder: folder, reader: PrintedReader::new(path.clone()), path }
        }

        fn append(&self, bytes: &[u8]) {
            let mut file = fs::OpenOptions::new().create(true).append(true).open(&self.path).unwrap();
            file.write_all(bytes).unwrap();
        }

        fn poll(&mut self) -> Printed {
            self.reader.poll().expect("news")
        }
    }

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn a_growing_log_is_told_line_by_line() {
        let mut log = Log::new();
        assert_eq!(log.reader.poll(), None, "a log that is not there yet is no news");
        log.append(b"one\ntw");
        assert_eq!(log.poll(), Printed { lines: lines(&["one"]), unfinished: "tw".into(), ..Printed::default() });
        assert_eq!(log.reader.poll(), None);
        log.append(b"o\n\nthree");
        assert_eq!(
            log.poll(),
            Printed { lines: lines(&["two", ""]), unfinished: "three".into(), ..Printed::default() }
        );
        log.append(b"\r\n");
        assert_eq!(log.poll().lines, ["three"]);
    }

    #[test]
    fn a_progress_bar_is_one_line() {
        let mut log = Log::new();
        log.append(b" 10 %\r 20 %");
        assert_eq!(log.poll().unfinished, " 20 %");
        log.append(b"\r 30 %\r");
        assert_eq!(log.poll().unfinished, " 30 %");
        log.append(b"100 %\r");
        log.append(b"\nnext\n");
        assert_eq!(log.poll(), Printed { lines: lines(&["100 %", "next"]), ..Printed::default() });
    }

    #[test]
    fn a_log_that_was_cut_short_replaced_or_removed_begins_anew() {
        let mut log = Log::new();
        log.append(b"one\ntwo\n");
        assert!(!log.poll().anew);
        fs::write(&log.path, "new\n").unwrap();
        assert_eq!(log.poll(), Printed { anew: true, lines: lines(&["new"]), ..Printed::default() });
        let other = log.path.with_extension("other");
        fs::write(&other, "moved\n").unwrap();
        fs::rename(&other, &log.path).unwrap();
        assert_eq!(log.poll(), Printed { anew: true, lines: lines(&["moved"]), ..Printed::default() });
        fs::remove_file(&log.path).unwrap();
        assert_eq!(log.poll(), Printed { anew: true, ..Printed::default() });
        assert_eq!(log.reader.poll(), None);
        log.append(b"again\n");
        assert_eq!(log.poll().lines, ["again"]);
    }

    #[test]
    fn a_log_that_cannot_be_read_says_so_once() {
        let mut log = Log::new();
        fs::create_dir(&log.path).unwrap();
        let said = log.poll().lines;
        assert!(said.len() == 1 && said[0].starts_with("cannot read `/"), "{said:?}");
        assert_eq!(log.reader.poll(), None);
        fs::remove_dir(&log.path).unwrap();
        assert_eq!(log.poll(), Printed { anew: true, ..Printed::default() });
        log.append(b"one\n");
        assert_eq!(log.poll().lines, ["one"]);
    }

    #[test]
    fn of_a_long_log_only_the_end_is_read() {
        let mut log = Log::new();
        let long: Vec<String> = (0..40_000).map(|line| format!("line {line}\n")).collect();
        log.append(long.concat().as_bytes());
        let printed = log.poll();
        assert!(printed.skipped && !printed.anew);
        assert!(printed.lines.len() < 30_000 && printed.lines[0].starts_with("line "), "{}", printed.lines.len());
        assert_eq!(printed.lines.last().unwrap(), "line 39999");
        assert!(printed.lines.iter().all(|line| line.starts_with("line ")), "no line cut in two");
    }

    #[test]
    fn a_huge_line_is_cut_and_takes_no_room() {
        let mut log = Log::new();
        for _ in 0..20 {
            log.append(&vec![b'x'; 100_000]);
            assert!(log.poll().unfinished.len() <= MOST_OF_A_LINE + '…'.len_utf8());
        }
        log.append(b"\nnext\n");
        let said = log.poll().lines;
        assert_eq!((said[0].chars().count(), said[1].as_str()), (MOST_OF_A_LINE + 1, "next"));
        assert!(said[0].ends_with("x…"));
    }

    #[test]
    fn what_is_not_text_harms_nobody() {
        let mut log = Log::new();
        log.append(b"a\xff\xfeb\x1b[31mred\x1b]0;title\x07\x00\n\xe2\x80\xae\n");
        assert_eq!(log.poll().lines, ["a\u{fffd}\u{fffd}bred", ""]);
    }

    proptest! {
        #[test]
        fn pieces_make_the_same_lines_as_the_whole(
            bytes in prop::collection::vec(prop::sample::select(b"ab\n\r\x1b[\xff ".to_vec()), 0..200),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..6),
        ) {
            let mut expected = Vec::new();
            let mut whole = Lines::default();
            whole.feed(&bytes, &mut expected);
            let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            places.extend([0, bytes.len()]);
            places.sort_unstable();
            let (mut pieces, mut said) = (Lines::default(), Vec::new());
            for pair in places.windows(2) {
                pieces.feed(&bytes[pair[0]..pair[1]], &mut said);
            }
            prop_assert_eq!(&said, &expected);
            prop_assert_eq!(pieces.unfinished(), whole.unfinished());
            prop_assert!(!said.concat().chars().any(char::is_control));
        }
    }
}
