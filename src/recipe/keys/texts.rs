//! Texts that are more than any text.

use super::Form;
use crate::recipe::Device;

const LONGEST_NAME: usize = 64;
const LONGEST_TITLE: usize = 120;
/// Of a class or an array, in characters.
const LONGEST_LABEL: usize = 64;

pub(super) const NAME: Form = Form {
    expected: "a text of a-z, 0-9, `_` and `-`, at most 64 long, that starts with a letter or digit",
    fits: is_name,
    near: &[],
};
pub(super) const TITLE: Form = Form { expected: "one line of text, at most 120 long", fits: is_title, near: &[] };
pub(super) const DEVICE: Form = Form {
    expected: "`auto`, `cpu`, `cuda` or `cuda:N` with N from 0 to 255",
    fits: |text| text.parse::<Device>().is_ok(),
    near: &["auto", "cpu", "cuda"],
};

pub(super) const ARRAY: Form = Form { expected: "the name of an array", fits: is_label, near: &[] };

/// Whether a class or an array may be called so.
pub(in crate::recipe) fn is_label(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST_LABEL && !text.chars().any(char::is_control)
}

fn is_name(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(word) && text.len() <= LONGEST_NAME && text.chars().all(|c| word(c) || c == '_' || c == '-')
}

fn is_title(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST_TITLE && !text.chars().any(char::is_control)
}
