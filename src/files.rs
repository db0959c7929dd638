//! Opening files that somebody else may have put in place: regular files only, and nothing that would be waited for.

use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;
use tempfile::NamedTempFile;

/// Where the kernel shows what a process has open.
const DESCRIPTORS: &str = "/proc/self/fd";

/// Opens the regular file at `path` for reading, through links. A pipe, a device or a folder is an error at once.
pub fn open(path: &Path) -> io::Result<File> {
    regular(path, OpenOptions::new().read(true), OFlags::empty())
}

/// Opens the regular file at `path` for reading, unless `path` itself is a link.
pub fn open_own(path: &Path) -> io::Result<File> {
    regular(path, OpenOptions::new().read(true), OFlags::NOFOLLOW)
}

/// Opens the regular file at `path` for appending, created if need be; never through a link.
pub fn append(path: &Path) -> io::Result<File> {
    regular(path, OpenOptions::new().append(true).create(true), OFlags::NOFOLLOW)
}

/// Opens the regular file at `path` for writing, created if need be, with what it holds; never through a link.
pub fn write(path: &Path) -> io::Result<File> {
    regular(path, OpenOptions::new().write(true).create(true).truncate(false), OFlags::NOFOLLOW)
}

/// Content of the regular file at `path`, of at most `most` bytes. A larger one is an error, and is not read on.
pub fn read(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?.take(most as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > most {
        let problem = format!("it has more than {most} bytes, too many for what it should be");
        return Err(io::Error::new(ErrorKind::InvalidData, problem));
    }
    Ok(bytes)
}

/// A new file in `folder` whose name begins with `prefix` and goes on as nobody can have foreseen. It is removed when dropped,
/// unless it was persisted under another name. Write to it through `as_file_mut`: the system's errors come unchanged.
pub fn temporary(folder: &Path, prefix: &str) -> io::Result<NamedTempFile> {
    // With the permissions that other files are made with, less what the user masks.
    let create = |path: &Path| OpenOptions::new().write(true).create_new(true).open(path);
    tempfile::Builder::new().prefix(prefix).make_in(folder, create)
}

/// Path of what is open under a number, by which the files of a folder are reached wherever it is moved; none where the
/// system shows no such paths.
pub fn through(descriptor: i32) -> Option<PathBuf> {
    Some(Path::new(DESCRIPTORS).join(descriptor.to_string())).filter(|path| path.exists())
}

/// `path` for people: one made by [`through`] is shown as where it leads.
pub fn shown(path: &Path) -> impl Display {
    resolved(path).unwrap_or_else(|| path.to_owned()).to_string_lossy().into_owned()
}

fn resolved(path: &Path) -> Option<PathBuf> {
    let mut parts = path.strip_prefix(DESCRIPTORS).ok()?.components();
    let folder = fs::read_link(Path::new(DESCRIPTORS).join(parts.next()?)).ok()?;
    let rest = parts.as_path();
    Some(if rest.as_os_str().is_empty() { folder } else { folder.join(rest) })
}

fn regular(path: &Path, options: &mut OpenOptions, flags: OFlags) -> io::Result<File> {
    // A pipe that nobody writes to would be waited for, and a terminal would become ours.
    let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = options.custom_flags(flags.bits().cast_signed()).open(path).map_err(|error| {
        match error.raw_os_error().map(Errno::from_raw_os_error) {
            Some(Errno::NXIO) => refused("a pipe or a socket"),
            Some(Errno::LOOP) => refused("a link"),
            _ => error,
        }
    })?;
    let kind = file.metadata()?.file_type();
    if kind.is_file() {
        return Ok(file);
    }
    Err(refused(match kind {
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe",
        _ => "a device",
    }))
}

fn refused(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidInput, format!("it is {what}, not a regular file"))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn fifo(path: &Path) {
        let kind = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, path, kind, rustix::fs::Mode::from_raw_mode(0o600), 0).unwrap();
    }

    #[test]
    fn only_regular_files_are_opened_and_nothing_is_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fifo(&place("pipe"));
        let _socket = UnixListener::bind(place("socket")).unwrap();
        fs::create_dir(place("folder")).unwrap();
        for name in ["pipe", "socket", "folder"] {
            for error in [open(&place(name)), open_own(&place(name)), append(&place(name)), write(&place(name))] {
                let error = error.unwrap_err();
                assert!(error.kind() != ErrorKind::NotFound, "{name}: {error}");
            }
            let error = open(&place(name)).unwrap_err().to_string();
            assert!(error.contains("not a regular file"), "{name}: {error}");
        }
        assert!(open(Path::new("/dev/null")).unwrap_err().to_string().contains("a device"));
        // Somebody at the other end makes a pipe no better.
        let _reader = OpenOptions::new().read(true).write(true).open(place("pipe")).unwrap();
        assert!(append(&place("pipe")).unwrap_err().to_string().contains("a pipe"));
    }

    #[test]
    fn nothing_is_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "secret").unwrap();
        symlink(&file, &link).unwrap();
        for error in [append(&link), write(&link), open_own(&link)] {
            assert!(error.unwrap_err().to_string().contains("a link"));
        }
        assert_eq!(read(&link, 6).unwrap(), b"secret", "read through it");
        assert!(read(&link, 5).unwrap_err().to_string().contains("more than 5 bytes"));
        assert_eq!(fs::read(&file).unwrap(), b"secret");
    }

    #[test]
    fn a_temporary_file_is_new_and_goes_unless_it_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let place = {
            let first = temporary(folder.path(), ".x.").unwrap();
            let second = temporary(folder.path(), ".x.").unwrap();
            assert_ne!(first.path(), second.path());
            second.persist(folder.path().join("x")).unwrap();
            first.path().to_owned()
        };
        assert!(!place.exists() && folder.path().join("x").exists());
        let missing = temporary(&folder.path().join("missing"), ".x.").unwrap_err();
        assert_eq!(missing.raw_os_error(), Some(Errno::NOENT.raw_os_error()), "the system's own error");
    }

    #[test]
    fn a_folder_held_open_is_reached_and_named_wherever_it_goes() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        fs::create_dir(&old).unwrap();
        let held = File::open(&old).unwrap();
        let through = through(held.as_raw_fd()).unwrap();
        fs::rename(&old, &new).unwrap();
        fs::write(through.join("file"), "x").unwrap();
        assert!(new.join("file").exists());
        let real = fs::canonicalize(&new).unwrap();
        assert_eq!(shown(&through.join("file")).to_string(), real.join("file").to_string_lossy());
        assert_eq!(shown(&through).to_string(), real.to_string_lossy());
        assert_eq!(shown(Path::new("/a/b")).to_string(), "/a/b");
    }
}
