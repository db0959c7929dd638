//! The far end's files: what of the run directory is still to be sent.
//!
//! Event files go record by record, so that the mirror ends with a whole one whenever the line breaks. Pictures that later
//! ones of the same tags have replaced before their turn came are left out: the view shows the newest only, and over a slow
//! line it would otherwise fall behind for ever.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::wire::Mark;
use crate::files;
use crate::log::{RAW_HEADER, is_event_file, picture_tags, raw_length};

/// Bytes sent at a time.
const CHUNK: usize = 16 << 10;
/// Bytes before a mark that its check covers.
const CHECKED: u64 = 4 << 10;
/// Records looked at in advance.
const MOST_AHEAD: usize = 200_000;
/// Of the trainer's output, what is sent of the part before the line was opened.
const OUTPUT: u64 = 128 << 10;
/// How often the directory is listed.
const RESCAN: Duration = Duration::from_secs(1);
/// A picture is read to learn its tags only if it is no larger.
const MOST_PICTURE: u64 = 16 << 20;

/// A piece of a file, to go out as [`super::wire::FarMessage::File`].
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) restart: bool,
    pub(super) mark: Option<Mark>,
    pub(super) bytes: Vec<u8>,
}

/// Follows the files of a run directory that grow.
#[derive(Debug)]
pub(super) struct Source {
    folder: PathBuf,
    have: HashMap<String, Mark>,
    /// In the order of their names, which is that in which readers read them.
    files: BTreeMap<String, Tracked>,
    output: String,
    scanned: Option<Instant>,
}

impl Source {
    /// `have`: what the other end has already. `output`: the name of the file with what the trainer prints.
    pub(super) fn new(folder: &Path, have: Vec<(String, Mark)>, output: &str) -> Self {
        Self {
            folder: folder.to_owned(),
            have: have.into_iter().collect(),
            files: BTreeMap::new(),
            output: output.to_owned(),
            scanned: None,
        }
    }

    /// Looks what has been written since the last look.
    pub(super) fn look(&mut self) -> io::Result<()> {
        if self.scanned.is_none_or(|at| at.elapsed() >= RESCAN) {
            self.scanned = Some(Instant::now());
            for entry in fs::read_dir(&self.folder)?.flatten() {
                let Ok(name) = entry.file_name().into_string() else { continue };
                let records = is_event_file(&name);
                if (records || name == self.output) && !self.files.contains_key(&name) {
                    // Through symbolic links, and nothing that would block.
                    if let Ok(file) = Tracked::open(entry.path(), records, self.have.get(&name).copied()) {
                        self.files.insert(name, file);
                    }
                }
            }
        }
        for file in self.files.values_mut() {
            // A file that is gone for a moment may come back.
            let _ = file.look();
        }
        Ok(())
    }

    /// Bytes that are still to be sent.
    pub(super) fn behind(&self) -> u64 {
        self.files.values().map(Tracked::behind).sum()
    }

    /// What is to be sent next; none if all has been.
    pub(super) fn next(&mut self) -> Option<Piece> {
        self.files.iter_mut().find_map(|(name, file)| {
            let (bytes, mark) = file.next().ok()??;
            Some(Piece { name: name.clone(), restart: std::mem::take(&mut file.restart), mark, bytes })
        })
    }
}

/// A record that is still to be sent.
#[derive(Debug)]
struct Pending {
    offset: u64,
    length: u64,
    /// Of a record of pictures, their tags.
    pictures: Vec<String>,
    /// Later ones of all those tags wait as well.
    replaced: bool,
}

#[derive(Debug)]
struct Tracked {
    path: PathBuf,
    file: File,
    inode: u64,
    /// Whether it consists of records, or may be cut anywhere.
    records: bool,
    size: u64,
    /// Up to where records have been found.
    ahead: u64,
    pending: VecDeque<Pending>,
    /// Bytes of those that are not replaced.
    waiting: u64,
    /// Bytes of the first pending record that have been sent.
    begun: u64,
    /// Where the newest record of each picture lies.
    newest: HashMap<String, u64>,
    /// Whether what was sent of it before is void.
    restart: bool,
    /// What follows makes no sense.
    broken: bool,
}

