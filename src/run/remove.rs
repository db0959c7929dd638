//! Removing a run: what torchscope wrote into its directory, and nothing else.
//!
//! The directory is opened once, and all names are seen from there, so that nothing that is put in its place in between is
//! touched. No link is ever followed: a link counts as a file of somebody else.

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::Errno;

use super::dir::RunDir;
use super::error::{RunError, shown};
use super::meta::{RunMeta, State};
use super::socket::{SOCKET, socket_path};
use super::tail::plain;

/// Files that each run has. `run.json` and the lock go last: until then the rest of a removal that was interrupted is a run
/// that can be removed again.
const META: &str = "run.json";
const LOCK: &str = "trainer.lock";
const FILES: [&str; 4] = ["recipe.toml", "trainer.log", LOCK, META];
/// The folder of the checkpoints.
const CHECKPOINTS: &str = "checkpoints";

/// Why a run is not removed. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// It has a trainer, or waits for one.
    #[error("{name} is {state}; end it first: torchscope stop {name}")]
    Live {
        /// The run.
        name: String,
        /// How it stands.
        state: State,
    },
    /// The directory is a link.
    #[error("`{}` is a link; give the directory that it leads to, or remove the link itself with `rm`", shown(path))]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A directory with a `run.json` that torchscope did not write, or without anything else of a run.
    #[error("`{}` is no run of torchscope ({problem}); remove it with `rm -r` if you mean it", shown(path))]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// What it lacks.
        problem: &'static str,
    },
    /// Its `run.json` cannot be read.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The operating system refused something.
    #[error("cannot {doing} `{}`: {source}", shown(path))]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// A run that can be removed.
#[derive(Debug)]
pub struct Removable {
    run: RunDir,
    meta: RunMeta,
    folder: OwnedFd,
    contents: Contents,
}

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Bytes of disk that are free now.
    pub bytes: u64,
    /// Names, within the directory, of what torchscope did not write. It stays, and the directory with it.
    pub kept: Vec<String>,
}

/// What a directory holds.
#[derive(Debug, Default)]
struct Contents {
    /// Of torchscope's files in it.
    own: Vec<CString>,
    /// The same of the folder of checkpoints; none where there is no such folder.
    checkpoints: Option<Vec<CString>>,
    bytes: u64,
    foreign: BTreeSet<String>,
}

impl Removable {
    /// Looks at a run. Refuses a link, what is no run of torchscope, and a live one.
    pub fn new(run: RunDir) -> Result<Self, RemoveError> {
        let folder = match open_folder(CWD, run.path()) {
            Ok(folder) => folder,
            // The one for a link, the other for a link that is asked to be a folder.
            Err(Errno::LOOP | Errno::NOTDIR) => return Err(RemoveError::Link { path: run.path().to_owned() }),
            Err(error) => return Err(failed("open", run.path(), error)),
        };
        let contents = Contents::of(&folder).map_err(|error| failed("look at", run.path(), error))?;
        let foreign = |problem| RemoveError::Foreign { path: run.path().to_owned(), problem };
        let has = |name: &str| contents.own.iter().any(|own| own.to_bytes() == name.as_bytes());
        if !has(META) {
            return Err(foreign("its run.json is no file"));
        }
        if !contents.own.iter().any(|own| is_log(&own.to_string_lossy())) && !has("recipe.toml") {
            return Err(foreign("it holds neither a recipe.toml nor an event file"));
        }
        let meta = run.status()?;
        if meta.version == 0 {
            return Err(foreign("its run.json is of another program"));
        }
        if meta.state.is_live() {
            return Err(RemoveError::Live { name: plain(&run.name()), state: meta.state });
        }
        Ok(Self { run, meta, folder, contents })
    }

    /// The run.
    pub fn run(&self) -> &RunDir {
        &self.run
    }

    /// How it stands.
    pub fn meta(&self) -> &RunMeta {
        &self.meta
    }

    /// Bytes of disk that its files take.
    pub fn bytes(&self) -> u64 {
        self.contents.bytes
    }

