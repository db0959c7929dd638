use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use prost::Message;

use super::event::{self, TagTable};
use super::{LogError, Notice, Record, proto, record, scan};

/// Bytes asked of the operating system at a time.
const CHUNK: usize = 256 << 10;
/// Data of one record beyond this is not read into memory.
const MAX_RECORD: u64 = 256 << 20;
/// Values of one record. One with more is left out: nobody writes it by step, and decoded it would take a hundred times its
/// size.
const MOST_VALUES: usize = 1 << 16;
/// How often the directory is listed for new files and for growth of any but the last.
const RESCAN: Duration = Duration::from_secs(1);

/// What one call of [`LogReader::poll`] found.
#[derive(Debug, Default)]
pub struct Poll {
    /// In the order of the files' names, within a file in the order they were written. A step may come again after a
    /// restart; what it means for a series is the series' business.
    pub records: Vec<Record>,
    /// Damage met on the way. At most one for each damaged record, so that a caller should keep only the first few.
    pub notices: Vec<Notice>,
    /// Whether everything that is known to be there has been read.
    pub caught_up: bool,
}

/// Follows every event file of one directory, in the order of their names, while they grow.
#[derive(Debug)]
pub struct LogReader {
    dir: PathBuf,
    files: BTreeMap<OsString, Cursor>,
    tags: TagTable,
    /// How many tags were left out when that was last said.
    said_left_out: usize,
    chunk: Chunk,
    rescan: Duration,
    scanned: Option<Instant>,
}

/// How far one file has been read.
#[derive(Debug)]
struct Cursor {
    path: PathBuf,
    file: Option<File>,
    /// Tells a file that was replaced under its name, as rsync does, from one that grew.
    inode: u64,
    /// Where the next record begins.
    offset: u64,
    /// Size when last looked at.
    size: u64,
    /// Size at which the record at `offset` was found incomplete. There is nothing to do until the file has grown.
    tried: u64,
    ended: bool,
}

/// What reading on in one file came to.
enum Progress {
    /// The record at the cursor's offset is not all there yet.
    Incomplete,
    /// One record was passed.
    Passed(Option<Record>),
    /// One record was passed over.
    Damaged(Notice),
    /// No further record of this file can be read.
    Ended(Notice),
}

impl LogReader {
    /// Nothing is read yet, and there need be no event file yet.
    pub fn open(dir: &Path) -> Result<Self, LogError> {
        let metadata = fs::metadata(dir);
        let metadata = metadata.map_err(|source| LogError::Io { action: "open", path: dir.to_owned(), source })?;
        if !metadata.is_dir() {
            return Err(LogError::NotADirectory { path: dir.to_owned() });
        }
        Ok(Self {
            dir: dir.to_owned(),
            files: BTreeMap::new(),
            tags: TagTable::default(),
            said_left_out: 0,
            chunk: Chunk::default(),
            rescan: RESCAN,
            scanned: None,
        })
    }

    /// Lists the directory at every poll, or after another time than the second that is usual.
    #[must_use]
    pub fn rescan_every(mut self, interval: Duration) -> Self {
        self.rescan = interval;
        self
    }

    /// Reads on for about `max_bytes` of the files (at least one record). In memory scalars take about six times that,
    /// so that 256 KiB, which still fit a cache, are read faster than larger batches.
    ///
    /// With nothing new it costs one `fstat`, and one listing of the directory a second.
    pub fn poll(&mut self, max_bytes: usize) -> Result<Poll, LogError> {
        let mut poll = Poll::default();
        self.look(&mut poll.notices)?;
        let last = self.files.len().saturating_sub(1);
        let mut left = max_bytes.max(1) as u64;
        for (index, cursor) in self.files.values_mut().enumerate() {
            if left > 0 && cursor.is_behind() {
                left = left.saturating_sub(cursor.read(&mut self.chunk, left, &mut self.tags, &mut poll));
            }
            if index < last && !cursor.is_behind() {
                // Hundreds of finished files must not hold hundreds of descriptors.
                cursor.file = None;
            }
        }
        self.chunk.release();
        poll.caught_up = !self.files.values().any(Cursor::is_behind);
        let (left_out, said) = (self.tags.left_out(), self.said_left_out);
        // While it grows, each time it has doubled.
        if left_out > said && (poll.caught_up || left_out >= 2 * said) {
            self.said_left_out = left_out;
            let is_more = left_out >= event::MOST_COUNTED;
            poll.notices.push(Notice::TagsLeftOut { kept: event::MOST_TAGS, left_out, is_more });
        }
        Ok(poll)
    }

