//! What has come of a far run so far, as a run directory of this machine.
//!
//! ```text
//! ~/.cache/torchscope/remote/me@gpu1-93a07c2e/0/    closed to everybody else
//!     lock                locked by the view that uses it; a second view takes 1/
//!     mirror.json         of which run, and how far it has come
//!     run/moons-0001/     run.json, recipe.toml, the event log, trainer.log
//! ```

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::wire::{FarRun, Mark};
use crate::files;
use crate::log::is_event_file;
use crate::run::{ControlSocket, RunDir, RunLock, RunMeta};

/// Views of one machine at a time.
const MOST_SLOTS: u32 = 16;
/// Mirrors that were not used for so long are removed.
const FORGOTTEN: Duration = Duration::from_secs(14 * 24 * 3600);
/// How often it is noted how far the files have come.
const NOTED: Duration = Duration::from_secs(2);
const NOTE: &str = "mirror.json";
/// The file in a slot that the view that uses it has locked.
pub(super) const SLOT: &str = "lock";
/// Bytes of a note that is read.
const MOST_NOTE: usize = 4 << 20;
/// How the names of files begin that are not whole yet.
const UNFINISHED: &str = ".new.";
/// Folder of the run's directory, which may have any name.
const PLACE: &str = "run";
/// Bytes kept of one run on this machine, and files.
pub(super) const MOST_BYTES: u64 = 512 << 20;
const MOST_FILES: usize = 2_000;
/// Bytes that a file takes at least.
const BLOCK: u64 = 4 << 10;
/// Files held open.
const MOST_OPEN: usize = 16;
/// Bytes of a run's account of itself, as JSON.
const MOST_ACCOUNT: usize = 2 << 20;

/// Where mirrors are kept: `$XDG_CACHE_HOME/torchscope/remote`, else `~/.cache/torchscope/remote`.
pub(super) fn cache() -> io::Result<PathBuf> {
    let set = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = set.or_else(|| Some(env::home_dir().filter(|path| path.is_absolute())?.join(".cache")));
    let none = || io::Error::new(ErrorKind::NotFound, "neither XDG_CACHE_HOME nor HOME is set");
    Ok(cache.ok_or_else(none)?.join("torchscope/remote"))
}

/// What the mirror is of, and how far it has come.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Note {
    /// The run.
    pub(super) run: FarRun,
    /// By name, how far the far file has been copied, and how long the copy is.
    files: BTreeMap<String, (Mark, u64)>,
}

impl Note {
    /// The note in a slot, if there is one.
    pub(super) fn read(slot: &Path) -> Option<Self> {
        serde_json::from_slice(&files::read(&slot.join(NOTE), MOST_NOTE).ok()?).ok()
    }
}

/// The folder for the mirrors of a machine.
pub(super) fn machine(cache: &Path, host: &str) -> PathBuf {
    cache.join(format!("{}-{:08x}", readable(host), crc32c::crc32c(host.as_bytes())))
}

/// The mirror of one run, for one view.
#[derive(Debug)]
pub(super) struct Mirror {
    folder: PathBuf,
    _slot: File,
    note: Note,
    noted: Instant,
    fields: Map<String, Value>,
    run: Option<RunDir>,
    /// Held while the far trainer lives, so that whoever looks at the mirror sees a live run.
    lock: Option<RunLock>,
    socket: Option<ControlSocket>,
    open: BTreeMap<String, File>,
    /// Bytes on the disk, by file.
    sizes: BTreeMap<String, u64>,
    /// How many there may be.
    most: u64,
    /// Something was left out: what follows would stand in the wrong place.
    is_full: bool,
}

