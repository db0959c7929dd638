use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::VERSION;
use super::pip::interpreter;
use crate::error::Error;

/// Whose libtorch cargo will build against, decided as the build script of torch-sys decides it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// The one fetched by this program, now or earlier.
    Ours,
    /// A folder of the user's; `headers` and `libraries` are one and the same unless they said otherwise.
    Folder { headers: PathBuf, libraries: PathBuf, variable: &'static str },
    /// The `PyTorch` of the active Python environment.
    PyTorch,
}

/// The two lines that `PyTorch` is asked for: its version and its folder.
const PROBE: &str = "import torch; print(torch.__version__); print(torch.__path__[0])";

impl Source {
    /// `ours` is what `.cargo/config.toml` sets `LIBTORCH` to where the user has not.
    pub(super) fn from_environment(variable: &dyn Fn(&str) -> Option<OsString>, ours: &Path) -> Result<Self, Error> {
        // torch-sys takes any value for a yes, even "0".
        if variable("LIBTORCH_USE_PYTORCH").is_some() {
            return Ok(Self::PyTorch);
        }
        let libtorch = folder(variable, "LIBTORCH")?;
        let headers = folder(variable, "LIBTORCH_INCLUDE")?;
        let libraries = folder(variable, "LIBTORCH_LIB")?;
        let own = libtorch.clone().filter(|path| !same_place(path, ours));
        match (own, headers, libraries) {
            (None, None, None) => Ok(Self::Ours),
            (None, Some(headers), Some(libraries)) => {
                Ok(Self::Folder { headers, libraries, variable: "LIBTORCH_INCLUDE and LIBTORCH_LIB" })
            }
            (None, Some(_), None) => {
                Err(bad("LIBTORCH_INCLUDE", "is set without LIBTORCH_LIB: headers and libraries must match"))
            }
            (None, None, Some(_)) => {
                Err(bad("LIBTORCH_LIB", "is set without LIBTORCH_INCLUDE: headers and libraries must match"))
            }
            (Some(own), headers, libraries) => Ok(Self::Folder {
                headers: headers.unwrap_or_else(|| own.clone()),
                libraries: libraries.unwrap_or(own),
                variable: "LIBTORCH",
            }),
        }
    }

    /// Looks whether the user's own libtorch is there and of the right version. Returns the line that says what is used.
    pub(super) fn check(&self, any_version: bool) -> Result<String, Error> {
        match self {
            Self::Ours => Ok(String::new()),
            Self::Folder { headers, libraries, variable } => {
                let header = headers.join("include/torch/csrc/api/include/torch/torch.h");
                if !header.exists() {
                    return Err(bad(variable, &format!("names a folder without {}", header.display())));
                }
                let library = libraries.join("lib/libtorch_cpu.so");
                if !library.exists() && !library.with_extension("a").exists() {
                    return Err(bad(variable, &format!("names a folder without {}", library.display())));
                }
                let origin = format!("your own ({variable}: {})", libraries.display());
                let found = version_of(libraries).or_else(|| version_of(headers));
                judge(&origin, variable, found.as_deref(), any_version)
            }
            Self::PyTorch => {
                let python = interpreter();
                let output = Command::new(python)
                    .args(["-c", PROBE])
                    .output()
                    .map_err(|_| Error::PythonMissing { python: python.to_owned() })?;
                let text = String::from_utf8_lossy(&output.stdout);
                let mut lines = text.lines();
                let (Some(version), Some(folder), true) = (lines.next(), lines.next(), output.status.success()) else {
                    return Err(bad("LIBTORCH_USE_PYTORCH", &format!("is set, but {python} has no PyTorch")));
                };
                let origin = format!("PyTorch's (LIBTORCH_USE_PYTORCH: {folder})");
                judge(&origin, "LIBTORCH_USE_PYTORCH", Some(version), any_version)
            }
        }
    }
}

fn bad(variable: &'static str, problem: &str) -> Error {
    Error::BadVariable { variable, problem: problem.to_owned() }
}

/// The folder a variable names. Only an absolute one means the same to cargo, to the build scripts (which run in their
/// own folders) and to the trainer's rpath.
fn folder(variable: &dyn Fn(&str) -> Option<OsString>, name: &'static str) -> Result<Option<PathBuf>, Error> {
    let Some(path) = variable(name).map(PathBuf::from) else { return Ok(None) };
    if path.as_os_str().is_empty() {
        return Err(bad(name, "is empty"));
    }
    if !path.is_absolute() {
        return Err(bad(name, &format!("is {}, and has to be an absolute path", path.display())));
    }
    Ok(Some(path))
}

/// Whether both name one place, even if it does not exist yet and one of them goes through a symlink.
fn same_place(a: &Path, b: &Path) -> bool {
    let resolve = |path: &Path| match (path.parent().and_then(|parent| parent.canonicalize().ok()), path.file_name()) {
        (Some(parent), Some(name)) => parent.join(name),
        _ => path.to_path_buf(),
    };
    resolve(a) == resolve(b)
}

