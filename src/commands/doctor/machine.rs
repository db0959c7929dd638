//! Where runs go, and what trains them.

use std::path::{Path, PathBuf};

use rustix::fs::{Access, access, statvfs};
use rustix::process::{Resource, getrlimit};

use super::Finding;
use crate::plot::format;
use crate::run::{self, Inventory};
use crate::term::Environment;

/// Free bytes below which a run may not find room, and below which it will not.
const SCARCE: [u64; 2] = [1 << 30, 64 << 20];
/// Files that a view, a trainer and libtorch open together.
const FILES: u64 = 256;
/// Where logind is told to end what a user leaves behind.
const LOGIND: &str = "/etc/systemd/logind.conf";

/// The runs' home, the folder of control sockets, and what the session does with what is left behind.
pub(super) fn look_at_runs(env: &Environment) -> Vec<Finding> {
    let mut findings = vec![match run::home() {
        Ok(home) => runs(&home, env.get("TORCHSCOPE_HOME").is_some()),
        Err(error) => Finding::bad("runs", error.to_string(), "set TORCHSCOPE_HOME to a folder of yours"),
    }];
    findings.push(match run::socket_folder() {
        Ok(folder) => Finding::ok("control", format!("sockets in {}, closed to others", folder.display())),
        Err(error) => {
            Finding::warn("control", error.to_string(), "until then a run has its socket in its own directory")
        }
    });
    if let Some(files) = getrlimit(Resource::Nofile).current.filter(|files| *files < FILES) {
        findings.push(Finding::warn("open files", format!("at most {files}"), format!("ulimit -n {FILES}, or more")));
    }
    if std::fs::read_to_string(LOGIND).is_ok_and(|text| kills_leftovers(&text)) {
        let advice = "start runs with: systemd-run --user --scope torchscope train ...";
        findings.push(Finding::warn("logout", format!("{LOGIND} ends what you leave running"), advice));
    }
    findings
}

fn runs(home: &Path, set: bool) -> Finding {
    let source = if set { " (TORCHSCOPE_HOME)" } else { "" };
    let Some(existing) = home.ancestors().find(|path| path.exists()) else {
        return Finding::bad(
            "runs",
            format!("{} cannot be", home.display()),
            "set TORCHSCOPE_HOME to a folder of yours",
        );
    };
    let new = if existing == home { "" } else { ", to be created" };
    if !existing.is_dir() {
        let what = format!("{} is no folder", existing.display());
        return Finding::bad("runs", what, "move it away, or set TORCHSCOPE_HOME to a folder");
    }
    if access(existing, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let what = format!("{}{source}{new}: you may not write to {}", home.display(), existing.display());
        return Finding::bad("runs", what, "set TORCHSCOPE_HOME to a folder of yours");
    }
    let free = statvfs(existing).map_or(u64::MAX, |space| space.f_bavail.saturating_mul(space.f_frsize));
    let what = format!("{}{source}{new}, {} free", home.display(), format::bytes(free));
    let advice =
        "a run takes some 70 MiB for pictures, and its checkpoints: make room, or set TORCHSCOPE_HOME elsewhere";
    match free {
        _ if free < SCARCE[1] => Finding::bad("runs", what, advice),
        _ if free < SCARCE[0] => Finding::warn("runs", what, advice),
        _ => Finding::ok("runs", what),
    }
}

/// Whether logind ends what a user leaves behind, by its settings.
fn kills_leftovers(settings: &str) -> bool {
    let value = |line: &str| line.trim().strip_prefix("KillUserProcesses=").map(|value| value.trim().to_owned());
    let last = settings.lines().filter_map(value).next_back();
    last.is_some_and(|value| matches!(value.as_str(), "yes" | "true" | "on" | "1"))
}