impl Mirror {
    /// The mirror of a run of `host`: the one of an earlier view, if it is free.
    pub(super) fn open(cache: &Path, host: &str, far: &FarRun) -> io::Result<Self> {
        private(cache)?;
        forget(cache);
        let machine = machine(cache, host);
        private(&machine)?;
        let (folder, slot) = free_slot(&machine, &far.path)?;
        let note = Note::read(&folder)
            .filter(|note| note.run == *far)
            .unwrap_or_else(|| Note { run: far.clone(), ..Note::default() });
        let mut mirror = Self {
            folder,
            _slot: slot,
            note,
            noted: Instant::now(),
            fields: Map::new(),
            run: None,
            lock: None,
            socket: None,
            open: BTreeMap::new(),
            sizes: BTreeMap::new(),
            most: MOST_BYTES,
            is_full: false,
        };
        mirror.tidy()?;
        Ok(mirror)
    }

    /// What is here already.
    pub(super) fn have(&self) -> Vec<(String, Mark)> {
        self.note.files.iter().map(|(name, (mark, _))| (name.clone(), *mark)).collect()
    }

    /// The run, once its state has come.
    pub(super) fn run(&self) -> Option<&RunDir> {
        self.run.as_ref()
    }

    /// Its state as last heard.
    pub(super) fn meta(&self) -> RunMeta {
        serde_json::from_value(Value::Object(self.fields.clone())).unwrap_or_default()
    }

    /// The socket on which commands for the far trainer are taken.
    pub(super) fn socket(&self) -> Option<&ControlSocket> {
        self.socket.as_ref()
    }

    /// More of a file; says whether it was kept. `restart`: what came of it before is void.
    pub(super) fn append(&mut self, name: &str, restart: bool, bytes: &[u8], mark: Option<Mark>) -> io::Result<bool> {
        let path = self.place(name)?;
        if restart {
            self.open.remove(name);
            self.note.files.remove(name);
            self.sizes.remove(name);
            // Another file, so that who reads the old one sees that it is.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        if self.is_full || !self.has_room(name, bytes.len() as u64) {
            self.is_full = true;
            return Ok(false);
        }
        let mut file = match self.open.remove(name) {
            Some(file) => file,
            None => files::append(&path)?,
        };
        file.write_all(bytes)?;
        *self.sizes.entry(name.to_owned()).or_default() += bytes.len() as u64;
        if let Some(mark) = mark {
            let length = file.metadata()?.len();
            self.note.files.insert(name.to_owned(), (mark, length));
        }
        if self.open.len() >= MOST_OPEN {
            self.open.pop_first();
        }
        self.open.insert(name.to_owned(), file);
        if self.noted.elapsed() > NOTED {
            self.save()?;
        }
        Ok(true)
    }

    /// Whether `more` bytes of a file have room beside all that is here.
    fn has_room(&self, name: &str, more: u64) -> bool {
        let used: u64 = self.sizes.values().map(|size| (*size).max(BLOCK)).sum();
        let is_new = !self.sizes.contains_key(name);
        let more = if is_new { more.max(BLOCK) } else { more };
        used.saturating_add(more) <= self.most && !(is_new && self.sizes.len() >= MOST_FILES)
    }

    /// All of a file.
    pub(super) fn replace(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        replace(&self.place(name)?, bytes)
    }

