//! What classes are called where there is room for one character.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::model::Model;

/// Names of classes, each with a character that stands for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Classes {
    /// The names, by class.
    pub names: Vec<String>,
    /// The characters, by class.
    pub letters: Vec<char>,
}

/// Stand for classes whose names are longer: a to z, then A to Z, and what comes after them has none of its own.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

impl Classes {
    fn new(names: Vec<String>) -> Self {
        let single = |name: &String| {
            let mut characters = name.chars();
            // A control character or a wide one is no letter: it would not take one cell.
            characters.next().filter(|c| characters.next().is_none() && c.is_ascii_graphic())
        };
        let letters = names.iter().map(single).collect::<Option<Vec<char>>>();
        let letters =
            letters.unwrap_or_else(|| LETTERS.chars().chain(std::iter::repeat('?')).take(names.len()).collect());
        Self { names, letters }
    }

    /// The character of a class.
    pub fn letter(&self, class: usize) -> char {
        self.letters.get(class).copied().unwrap_or('?')
    }

    /// The name of a class.
    pub fn name(&self, class: usize) -> &str {
        self.names.get(class).map_or("?", String::as_str)
    }

    /// The name of a class in at most so many columns, the rest of it replaced by `…`.
    pub fn brief(&self, class: usize, columns: usize) -> String {
        cut(self.name(class), columns)
    }

    /// Whether the characters are the names.
    pub fn are_short(&self) -> bool {
        self.names.iter().zip(&self.letters).all(|(name, letter)| name.chars().eq([*letter]))
    }
}

/// `text` in at most so many columns.
fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut room = columns.saturating_sub(1);
    for c in text.chars() {
        match room.checked_sub(c.width().unwrap_or(0)) {
            Some(left) => room = left,
            None => break,
        }
        cut.push(c);
    }
    if columns > 0 {
        cut.push('…');
    }
    cut
}

impl Model {
    /// What `count` classes are called: as the run says, else by their numbers.
    pub fn classes(&self, count: usize) -> Classes {
        let named = &self.description.classes;
        let name = |class: usize| named.get(class).cloned().unwrap_or_else(|| class.to_string());
        Classes::new((0..count).map(name).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_cut_to_their_columns() {
        let classes = Classes::new(["giant panda", "猫猫猫", "x"].map(str::to_owned).to_vec());
        let brief = |columns| [0, 1, 2].map(|class| classes.brief(class, columns));
        assert_eq!(brief(11), ["giant panda", "猫猫猫", "x"]);
        assert_eq!(brief(6), ["giant…", "猫猫猫", "x"]);
        assert_eq!(brief(4), ["gia…", "猫…", "x"]);
        assert_eq!(brief(1), ["…", "…", "x"]);
        assert_eq!(brief(0), ["", "", ""]);
    }

    #[test]
    fn short_names_stand_for_themselves() {
        let digits = Classes::new((0..10).map(|digit| digit.to_string()).collect());
        assert!(digits.are_short() && digits.letter(7) == '7' && digits.name(7) == "7");
        let animals = Classes::new(["cat", "dog", "x"].map(str::to_owned).to_vec());
        assert_eq!((animals.letters.clone(), animals.are_short()), (vec!['a', 'b', 'c'], false));
        assert_eq!((animals.letter(99), animals.name(99)), ('?', "?"));
        assert_eq!(Classes::new(vec!["猫".into(), "\u{1b}".into()]).letters, ['a', 'b']);
        let many = Classes::new((0..60).map(|class| class.to_string()).collect());
        assert_eq!((many.letter(51), many.letter(52)), ('Z', '?'));
    }
}
