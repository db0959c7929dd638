//! Which class is taken for which.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::super::theme::{Role, Theme};
use super::super::widgets::{Matrix, Row};
use super::{at_step, waiting};
use crate::app::{App, Classes, Confusion, Mistake};
use crate::plot::format;

/// Mistakes listed beside or below the matrix.
const MISTAKES: usize = 5;
/// Columns of a class's name among other words at most.
const LONGEST_NAME: usize = 16;
/// Columns of the list beside the matrix.
const LIST: u16 = 20;

pub(super) fn status(app: &App) -> Vec<String> {
    let Some(confusion) = &app.model.confusion else { return Vec::new() };
    let classes = app.model.classes(confusion.classes());
    let accuracy = confusion.accuracy().map_or("-".into(), |share| format::percent(share.into()));
    let step = at_step(app, confusion.step);
    let worst = confusion.mistakes(1).first().map(|worst| words(worst, &classes));
    let with = |right: &str| worst.as_ref().map(|worst| format!("{accuracy}{right} · worst {worst} · {step}"));
    let mut all: Vec<String> = [" right", ""].into_iter().filter_map(with).collect();
    all.extend([format!("{accuracy} right · {step}"), format!("{accuracy} · {step}"), step, accuracy]);
    all
}

/// `4 → 9: 12`
fn words(mistake: &Mistake, classes: &Classes) -> String {
    let [class, taken_for] = [mistake.class, mistake.taken_for].map(|class| classes.brief(class, LONGEST_NAME));
    format!("{class} → {taken_for}: {:.0}", mistake.count)
}

pub(super) fn draw(app: &App, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let Some(confusion) = &app.model.confusion else {
        waiting(app, theme, "confusion matrix", area, buf);
        return;
    };
    let classes = app.model.classes(confusion.classes());
    let names: Vec<String> = if classes.are_short() {
        classes.names.clone()
    } else {
        classes.names.iter().zip(&classes.letters).map(|(name, letter)| format!("{letter} {name}")).collect()
    };
    let matrix =
        Matrix { counts: &confusion.counts, shares: &confusion.shares, names: &names, letters: &classes.letters };
    let size = matrix.size(area);
    let (wide, high) = (area.width.saturating_sub(size.0), area.height.saturating_sub(size.1));
    if matrix.has_numbers(area) {
        let beside = wide >= LIST + 3;
        matrix.render(theme, Rect { width: size.0, ..area }, buf);
        if beside {
            let list = Rect { x: area.x + size.0 + 3, width: wide - 3, ..area };
            mistakes(confusion, &classes, theme, list, buf);
        }
        let below = !beside && high >= MISTAKES as u16 + 4;
        if below {
            let list = Rect { y: area.y + size.1 + 1, height: high - 1, ..area };
            mistakes(confusion, &classes, theme, list, buf);
        }
        if high > 0 {
            let head = if matrix.has_shares(area) { "% of row" } else { "row" };
            let row = Row::new(buf, area, area.height - 1);
            caption(head, confusion, &classes, beside || below, theme, row);
        }
        return;
    }
    // Colours alone do not say which classes they are: the worst are named, beside the matrix or below it.
    let rows = (MISTAKES as u16 + 1).min(area.height / 2);
    let (place, list) = if area.width >= 2 * LIST && area.width > 2 * area.height {
        let place = Rect { width: area.width - LIST - 2, ..area };
        let size = matrix.size(place);
        (place, Rect { x: area.x + size.0 + 2, width: area.width - size.0 - 2, ..area })
    } else {
        let place = Rect { height: area.height - rows, ..area };
        let size = matrix.size(place);
        (place, Rect { y: area.y + size.1, height: area.height - size.1, ..area })
    };
    matrix.render(theme, place, buf);
    mistakes(confusion, &classes, theme, list, buf);
}

fn mistakes(confusion: &Confusion, classes: &Classes, theme: &Theme, area: Rect, buf: &mut Buffer) {
    Row::new(buf, area, 0).put("most often taken for another", theme.style(Role::Dim));
    for (y, mistake) in (1..).zip(confusion.mistakes(MISTAKES)) {
        let mut row = Row::new(buf, area, y);
        let count = format!("{:.0}", mistake.count);
        row.put_column(&count, 4, theme.style(Role::Bright)).gap(2);
        let room = (usize::from(row.room()).saturating_sub(3) / 2).max(1);
        row.put(&classes.brief(mistake.class, room), theme.style(Role::Text)).put(" → ", theme.style(Role::Dim));
        row.put(&classes.brief(mistake.taken_for, room), theme.style(Role::Bad));
    }
}

/// The last row: how to read the matrix, whose numbers are of `head`, and the worst mistakes where they are listed nowhere else.
fn caption(head: &str, confusion: &Confusion, classes: &Classes, listed: bool, theme: &Theme, mut row: Row<'_>) {
    let dim = theme.style(Role::Dim);
    for words in [format!("{head}: true · column: taken for"), format!("{head}: true"), head.to_owned()] {
        if words.width() <= usize::from(row.room()) {
            row.put(&words, dim);
            break;
        }
    }
    if listed {
        return;
    }
    for mistake in confusion.mistakes(MISTAKES).iter().skip(1) {
        row.put_whole(&format!("   {}", words(mistake, classes)), dim);
    }
}
