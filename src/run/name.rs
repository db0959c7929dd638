//! Names that users give to runs.

/// Characters of a name, at most.
const LONGEST: usize = 64;

/// Checks a name for a run, and so for its directory. An error says what is wrong with it.
///
/// Letters and digits of any script, `-`, `_` and `.` are allowed, so that a name needs no quotes in a shell, is no option,
/// no hidden file, no path and no address of another machine.
pub fn check_name(name: &str) -> Result<(), String> {
    let allowed = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() {
        Err("a name has a character at least".to_owned())
    } else if let Some(bad) = name.chars().find(|c| !allowed(*c)) {
        Err(format!("{bad:?} cannot be in a name; letters, digits, `-`, `_` and `.` can"))
    } else if !name.starts_with(char::is_alphanumeric) {
        Err("a name begins with a letter or a digit".to_owned())
    } else if name.chars().count() > LONGEST {
        Err(format!("a name has {LONGEST} characters at most"))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_safe_wherever_they_stand() {
        for good in ["moons", "a", "wide-0.1_b", "7", "größer", "損失-2", &"x".repeat(64)] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            ".hidden",
            "-rf",
            "_",
            "a/b",
            "../a",
            "a b",
            "a:b",
            "me@gpu",
            "a\u{1b}[2J",
            "a\n",
            "~",
            "*",
            "a\0",
            &"x".repeat(65),
        ] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(!check_name("a\u{1b}").unwrap_err().contains('\u{1b}'));
    }
}
