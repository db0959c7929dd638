//! Taking the terminal over, drawing frames onto it, and giving it back whatever happens.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::force_color_output;
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{Command, QueueableCommand};
use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Rect, Size};
use ratatui::{Frame, Terminal};

/// Whether the terminal is ours at the moment. Process-wide, because the panic hook needs it from any thread.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// Button presses in SGR coordinates. crossterm's own command also reports every motion of the mouse, which floods a
/// slow link for nothing.
struct MousePresses(bool);

impl Command for MousePresses {
    fn write_ansi(&self, f: &mut impl std::fmt::Write) -> std::fmt::Result {
        f.write_str(if self.0 { "\x1b[?1000h\x1b[?1006h" } else { "\x1b[?1006l\x1b[?1000l" })
    }
}

/// Gives the terminal back: screen, modes, cursor. Does nothing when it was not taken; errors are of no use to anybody
/// here, since the terminal may be gone.
pub fn restore() {
    if TAKEN.swap(false, Ordering::SeqCst) {
        let mut out = Vec::new();
        let _ = out
            .queue(MousePresses(false))
            .and_then(|out| out.queue(DisableBracketedPaste))
            .and_then(|out| out.queue(LeaveAlternateScreen))
            .and_then(|out| out.queue(Show));
        let _ = write_all(&out);
        let _ = disable_raw_mode();
    }
}

/// Makes a panic in any thread give the terminal back before it reports itself. Nothing is drawn afterwards.
pub fn install_panic_hook() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        restore();
        report(info);
    }));
}

/// Past the standard library's line buffer, which would cut one frame into a write for each line.
fn write_all(bytes: &[u8]) -> io::Result<()> {
    let mut rest = bytes;
    while !rest.is_empty() {
        match rustix::io::write(rustix::stdio::stdout(), rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// What a frame writes, kept until it is whole: `flush` does nothing, because ratatui calls it in mid-frame.
#[derive(Debug, Clone, Default)]
struct FrameBytes(Rc<RefCell<Vec<u8>>>);

impl Write for FrameBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// crossterm's backend, but silent when nothing changed and never asking the terminal anything.
struct QuietBackend {
    inner: CrosstermBackend<FrameBytes>,
    cursor_hidden: bool,
}

impl Backend for QuietBackend {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let mut content = content.peekable();
        if content.peek().is_some() { self.inner.draw(content) } else { Ok(()) }
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.cursor_hidden {
            return Ok(());
        }
        self.cursor_hidden = true;
        self.inner.hide_cursor()
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        self.cursor_hidden = false;
        self.inner.show_cursor()
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        self.inner.set_cursor_position(position)
    }

    fn clear(&mut self) -> io::Result<()> {
        self.inner.clear()
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        self.inner.clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        self.inner.size()
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        self.inner.window_size()
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The terminal while it is ours. Dropping it gives it back.
pub struct Screen {
    terminal: Terminal<QuietBackend>,
    bytes: FrameBytes,
    synchronized: bool,
}

impl Screen {
    /// Takes the terminal over. `synchronized`: bracket frames by the marks of DEC 2026.
    pub fn enter(synchronized: bool) -> io::Result<Self> {
        // The theme already maps colours to what the terminal shows. crossterm's own reaction to NO_COLOR would write
        // `ESC[;m`, which also strips bold and reverse.
        force_color_output(true);
        let bytes = FrameBytes::default();
        let backend = QuietBackend { inner: CrosstermBackend::new(bytes.clone()), cursor_hidden: true };
        let terminal = Terminal::new(backend)?;
        take()?;
        Ok(Self { terminal, bytes, synchronized })
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Draws a frame and sends what differs from the last one in a single write. Returns the number of bytes sent: none
    /// when nothing differs. Fails once the terminal has been given back, by a panic elsewhere for instance.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<usize> {
        if !TAKEN.load(Ordering::SeqCst) {
            return Err(io::Error::other("the terminal has been given back"));
        }
        self.terminal.draw(draw)?;
        let frame = std::mem::take(&mut *self.bytes.0.borrow_mut());
        if frame.is_empty() {
            return Ok(0);
        }
        let mut out = Vec::with_capacity(frame.len() + 16);
        if self.synchronized {
            out.queue(BeginSynchronizedUpdate)?;
        }
        out.extend_from_slice(&frame);
        if self.synchronized {
            out.queue(EndSynchronizedUpdate)?;
        }
        write_all(&out)?;
        Ok(out.len())
    }

    /// Rings the terminal's bell.
    pub fn ring(&self) -> io::Result<()> {
        if TAKEN.load(Ordering::SeqCst) { write_all(b"\x07") } else { Ok(()) }
    }

    /// Gives the terminal back, runs `meanwhile`, takes it again and draws everything anew at the next frame.
    pub fn suspend(&mut self, meanwhile: impl FnOnce()) -> io::Result<()> {
        restore();
        meanwhile();
        take()?;
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::SeqCst);
    let mut out = Vec::new();
    out.queue(EnterAlternateScreen)?.queue(Hide)?.queue(EnableBracketedPaste)?.queue(MousePresses(true))?;
    write_all(&out)
}