    /// Removes it, as it is now: refuses if it has been resumed since.
    pub fn remove(self) -> Result<Removed, RemoveError> {
        let path = self.run.path();
        // Held until the end: nobody resumes what is half gone.
        let _lock = self.lock()?;
        let meta = self.run.status()?;
        if meta.state.is_live() {
            return Err(RemoveError::Live { name: plain(&self.run.name()), state: meta.state });
        }
        // What a killed trainer left behind. Its place is ours to know; what run.json says could be anything.
        let socket = meta.socket.and_then(|_| socket_path(&self.run).ok());
        let contents = Contents::of(&self.folder).map_err(|error| failed("look at", path, error))?;
        let last = |name: &CString| [LOCK, META].iter().position(|last| name.to_bytes() == last.as_bytes());
        let mut own = contents.own;
        own.sort_by_key(|name| last(name).map_or(0, |place| place + 1));
        if let Some(names) = contents.checkpoints {
            let place = path.join(CHECKPOINTS);
            let folder = open_folder(&self.folder, CHECKPOINTS).map_err(|error| failed("open", &place, error))?;
            unlink(&folder, &names, &place)?;
            match unlinkat(&self.folder, CHECKPOINTS, AtFlags::REMOVEDIR) {
                // It holds something of somebody else.
                Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOENT) => {}
                Err(error) => return Err(failed("remove", &place, error)),
            }
        }
        unlink(&self.folder, &own, path)?;
        let kept: Vec<String> = contents.foreign.into_iter().collect();
        if kept.is_empty() {
            // Not recursively: what has come in between stays.
            fs::remove_dir(path).map_err(|source| RemoveError::Io {
                doing: "remove",
                path: path.to_owned(),
                source,
            })?;
        }
        if let Some(socket) = socket
            && fs::symlink_metadata(&socket).is_ok_and(|found| found.file_type().is_socket())
        {
            // The next trainer of a run in that place would remove it as well.
            let _ = fs::remove_file(socket);
        }
        Ok(Removed { bytes: contents.bytes, kept })
    }

    /// The run's lock; none where it never had a trainer.
    fn lock(&self) -> Result<Option<File>, RemoveError> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.folder, LOCK, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            // None, or something in its place that no trainer has made.
            Err(Errno::NOENT | Errno::LOOP | Errno::ISDIR | Errno::NXIO) => return Ok(None),
            Err(error) => return Err(failed("open", &self.run.lock_path(), error)),
        };
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {
                Err(RemoveError::Live { name: plain(&self.run.name()), state: State::Running })
            }
            Err(TryLockError::Error(source)) => {
                Err(RemoveError::Io { doing: "lock", path: self.run.lock_path(), source })
            }
        }
    }
}

impl Contents {
    fn of(folder: &OwnedFd) -> Result<Self, Errno> {
        let mut contents = Self::default();
        for (name, is_folder) in list(folder)? {
            let text = name.to_string_lossy().into_owned();
            if text == CHECKPOINTS && is_folder {
                let inner = open_folder(folder, CHECKPOINTS)?;
                let (own, foreign) = contents.sort(&inner, list(&inner)?, is_checkpoint)?;
                contents.checkpoints = Some(own);
                contents.foreign.extend(foreign.into_iter().map(|name| format!("{CHECKPOINTS}/{name}")));
                continue;
            }
            let (own, foreign) = contents.sort(folder, vec![(name, is_folder)], is_own)?;
            contents.own.extend(own);
            contents.foreign.extend(foreign);
        }
        Ok(contents)
    }

    /// Tells regular files of such names, whose bytes it counts, from everything else.
    fn sort(
        &mut self,
        folder: &OwnedFd,
        names: Vec<(CString, bool)>,
        is_ours: impl Fn(&str) -> bool,
    ) -> Result<(Vec<CString>, Vec<String>), Errno> {
        let (mut own, mut foreign) = (Vec::new(), Vec::new());
        for (name, _) in names {
            let found = match statat(folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(found) => found,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error),
            };
            let text = name.to_string_lossy().into_owned();
            let kind = FileType::from_raw_mode(found.st_mode);
            // Of a trainer that was killed where the usual place for sockets was taken.
            let is_socket = kind == FileType::Socket && text == SOCKET;
            if is_socket || kind == FileType::RegularFile && is_ours(&text) {
                // A file with another name elsewhere stays.
                self.bytes += if found.st_nlink == 1 { found.st_blocks.cast_unsigned() * 512 } else { 0 };
                own.push(name);
            } else {
                foreign.push(plain(&text));
            }
        }
        Ok((own, foreign))
    }
}

fn failed(doing: &'static str, path: &Path, error: Errno) -> RemoveError {
    RemoveError::Io { doing, path: path.to_owned(), source: error.into() }
}

