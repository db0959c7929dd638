//! The trainer's control socket: where it may lie so that nobody else reaches it, and how it is opened.

use std::env;
use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::dir::RunDir;
use super::error::RunError;
use super::lock::RunLock;

/// Bytes that a socket's path may have: `sun_path` holds 108 with the closing zero.
const LONGEST_PATH: usize = 107;

/// Name of a socket in a folder of its run alone.
pub(super) const SOCKET: &str = "control.sock";

/// Where the control socket of `run` belongs: in `$XDG_RUNTIME_DIR/torchscope` if that is there and ours alone, else in
/// `torchscope-<uid>` in the system's temporary folder. Creates that folder, with access for nobody else.
///
/// For the trainer. Clients take [`super::RunMeta::socket`]: their environment may be another.
pub fn socket_path(run: &RunDir) -> Result<PathBuf, RunError> {
    let whole = fs::canonicalize(run.root()).map_err(RunError::io("find", run.path()))?;
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    place(runtime.as_deref(), &env::temp_dir(), rustix::process::geteuid().as_raw(), &whole)
}

/// The folder that control sockets go to, as [`socket_path`] finds and creates it.
pub fn socket_folder() -> Result<PathBuf, RunError> {
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let socket = place(runtime.as_deref(), &env::temp_dir(), rustix::process::geteuid().as_raw(), Path::new("/"))?;
    Ok(socket.parent().map_or_else(PathBuf::new, Path::to_owned))
}

fn place(runtime: Option<&Path>, temporary: &Path, uid: u32, run: &Path) -> Result<PathBuf, RunError> {
    let file = format!("{:016x}.sock", fnv1a(run.as_os_str().as_bytes()));
    if let Some(runtime) = runtime.filter(|path| is_runtime_dir(path, uid)) {
        let folder = runtime.join("torchscope");
        let socket = folder.join(&file);
        if fits(&socket) && private(&folder, uid).is_ok() {
            return Ok(socket);
        }
    }
    let folder = temporary.join(format!("torchscope-{uid}"));
    let socket = folder.join(&file);
    if !fits(&socket) {
        let problem = format!("the path has more than {LONGEST_PATH} bytes; set TMPDIR to a shorter one");
        return Err(RunError::Socket { path: socket, problem });
    }
    private(&folder, uid)?;
    Ok(socket)
}

fn fits(socket: &Path) -> bool {
    socket.as_os_str().len() <= LONGEST_PATH
}

/// Batch systems hand down an `XDG_RUNTIME_DIR` that does not exist on the node, or is somebody else's.
fn is_runtime_dir(path: &Path, uid: u32) -> bool {
    path.is_absolute()
        && fs::symlink_metadata(path)
            .is_ok_and(|found| found.is_dir() && found.uid() == uid && found.mode() & 0o022 == 0)
}

/// Makes sure that `folder` is there, is a real folder, is ours and closed to everybody else.
fn private(folder: &Path, uid: u32) -> Result<(), RunError> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(source) => return Err(RunError::Io { doing: "create", path: folder.to_owned(), source }),
    }
    // Not followed: a link planted in the temporary folder would lead to a place of somebody else's choosing.
    let found = fs::symlink_metadata(folder).map_err(RunError::io("look at", folder))?;
    let refuse = |problem: &str| Err(RunError::Socket { path: folder.to_owned(), problem: problem.to_owned() });
    if !found.is_dir() {
        refuse("it is not a folder; remove it")
    } else if found.uid() != uid {
        refuse("the folder belongs to another user; set TMPDIR or XDG_RUNTIME_DIR to a folder of your own")
    } else if found.mode() & 0o077 != 0 {
        refuse("others may enter the folder; `chmod 700` it")
    } else {
        Ok(())
    }
}

/// FNV-1a: short, the same in every version, and no secret is at stake.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Whether the process at the other end of a connection runs as the same user.
pub fn peer_is_us(stream: impl AsFd) -> io::Result<bool> {
    let peer = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(peer.uid == rustix::process::geteuid())
}

/// The trainer's listening socket, mode 0600; the file goes when this is dropped.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Made for it alone; goes after it.
    folder: Option<tempfile::TempDir>,
}

impl ControlSocket {
    /// Opens the control socket of `run` at [`socket_path`], in place of one that a killed trainer left behind. Where that
    /// cannot be, because somebody else has taken the folder say, in the run directory, else in a new temporary folder.
    ///
    /// The lock shows that no other trainer of this run lives, so that what lies there may be removed.
    pub fn bind(_lock: &RunLock, run: &RunDir) -> Result<Self, RunError> {
        let usual = match socket_path(run).and_then(Self::bind_at) {
            Ok(socket) => return Ok(socket),
            Err(error) => error,
        };
        // Whoever looks at the run learns from run.json where it is.
        Self::bind_elsewhere(run, &env::temp_dir()).ok_or(usual)
    }