    /// What has changed of the run's state. Fields that no run has are dropped.
    pub(super) fn status(&mut self, news: Map<String, Value>) -> io::Result<()> {
        let unreadable = |error: serde_json::Error| {
            io::Error::new(ErrorKind::InvalidData, format!("the state of the run cannot be read: {error}"))
        };
        let mut fields = self.fields.clone();
        fields.extend(news);
        // There and back: what is kept is what this version knows.
        let mut meta: RunMeta = serde_json::from_value(Value::Object(fields)).map_err(unreadable)?;
        let account = serde_json::to_vec(&meta)?;
        if account.len() > MOST_ACCOUNT {
            return Err(io::Error::new(ErrorKind::InvalidData, "the state of the run is too large to be one"));
        }
        if let Value::Object(fields) = serde_json::to_value(&meta)? {
            // Nothing that this version knows of is new.
            if self.run.is_some() && fields == self.fields {
                return Ok(());
            }
            self.fields = fields;
        }
        let failed = |error: crate::run::RunError| io::Error::other(error.to_string());
        let live = meta.state.is_live();
        if self.run.is_none() {
            replace(&self.place("run.json")?, &account)?;
            self.run = Some(RunDir::open(&self.directory_path()).map_err(failed)?);
        }
        let Some(run) = &self.run else { return Ok(()) };
        if live && self.lock.is_none() {
            let lock = RunLock::acquire(run).map_err(failed)?;
            if self.socket.is_none() {
                self.socket = Some(ControlSocket::bind(&lock, run).map_err(failed)?);
            }
            self.lock = Some(lock);
        }
        // A trainer that does not listen yet has none there either.
        meta.socket = meta.socket.and(self.socket.as_ref().map(|socket| socket.path().to_owned()));
        run.write_meta(&meta).map_err(failed)?;
        if !live {
            self.lock = None;
        }
        Ok(())
    }

    /// Notes how far the files have come.
    pub(super) fn save(&mut self) -> io::Result<()> {
        self.noted = Instant::now();
        replace(&self.folder.join(NOTE), &serde_json::to_vec(&self.note)?)
    }

    /// The run's directory goes by the run's name, which is what the view shows.
    fn directory(&self) -> &str {
        let mut parts = Path::new(&self.note.run.name).components();
        match (parts.next(), parts.next()) {
            (Some(Component::Normal(part)), None) if part == &*self.note.run.name && part.len() < 200 => {
                &self.note.run.name
            }
            _ => "run",
        }
    }

    fn directory_path(&self) -> PathBuf {
        self.folder.join(PLACE).join(self.directory())
    }

    /// Where a file of that name belongs; refuses names that lead elsewhere or mean something of ours.
    fn place(&self, name: &str) -> io::Result<PathBuf> {
        let known = matches!(name, "run.json" | "recipe.toml" | "trainer.log") || is_event_file(name);
        if !known || name.contains('/') || name.len() > 255 {
            return Err(io::Error::new(ErrorKind::InvalidData, "the relay sends a file that no run has"));
        }
        Ok(self.directory_path().join(name))
    }

    /// Brings the files to what is noted: no more than that is sure to be right.
    fn tidy(&mut self) -> io::Result<()> {
        self.open.clear();
        let (place, directory) = (self.folder.join(PLACE), self.directory_path());
        private(&place)?;
        // What else lies here is of another run, or of an older version.
        for folder in [&self.folder, &place] {
            for entry in fs::read_dir(folder)?.flatten() {
                let is_kept = entry.path() == place || entry.path() == directory;
                if !is_kept && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    fs::remove_dir_all(entry.path())?;
                } else if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                    fs::remove_file(entry.path())?;
                }
            }
        }
        private(&directory)?;
        for entry in fs::read_dir(&directory)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let length = entry.metadata()?.len();
            match self.note.files.get(&name) {
                Some((_, noted)) if *noted <= length => {
                    files::write(&entry.path())?.set_len(*noted)?;
                    self.sizes.insert(name, *noted);
                }
                _ if name == "trainer.lock" || name == "run.json" || name == "recipe.toml" => {}
                _ => {
                    self.note.files.remove(&name);
                    fs::remove_file(entry.path())?;
                }
            }
        }
        self.note.files.retain(|name, _| directory.join(name).exists());
        Ok(())
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        // At worst the next view fetches more than it had to.
        let _ = self.save();
    }
}

