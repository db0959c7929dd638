//! Whether the terminal's ground is dark or light.

use super::capabilities::Environment;
use crate::plot::Rgb;
use crate::view::Ground;

/// What `--theme` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum ThemeChoice {
    /// As the terminal's ground is: by `COLORFGBG`, else by asking it.
    #[default]
    Auto,
    /// Light text on dark.
    Dark,
    /// Dark text on light.
    Light,
}

impl ThemeChoice {
    /// The ground that is asked for.
    pub fn ground(self) -> Option<Ground> {
        match self {
            Self::Auto => None,
            Self::Dark => Some(Ground::Dark),
            Self::Light => Some(Ground::Light),
        }
    }
}

/// The ground that `COLORFGBG` tells of, `15;0` for example: the last number is that of the background among the sixteen
/// colours. rxvt, Konsole and others set it.
pub(super) fn from_environment(env: &Environment) -> Option<Ground> {
    let index: u8 = env.get("COLORFGBG")?.rsplit(';').next()?.parse().ok()?;
    match index {
        7 | 9..=15 => Some(Ground::Light),
        0..=6 | 8 => Some(Ground::Dark),
        _ => None,
    }
}

/// The ground of that colour.
pub fn of_color(color: Rgb) -> Ground {
    if color.luma() > 0.5 { Ground::Light } else { Ground::Dark }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_is_the_background() {
        for (value, expected) in [
            ("15;0", Some(Ground::Dark)),
            ("0;15", Some(Ground::Light)),
            ("0;default;15", Some(Ground::Light)),
            ("12;8", Some(Ground::Dark)),
            ("0;7", Some(Ground::Light)),
            ("15;default", None),
            ("0;99", None),
            ("", None),
        ] {
            let mut env = Environment::default();
            env.variables.insert("COLORFGBG".into(), value.into());
            assert_eq!(from_environment(&env), expected, "{value}");
        }
    }

    #[test]
    fn grounds_people_have() {
        for (color, expected) in [
            (Rgb(0, 43, 54), Ground::Dark),
            (Rgb(253, 246, 227), Ground::Light),
            (Rgb(40, 42, 54), Ground::Dark),
            (Rgb(255, 255, 255), Ground::Light),
        ] {
            assert_eq!(of_color(color), expected);
        }
    }
}