/// The version of a libtorch or of an installed `PyTorch`, without its build (`+cu130`). `None` where it does not say.
pub(super) fn version_of(libtorch: &Path) -> Option<String> {
    if let Ok(text) = fs::read_to_string(libtorch.join("build-version")) {
        return Some(release(&text).to_owned());
    }
    let text = fs::read_to_string(libtorch.join("version.py")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "))?;
    Some(release(line.trim().trim_matches(['\'', '"'])).to_owned())
}

/// "2.13.0+cu130" -> "2.13.0".
fn release(version: &str) -> &str {
    version.trim().split('+').next().unwrap_or_default()
}

fn judge(origin: &str, variable: &'static str, found: Option<&str>, any_version: bool) -> Result<String, Error> {
    let mut line = format!("libtorch: {origin}");
    match found.map(release) {
        None => line.push_str(", which does not say its version"),
        Some(found) if found == VERSION => _ = write!(line, ", version {found}"),
        Some(found) if any_version => {
            _ = write!(line, ", version {found} instead of {VERSION} (LIBTORCH_BYPASS_VERSION_CHECK is set)");
        }
        Some(found) => {
            return Err(Error::WrongVersion { origin: origin.to_owned(), found: found.to_owned(), variable });
        }
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(variables: &[(&str, &str)], ours: &Path) -> Result<Source, Error> {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        Source::from_environment(&lookup, ours)
    }

    fn libtorch(version: Option<&str>) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let header = folder.path().join("include/torch/csrc/api/include/torch/torch.h");
        fs::create_dir_all(header.parent().unwrap()).unwrap();
        fs::write(header, "").unwrap();
        fs::create_dir_all(folder.path().join("lib")).unwrap();
        fs::write(folder.path().join("lib/libtorch_cpu.so"), "").unwrap();
        if let Some(version) = version {
            fs::write(folder.path().join("build-version"), version).unwrap();
        }
        folder
    }

    fn own(folder: &Path) -> Source {
        Source::Folder { headers: folder.into(), libraries: folder.into(), variable: "LIBTORCH" }
    }

    #[test]
    fn ours_where_nobody_said_otherwise() {
        let ours = Path::new("/repository/.libtorch");
        assert_eq!(decide(&[], ours).unwrap(), Source::Ours);
        assert_eq!(decide(&[("LIBTORCH", "/repository/.libtorch")], ours).unwrap(), Source::Ours);
    }

    #[test]
    fn ours_through_a_symlinked_checkout() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&real, &link).unwrap();
        let named = link.join(".libtorch");
        assert_eq!(decide(&[("LIBTORCH", named.to_str().unwrap())], &real.join(".libtorch")).unwrap(), Source::Ours);
    }

    #[test]
    fn the_users_own_wins() {
        let ours = Path::new("/repository/.libtorch");
        assert_eq!(decide(&[("LIBTORCH", "/opt/torch")], ours).unwrap(), own(Path::new("/opt/torch")));
        let pytorch = [("LIBTORCH_USE_PYTORCH", "1"), ("LIBTORCH", "/opt/torch")];
        assert_eq!(decide(&pytorch, ours).unwrap(), Source::PyTorch);
        let both = [("LIBTORCH_INCLUDE", "/a"), ("LIBTORCH_LIB", "/b")];
        let Source::Folder { headers, libraries, .. } = decide(&both, ours).unwrap() else { panic!("not a folder") };
        assert_eq!((headers, libraries), ("/a".into(), "/b".into()));
    }

    #[test]
    fn half_an_answer_is_refused() {
        let ours = Path::new("/repository/.libtorch");
        for (variables, part) in [
            ([("LIBTORCH", "")], "LIBTORCH is empty"),
            ([("LIBTORCH", "libtorch")], "absolute path"),
            ([("LIBTORCH_INCLUDE", "/a")], "without LIBTORCH_LIB"),
            ([("LIBTORCH_LIB", "/a")], "without LIBTORCH_INCLUDE"),
        ] {
            let line = decide(&variables, ours).unwrap_err().to_string();
            assert!(line.contains(part), "{line}");
        }
    }

    #[test]
    fn the_right_version_is_accepted_and_named() {
        for version in ["2.13.0", "2.13.0\n", "2.13.0+cu130\n"] {
            let folder = libtorch(Some(version));
            let line = own(folder.path()).check(false).unwrap();
            assert!(line.ends_with("version 2.13.0") && line.contains(folder.path().to_str().unwrap()), "{line}");
        }
    }

    #[test]
    fn a_wrong_version_is_one_line_unless_the_check_is_off() {
        let folder = libtorch(Some("2.5.1+cpu"));
        let line = own(folder.path()).check(false).unwrap_err().to_string();
        assert!(line.contains("2.5.1") && line.contains("2.13.0") && line.contains("unset LIBTORCH"), "{line}");
        assert!(own(folder.path()).check(true).unwrap().contains("2.5.1 instead of 2.13.0"));
    }

    #[test]
    fn a_folder_that_is_no_libtorch_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(own(folder.path()).check(false).unwrap_err().to_string().contains("torch.h"));
        let folder = libtorch(None);
        fs::remove_file(folder.path().join("lib/libtorch_cpu.so")).unwrap();
        assert!(own(folder.path()).check(false).unwrap_err().to_string().contains("libtorch_cpu.so"));
    }

    #[test]
    fn an_installed_pytorch_tells_its_version_too() {
        let folder = libtorch(None);
        assert!(own(folder.path()).check(false).unwrap().contains("does not say its version"));
        fs::write(folder.path().join("version.py"), "debug = False\n__version__ = '2.13.0+cu130'\n").unwrap();
        assert_eq!(version_of(folder.path()).unwrap(), "2.13.0");
    }
}