/// A slot that no other view uses, best the one that holds the run in `path` already.
fn free_slot(machine: &Path, path: &str) -> io::Result<(PathBuf, File)> {
    let mut best = None;
    for number in 0..MOST_SLOTS {
        let folder = machine.join(number.to_string());
        let known = folder.exists();
        private(&folder)?;
        let lock = files::write(&folder.join(SLOT))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        if Note::read(&folder).is_some_and(|note| note.run.path == path) {
            return Ok((folder, lock));
        }
        if !known {
            // Where nothing has been, nothing more will be found behind it.
            return Ok(best.unwrap_or((folder, lock)));
        }
        best = best.or(Some((folder, lock)));
    }
    best.ok_or_else(|| io::Error::other(format!("{MOST_SLOTS} views of that machine are open already")))
}

/// Removes mirrors of machines that nobody has looked at for a fortnight.
fn forget(cache: &Path) {
    let Ok(machines) = fs::read_dir(cache) else { return };
    for slot in machines.flatten().filter_map(|machine| fs::read_dir(machine.path()).ok()).flatten().flatten() {
        let note = slot.path().join(NOTE);
        let old = |at: SystemTime| at.elapsed().is_ok_and(|age| age > FORGOTTEN);
        let unused = || files::open(&slot.path().join(SLOT)).is_ok_and(|lock| lock.try_lock().is_ok());
        if fs::metadata(note).and_then(|found| found.modified()).is_ok_and(old) && unused() {
            let _ = fs::remove_dir_all(slot.path());
        }
    }
}

