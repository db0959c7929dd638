//! How the view looks on this terminal: colours, characters, ground, and images that the terminal draws itself.

use std::io;

use crate::app::{App, Look, Overlay, PixelMode};
use crate::term::{Answers, Capabilities, ColorDepth, Glyphs, Graphics, Ground, Screen, ground_of};
use crate::view::{self, Theme};

/// The theme, and what decides it.
pub(super) struct Looks {
    theme: Theme,
    /// The terminal's own ground, or what is taken for it.
    own: Ground,
    /// Whether another ground was asked for.
    asked: bool,
    /// Whether values have half as many levels, since the terminal is far away.
    coarse: bool,
    graphics: Graphics,
    /// The size of the screen on which an image lies.
    image: Option<(u16, u16)>,
}

impl Looks {
    /// By what the environment tells.
    pub(super) fn new(capabilities: &Capabilities) -> Self {
        let own = capabilities.ground.unwrap_or_default();
        let mut looks = Self {
            theme: Theme::new(capabilities.depth, capabilities.glyphs),
            own,
            asked: capabilities.wanted.is_some(),
            coarse: capabilities.remote,
            graphics: Graphics::None,
            image: None,
        };
        looks.turn(capabilities.wanted.unwrap_or(own), capabilities.depth, capabilities.glyphs);
        looks
    }

    /// Takes over what the terminal said of itself. Whether that changes anything on the screen.
    pub(super) fn learn(&mut self, answers: &Answers, graphics: Graphics) -> bool {
        self.graphics = graphics;
        answers.background.is_some_and(|color| self.learn_ground(ground_of(color)))
    }

    /// Takes over the terminal's own ground. Whether that changes anything on the screen.
    pub(super) fn learn_ground(&mut self, own: Ground) -> bool {
        if self.own == own {
            return false;
        }
        self.own = own;
        let ground = if self.asked { self.theme.ground() } else { own };
        self.turn(ground, self.theme.depth(), self.theme.glyphs());
        true
    }

    /// Goes on to the next of what can be chosen; says what it is now.
    pub(super) fn next(&mut self, look: Look) -> String {
        let (mut ground, mut depth, mut glyphs) = (self.theme.ground(), self.theme.depth(), self.theme.glyphs());
        let note = match look {
            Look::Colors => {
                let (next, name) = match depth {
                    ColorDepth::TrueColor => (ColorDepth::Ansi256, "256"),
                    ColorDepth::Ansi256 => (ColorDepth::Ansi16, "16"),
                    ColorDepth::Ansi16 => (ColorDepth::Mono, "none"),
                    ColorDepth::Mono => (ColorDepth::TrueColor, "24 bits"),
                };
                depth = next;
                format!("colours: {name}")
            }
            Look::Glyphs => {
                let (next, name) = match glyphs {
                    Glyphs::Braille => (Glyphs::Block, "blocks"),
                    Glyphs::Block => (Glyphs::Ascii, "ASCII"),
                    Glyphs::Ascii => (Glyphs::Braille, "braille"),
                };
                glyphs = next;
                format!("characters: {name}")
            }
            Look::Ground if depth == ColorDepth::Mono => return "theme: there are no colours to change (C)".to_owned(),
            Look::Ground => {
                ground = ground.other();
                self.asked = true;
                format!("theme: {}", ground.name())
            }
        };
        self.turn(ground, depth, glyphs);
        note
    }

    fn turn(&mut self, ground: Ground, depth: ColorDepth, glyphs: Glyphs) {
        let theme = Theme::on(ground, depth, glyphs).painted(ground != self.own);
        self.theme = if self.coarse { theme.coarse() } else { theme };
    }

    /// Who draws pixels now.
    pub(super) fn pixel_mode(&self) -> PixelMode {
        match self.graphics {
            Graphics::None if self.theme.has_pixels() => PixelMode::Blocks,
            Graphics::None => PixelMode::None,
            _ => PixelMode::Terminal,
        }
    }

    /// Draws a frame. While an image of the terminal's lies over the panels nothing is drawn; once it is closed, or the
    /// screen has another size, everything is drawn anew. Returns the bytes of the frame; none while the image has to wait for
    /// the terminal.
    pub(super) fn draw(&mut self, screen: &mut Screen, app: &App) -> io::Result<Option<usize>> {
        let open = matches!(app.overlay, Some(Overlay::Picture { .. })) && app.pixel_mode == PixelMode::Terminal;
        if !open || self.image != Some(app.size) {
            self.close(screen)?;
        }
        if self.image.is_some() {
            return Ok(Some(0));
        }
        let theme = &self.theme;
        let bytes = screen.draw(|frame| view::draw(app, theme, frame))?;
        if open {
            if !self.show(screen, app)? {
                return Ok(None);
            }
            self.image = Some(app.size);
        }
        Ok(Some(bytes))
    }