/// The trainer and what it says of libtorch and the graphics processors.
pub(super) fn look_at_trainer() -> Vec<Finding> {
    let program = match run::find_trainer() {
        Ok(program) => program,
        Err(error) => {
            let advice =
                "watching works without; to train: cargo xtask demo, or cargo build with the feature `trainer`";
            return vec![Finding::warn("trainer", error.to_string(), advice)];
        }
    };
    match run::ask_trainer(&program) {
        Ok(about) => trainer(&program, &about),
        Err(why) => {
            let advice = "if libtorch was moved: build again, or set LD_LIBRARY_PATH to the folder of its libraries";
            vec![Finding::bad("trainer", format!("{}: {why}", program.display()), advice)]
        }
    }
}

fn trainer(program: &Path, about: &Inventory) -> Vec<Finding> {
    let ours = env!("CARGO_PKG_VERSION");
    let what = format!("{} {}", program.display(), about.version);
    let folder = about.folder.clone().unwrap_or_else(|| PathBuf::from("a place it does not know"));
    let version = about.libtorch.as_deref().unwrap_or("of unknown version");
    vec![
        if about.version == ours {
            Finding::ok("trainer", what)
        } else {
            Finding::warn("trainer", what, format!("this is torchscope {ours}: install both from one build"))
        },
        Finding::ok("libtorch", format!("{version} in {}", folder.display())),
        cuda(about),
        driver(about),
    ]
}

fn cuda(about: &Inventory) -> Finding {
    match (about.cuda, about.devices, about.gpus.len()) {
        (_, devices @ 1.., _) => Finding::ok("CUDA", format!("{devices} device(s); --device auto takes the first")),
        (true, 0, 1..) => Finding::warn(
            "CUDA",
            "libtorch sees no device",
            "CUDA_VISIBLE_DEVICES, or a driver too old for this libtorch?",
        ),
        (false, 0, 1..) => Finding::warn(
            "CUDA",
            "this libtorch is for the CPU alone",
            "cargo xtask libtorch --cuda fetches one that uses the graphics processor",
        ),
        _ => Finding::ok("CUDA", "none: training on the CPU"),
    }
}

fn driver(about: &Inventory) -> Finding {
    match (&about.driver, &about.no_driver) {
        (Some(driver), _) => Finding::ok("GPU driver", format!("NVIDIA {driver}: {}", about.gpus.join(", "))),
        (None, Some(problem)) => Finding::warn("GPU driver", problem.clone(), "nvidia-smi says more"),
        (None, None) => Finding::ok("GPU driver", "no NVIDIA driver"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Mark;
    use super::*;

    #[test]
    fn a_home_that_can_be_made_is_fine() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("a/b");
        let finding = runs(&home, true);
        assert!(finding.mark < Mark::Bad && finding.what.contains("to be created"), "{finding:?}");
        assert!(!home.exists(), "looking makes nothing");
        std::fs::write(folder.path().join("a"), "").unwrap();
        let finding = runs(&home, true);
        assert!(finding.mark == Mark::Bad && finding.what.contains("is no folder"), "{finding:?}");
    }

    #[test]
    fn logind_is_read_as_it_reads_itself() {
        assert!(kills_leftovers("[Login]\n KillUserProcesses=yes\n"));
        assert!(!kills_leftovers("[Login]\n#KillUserProcesses=yes\nKillExcludeUsers=root\n"));
        assert!(!kills_leftovers("KillUserProcesses=yes\nKillUserProcesses=no"));
    }

    #[test]
    fn graphics_processors_that_lie_idle_are_said() {
        let mut about = Inventory { version: env!("CARGO_PKG_VERSION").into(), ..Inventory::default() };
        let marks = |about: &Inventory| trainer(Path::new("/t"), about).iter().map(|it| it.mark).max();
        assert_eq!(marks(&about), Some(Mark::Ok));
        (about.driver, about.gpus) = (Some("580.1".into()), vec!["H100".into()]);
        assert!(cuda(&about).advice.unwrap().contains("--cuda"));
        about.cuda = true;
        assert!(cuda(&about).advice.unwrap().contains("CUDA_VISIBLE_DEVICES"));
        about.devices = 1;
        assert_eq!(marks(&about), Some(Mark::Ok));
        assert!(driver(&about).what.contains("580.1: H100"));
        about.version = "0.0.1".into();
        assert_eq!(marks(&about), Some(Mark::Warn));
    }
}