/// Makes sure of a folder that is closed to everybody else.
fn private(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let found = fs::symlink_metadata(folder)?;
    if !found.is_dir() {
        return Err(io::Error::new(ErrorKind::NotADirectory, format!("`{}` is not a folder", folder.display())));
    }
    if found.permissions().mode() & 0o077 != 0 {
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Replaces a file as a whole.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut new = files::temporary(folder, UNFINISHED)?;
    new.as_file_mut().write_all(bytes)?;
    new.persist(path).map(drop).map_err(|failed| failed.error)
}

/// What can stand in a file's name of that of a machine.
fn readable(host: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    host.chars().map(|c| if allowed(c) { c } else { '_' }).take(60).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::{State, moons};

    const MARK: Mark = Mark { end: 3, check: 1 };
    const LOG: &str = "events.out.tfevents.1";

    fn fields(state: State) -> Map<String, Value> {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let mut meta = run.meta().unwrap();
        meta.state = state;
        meta.socket = Some("/far/socket".into());
        let Value::Object(fields) = serde_json::to_value(meta).unwrap() else { panic!() };
        fields
    }

    fn far(name: &str, path: &str) -> FarRun {
        FarRun { name: name.into(), path: path.into(), started: "2026".into() }
    }

    fn open(cache: &Path, path: &str) -> Mirror {
        Mirror::open(cache, "me@gpu1", &far("moons-0001", path)).unwrap()
    }

    #[test]
    fn a_mirror_lives_as_long_as_the_far_trainer() {
        let cache = tempfile::tempdir().unwrap();
        let mut mirror = open(&cache.path().join("deep/remote"), "/far/moons-0001");
        assert!(mirror.run().is_none());
        mirror.status(fields(State::Running)).unwrap();
        let run = mirror.run().unwrap().clone();
        assert_eq!((run.name().as_str(), run.status().unwrap().state), ("moons-0001", State::Running));
        let socket = run.status().unwrap().socket.unwrap();
        assert_eq!(socket, mirror.socket().unwrap().path(), "commands go to the socket here");
        let paused = [("state".to_owned(), Value::from("paused"))].into_iter().collect();
        mirror.status(paused).unwrap();
        assert_eq!(run.status().unwrap().state, State::Paused, "and all else stays");
        mirror.status(fields(State::Crashed)).unwrap();
        assert_eq!(run.status().unwrap().state, State::Crashed);
        assert!(!run.is_locked().unwrap());
        let mode = fs::metadata(cache.path().join("deep/remote")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn what_is_noted_is_kept_and_what_is_not_is_cut_off() {
        let cache = tempfile::tempdir().unwrap();
        let mut mirror = open(cache.path(), "/far/moons-0001");
        mirror.status(fields(State::Running)).unwrap();
        mirror.append(LOG, true, b"abc", Some(MARK)).unwrap();
        mirror.append(LOG, false, b"half a rec", None).unwrap();
        mirror.append("trainer.log", false, b"no mark", None).unwrap();
        let log = mirror.run().unwrap().path().join(LOG);
        drop(mirror);
        let mirror = open(cache.path(), "/far/moons-0001");
        assert_eq!(mirror.have(), [(LOG.to_owned(), MARK)]);
        assert_eq!(fs::read(&log).unwrap(), b"abc");
        assert!(!log.with_file_name("trainer.log").exists());
    }

    #[test]
    fn a_log_cut_short_behind_our_back_is_fetched_anew() {
        let cache = tempfile::tempdir().unwrap();
        let mut mirror = open(cache.path(), "/far/moons-0001");
        mirror.status(fields(State::Running)).unwrap();
        mirror.append(LOG, true, b"abc", Some(MARK)).unwrap();
        let log = mirror.run().unwrap().path().join(LOG);
        drop(mirror);
        fs::write(&log, "a").unwrap();
        assert_eq!(open(cache.path(), "/far/moons-0001").have(), []);
        assert!(!log.exists());
    }

    #[test]
    fn two_views_have_two_mirrors_and_come_back_to_their_own() {
        let cache = tempfile::tempdir().unwrap();
        let mut first = open(cache.path(), "/far/a");
        let mut second = open(cache.path(), "/far/b");
        for (mirror, bytes) in [(&mut first, b"aaa"), (&mut second, b"bbb")] {
            mirror.status(fields(State::Running)).unwrap();
            mirror.append(LOG, true, bytes, Some(MARK)).unwrap();
        }
        let (a, b) = (first.run().unwrap().path().join(LOG), second.run().unwrap().path().join(LOG));
        drop((first, second));
        assert_eq!(open(cache.path(), "/far/b").have().len(), 1);
        assert_eq!(open(cache.path(), "/far/a").have().len(), 1);
        assert_eq!((fs::read(&a).unwrap(), fs::read(&b).unwrap()), (b"aaa".to_vec(), b"bbb".to_vec()));
        // A third run takes the place of one of them, and nothing of that stays.
        assert_eq!(open(cache.path(), "/far/c").have(), []);
        assert!(!a.exists());
    }

    #[test]
    fn a_run_that_took_the_place_of_another_is_no_continuation() {
        let cache = tempfile::tempdir().unwrap();
        let mut mirror = open(cache.path(), "/far/moons-0001");
        mirror.status(fields(State::Running)).unwrap();
        mirror.append(LOG, true, b"abc", Some(MARK)).unwrap();
        drop(mirror);
        let other = FarRun { started: "2027".into(), ..far("moons-0001", "/far/moons-0001") };
        let mut mirror = Mirror::open(cache.path(), "me@gpu1", &other).unwrap();
        assert_eq!(mirror.have(), []);
        mirror.status(fields(State::Running)).unwrap();
        assert!(!mirror.run().unwrap().path().join(LOG).exists());
    }

    #[test]
    fn the_far_end_cannot_write_elsewhere() {
        let cache = tempfile::tempdir().unwrap();
        for name in ["../../x", "..", "/etc", ""] {
            let mirror = Mirror::open(cache.path(), "gpu1", &far(name, "/far")).unwrap();
            assert_eq!(mirror.directory(), "run");
        }
        let mut mirror = Mirror::open(cache.path(), "../../up", &far("moons", "/far")).unwrap();
        for name in ["../tfevents", "trainer.lock", "x", "", "a/tfevents", "mirror.json"] {
            assert!(mirror.append(name, true, b"", None).is_err(), "{name}");
            assert!(mirror.replace(name, b"").is_err(), "{name}");
        }
        assert!(!cache.path().parent().unwrap().join("up").exists());
    }

    #[test]
    fn a_run_may_have_the_name_of_anything_of_ours() {
        let cache = tempfile::tempdir().unwrap();
        for name in ["lock", "mirror.json", "run", "0"] {
            let mut mirror = Mirror::open(cache.path(), "gpu1", &far(name, "/far")).unwrap();
            mirror.status(fields(State::Running)).unwrap();
            assert_eq!(mirror.run().unwrap().name(), name);
        }
    }

    #[test]
    fn what_comes_beyond_the_bound_is_left_out() {
        let cache = tempfile::tempdir().unwrap();
        let mut mirror = open(cache.path(), "/far/moons-0001");
        mirror.status(fields(State::Running)).unwrap();
        mirror.most = 3 * BLOCK;
        let piece = vec![0; 1000];
        assert!(mirror.append("trainer.log", true, b"x", None).unwrap());
        let kept = (0..100).filter(|_| mirror.append(LOG, false, &piece, Some(MARK)).unwrap()).count();
        assert_eq!(kept, 8, "8,000 bytes beside the block of the other file");
        // Nothing goes on behind a gap, however small, and no new file makes room.
        assert!(!mirror.append(LOG, false, b"x", Some(MARK)).unwrap());
        assert!(!mirror.append("events.out.tfevents.2", true, b"x", Some(MARK)).unwrap());
        let log = mirror.run().unwrap().path().join(LOG);
        assert_eq!(fs::metadata(&log).unwrap().len(), 8000);
        drop(mirror);
        assert_eq!(
            open(cache.path(), "/far/moons-0001").sizes.get(LOG),
            Some(&8000),
            "counted when it is opened again"
        );
    }

    #[test]
    fn many_small_files_are_bounded_as_well() {
        let cache = tempfile::tempdir().unwrap();
        let mut mirror = open(cache.path(), "/far/moons-0001");
        mirror.status(fields(State::Running)).unwrap();
        let mut append =
            |number: usize| mirror.append(&format!("events.out.tfevents.{number:05}"), true, b"", Some(MARK)).unwrap();
        assert!((0..MOST_FILES).all(&mut append));
        assert!(!append(MOST_FILES));
        assert!(mirror.open.len() <= MOST_OPEN);
    }

    #[test]
    fn of_a_state_only_what_a_run_has_is_kept() {
        let cache = tempfile::tempdir().unwrap();
        let mut mirror = open(cache.path(), "/far/moons-0001");
        mirror.status(fields(State::Running)).unwrap();
        let known = mirror.fields.len();
        for number in 0..100 {
            mirror.status([(format!("field{number}"), Value::from("x".repeat(1000)))].into_iter().collect()).unwrap();
        }
        assert_eq!(mirror.fields.len(), known);
        let wrong = [("step".to_owned(), Value::from("many"))].into_iter().collect();
        assert!(mirror.status(wrong).unwrap_err().to_string().contains("cannot be read"));
        let large = [("outcome".to_owned(), Value::from("x".repeat(MOST_ACCOUNT)))].into_iter().collect();
        assert!(mirror.status(large).unwrap_err().to_string().contains("too large"));
        assert_eq!(mirror.run().unwrap().status().unwrap().state, State::Running, "as it was");
    }

    #[test]
    fn what_nobody_looked_at_for_long_is_removed() {
        let cache = tempfile::tempdir().unwrap();
        let mirror = open(cache.path(), "/far/a");
        let folder = mirror.folder.clone();
        let age = |note: &Path| {
            let old = SystemTime::now() - 2 * FORGOTTEN;
            File::options().write(true).open(note).unwrap().set_modified(old).unwrap();
        };
        drop(mirror);
        age(&folder.join(NOTE));
        let in_use = open(cache.path(), "/far/a");
        assert!(folder.exists());
        drop(in_use);
        age(&folder.join(NOTE));
        drop(Mirror::open(cache.path(), "other", &far("moons", "/far")).unwrap());
        assert!(!folder.exists());
    }
}