    /// Bytes read so far and bytes known to be there, for a progress display. Damaged rests count as read.
    pub fn position(&self) -> (u64, u64) {
        self.files.values().fold((0, 0), |(read, size), cursor| {
            (read + if cursor.ended { cursor.size } else { cursor.offset }, size + cursor.size)
        })
    }

    /// Finds out what is new: in the last file each time, in all and in the directory now and then.
    fn look(&mut self, notices: &mut Vec<Notice>) -> Result<(), LogError> {
        let due = self.files.is_empty() || self.scanned.is_none_or(|at| at.elapsed() >= self.rescan);
        if due {
            self.scan(notices).map_err(|source| LogError::Io { action: "list", path: self.dir.clone(), source })?;
            self.scanned = Some(Instant::now());
        } else if let Some(cursor) = self.files.values_mut().next_back() {
            let metadata = cursor.file.as_ref().map_or_else(|| fs::metadata(&cursor.path), File::metadata);
            if let Ok(metadata) = metadata {
                cursor.see(&metadata, notices);
            }
        }
        Ok(())
    }

    fn scan(&mut self, notices: &mut Vec<Notice>) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let name = entry.file_name();
            if !is_event_file(&name.to_string_lossy()) {
                continue;
            }
            let path = entry.path();
            // Through symbolic links, unlike the entry's own. What is gone or out of reach may come back.
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if metadata.is_file() {
                let cursor = self.files.entry(name).or_insert_with(|| Cursor::new(path, metadata.ino()));
                cursor.see(&metadata, notices);
            }
        }
        Ok(())
    }
}

/// Whether a file of this name holds events. Hidden ones are a copying program's half-finished business.
pub fn is_event_file(name: &str) -> bool {
    name.contains("tfevents") && !name.starts_with('.')
}

impl Cursor {
    fn new(path: PathBuf, inode: u64) -> Self {
        Self { path, file: None, inode, offset: 0, size: 0, tried: 0, ended: false }
    }

    fn is_behind(&self) -> bool {
        !self.ended && self.size > self.offset && self.size > self.tried
    }

    fn see(&mut self, metadata: &Metadata, notices: &mut Vec<Notice>) {
        if self.ended {
            return;
        }
        if metadata.ino() != self.inode {
            self.inode = metadata.ino();
            self.file = None;
        }
        self.size = metadata.len();
        if self.size < self.offset {
            self.ended = true;
            notices.push(Notice::Shrunk { file: self.path.clone(), offset: self.offset });
        }
        // A writer that cut its half record off and goes on may complete it at a smaller size than before.
        self.tried = self.tried.min(self.size);
    }

    /// Reads records until `budget` is spent, all is read, or the file ends; returns the bytes passed.
    fn read(&mut self, chunk: &mut Chunk, budget: u64, tags: &mut TagTable, poll: &mut Poll) -> u64 {
        chunk.forget();
        let start = self.offset;
        while self.is_behind() && self.offset - start < budget {
            let progress = self.next(chunk, tags).unwrap_or_else(|error| {
                Progress::Ended(Notice::Unreadable { file: self.path.clone(), reason: error.to_string() })
            });
            match progress {
                Progress::Incomplete => self.tried = self.size,
                // Nothing may be left of one whose tags have no room.
                Progress::Passed(record) => poll.records.extend(record.filter(|record| !record.values.is_empty())),
                Progress::Damaged(notice) => poll.notices.push(notice),
                Progress::Ended(notice) => {
                    self.ended = true;
                    self.file = None;
                    poll.notices.push(notice);
                }
            }
        }
        self.offset - start
    }

