//! A process that gives the terminal back when the view cannot: killed, aborted for want of memory, ended by a signal that
//! nobody catches. Nothing within the view is sure to run then.
//!
//! It is this program once more, in a session of its own. The view tells it through a pipe whether the terminal is taken, and
//! whatever becomes of the view, the system closes that pipe.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};

/// The argument that makes this program the guardian.
const ARGUMENT: &str = "terminal-guardian";
/// What processes are called in lists.
const NAME: &str = "torchscope: gives the terminal back";
/// Messages of one byte.
const TAKEN: u8 = b'T';
const GIVEN_BACK: u8 = b'G';

/// Whether this program knows what to do as a guardian.
static IS_OFFERED: OnceLock<()> = OnceLock::new();
/// It, once there is one.
static GUARDIAN: Mutex<Option<Guardian>> = Mutex::new(None);
/// How long it may take to end when it is not needed any more.
const PATIENCE: Duration = Duration::from_millis(200);

struct Guardian {
    child: Child,
    pipe: ChildStdin,
}

/// To be called first by a program that opens views. As a guardian it does what that does, and returns how it ended.
pub fn guard(arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let mut arguments = arguments.skip(1);
    if arguments.next().is_some_and(|argument| argument == ARGUMENT) {
        let modes = arguments.next().and_then(|modes| Modes::parse(modes.to_str()?));
        return Some(watch(modes));
    }
    let _ = IS_OFFERED.set(());
    None
}

/// Notes that the terminal is about to be taken, or has been given back.
pub(super) fn tell(is_taken: bool) {
    let mut guardian = GUARDIAN.lock().unwrap_or_else(PoisonError::into_inner);
    if is_taken && guardian.is_none() && IS_OFFERED.get().is_some() {
        // Without one the view does what it can.
        *guardian = start().ok();
    }
    if let Some(Guardian { pipe, .. }) = guardian.as_mut() {
        // It may have been killed as well.
        let _ = pipe.write_all(&[if is_taken { TAKEN } else { GIVEN_BACK }]);
    }
}

/// Ends it: the terminal has been given back for good. Waited for, since not every process 1 looks after orphans.
pub(super) fn dismiss() {
    let guardian = GUARDIAN.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Guardian { mut child, pipe }) = guardian else { return };
    drop(pipe);
    let deadline = Instant::now() + PATIENCE;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn start() -> io::Result<Guardian> {
    let modes = Modes::of(&tcgetattr(rustix::stdio::stdout())?);
    let mut child = Command::new("/proc/self/exe")
        .arg0(NAME)
        .args([ARGUMENT, &modes.to_string()])
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let pipe = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok(Guardian { child, pipe })
}

/// Waits for the end of the view, and gives the terminal back if it has not done so.
fn watch(modes: Option<Modes>) -> ExitCode {
    // Not to be stopped for touching the terminal of another session's foreground, nor ended along with it.
    let _ = rustix::process::setsid();
    let mut is_taken = false;
    let mut byte = [0];
    loop {
        match io::stdin().read(&mut byte) {
            Ok(0) => break,
            Ok(_) => is_taken = byte[0] == TAKEN,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    if is_taken {
        // The terminal may be gone, too.
        let _ = super::output::send(&super::screen::farewell(), super::screen::LAST_PATIENCE);
        if let Some(modes) = modes {
            let _ = modes.restore();
        }
    }
    ExitCode::SUCCESS
}

/// Modes of a terminal, as they were before the view.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Modes {
    flags: [u32; 4],
    /// `VMIN` and `VTIME`.
    codes: [u8; 2],
}

impl Modes {
    fn of(termios: &Termios) -> Self {
        Self {
            flags: [
                termios.input_modes.bits(),
                termios.output_modes.bits(),
                termios.control_modes.bits(),
                termios.local_modes.bits(),
            ],
            codes: [SpecialCodeIndex::VMIN, SpecialCodeIndex::VTIME].map(|index| termios.special_codes[index]),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let numbers: Vec<u32> = text.split(':').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [input, output, control, local, min, time] = numbers[..] else { return None };
        Some(Self {
            flags: [input, output, control, local],
            codes: [u8::try_from(min).ok()?, u8::try_from(time).ok()?],
        })
    }

    /// Sets them, unless somebody else has set other modes since.
    fn restore(self) -> io::Result<()> {
        let terminal = rustix::stdio::stdout();
        let mut termios = tcgetattr(terminal)?;
        // The view switches signals off; a shell that is back already does not.
        if termios.local_modes.contains(LocalModes::ISIG) {
            return Ok(());
        }
        let [input, output, control, local] = self.flags;
        termios.input_modes = InputModes::from_bits_retain(input);
        termios.output_modes = OutputModes::from_bits_retain(output);
        termios.control_modes = ControlModes::from_bits_retain(control);
        termios.local_modes = LocalModes::from_bits_retain(local);
        termios.special_codes[SpecialCodeIndex::VMIN] = self.codes[0];
        termios.special_codes[SpecialCodeIndex::VTIME] = self.codes[1];
        Ok(tcsetattr(terminal, OptionalActions::Now, &termios)?)
    }
}

impl std::fmt::Display for Modes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [input, output, control, local] = self.flags;
        let [min, time] = self.codes;
        write!(f, "{input}:{output}:{control}:{local}:{min}:{time}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_passed_on_as_they_are() {
        let modes = Modes { flags: [1, 2, u32::MAX, 0], codes: [1, 255] };
        assert_eq!(Modes::parse(&modes.to_string()), Some(modes));
        for text in ["", "1:2:3", "1:2:3:4:5:6:7", "1:2:3:4:256:0", "a:2:3:4:5:6", "-1:2:3:4:5:6"] {
            assert_eq!(Modes::parse(text), None, "{text}");
        }
    }
}