    /// Takes the image from the screen, if there is one.
    pub(super) fn close(&mut self, screen: &mut Screen) -> io::Result<()> {
        if self.image.take().is_some() { screen.clear_images(self.graphics) } else { Ok(()) }
    }

    /// The picture in the middle of its place, which leaves the last row free.
    fn show(&self, screen: &mut Screen, app: &App) -> io::Result<bool> {
        let (Some((x, y, columns, rows)), Some(subject)) = (view::picture_area(app), app.subject()) else {
            return Ok(true);
        };
        let room = self.graphics.room((columns, rows));
        let Some(pixels) = view::picture(app, &self.theme, &subject, room) else { return Ok(true) };
        let (wide, high) = Graphics::cells(&pixels);
        let middle = |at: u16, room: u16, size: u16| at + room.saturating_sub(size) / 2;
        screen.show_image(self.graphics, &pixels, (middle(x, columns, wide), middle(y, rows, high)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plot::Rgb;
    use crate::term::{Choices, Environment, ThemeChoice};

    fn looks(variables: &[(&str, &str)], theme: ThemeChoice) -> Looks {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let env = Environment { variables, stdout_is_terminal: true, stdin_is_terminal: true };
        Looks::new(&Capabilities::detect(&env, Choices { theme, ..Choices::default() }))
    }

    const XTERM: (&str, &str) = ("TERM", "xterm-256color");

    fn white() -> Answers {
        Answers { background: Some(Rgb(255, 255, 255)), ..Answers::default() }
    }

    #[test]
    fn the_theme_follows_the_terminal_unless_one_is_asked_for() {
        let mut auto = looks(&[XTERM], ThemeChoice::Auto);
        assert_eq!((auto.theme.ground(), auto.theme.paint()), (Ground::Dark, None));
        assert!(auto.learn(&white(), Graphics::None));
        assert_eq!((auto.theme.ground(), auto.theme.paint()), (Ground::Light, None));
        assert!(!auto.learn(&white(), Graphics::None), "no news");
        let told = looks(&[XTERM, ("COLORFGBG", "0;15")], ThemeChoice::Auto);
        assert_eq!((told.theme.ground(), told.theme.paint()), (Ground::Light, None));
    }

    #[test]
    fn another_ground_than_the_terminals_is_painted() {
        let mut dark = looks(&[XTERM], ThemeChoice::Dark);
        assert_eq!(dark.theme.paint(), None);
        dark.learn(&white(), Graphics::None);
        assert!(dark.theme.ground() == Ground::Dark && dark.theme.paint().is_some());
        assert!(looks(&[XTERM], ThemeChoice::Light).theme.paint().is_some(), "not known: taken for dark");
        let mut turned = looks(&[XTERM], ThemeChoice::Auto);
        assert_eq!(turned.next(Look::Ground), "theme: light");
        assert!(turned.theme.paint().is_some());
        turned.learn(&white(), Graphics::None);
        assert!(turned.theme.ground() == Ground::Light && turned.theme.paint().is_none(), "a late answer");
    }

    #[test]
    fn keys_go_round() {
        let mut looks = looks(&[XTERM, ("LANG", "C.UTF-8")], ThemeChoice::Auto);
        let before = (looks.theme.depth(), looks.theme.glyphs(), looks.theme.ground());
        let notes: Vec<String> = (0..4).map(|_| looks.next(Look::Colors)).collect();
        assert_eq!(notes, ["colours: 16", "colours: none", "colours: 24 bits", "colours: 256"]);
        let notes: Vec<String> = (0..3).map(|_| looks.next(Look::Glyphs)).collect();
        assert_eq!(notes, ["characters: blocks", "characters: ASCII", "characters: braille"]);
        looks.next(Look::Ground);
        looks.next(Look::Ground);
        assert_eq!((looks.theme.depth(), looks.theme.glyphs(), looks.theme.ground()), before);
    }

    #[test]
    fn pixels_are_drawn_by_whoever_can() {
        let mut looks = looks(&[XTERM, ("LANG", "C.UTF-8"), ("COLORTERM", "truecolor")], ThemeChoice::Auto);
        assert_eq!(looks.pixel_mode(), PixelMode::Blocks);
        looks.next(Look::Colors);
        assert_eq!(looks.pixel_mode(), PixelMode::None);
        looks.learn(&Answers::default(), Graphics::Sixel);
        assert_eq!(looks.pixel_mode(), PixelMode::Terminal);
    }
}
