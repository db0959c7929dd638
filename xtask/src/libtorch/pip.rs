use std::io::{BufRead, BufReader, ErrorKind};
use std::path::Path;
use std::process::{Command, Stdio};

use super::{Flavour, VERSION};
use crate::error::Error;
use crate::output::say;

/// `libtorch_cpu.so` links these two whether or not there is a GPU; they need no driver.
const CPU_COMPANIONS: [&str; 2] = ["nvidia-cuda-runtime==13.0.*", "nvidia-cuda-cupti==13.0.*"];

/// Wheels differ by Python version only in their Python half, which is left in them: naming one version makes any
/// python3 with pip good enough.
const PYTHON_VERSION: &str = "3.12";

/// A Python with pip.
#[derive(Debug)]
pub(super) struct Python {
    program: &'static str,
}

/// The Python that torch-sys would ask as well.
pub(super) fn interpreter() -> &'static str {
    if std::env::var_os("VIRTUAL_ENV").is_some() { "python" } else { "python3" }
}

/// The system in words, if there is a wheel with the libraries this expects.
pub(super) fn supported_system() -> Result<String, Error> {
    check_system(std::env::consts::OS, std::env::consts::ARCH)
}

fn check_system(os: &str, architecture: &str) -> Result<String, Error> {
    let system = format!("{os} on {architecture}");
    if (os, architecture) == ("linux", "x86_64") { Ok(system) } else { Err(Error::NoWheel { system }) }
}

impl Python {
    pub(super) fn find() -> Result<Self, Error> {
        Self::check(interpreter())
    }

    fn check(program: &'static str) -> Result<Self, Error> {
        let status = Command::new(program)
            .args(["-m", "pip", "--version"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match status {
            Ok(status) if status.success() => Ok(Self { program }),
            Ok(_) => Err(Error::PipMissing { python: program.to_owned() }),
            Err(source) if source.kind() == ErrorKind::NotFound => {
                Err(Error::PythonMissing { python: program.to_owned() })
            }
            Err(source) => Err(Error::io("start", Path::new(program), source)),
        }
    }

    /// Puts the wheels of libtorch into `wheels`, an empty folder. Shows pip's own progress.
    pub(super) fn download(&self, flavour: Flavour, wheels: &Path) -> Result<(), Error> {
        let mut child = Command::new(self.program)
            .args(arguments(flavour))
            .arg("--dest")
            .arg(wheels)
            // Half a download then lies where it is cleared away, and on the disk whose room was checked.
            .env("TMPDIR", wheels)
            .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| Error::io("start", Path::new(self.program), source))?;
        let mut complaints = String::new();
        if let Some(stderr) = child.stderr.take() {
            for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line);
                if line.contains("Retrying (Retry(") && !complaints.contains("Retrying (Retry(") {
                    say("no answer from the Python package index; pip tries again");
                }
                complaints.push_str(&line);
                complaints.push('\n');
            }
        }
        let status = child.wait().map_err(|source| Error::io("wait for", Path::new(self.program), source))?;
        if status.success() { Ok(()) } else { Err(explain(&complaints, flavour, wheels)) }
    }
}

/// Everything after the name of the Python, up to the folder the wheels go to.
fn arguments(flavour: Flavour) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["-m", "pip", "download", "--no-cache-dir", "--only-binary=:all:"].map(Into::into).into();
    arguments.extend(["--implementation", "cp", "--python-version", PYTHON_VERSION].map(Into::into));
    if flavour == Flavour::Cpu {
        arguments.push("--no-deps".into());
        arguments.extend(CPU_COMPANIONS.map(Into::into));
    }
    arguments.push(format!("torch=={VERSION}"));
    arguments
}

