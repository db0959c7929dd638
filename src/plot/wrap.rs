//! Long text in narrow places.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Cuts a text into lines of at most `width` cells, between words where it can.
pub fn wrap(text: &str, width: u16) -> Vec<String> {
    let width = usize::from(width).max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split_inclusive([' ', '/']) {
        let cells = word.trim_end().width();
        if used > 0 && used + cells > width {
            lines.push(String::new());
            used = 0;
        }
        for c in word.chars() {
            let cells = c.width().unwrap_or(0);
            if used + cells > width {
                if c == ' ' {
                    continue;
                }
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
                used += cells;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn wrapping_keeps_every_word_and_the_width() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("损失率损失率", 4), ["损失", "率损", "失率"]);
        assert_eq!(wrap("a/long/path/that/goes/on", 12), ["a/long/path/", "that/goes/on"]);
        assert_eq!(wrap("", 4), [""]);
    }
}
