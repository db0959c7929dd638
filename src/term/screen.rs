//! Taking the terminal over, drawing frames onto it, and giving it back whatever happens.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

use super::capabilities::{Capabilities, Environment};
use super::encode::encode;
use super::graphics::Graphics;
use super::guardian;
use super::output::send;
use super::query::{self, Answers};
use crate::view::Pixels;

/// Whether the terminal is ours at the moment. Process-wide, because the panic hook needs it from any thread. Locked while
/// a frame is written: none may come after the terminal was given back.
static TAKEN: Mutex<bool> = Mutex::new(false);

/// How long a frame may take to be written before others get their turn; what is left of it follows.
const PATIENCE: Duration = Duration::from_millis(100);
/// How long giving the terminal back may take.
pub(super) const LAST_PATIENCE: Duration = Duration::from_millis(500);

fn taken() -> MutexGuard<'static, bool> {
    // Whoever panicked while it held the lock was writing bytes, nothing that could be left half done.
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

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
    let mut taken = taken();
    if std::mem::take(&mut *taken) {
        let _ = send(&farewell(), LAST_PATIENCE);
        let _ = disable_raw_mode();
        guardian::tell(false);
    }
}

/// What gives back screen, modes and cursor.
pub(super) fn farewell() -> Vec<u8> {
    // The last frame may have been cut in two, or an image, which would swallow what follows: the end of a string.
    let mut out = b"\x1b\\".to_vec();
    // Into memory nothing fails.
    let _ = out
        .queue(EndSynchronizedUpdate)
        .and_then(|out| out.queue(MousePresses(false)))
        .and_then(|out| out.queue(DisableBracketedPaste))
        .and_then(|out| out.queue(LeaveAlternateScreen))
        .and_then(|out| out.queue(Show));
    out
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

/// The end of one synchronised update and the beginning of the next.
const SEAM: &[u8] = b"\x1b[?2026l\x1b[?2026h";

/// crossterm's backend, but silent when nothing changed and never asking the terminal anything.
struct QuietBackend {
    inner: CrosstermBackend<FrameBytes>,
    bytes: FrameBytes,
    /// What stands between two pieces of a large frame.
    seam: &'static [u8],
    cursor_hidden: bool,
}

impl Backend for QuietBackend {
    type Error = io::Error;

    fn draw<'a, I: Iterator<Item = (u16, u16, &'a Cell)>>(&mut self, content: I) -> io::Result<()> {
        let mut content = content.peekable();
        if content.peek().is_some() {
            encode(content, &mut self.bytes.0.borrow_mut(), self.seam);
        }
        Ok(())
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
    /// What the terminal has not taken yet of the last frame.
    pending: Vec<u8>,
    synchronized: bool,
}

impl Screen {
    /// Takes the terminal over. `synchronized`: bracket frames by the marks of DEC 2026, and over a line that may be slow
    /// (`remote`) each piece of a large one, so that it is seen as it comes.
    pub fn enter(synchronized: bool, remote: bool) -> io::Result<Self> {
        // The theme already maps colours to what the terminal shows. crossterm's own reaction to NO_COLOR would write
        // `ESC[;m`, which also strips bold and reverse.
        force_color_output(true);
        let bytes = FrameBytes::default();
        let seam = if synchronized && remote { SEAM } else { b"" };
        let inner = CrosstermBackend::new(bytes.clone());
        let backend = QuietBackend { inner, bytes: bytes.clone(), seam, cursor_hidden: true };
        let terminal = Terminal::new(backend)?;
        let screen = Self { terminal, bytes, pending: Vec::new(), synchronized };
        // If half of it fails the rest is given back with the screen.
        take()?;
        Ok(screen)
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Whether the terminal has not taken the whole of the last frame yet.
    pub fn is_behind(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Sends more of a frame that the terminal has not taken yet; whether it is through.
    pub fn catch_up(&mut self) -> io::Result<bool> {
        self.send()?;
        Ok(!self.is_behind())
    }

    /// Sends what is pending, as much as the terminal takes.
    fn send(&mut self) -> io::Result<()> {
        let taken = taken();
        if !*taken {
            return Err(io::Error::other("the terminal has been given back"));
        }
        let sent = send(&self.pending, PATIENCE)?;
        self.pending.drain(..sent);
        Ok(())
    }

    /// Draws a frame and sends what differs from the last one in a single write. Returns the number of bytes that takes:
    /// none when nothing differs. Not to be called while the terminal [is behind](Self::is_behind): the frames in between
    /// would only be late. Fails once the terminal has been given back, by a panic elsewhere for instance.
    pub fn draw(&mut self, draw: impl FnOnce(&mut Frame<'_>)) -> io::Result<usize> {
        self.terminal.draw(draw)?;
        let frame = std::mem::take(&mut *self.bytes.0.borrow_mut());
        if frame.is_empty() {
            return Ok(0);
        }
        let before = self.pending.len();
        if self.synchronized {
            self.pending.queue(BeginSynchronizedUpdate)?;
        }
        self.pending.extend_from_slice(&frame);
        if self.synchronized {
            self.pending.queue(EndSynchronizedUpdate)?;
        }
        let bytes = self.pending.len() - before;
        self.send()?;
        Ok(bytes)
    }

    /// Asks the terminal what it is. Not once something else reads standard input.
    pub fn ask(&self, capabilities: &Capabilities) -> io::Result<Answers> {
        query::ask(capabilities.questions, answer_patience(capabilities.remote))
    }

    /// How the terminal shows images, by what it answered. Not once something else reads standard input.
    pub fn graphics(&self, answers: &Answers) -> Graphics {
        Graphics::detect(&Environment::of_process(), answers)
    }

    /// Shows an image at a column and row; `false` while the terminal is behind, and the image has to wait.
    pub fn show_image(&mut self, graphics: Graphics, pixels: &Pixels, at: (u16, u16)) -> io::Result<bool> {
        if self.is_behind() {
            return Ok(false);
        }
        match graphics.bytes(pixels, Some(at))? {
            Some(bytes) => {
                self.pending = bytes;
                self.send()?;
            }
            None => graphics.show(pixels, Some(at))?,
        }
        Ok(true)
    }

    /// Takes images from the screen, and draws everything anew at the next frame.
    pub fn clear_images(&mut self, graphics: Graphics) -> io::Result<()> {
        self.pending.extend_from_slice(graphics.clear());
        self.send()?;
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }

    /// Rings the terminal's bell.
    pub fn ring(&mut self) -> io::Result<()> {
        self.pending.push(b'\x07');
        self.send()
    }

    /// Gives the terminal back, runs `meanwhile`, takes it again and draws everything anew at the next frame.
    pub fn suspend(&mut self, meanwhile: impl FnOnce()) -> io::Result<()> {
        restore();
        self.pending.clear();
        meanwhile();
        take()?;
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }
}

/// How long a terminal may take to answer. Over SSH the answer has to come all the way.
fn answer_patience(remote: bool) -> Duration {
    Duration::from_millis(if remote { 600 } else { 200 })
}

/// Columns and rows of the terminal behind standard output.
pub fn size() -> Option<(u16, u16)> {
    crossterm::terminal::size().ok()
}

/// Asks the terminal what it is while it is not taken over: in raw mode, so that the answer is not printed.
pub fn ask(capabilities: &Capabilities) -> io::Result<(Answers, Graphics)> {
    if !capabilities.questions.attributes {
        return Ok((Answers { complete: true, ..Answers::default() }, Graphics::None));
    }
    enable_raw_mode()?;
    let answers = query::ask(capabilities.questions, answer_patience(capabilities.remote));
    let graphics = answers.as_ref().map(|answers| Graphics::detect(&Environment::of_process(), answers)).ok();
    disable_raw_mode()?;
    Ok((answers?, graphics.unwrap_or_default()))
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
        guardian::dismiss();
    }
}

fn take() -> io::Result<()> {
    let mut taken = taken();
    guardian::tell(true);
    if let Err(error) = enable_raw_mode() {
        guardian::tell(false);
        return Err(error);
    }
    *taken = true;
    let mut out = Vec::new();
    out.queue(EnterAlternateScreen)?.queue(Hide)?.queue(EnableBracketedPaste)?.queue(MousePresses(true))?;
    send(&out, LAST_PATIENCE).map(|_| ())
}
