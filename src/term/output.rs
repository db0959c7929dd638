//! Bytes on their way to the terminal. Nothing here waits longer than it is told to: a terminal that takes no more, at the
//! end of a dead connection for instance, must not keep the program from ending.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// The terminal opened once more, so that not to wait is a property of this opening alone and not of the one that is
/// shared with the shell.
static TERMINAL: OnceLock<Option<OwnedFd>> = OnceLock::new();

fn terminal() -> BorrowedFd<'static> {
    let open = || {
        let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        let options = OpenOptions::new().write(true).custom_flags(flags.cast_signed()).open("/proc/self/fd/1");
        options.ok().map(OwnedFd::from)
    };
    TERMINAL.get_or_init(open).as_ref().map_or(rustix::stdio::stdout(), AsFd::as_fd)
}

/// Writes until all is written or `patience` is over; returns how much was. Past the standard library's line buffer, which
/// would cut one frame into a write for each line.
pub(super) fn send(bytes: &[u8], patience: Duration) -> io::Result<usize> {
    send_to(terminal(), bytes, patience)
}

fn send_to(terminal: BorrowedFd<'_>, bytes: &[u8], patience: Duration) -> io::Result<usize> {
    let deadline = Instant::now() + patience;
    let mut sent = 0;
    while sent < bytes.len() {
        match rustix::io::write(terminal, &bytes[sent..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => sent += written,
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                let left = Timespec::try_from(left).map_err(io::Error::other)?;
                match poll(&mut [PollFd::from_borrowed_fd(terminal, PollFlags::OUT)], Some(&left)) {
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sent)
}

/// Waits until the terminal has gone. Costs nothing meanwhile.
pub fn wait_for_hangup() {
    loop {
        match ended(None) {
            Ok(true) => return,
            Ok(false) | Err(Errno::INTR) => {}
            // Nothing to be learnt here; what is written next will tell.
            Err(_) => std::thread::park(),
        }
    }
}

/// Whether the terminal has gone.
pub fn has_hung_up() -> bool {
    ended(Some(&Timespec::default())).unwrap_or(false)
}

/// Whether standard input or output leads nowhere any more, once it does or the time is over.
fn ended(patience: Option<&Timespec>) -> Result<bool, Errno> {
    // Asked for nothing, the kernel reports an end of the line all the same.
    let nothing = PollFlags::empty();
    let (input, output) = (rustix::stdio::stdin(), rustix::stdio::stdout());
    let mut ends = [PollFd::from_borrowed_fd(input, nothing), PollFd::from_borrowed_fd(output, nothing)];
    Ok(poll(&mut ends, patience)? > 0)
}

/// Whether an error says that whoever read the output, a terminal perhaps, has gone.
pub fn is_gone(error: &io::Error) -> bool {
    let gone = [Errno::IO, Errno::PIPE, Errno::NXIO, Errno::NODEV];
    error.raw_os_error().is_some_and(|code| gone.iter().any(|errno| errno.raw_os_error() == code))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn a_reader_that_takes_nothing_is_not_waited_for() {
        let (mut reader, writer) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&writer, true).unwrap();
        let bytes: Vec<u8> = (0..1 << 20).map(|i| (i % 251) as u8).collect();
        let mut sent = send_to(writer.as_fd(), &bytes, Duration::ZERO).unwrap();
        assert!(sent > 0 && sent < bytes.len(), "{sent}");
        assert_eq!(send_to(writer.as_fd(), &bytes[sent..], Duration::ZERO).unwrap(), 0);
        // What is left goes out once somebody reads, in order and nothing twice.
        let thread = std::thread::spawn(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        while sent < bytes.len() {
            sent += send_to(writer.as_fd(), &bytes[sent..], Duration::from_millis(10)).unwrap();
        }
        drop(writer);
        assert!(thread.join().unwrap() == bytes);
    }

    #[test]
    fn a_reader_that_has_gone_is_told_from_other_errors() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        assert!(is_gone(&send_to(writer.as_fd(), b"x", Duration::ZERO).unwrap_err()));
        assert!(!is_gone(&io::Error::other("x")));
    }
}