/// What went wrong, from what pip wrote to its standard error.
fn explain(complaints: &str, flavour: Flavour, wheels: &Path) -> Error {
    let has = |text: &str| complaints.contains(text);
    let nothing_listed = has("(from versions: none)") || has("(from versions: )");
    let network = [
        "Retrying (Retry(",
        "NewConnectionError",
        "Max retries exceeded",
        "ReadTimeoutError",
        "ProxyError",
        "Read timed out",
    ];
    if has("No space left on device") || has("Disk quota exceeded") {
        let free = super::install::free_space(wheels).unwrap_or(0);
        return Error::DiskFull { needed: flavour.needed(), free, at: wheels.to_path_buf() };
    }
    // Without an answer from the index pip knows of no version, and says that last: the network is the reason.
    if network.iter().any(|mark| has(mark)) && (nothing_listed || !has("No matching distribution")) {
        return Error::NoNetwork;
    }
    if has("No matching distribution") {
        let system = format!("{} on {} as pip sees it", std::env::consts::OS, std::env::consts::ARCH);
        return Error::NoWheel { system };
    }
    let mut errors = complaints.lines().filter_map(|line| line.trim().strip_prefix("ERROR: "));
    let message = errors.next_back().or_else(|| complaints.lines().map(str::trim).rfind(|line| !line.is_empty()));
    Error::PipFailed { message: message.unwrap_or("it said nothing").to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cpu_needs_three_wheels_and_nothing_they_depend_on() {
        let line = arguments(Flavour::Cpu).join(" ");
        assert!(line.starts_with("-m pip download "), "{line}");
        assert!(line.contains("--no-deps") && line.contains("--only-binary=:all:"), "{line}");
        assert!(line.ends_with("nvidia-cuda-runtime==13.0.* nvidia-cuda-cupti==13.0.* torch==2.13.0"), "{line}");
    }

    #[test]
    fn cuda_takes_what_torch_depends_on() {
        let line = arguments(Flavour::Cuda).join(" ");
        assert!(!line.contains("--no-deps") && line.ends_with("3.12 torch==2.13.0"), "{line}");
    }

    #[test]
    fn systems_without_a_wheel_are_told_apart() {
        assert!(check_system("linux", "x86_64").is_ok());
        for (os, architecture) in [("linux", "aarch64"), ("macos", "aarch64"), ("linux", "riscv64")] {
            let line = check_system(os, architecture).unwrap_err().to_string();
            assert!(line.contains(&format!("{os} on {architecture}")), "{line}");
        }
    }

    #[test]
    fn a_missing_python_and_a_python_without_pip_are_told_apart() {
        let missing = Python::check("no-such-python-at-all").unwrap_err();
        assert!(matches!(missing, Error::PythonMissing { .. }), "{missing}");
        // `false -m pip --version` fails as a Python without pip does.
        let bare = Python::check("false").unwrap_err();
        assert!(matches!(bare, Error::PipMissing { .. }), "{bare}");
    }

    #[test]
    fn complaints_of_pip_are_understood() {
        let explain = |text: &str| explain(text, Flavour::Cpu, Path::new("/"));
        let retry =
            "WARNING: Retrying (Retry(total=4, connect=None)) after connection broken by 'NewConnectionError(...)'";
        let none = "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)\n\
                    ERROR: No matching distribution found for torch==2.13.0";
        assert!(matches!(explain(&format!("{retry}\n{none}")), Error::NoNetwork));
        assert!(matches!(explain("HTTPSConnectionPool: Read timed out."), Error::NoNetwork));
        assert!(matches!(explain(none), Error::NoWheel { .. }));
        // One hiccup, then a list without ours: the network is not to blame.
        let others = none.replace("none", "2.9.0, 2.9.1");
        assert!(matches!(explain(&format!("{retry}\n{others}")), Error::NoWheel { .. }));
        let full = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device";
        assert!(matches!(explain(full), Error::DiskFull { .. }));
        let Error::PipFailed { message } = explain("WARNING: x\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n")
        else {
            panic!("not a failure of pip")
        };
        assert_eq!(message, "THESE PACKAGES DO NOT MATCH THE HASHES");
    }
}