/// Opens a folder, if it is one itself.
fn open_folder(at: impl AsFd, path: impl rustix::path::Arg) -> Result<OwnedFd, Errno> {
    openat(at, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// The names in a folder, and whether each is a folder itself.
fn list(folder: &OwnedFd) -> Result<Vec<(CString, bool)>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(folder)? {
        let entry = entry?;
        let name: &CStr = entry.file_name();
        if name != c"." && name != c".." {
            let is_folder = match entry.file_type() {
                // Some file systems do not say.
                FileType::Unknown => statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                    .is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == FileType::Directory),
                kind => kind == FileType::Directory,
            };
            names.push((name.to_owned(), is_folder));
        }
    }
    Ok(names)
}

/// Removes files by name. `path` is what errors call the folder.
fn unlink(folder: &OwnedFd, names: &[CString], path: &Path) -> Result<(), RemoveError> {
    for name in names {
        match unlinkat(folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(failed("remove", &path.join(&*name.to_string_lossy()), error)),
        }
    }
    Ok(())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a file of that name in a run's directory is one that torchscope writes, or a half-written one of these.
fn is_own(name: &str) -> bool {
    let unfinished = |name: &str| {
        let of = |file: &str| name.strip_prefix('.').is_some_and(|rest| rest.starts_with(&format!("{file}.")));
        FILES.iter().any(|file| of(file))
    };
    FILES.contains(&name) || is_log(name) || unfinished(name)
}

/// `events.out.tfevents.<second>.<host>.<pid>`
fn is_log(name: &str) -> bool {
    let rest = name.strip_prefix("events.out.tfevents.").and_then(|rest| rest.split_once('.'));
    rest.is_some_and(|(second, rest)| is_digits(second) && rest.rsplit('.').next().is_some_and(is_digits))
}

/// `step-<steps>.safetensors`, one that was put aside as damaged, or a half-written one.
fn is_checkpoint(name: &str) -> bool {
    let rest = name.strip_prefix("step-");
    name.starts_with(".step-")
        || rest.and_then(|rest| rest.split_once(".safetensors")).is_some_and(|(steps, _)| is_digits(steps))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::log::EventWriter;
    use crate::run::{Checkpoint, RunLock, moons};

    /// A finished run with all that a run has.
    fn run(home: &Path) -> RunDir {
        let run = RunDir::create(home, &moons()).unwrap();
        run.write_meta(&RunMeta { state: State::Finished, ..run.meta().unwrap() }).unwrap();
        EventWriter::create(run.path()).unwrap();
        fs::create_dir(run.checkpoints_path()).unwrap();
        let step = Checkpoint::file_name(16);
        for name in [&step, &format!(".{step}"), &format!("{step}.damaged")] {
            fs::write(run.checkpoints_path().join(name), [1; 5000]).unwrap();
        }
        for name in ["trainer.log", "trainer.lock", ".run.json.4711-3", ".run.json.reserve", ".recipe.toml.4711-9"] {
            fs::write(run.path().join(name), "x").unwrap();
        }
        run
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_run_is_removed_with_all_that_belongs_to_it() {
        let home = tempfile::tempdir().unwrap();
        let (gone, stays) = (run(home.path()), run(home.path()));
        let removable = Removable::new(gone.clone()).unwrap();
        let bytes = removable.bytes();
        assert!(bytes >= 15_000, "{bytes}");
        assert_eq!(removable.remove().unwrap(), Removed { bytes, kept: Vec::new() });
        assert!(!gone.path().exists());
        assert!(stays.path().exists());
    }

    #[test]
    fn what_torchscope_did_not_write_stays() {
        let home = tempfile::tempdir().unwrap();
        let run = run(home.path());
        fs::create_dir(run.path().join("plots")).unwrap();
        for name in ["notes.txt", "plots/a.png", "checkpoints/mine.safetensors", "my.tfevents", "events.out.tfevents.x"]
        {
            fs::write(run.path().join(name), "mine").unwrap();
        }
        let removed = Removable::new(run.clone()).unwrap().remove().unwrap();
        let kept = ["checkpoints/mine.safetensors", "events.out.tfevents.x", "my.tfevents", "notes.txt", "plots"];
        assert_eq!(removed.kept, kept);
        assert_eq!(names(run.path()), ["checkpoints", "events.out.tfevents.x", "my.tfevents", "notes.txt", "plots"]);
        assert_eq!(names(&run.checkpoints_path()), ["mine.safetensors"]);
        assert!(RunDir::open(run.path()).is_err(), "it is no run any more");
    }

    #[test]
    fn no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (home, elsewhere) = (folder.path().join("home"), folder.path().join("elsewhere"));
        fs::create_dir(&elsewhere).unwrap();
        let run = run(&home);
        let precious = elsewhere.join(Checkpoint::file_name(3));
        fs::write(&precious, "precious").unwrap();
        // In the place of the checkpoints, the log, the trainer's output, and its lock.
        fs::remove_dir_all(run.checkpoints_path()).unwrap();
        symlink(&elsewhere, run.checkpoints_path()).unwrap();
        for name in ["trainer.log", "trainer.lock"] {
            fs::remove_file(run.path().join(name)).unwrap();
            symlink(&precious, run.path().join(name)).unwrap();
        }
        symlink(&precious, run.path().join("events.out.tfevents.1.host.2")).unwrap();
        // And the run itself by a link.
        let link = home.join("link");
        symlink(run.path(), &link).unwrap();
        let error = Removable::new(RunDir::open(&link).unwrap()).unwrap_err();
        assert!(matches!(error, RemoveError::Link { .. }), "{error:?}");

        let removed = Removable::new(run.clone()).unwrap().remove().unwrap();
        assert_eq!(removed.kept, ["checkpoints", "events.out.tfevents.1.host.2", "trainer.lock", "trainer.log"]);
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
        assert_eq!(names(&elsewhere).len(), 1);
        assert!(fs::symlink_metadata(run.checkpoints_path()).unwrap().is_symlink());
    }

    #[test]
    fn a_directory_put_in_its_place_is_not_touched() {
        let home = tempfile::tempdir().unwrap();
        let (first, second) = (run(home.path()), run(home.path()));
        let removable = Removable::new(first.clone()).unwrap();
        let aside = home.path().join("aside");
        fs::rename(first.path(), &aside).unwrap();
        fs::rename(second.path(), first.path()).unwrap();
        let before = names(first.path());
        // Its own files go, wherever they are now; the other directory is not empty.
        assert!(removable.remove().is_err());
        assert_eq!(names(first.path()), before);
        assert!(names(&aside).is_empty());
    }

    #[test]
    fn a_live_run_is_refused_also_when_it_was_resumed_since() {
        let home = tempfile::tempdir().unwrap();
        let starting = RunDir::create(home.path(), &moons()).unwrap();
        let error = Removable::new(starting).unwrap_err().to_string();
        assert_eq!(error, "moons-0001 is starting; end it first: torchscope stop moons-0001");

        let run = run(home.path());
        let removable = Removable::new(run.clone()).unwrap();
        let _lock = RunLock::acquire(&run).unwrap();
        let before = names(run.path());
        assert!(matches!(removable.remove().unwrap_err(), RemoveError::Live { .. }));
        assert_eq!(names(run.path()), before);
    }

    #[test]
    fn only_runs_of_torchscope_are_removed() {
        let home = tempfile::tempdir().unwrap();
        let refused = |name: &str, files: &[(&str, &str)]| {
            let folder = home.path().join(name);
            fs::create_dir(&folder).unwrap();
            for (name, text) in files {
                fs::write(folder.join(name), text).unwrap();
            }
            let error = Removable::new(RunDir::open(&folder).unwrap()).unwrap_err();
            assert_eq!(names(&folder).len(), files.len());
            error.to_string()
        };
        let event = "events.out.tfevents.1.a.1";
        assert!(refused("npm", &[("run.json", r#"{"scripts": {}}"#)]).contains("neither a recipe.toml nor"));
        assert!(refused("other", &[("run.json", r#"{"scripts": {}}"#), (event, "")]).contains("another program"));
        assert!(refused("damaged", &[("run.json", "{"), ("recipe.toml", "")]).contains("is damaged"));
        let folder = home.path().join("linked");
        fs::create_dir(&folder).unwrap();
        symlink(home.path().join("npm/run.json"), folder.join("run.json")).unwrap();
        let error = Removable::new(RunDir::open(&folder).unwrap()).unwrap_err().to_string();
        assert!(error.contains("its run.json is no file"), "{error}");
    }
}
