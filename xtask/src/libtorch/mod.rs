//! Sees to it that there is a libtorch to build against: the user's own if they named one, else one fetched as a Python
//! wheel into `.libtorch`, where `.cargo/config.toml` points.

mod install;
mod pip;
mod source;
mod wheel;

use std::path::Path;

use crate::error::Error;
use crate::output::{bytes, say};
use source::Source;

/// The version that tch 0.26 is made for: its build script refuses any other.
pub(crate) const VERSION: &str = "2.13.0";

/// Where libtorch is put, below the root of the repository; `.cargo/config.toml` names the same folder.
const FOLDER: &str = ".libtorch";

/// Which of the two builds of libtorch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// For the processor alone.
    Cpu,
    /// For NVIDIA GPUs, and for the processor as well.
    Cuda,
}

impl Flavour {
    /// What is written to `build-version`. The part after `+` tells the two apart; torch-sys ignores it.
    fn build_version(self) -> String {
        match self {
            Self::Cpu => VERSION.to_owned(),
            Self::Cuda => format!("{VERSION}+cu130"),
        }
    }

    /// Bytes of the wheels, as pip downloads them.
    fn download(self) -> u64 {
        match self {
            Self::Cpu => 540_000_000,
            Self::Cuda => 2_750_000_000,
        }
    }

    /// Bytes of what is kept of them, unpacked.
    fn unpacked(self) -> u64 {
        match self {
            Self::Cpu => 490_000_000,
            Self::Cuda => 5_000_000_000,
        }
    }

    /// Bytes of free disk that fetching takes at its height: pip holds each wheel twice for a moment (it downloads, then
    /// copies), and later the wheels lie beside what came out of them.
    fn needed(self) -> u64 {
        let peak = (2 * self.download()).max(self.download() + self.unpacked());
        peak + 50_000_000
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Cuda => "CUDA",
        }
    }
}

/// Returns once a libtorch of the right version is there for cargo to build against, fetching one if need be, and says
/// which it is. A libtorch of the user's own is never touched.
pub(crate) fn ensure(root: &Path, flavour: Flavour) -> Result<(), Error> {
    let ours = root.join(FOLDER);
    match Source::from_environment(&|name| std::env::var_os(name), &ours)? {
        Source::Ours => fetch_unless_there(&ours, flavour),
        theirs => {
            let line = theirs.check(std::env::var_os("LIBTORCH_BYPASS_VERSION_CHECK").is_some())?;
            say(line);
            if flavour == Flavour::Cuda {
                say("nothing was fetched, because your own comes first: unset that variable to fetch one with CUDA");
            }
            Ok(())
        }
    }
}

fn fetch_unless_there(ours: &Path, flavour: Flavour) -> Result<(), Error> {
    if let Some(found) = install::installed(ours, flavour) {
        say(format_args!("libtorch {VERSION} ({}) is here, in {FOLDER}", found.name()));
        return Ok(());
    }
    let system = pip::supported_system()?;
    let python = pip::Python::find()?;
    say(format_args!(
        "fetching libtorch {VERSION} ({}) for {system} into {FOLDER}, once: {} to download, {} unpacked",
        flavour.name(),
        bytes(flavour.download()),
        bytes(flavour.unpacked()),
    ));
    install::install(ours, flavour, flavour.needed(), |wheels| python.download(flavour, wheels))?;
    say(format_args!("libtorch {VERSION} ({}) is ready, in {FOLDER}", flavour.name()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_asked_for_the_larger_of_the_two_peaks() {
        // Two copies of the wheels outweigh wheels and result for the CPU; for CUDA it is the other way round.
        assert_eq!(Flavour::Cpu.needed(), 2 * 540_000_000 + 50_000_000);
        assert_eq!(Flavour::Cuda.needed(), 2_750_000_000 + 5_000_000_000 + 50_000_000);
    }

    #[test]
    fn the_version_is_the_one_torch_sys_asks_for() {
        // Its build script keeps the number to itself; whoever moves to another tch looks it up there and changes both.
        let lock = std::fs::read_to_string(crate::root().join("Cargo.lock")).unwrap();
        assert!(
            lock.contains("name = \"torch-sys\"\nversion = \"0.26."),
            "new torch-sys: which libtorch does it want?"
        );
    }

    #[test]
    fn cargo_looks_where_libtorch_is_put() {
        let config = std::fs::read_to_string(crate::root().join(".cargo/config.toml")).unwrap();
        assert!(config.contains(&format!("LIBTORCH = {{ value = \"{FOLDER}\", relative = true }}")), "{config}");
    }
}
