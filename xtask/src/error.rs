use std::io;
use std::path::{Path, PathBuf};

use crate::libtorch::VERSION;
use crate::output;

/// Why a command did not work out. Each says, in one line, what to do next.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(
        "{python} was not found, and libtorch is fetched with its pip. Install it (Debian, Ubuntu: apt install python3 \
         python3-pip), or set LIBTORCH to the folder of a libtorch {VERSION} of your own"
    )]
    PythonMissing { python: String },

    #[error(
        "{python} has no pip, and libtorch is fetched with it. Install it (Debian, Ubuntu: apt install python3-pip; \
         elsewhere: {python} -m ensurepip), or set LIBTORCH to the folder of a libtorch {VERSION} of your own"
    )]
    PipMissing { python: String },

    #[error(
        "there is no ready-made libtorch {VERSION} for {system} (there is for Linux on x86_64 with glibc 2.28 and pip 20.3 or newer): set \
         LIBTORCH to the folder of one of your own, or build the viewer alone with `cargo build --no-default-features`"
    )]
    NoWheel { system: String },

    #[error(
        "the Python package index could not be reached: check the network (and HTTPS_PROXY or PIP_INDEX_URL where those \
         are needed), then run the same command again"
    )]
    NoNetwork,

    #[error("pip could not fetch libtorch {VERSION} ({message}): put that right, then run the same command again")]
    PipFailed { message: String },

    #[error(
        "libtorch needs {} of free disk while it is fetched and unpacked, and {} has {}: free some, then run the same \
         command again", output::bytes(*.needed), .at.display(), output::bytes(*.free)
    )]
    DiskFull { needed: u64, free: u64, at: PathBuf },

    #[error(
        "the package {wheel} holds no {missing}: it is not the libtorch {VERSION} this was written for. Set LIBTORCH to the \
         folder of one of your own"
    )]
    UnknownWheel { wheel: String, missing: String },

    #[error("{wheel} is damaged ({message}): run the same command again")]
    DamagedWheel { wheel: String, message: String },

    #[error(
        "{origin} is libtorch {found}, and tch needs {VERSION}: set LIBTORCH to one of that version, or unset {variable} to \
         have it fetched"
    )]
    WrongVersion { origin: String, found: String, variable: &'static str },

    #[error("{variable} {problem}: correct it, or unset it to have libtorch {VERSION} fetched")]
    BadVariable { variable: &'static str, problem: String },

    #[error("step {number} of {total} ({title}) failed after {elapsed}; to repeat it alone: {command}")]
    Step { number: usize, total: usize, title: &'static str, elapsed: String, command: String },

    #[error("cannot {action} {}: {source}", .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
}

impl Error {
    /// `action` completes "cannot ... <path>".
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { action, path: path.to_path_buf(), source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_one_line_that_says_what_to_do() {
        let errors = [
            Error::PythonMissing { python: "python3".into() },
            Error::PipMissing { python: "python3".into() },
            Error::NoWheel { system: "linux on riscv64".into() },
            Error::NoNetwork,
            Error::PipFailed { message: "hash mismatch".into() },
            Error::DiskFull { needed: 1_100_000_000, free: 200_000_000, at: "/here".into() },
            Error::UnknownWheel { wheel: "torch.whl".into(), missing: "lib/libc10.so".into() },
            Error::DamagedWheel { wheel: "torch.whl".into(), message: "bad checksum".into() },
            Error::WrongVersion { origin: "LIBTORCH (/opt/torch)".into(), found: "2.1.0".into(), variable: "LIBTORCH" },
            Error::BadVariable { variable: "LIBTORCH", problem: "is empty".into() },
        ];
        for error in errors {
            let line = error.to_string();
            assert!(!line.contains('\n') && !line.contains("  "), "not one line: {line}");
            let next = ["nstall", "set LIBTORCH", "Set LIBTORCH", "again", "unset"];
            assert!(next.iter().any(|word| line.contains(word)), "no next step: {line}");
        }
    }

    #[test]
    fn a_full_disk_says_how_much_is_needed() {
        let line = Error::DiskFull { needed: 1_100_000_000, free: 200_000_000, at: "/here".into() }.to_string();
        assert!(line.contains("needs 1.1 GB") && line.contains("/here has 200 MB"), "{line}");
    }
}
