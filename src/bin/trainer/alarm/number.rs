//! Numbers in the messages of alarms.

/// Significant digits as a rule.
const DIGITS: usize = 4;
/// Significant digits that tell any two numbers apart.
const MOST_DIGITS: usize = 17;

/// `value` in `digits` significant ones, with an exponent where it is very large or small.
fn with_digits(value: f64, digits: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 { "0".to_owned() } else { value.to_string() };
    }
    let scientific = format!("{value:.*e}", digits - 1);
    let exponent: i32 = scientific.rsplit_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    if !(-4..7).contains(&exponent) {
        return scientific;
    }
    format!("{value:.*}", (digits as i32 - 1 - exponent).max(0) as usize)
}

/// A measured value in four significant digits: `0.6931`, `12.30`, `4.120e-9`.
pub(crate) fn measured(value: f64) -> String {
    with_digits(value, DIGITS)
}

/// Two measured values in as many digits as tell them apart.
pub(crate) fn apart(first: f64, second: f64) -> [String; 2] {
    let texts = (DIGITS..=MOST_DIGITS).map(|digits| [with_digits(first, digits), with_digits(second, digits)]);
    let mut texts = texts.skip_while(|[first, second]| first == second);
    texts.next().unwrap_or_else(|| [measured(first), measured(second)])
}

/// A value that somebody chose, in all its digits: `0.5`, `300`, `1e10`.
pub(crate) fn chosen(value: f64) -> String {
    if value == 0.0 || (1e-5..1e7).contains(&value.abs()) { value.to_string() } else { format!("{value:e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_nothing() {
        for (value, text) in [
            (0.0, "0"),
            (0.612_345, "0.6123"),
            (12.3, "12.30"),
            (1234.56, "1235"),
            (99_999.6, "100000"),
            (0.000_123_45, "0.0001234"),
            (4.12e-9, "4.120e-9"),
            (3e38, "3.000e38"),
            (f64::INFINITY, "inf"),
            (-0.5, "-0.5000"),
        ] {
            assert_eq!(measured(value), text);
        }
        for (value, text) in [(0.5, "0.5"), (300.0, "300"), (1e10, "1e10"), (1e-7, "1e-7"), (3.4e38, "3.4e38")] {
            assert_eq!(chosen(value), text);
        }
    }

    #[test]
    fn two_numbers_are_told_apart() {
        assert_eq!(apart(0.5, 0.25), ["0.5000", "0.2500"]);
        assert_eq!(apart(0.612_341, 0.612_344), ["0.612341", "0.612344"]);
        assert_eq!(apart(1e-12, 2e-12), ["1.000e-12", "2.000e-12"]);
        assert_eq!(apart(0.1, 0.1), ["0.1000", "0.1000"]);
        let next = f64::from_bits(0.1_f64.to_bits() + 1);
        let [first, second] = apart(0.1, next);
        assert_ne!(first, second);
    }
}