    fn next(&mut self, chunk: &mut Chunk, tags: &mut TagTable) -> io::Result<Progress> {
        let (file, offset) = (&self.path, self.offset);
        let source = match &mut self.file {
            Some(source) => source,
            none => none.insert(crate::files::open(file)?),
        };
        let here = self.size - offset;
        if here < record::HEADER as u64 {
            return Ok(Progress::Incomplete);
        }
        let Some(header) = chunk.bytes(source, offset, record::HEADER, here)?.and_then(|bytes| bytes.first_chunk())
        else {
            return Ok(Progress::Incomplete);
        };
        let length = record::data_length(*header);
        let whole = length.and_then(|length| length.checked_add((record::HEADER + record::FOOTER) as u64));
        let Some((length, whole)) = length.zip(whole) else {
            return Ok(Progress::Ended(Notice::BadLength { file: file.clone(), offset }));
        };
        if whole > here {
            return Ok(Progress::Incomplete);
        }
        if length > MAX_RECORD {
            self.offset += whole;
            return Ok(Progress::Damaged(Notice::Oversized { file: file.clone(), offset, length }));
        }
        let Some(bytes) = chunk.bytes(source, offset, whole as usize, here)? else {
            return Ok(Progress::Incomplete);
        };
        self.offset += whole;
        let Some(data) = record::checked_data(&bytes[record::HEADER..]) else {
            return Ok(Progress::Damaged(Notice::BadData { file: file.clone(), offset }));
        };
        // Each takes two bytes at least.
        if data.len() > 2 * MOST_VALUES && scan::count(data) > MOST_VALUES {
            let reason = format!("it holds more than {MOST_VALUES} values");
            return Ok(Progress::Damaged(Notice::BadMessage { file: file.clone(), offset, reason }));
        }
        if let Some(record) = scan::scalars(data, tags) {
            return Ok(Progress::Passed(Some(record)));
        }
        Ok(match proto::Event::decode(data) {
            Ok(event) => Progress::Passed(event::decode(event, tags)),
            Err(error) => {
                let reason = error.to_string();
                Progress::Damaged(Notice::BadMessage { file: file.clone(), offset, reason })
            }
        })
    }
}

/// A stretch of one file in memory.
#[derive(Debug, Default)]
struct Chunk {
    buffer: Vec<u8>,
    start: u64,
}

impl Chunk {
    /// The `count` bytes at `offset`, of which the file is known to hold `here`; none if it holds fewer after all.
    fn bytes(&mut self, file: &File, offset: u64, count: usize, here: u64) -> io::Result<Option<&[u8]>> {
        let in_buffer = |chunk: &Self| {
            let at = usize::try_from(offset.checked_sub(chunk.start)?).ok()?;
            let end = at.checked_add(count)?;
            (end <= chunk.buffer.len()).then_some(at..end)
        };
        if in_buffer(self).is_none() {
            self.load(file, offset, CHUNK.max(count).min(usize::try_from(here).unwrap_or(usize::MAX)))?;
        }
        Ok(in_buffer(self).map(|range| &self.buffer[range]))
    }

    fn load(&mut self, file: &File, offset: u64, count: usize) -> io::Result<()> {
        self.start = offset;
        self.buffer.resize(count, 0);
        let mut filled = 0;
        while filled < count {
            match file.read_at(&mut self.buffer[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(bytes) => filled += bytes,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.buffer.clear();
                    return Err(error);
                }
            }
        }
        self.buffer.truncate(filled);
        Ok(())
    }

    /// Another file comes, or the same one at a later time.
    fn forget(&mut self) {
        self.buffer.clear();
    }

    /// Gives back what one large record took.
    fn release(&mut self) {
        self.forget();
        self.buffer.shrink_to(CHUNK);
    }
}
