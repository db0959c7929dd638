use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use prost::Message;

use super::reader::is_event_file;
use super::{LogError, Record, event, proto, record};

/// Bytes gathered before they go to the file.
const BUFFER: usize = 64 << 10;
/// Bytes kept while the file takes none (a full disk) before records are refused.
const MAX_PENDING: usize = 16 << 20;
/// Names tried when other writers take the same one.
const NAME_ATTEMPTS: u64 = 100;

/// Appends records to an event file. What was appended reaches the file with [`flush`](Self::flush), when 64 KiB have
/// gathered, or when the writer is dropped.
#[derive(Debug)]
pub struct EventWriter<W: Write = File> {
    sink: W,
    path: PathBuf,
    /// Whole records, of which the first `written` bytes have reached the sink. A record is never given up half way,
    /// so that a disk that was full for a while leaves no gap in the framing.
    pending: Vec<u8>,
    written: usize,
    total: u64,
}

impl EventWriter<File> {
    /// Begins a new event file in `dir`, named so that readers, who go by name, read it after those already there.
    /// The version record that every event file starts with is in the file when this returns.
    pub fn create(dir: &Path) -> Result<Self, LogError> {
        let failed = |action, path: &Path, source| LogError::Io { action, path: path.to_owned(), source };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let latest = latest_second(dir).map_err(|error| failed("list", dir, error))?;
        let first = now.as_secs().max(latest.map_or(0, |second| second.saturating_add(1)));
        let mut second = first;
        loop {
            let name = format!("events.out.tfevents.{second:010}.{}.{}", host(), std::process::id());
            let path = dir.join(name);
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => {
                    let mut writer = Self::with_sink(file, path, now.as_secs_f64());
                    writer.flush()?;
                    return Ok(writer);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && second < first + NAME_ATTEMPTS => {
                    second += 1;
                }
                Err(error) => return Err(failed("create", &path, error)),
            }
        }
    }
}