    /// At a place of this run alone; none where even that fails.
    fn bind_elsewhere(run: &RunDir, temporary: &Path) -> Option<Self> {
        let whole = fs::canonicalize(run.root()).ok()?;
        let inside = Some(whole.join(SOCKET)).filter(|socket| fits(socket));
        if let Some(socket) = inside.and_then(|socket| Self::bind_at(socket).ok()) {
            return Some(socket);
        }
        // Closed to everybody else.
        let folder = tempfile::Builder::new()
            .prefix("torchscope-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(temporary)
            .ok()?;
        let socket = Some(folder.path().join(SOCKET)).filter(|socket| fits(socket))?;
        let mut socket = Self::bind_at(socket).ok()?;
        socket.folder = Some(folder);
        Some(socket)
    }

    fn bind_at(path: PathBuf) -> Result<Self, RunError> {
        if fs::symlink_metadata(&path).is_ok() {
            if UnixStream::connect(&path).is_ok() {
                let problem = "another process answers there; end it, or remove the file".to_owned();
                return Err(RunError::Socket { path, problem });
            }
            fs::remove_file(&path).map_err(RunError::io("remove", &path))?;
        }
        let listener = UnixListener::bind(&path).map_err(RunError::io("open", &path))?;
        let socket = Self { listener, path, folder: None };
        fs::set_permissions(&socket.path, Permissions::from_mode(0o600))
            .map_err(RunError::io("close", &socket.path))?;
        Ok(socket)
    }

    /// The socket to accept connections on. Check each with [`peer_is_us`].
    pub fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// What belongs in [`super::RunMeta::socket`].
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Left behind, it is taken for what it is by the next trainer.
        let _ = fs::remove_file(&self.path);
        drop(self.folder.take());
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::run::moons;

    fn uid() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// A runtime directory and a temporary folder, as a login has them.
    fn places() -> (tempfile::TempDir, PathBuf, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let [runtime, temporary] = ["runtime", "tmp"].map(|name| folder.path().join(name));
        DirBuilder::new().mode(0o700).create(&runtime).unwrap();
        fs::create_dir(&temporary).unwrap();
        (folder, runtime, temporary)
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn the_runtime_directory_comes_first() {
        let (_folder, runtime, temporary) = places();
        let socket = place(Some(&runtime), &temporary, uid(), Path::new("/runs/a")).unwrap();
        assert_eq!(socket.parent().unwrap(), runtime.join("torchscope"));
        assert_eq!(mode(socket.parent().unwrap()), 0o700);
        assert_eq!(place(Some(&runtime), &temporary, uid(), Path::new("/runs/a")).unwrap(), socket, "again the same");
        assert_ne!(place(Some(&runtime), &temporary, uid(), Path::new("/runs/b")).unwrap(), socket);
    }

    #[test]
    fn without_a_good_runtime_directory_it_is_the_temporary_folder() {
        let (folder, runtime, temporary) = places();
        let expected = temporary.join(format!("torchscope-{}", uid()));
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        let link = folder.path().join("link");
        symlink(&runtime, &link).unwrap();
        let open = folder.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let missing = folder.path().join("missing");
        let deep = runtime.join("x".repeat(100));
        fs::create_dir(&deep).unwrap();
        for bad in [None, Some(&file), Some(&link), Some(&open), Some(&missing), Some(&deep)] {
            let socket = place(bad.map(PathBuf::as_path), &temporary, uid(), Path::new("/runs/a")).unwrap();
            assert_eq!(socket.parent().unwrap(), expected, "{bad:?}");
        }
        assert!(!is_runtime_dir(Path::new("relative"), uid()));
        assert!(!is_runtime_dir(&runtime, uid() + 1), "somebody else's");
        // A runtime directory in which our folder is not ours to use.
        symlink(&temporary, runtime.join("torchscope")).unwrap();
        let socket = place(Some(&runtime), &temporary, uid(), Path::new("/runs/a")).unwrap();
        assert_eq!(socket.parent().unwrap(), expected);
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused() {
        let (folder, _, temporary) = places();
        let ours = temporary.join(format!("torchscope-{}", uid()));
        let refused = || place(None, &temporary, uid(), Path::new("/runs/a")).unwrap_err().to_string();

        symlink(folder.path().join("runtime"), &ours).unwrap();
        assert!(refused().contains("not a folder; remove it"), "{}", refused());
        fs::remove_file(&ours).unwrap();

        fs::write(&ours, "").unwrap();
        assert!(refused().contains("not a folder; remove it"), "{}", refused());
        fs::remove_file(&ours).unwrap();

        fs::create_dir(&ours).unwrap();
        fs::set_permissions(&ours, Permissions::from_mode(0o750)).unwrap();
        assert!(refused().contains("`chmod 700` it"), "{}", refused());

        fs::set_permissions(&ours, Permissions::from_mode(0o700)).unwrap();
        let error = private(&ours, uid() + 1).unwrap_err().to_string();
        assert!(error.contains("belongs to another user"), "{error}");
        assert!(private(&ours, uid()).is_ok());
    }

    #[test]
    fn a_path_too_long_for_a_socket_is_an_error() {
        let (_folder, _, temporary) = places();
        let deep = temporary.join("y".repeat(100));
        fs::create_dir(&deep).unwrap();
        let error = place(None, &deep, uid(), Path::new("/runs/a")).unwrap_err().to_string();
        assert!(error.contains("set TMPDIR to a shorter one"), "{error}");
        assert!(!deep.join(format!("torchscope-{}", uid())).exists(), "nothing was created for it");
        // The longest path that passes can be bound.
        let room = LONGEST_PATH - temporary.as_os_str().len() - "/".len();
        let longest = temporary.join("z".repeat(room));
        assert!(fits(&longest) && UnixListener::bind(&longest).is_ok());
        assert!(!fits(&temporary.join("z".repeat(room + 1))));
    }

    #[test]
    fn a_socket_is_ours_alone_and_goes_with_its_trainer() {
        let (_folder, _, temporary) = places();
        let path = temporary.join("a.sock");
        let socket = ControlSocket::bind_at(path.clone()).unwrap();
        assert_eq!((socket.path(), mode(&path)), (path.as_path(), 0o600));
        let client = UnixStream::connect(&path).unwrap();
        let (server, _) = socket.listener().accept().unwrap();
        assert!(peer_is_us(&client).unwrap() && peer_is_us(&server).unwrap());
        let error = ControlSocket::bind_at(path.clone()).unwrap_err().to_string();
        assert!(error.contains("another process answers"), "{error}");
        drop(socket);
        assert!(!path.exists());
    }

    #[test]
    fn what_a_killed_trainer_left_behind_is_replaced() {
        let (folder, _, temporary) = places();
        let path = temporary.join("a.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "the standard library leaves it, as a killed process does");
        drop(ControlSocket::bind_at(path.clone()).unwrap());
        symlink(folder.path().join("elsewhere"), &path).unwrap();
        drop(ControlSocket::bind_at(path.clone()).unwrap());
        assert!(!folder.path().join("elsewhere").exists());
    }

    #[test]
    fn where_the_usual_place_is_taken_there_is_another() {
        let (folder, _, temporary) = places();
        let run = RunDir::create(folder.path(), &moons()).unwrap();
        let socket = ControlSocket::bind_elsewhere(&run, &temporary).unwrap();
        assert_eq!(socket.path(), fs::canonicalize(run.path()).unwrap().join(SOCKET));
        assert_eq!(mode(socket.path()), 0o600);
        UnixStream::connect(socket.path()).unwrap();
        drop(socket);
        assert!(!run.path().join(SOCKET).exists());
        // A path that is too long for a socket.
        let deep = folder.path().join("x".repeat(100));
        fs::create_dir(&deep).unwrap();
        let run = RunDir::create(&deep, &moons()).unwrap();
        let socket = ControlSocket::bind_elsewhere(&run, &temporary).unwrap();
        let place = socket.path().parent().unwrap().to_owned();
        assert_eq!((place.parent(), mode(&place)), (Some(&*temporary), 0o700));
        drop(socket);
        assert!(!place.exists(), "nothing stays");
    }

    #[test]
    fn one_run_has_one_socket_whatever_path_leads_to_it() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let link = home.path().join("link");
        symlink(run.path(), &link).unwrap();
        let through = socket_path(&RunDir::open(&link).unwrap()).unwrap();
        assert_eq!(through, socket_path(&run).unwrap());
        assert!(fits(&through) && through.is_absolute());
        let lock = RunLock::acquire(&run).unwrap();
        let socket = ControlSocket::bind(&lock, &run).unwrap();
        assert_eq!(socket.path(), through);
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        // From the reference vectors of Fowler, Noll and Vo.
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }
}