impl Tracked {
    fn open(path: PathBuf, records: bool, have: Option<Mark>) -> io::Result<Self> {
        let file = files::open(&path)?;
        let metadata = file.metadata()?;
        let good = have.filter(|mark| mark.end <= metadata.len() && check(&file, mark.end).ok() == Some(mark.check));
        let begin = match good {
            Some(mark) => mark.end,
            None if records => 0,
            None => metadata.len().saturating_sub(OUTPUT),
        };
        Ok(Self {
            path,
            file,
            inode: metadata.ino(),
            records,
            size: 0,
            ahead: begin,
            pending: VecDeque::new(),
            waiting: 0,
            begun: 0,
            newest: HashMap::new(),
            // Said even if there is nothing there: a mirror that began with another file has to forget it.
            restart: good.is_none(),
            broken: false,
        })
    }

    fn behind(&self) -> u64 {
        self.waiting - self.begun
    }

    fn look(&mut self) -> io::Result<()> {
        let metadata = fs::metadata(&self.path)?;
        if metadata.ino() != self.inode || metadata.len() < self.ahead {
            *self = Self::open(self.path.clone(), self.records, None)?;
        }
        self.size = metadata.len();
        while !self.broken && self.ahead < self.size && self.pending.len() < MOST_AHEAD {
            let length = if self.records { self.measure()? } else { Some(self.size - self.ahead) };
            let Some(length) = length else { break };
            let pictures = if self.records { self.pictures(length)? } else { Vec::new() };
            for tag in &pictures {
                if let Some(earlier) = self.newest.insert(tag.clone(), self.ahead) {
                    self.replace(earlier);
                }
            }
            self.pending.push_back(Pending { offset: self.ahead, length, pictures, replaced: false });
            self.waiting += length;
            self.ahead += length;
        }
        Ok(())
    }

    /// Length of the record at `ahead`; none if it is not all there.
    fn measure(&mut self) -> io::Result<Option<u64>> {
        let here = self.size - self.ahead;
        let mut header = [0; RAW_HEADER];
        if here < header.len() as u64 {
            return Ok(None);
        }
        self.file.read_exact_at(&mut header, self.ahead)?;
        if let Some(length) = raw_length(header) {
            return Ok((length <= here).then_some(length));
        }
        // The reader at the other end shall see for itself that it ends here.
        self.broken = true;
        Ok(Some(header.len() as u64))
    }

    fn pictures(&self, length: u64) -> io::Result<Vec<String>> {
        if self.broken || length > MOST_PICTURE {
            return Ok(Vec::new());
        }
        let mut raw = vec![0; length as usize];
        self.file.read_exact_at(&mut raw, self.ahead)?;
        Ok(picture_tags(&raw).unwrap_or_default())
    }

    /// One of the pictures in the record at that place has a successor. If all have, it need not be sent, unless that has
    /// begun.
    fn replace(&mut self, offset: u64) {
        let Ok(place) = self.pending.binary_search_by_key(&offset, |record| record.offset) else { return };
        let record = &mut self.pending[place];
        let successor = |tag: &String| self.newest.get(tag).is_some_and(|at| *at > offset);
        if (place > 0 || self.begun == 0) && !record.replaced && record.pictures.iter().all(successor) {
            record.replaced = true;
            self.waiting -= record.length;
        }
    }

    /// The bytes to be sent next and, if a record ends with them, how far that is.
    fn next(&mut self) -> io::Result<Option<(Vec<u8>, Option<Mark>)>> {
        let mut bytes = Vec::new();
        let mut end = None;
        while let Some(record) = self.pending.front() {
            if record.replaced {
                end = Some(record.offset + record.length);
                self.pending.pop_front();
                continue;
            }
            let (from, left) = (record.offset + self.begun, record.length - self.begun);
            let room = (CHUNK - bytes.len()) as u64;
            // A record is cut only if it does not fit into a piece of its own.
            if room == 0 || (left > room && !bytes.is_empty()) {
                break;
            }
            let count = left.min(room);
            let start = bytes.len();
            bytes.resize(start + count as usize, 0);
            self.file.read_exact_at(&mut bytes[start..], from)?;
            if count < left {
                self.begun += count;
                return Ok(Some((bytes, None)));
            }
            end = Some(from + count);
            self.begun = 0;
            self.waiting -= record.length;
            self.pending.pop_front();
        }
        let Some(end) = end else { return Ok(self.restart.then_some((bytes, None))) };
        Ok(Some((bytes, Some(Mark { end, check: check(&self.file, end)? }))))
    }
}