impl<W: Write> EventWriter<W> {
    /// Writes to any sink. `path` is what errors call it; `wall_time` is that of the version record.
    pub fn with_sink(sink: W, path: PathBuf, wall_time: f64) -> Self {
        let mut writer = Self { sink, path, pending: Vec::with_capacity(BUFFER), written: 0, total: 0 };
        let file_version = Some("brain.Event:2".to_owned());
        writer.take_in(&proto::Event { wall_time, file_version, ..proto::Event::default() });
        writer
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Takes in one record and returns the bytes it takes in the file.
    ///
    /// Only a record that cannot be expressed is refused, or one more when 16 MiB wait for a file that takes none.
    /// Any other trouble with the file is reported by [`flush`](Self::flush), which can be tried again.
    pub fn append(&mut self, record: &Record) -> Result<usize, LogError> {
        let event = event::encode(record)?;
        if self.pending.len() >= BUFFER {
            let flushed = self.flush();
            if self.pending.len() >= MAX_PENDING {
                flushed?;
            }
        }
        Ok(self.take_in(&event))
    }

    /// Hands everything to the operating system, where readers see it.
    pub fn flush(&mut self) -> Result<(), LogError> {
        let result = self.drain();
        // Even after a failure: what has gone out must not go out twice.
        self.pending.drain(..self.written);
        self.written = 0;
        result.map_err(|source| LogError::Io { action: "write", path: self.path.clone(), source })
    }

    /// Bytes of all records so far, those not yet flushed included.
    pub fn bytes_written(&self) -> u64 {
        self.total
    }

    fn take_in(&mut self, event: &proto::Event) -> usize {
        let bytes = record::append(&mut self.pending, |out| {
            out.reserve(event.encoded_len() + record::FOOTER);
            event.encode_raw(out);
        });
        self.total += bytes as u64;
        bytes
    }

    fn drain(&mut self) -> io::Result<()> {
        while self.written < self.pending.len() {
            match self.sink.write(&self.pending[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => self.written += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.sink.flush()
    }
}

impl<W: Write> Drop for EventWriter<W> {
    fn drop(&mut self) {
        // Nobody is left to hear of a failure; who cares flushes before.
        let _ = self.flush();
    }
}

/// The largest time in the names of the event files of `dir`. A writer restarted within one second, or after the clock
/// was set back, must not sort before its predecessor.
fn latest_second(dir: &Path) -> io::Result<Option<u64>> {
    let mut latest = None;
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if is_event_file(&name) {
            let second = name.split("tfevents.").nth(1).and_then(|rest| rest.split('.').next()?.parse::<u64>().ok());
            // A number that is no time (a foreign naming scheme) must not push ours out of the ten digits that sort.
            latest = latest.max(second.filter(|second| *second < 9_999_999_999));
        }
    }
    Ok(latest)
}

/// The host's name as far as it fits a file name.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| fs::read_to_string("/etc/hostname"));
    let name = name.unwrap_or_default();
    let kept: String = name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
    if kept.is_empty() { "localhost".to_owned() } else { kept }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::super::Value;
    use super::*;

    /// Takes `room` bytes, a few at a time, then none.
    #[derive(Default)]
    struct Disk {
        taken: Vec<u8>,
        room: usize,
    }

    struct Handle(Rc<RefCell<Disk>>);

    impl Write for Handle {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut disk = self.0.borrow_mut();
            let count = bytes.len().min(disk.room).min(7);
            if count == 0 && !bytes.is_empty() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            disk.room -= count;
            disk.taken.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn record(step: i64) -> Record {
        Record { step, wall_time: 1.0, values: vec![Value::scalar("loss", 0.5)] }
    }

    fn all_of(steps: std::ops::RangeInclusive<i64>) -> Vec<u8> {
        let disk = Rc::new(RefCell::new(Disk { taken: Vec::new(), room: usize::MAX }));
        let mut writer = EventWriter::with_sink(Handle(disk.clone()), "log".into(), 1.0);
        let bytes: usize = steps.map(|step| writer.append(&record(step)).unwrap()).sum();
        assert_eq!(writer.bytes_written(), 40 + bytes as u64);
        drop(writer);
        let taken = disk.borrow().taken.clone();
        assert_eq!(taken.len(), 40 + bytes);
        taken
    }

    #[test]
    fn a_disk_that_was_full_leaves_no_gap() {
        let expected = all_of(1..=20);
        for room in 0..expected.len() {
            let disk = Rc::new(RefCell::new(Disk { taken: Vec::new(), room }));
            let mut writer = EventWriter::with_sink(Handle(disk.clone()), "log".into(), 1.0);
            for step in 1..=20 {
                writer.append(&record(step)).unwrap();
                let _ = writer.flush();
            }
            assert_eq!(disk.borrow().taken, expected[..room]);
            let error = writer.flush().unwrap_err().to_string();
            assert!(error.contains("write log"), "{error}");
            disk.borrow_mut().room = usize::MAX;
            writer.flush().unwrap();
            assert_eq!(disk.borrow().taken, expected);
        }
    }

    #[test]
    fn what_waits_for_a_full_disk_is_bounded() {
        let disk = Rc::new(RefCell::new(Disk::default()));
        let mut writer = EventWriter::with_sink(Handle(disk.clone()), "log".into(), 1.0);
        let large = Record {
            values: vec![Value { tag: "t".into(), data: super::super::Data::Text("x".repeat(1 << 20)) }],
            ..record(1)
        };
        let refused = (0..40).filter(|_| writer.append(&large).is_err()).count();
        assert!((20..30).contains(&refused), "{refused} refused");
    }

    #[test]
    fn each_file_is_named_after_those_already_there() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("events.out.tfevents.9000000000.h.1"), "").unwrap();
        let mut names = Vec::new();
        for _ in 0..3 {
            let writer = EventWriter::create(dir.path()).unwrap();
            names.push(writer.path().file_name().unwrap().to_string_lossy().into_owned());
        }
        assert!(names.is_sorted(), "{names:?}");
        assert!(names[0].starts_with("events.out.tfevents.9000000001."), "{names:?}");
        assert!(names[0].ends_with(&format!(".{}", std::process::id())));
        let error = EventWriter::create(&dir.path().join("missing")).unwrap_err().to_string();
        assert!(error.contains("missing"), "{error}");
    }
}