/// The checksum of what stands before `end`.
fn check(file: &File, end: u64) -> io::Result<u32> {
    let start = end.saturating_sub(CHECKED);
    let mut bytes = vec![0; (end - start) as usize];
    file.read_exact_at(&mut bytes, start)?;
    Ok(crc32c::crc32c(&bytes))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::log::{Data, EventWriter, ImageValue, LogReader, Record, Value};

    const OUTPUT_NAME: &str = "trainer.log";

    fn picture(step: i64, tag: &str) -> Record {
        let image = ImageValue { width: 4, height: 4, png: vec![step as u8; 5000], meta: None };
        Record { step, wall_time: 0.0, values: vec![Value { tag: tag.into(), data: Data::Image(image) }] }
    }

    fn scalar(step: i64) -> Record {
        Record { step, wall_time: 0.0, values: vec![Value::scalar("loss", 1.0)] }
    }

    /// What a mirror makes of it.
    struct Mirror {
        folder: tempfile::TempDir,
        marks: BTreeMap<String, Mark>,
    }

    impl Mirror {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap(), marks: BTreeMap::new() }
        }

        fn have(&self) -> Vec<(String, Mark)> {
            self.marks.clone().into_iter().collect()
        }

        fn take(&mut self, piece: Piece) {
            let path = self.folder.path().join(&piece.name);
            if piece.restart {
                let _ = fs::remove_file(&path);
            }
            fs::OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(&piece.bytes).unwrap();
            if let Some(mark) = piece.mark {
                self.marks.insert(piece.name, mark);
            }
        }

        fn drain(&mut self, source: &mut Source) -> usize {
            source.scanned = None;
            source.look().unwrap();
            let mut bytes = 0;
            while let Some(piece) = source.next() {
                bytes += piece.bytes.len();
                self.take(piece);
            }
            assert_eq!(source.behind(), 0);
            bytes
        }

        fn steps(&self) -> Vec<i64> {
            let poll = LogReader::open(self.folder.path()).unwrap().poll(usize::MAX).unwrap();
            assert!(poll.notices.is_empty(), "{:?}", poll.notices);
            poll.records.iter().map(|record| record.step).collect()
        }
    }

    #[test]
    fn only_the_newest_of_the_pictures_that_wait_is_sent() {
        let run = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(run.path()).unwrap();
        for step in 1..=20 {
            writer.append(&scalar(step)).unwrap();
            writer.append(&picture(step, "boundary/p")).unwrap();
        }
        writer.append(&picture(30, "maps/a")).unwrap();
        writer.flush().unwrap();
        let mut mirror = Mirror::new();
        let mut source = Source::new(run.path(), Vec::new(), OUTPUT_NAME);
        source.look().unwrap();
        let log = fs::metadata(writer.path()).unwrap().len();
        assert!(source.behind() < log - 19 * 5000, "what will be left out is not counted: {}", source.behind());
        mirror.drain(&mut source);
        let steps = mirror.steps();
        let mut expected: Vec<i64> = (1..=20).collect();
        expected.extend([20, 30]);
        expected.sort_unstable();
        assert_eq!(steps, expected);
        // Nothing is left out for a line that keeps up.
        for step in 31..=33 {
            writer.append(&picture(step, "boundary/p")).unwrap();
            writer.flush().unwrap();
            mirror.drain(&mut source);
        }
        assert_eq!(mirror.steps()[expected.len()..], [31, 32, 33]);
    }

    #[test]
    fn what_a_run_is_reaches_the_mirror_whatever_pictures_are_left_out() {
        use crate::run::{Description, moons};

        let run = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(run.path()).unwrap();
        let recipe = moons();
        let known = Description { recipe: Some(recipe.to_toml()), ..Description::of_recipe(&recipe) };
        writer.append(&Record { step: 0, wall_time: 0.0, values: known.values() }).unwrap();
        for step in 1..=20 {
            writer.append(&picture(step, "boundary/p")).unwrap();
        }
        // Written again by a trainer that went on with the run.
        let facts = Description { probes: vec!["cat".into()], ..known };
        writer.append(&Record { step: 0, wall_time: 0.0, values: facts.values() }).unwrap();
        writer.append(&picture(21, "boundary/p")).unwrap();
        writer.flush().unwrap();
        let mut mirror = Mirror::new();
        mirror.drain(&mut Source::new(run.path(), Vec::new(), OUTPUT_NAME));
        assert_eq!(mirror.steps(), [0, 0, 21], "both times, and of the pictures the newest");
        let mut read = Description::default();
        for record in LogReader::open(mirror.folder.path()).unwrap().poll(usize::MAX).unwrap().records {
            for value in record.values {
                if let Data::Document(document) = value.data {
                    read.take(&document);
                }
            }
        }
        assert_eq!(read, facts);
    }

    #[test]
    fn half_a_record_waits_and_a_large_one_goes_in_pieces() {
        let run = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(run.path()).unwrap();
        let image = ImageValue { width: 4, height: 4, png: vec![9; 50_000], meta: None };
        let large = Value { tag: "large".into(), data: Data::Image(image) };
        writer.append(&Record { step: 5, wall_time: 0.0, values: vec![large] }).unwrap();
        writer.flush().unwrap();
        let whole = fs::read(writer.path()).unwrap();
        let path = run.path().join("events.out.tfevents.1.host.1");
        fs::rename(writer.path(), &path).unwrap();
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let mut mirror = Mirror::new();
        let mut source = Source::new(run.path(), Vec::new(), OUTPUT_NAME);
        let version = mirror.drain(&mut source);
        assert!(version < 100, "{version}");
        fs::write(&path, &whole).unwrap();
        source.look().unwrap();
        assert_eq!(source.behind() as usize, whole.len() - version);
        let first = source.next().unwrap();
        assert_eq!((first.bytes.len(), first.mark), (CHUNK, None));
        assert_eq!(source.behind() as usize, whole.len() - version - CHUNK);
        mirror.take(first);
        mirror.drain(&mut source);
        assert_eq!(mirror.steps(), [5]);
    }

    #[test]
    fn a_line_that_broke_goes_on_where_it_was() {
        let run = tempfile::tempdir().unwrap();
        fs::write(run.path().join(OUTPUT_NAME), "one\n").unwrap();
        let mut writer = EventWriter::create(run.path()).unwrap();
        let mut mirror = Mirror::new();
        for step in 1..=5 {
            writer.append(&scalar(step)).unwrap();
            writer.flush().unwrap();
            let mut source = Source::new(run.path(), mirror.have(), OUTPUT_NAME);
            mirror.drain(&mut source);
        }
        fs::OpenOptions::new().append(true).open(run.path().join(OUTPUT_NAME)).unwrap().write_all(b"two\n").unwrap();
        mirror.drain(&mut Source::new(run.path(), mirror.have(), OUTPUT_NAME));
        assert_eq!(mirror.steps(), [1, 2, 3, 4, 5]);
        assert_eq!(fs::read_to_string(mirror.folder.path().join(OUTPUT_NAME)).unwrap(), "one\ntwo\n");
        assert_eq!(mirror.drain(&mut Source::new(run.path(), mirror.have(), OUTPUT_NAME)), 0, "all is there");
    }

    #[test]
    fn another_file_of_the_same_name_is_sent_anew() {
        let run = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(run.path()).unwrap();
        writer.append(&scalar(1)).unwrap();
        writer.append(&scalar(2)).unwrap();
        writer.flush().unwrap();
        let path = writer.path().to_owned();
        let mut mirror = Mirror::new();
        let mut source = Source::new(run.path(), Vec::new(), OUTPUT_NAME);
        mirror.drain(&mut source);
        assert_eq!(mirror.steps(), [1, 2]);
        let other = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(other.path()).unwrap();
        writer.append(&scalar(7)).unwrap();
        writer.flush().unwrap();
        let replacement = run.path().join("new");
        fs::copy(writer.path(), &replacement).unwrap();
        fs::rename(&replacement, &path).unwrap();
        mirror.drain(&mut source);
        assert_eq!(mirror.steps(), [7], "while the line is open");
        fs::write(&path, fs::read(&path).unwrap().repeat(2)).unwrap();
        let mut damaged = mirror.have();
        for (_, mark) in &mut damaged {
            mark.check ^= 1;
        }
        mirror.drain(&mut Source::new(run.path(), damaged, OUTPUT_NAME));
        assert_eq!(mirror.steps(), [7, 7], "after it broke");
    }

    #[test]
    fn damage_is_passed_on_as_it_is() {
        let run = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(run.path()).unwrap();
        writer.append(&scalar(1)).unwrap();
        writer.flush().unwrap();
        let path = writer.path().to_owned();
        drop(writer);
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(&[0xee; 200]).unwrap();
        let mut mirror = Mirror::new();
        mirror.drain(&mut Source::new(run.path(), Vec::new(), OUTPUT_NAME));
        let poll = LogReader::open(mirror.folder.path()).unwrap().poll(usize::MAX).unwrap();
        assert_eq!((poll.records.len(), poll.notices.len()), (1, 1), "{:?}", poll.notices);
    }
}
