//! Numbers as people read them beside a picture: few digits, steady width, no surprises.

/// Suffixes of the powers of a thousand, from 10^3.
const THOUSANDS: [char; 4] = ['k', 'M', 'G', 'T'];

/// Decimal exponent of `value` once it is rounded to `digits` significant digits; 0 for 0.
fn exponent(value: f64, digits: usize) -> i32 {
    // 9.9996 has exponent 1 at four digits: only formatting knows how it will round.
    let text = format!("{value:.*e}", digits.saturating_sub(1));
    text.rsplit_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0)
}

/// A measured value in at most 8 characters, about four significant digits, trailing zeros kept so that a changing value
/// does not jump: `0.0214`, `0.9920`, `1.234`, `123.4`, `12.3k`, `4.12e-4`, `NaN`, `inf`, and `0` for exactly zero.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    match exponent(value, 4) {
        // Four decimals in both, so that values of a column stand under each other.
        -2..=-1 => format!("{value:.4}"),
        -3 => format!("{value:.5}"),
        large @ 0..=3 => format!("{value:.*}", (3 - large) as usize),
        _ => match exponent(value, 3) {
            large @ 4..=14 => {
                let group = (large / 3) as usize;
                let scaled = value / 1000_f64.powi(large / 3);
                format!("{scaled:.*}{}", (2 - large % 3) as usize, THOUSANDS[group - 1])
            }
            _ => scientific(value),
        },
    }
}

/// Mantissa and exponent in at most 8 characters, with as many digits as that leaves.
fn scientific(value: f64) -> String {
    let fitting = [2, 1].map(|digits| format!("{value:.digits$e}")).into_iter().find(|text| text.len() <= 8);
    fitting.unwrap_or_else(|| format!("{value:.0e}"))
}

/// A chosen value, such as a learning rate, without trailing zeros: `0.5`, `1e-4`, `32`, `0.001`.
pub fn short(value: f64) -> String {
    let text = number(value);
    let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (mantissa, rest) = text.split_at(digits);
    if !mantissa.contains('.') {
        return text;
    }
    format!("{}{rest}", mantissa.trim_end_matches('0').trim_end_matches('.'))
}

/// A count with its thousands marked: `1,600`.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time span of `seconds`: `0:03`, `12:07`, `1:02:10`, from a day on `2d 03h`. `-:--` when it is not known (negative,
/// NaN or infinite).
pub fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-:--".to_owned();
    }
    let total = seconds.round() as u64;
    let (days, hours, minutes, seconds) = (total / 86_400, total / 3600 % 24, total / 60 % 60, total % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{days}d {hours:02}h"),
    }
}

/// A time of `ms` milliseconds for one step: `0.21 ms`, `12.3 ms`, `1.20 s`; `-` when it is not known.
pub fn milliseconds(ms: f64) -> String {
    if !ms.is_finite() || ms < 0.0 {
        return "-".to_owned();
    }
    // 999.5 would round to 1000 ms.
    if ms < 999.5 { format!("{} ms", three_digits(ms)) } else { format!("{} s", three_digits(ms / 1000.0)) }
}

/// Three significant digits with at most two decimals, for numbers that carry a unit.
fn three_digits(value: f64) -> String {
    let decimals = (2 - exponent(value, 3)).clamp(0, 2) as usize;
    format!("{value:.decimals$}")
}

/// Of sizes from 1024 bytes on, each 1024 times the one before.
const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A size in binary units: `512 B`, `1.5 KiB`, `64.0 MiB`.
pub fn bytes(value: u64) -> String {
    if value < 1024 {
        return format!("{value} B");
    }
    let mut scaled = value as f64 / 1024.0;
    let mut unit = 0;
    // What would print as 1024.0 is one of the next unit.
    while scaled >= 1023.95 && unit + 1 < UNITS.len() {
        scaled /= 1024.0;
        unit += 1;
    }
    format!("{scaled:.1} {}", UNITS[unit])
}

/// So many bytes of so many, both in the unit of the latter: `1.2 of 23.5 GiB`.
pub fn bytes_of(part: u64, whole: u64) -> String {
    let text = bytes(whole);
    let Some((number, unit)) = text.split_once(' ') else { return text };
    if unit == "B" {
        return format!("{part} of {text}");
    }
    let power = UNITS.iter().position(|other| *other == unit).map_or(0, |at| at as i32 + 1);
    format!("{:.1} of {number} {unit}", part as f64 / 1024_f64.powi(power))
}

/// A share in percent: 0.018 is `1.8 %`, 0.61 is `61 %`; `<0.1 %` for what would print as zero and is not; `-` when it is
/// not finite.
pub fn percent(share: f64) -> String {
    let value = share * 100.0;
    if !value.is_finite() {
        "-".to_owned()
    } else if value == 0.0 {
        "0 %".to_owned()
    } else if value.abs() < 0.05 {
        if value > 0.0 { "<0.1 %" } else { ">-0.1 %" }.to_owned()
    } else if value.abs() < 9.95 {
        format!("{value:.1} %")
    } else {
        format!("{value:.0} %")
    }
}

/// A rate with its unit: `161 steps/s`, `10.0 epochs/s`, `12.3k steps/s`; `- steps/s` when it is not known.
pub fn rate(per_second: f64, unit: &str) -> String {
    let value = if !per_second.is_finite() || per_second < 0.0 {
        "-".to_owned()
    } else if per_second < 9_999.5 {
        three_digits(per_second)
    } else {
        number(per_second)
    };
    format!("{value} {unit}/s")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers() {
        for (value, want) in [
            (0.0, "0"),
            (-0.0, "0"),
            (0.0214, "0.0214"),
            (0.02139, "0.0214"),
            (0.992, "0.9920"),
            (0.5, "0.5000"),
            (0.099_999, "0.1000"),
            (0.999_96, "1.000"),
            (0.0041, "0.00410"),
            (0.001, "0.00100"),
            (4.1e-4, "4.10e-4"),
            (-4.12e-4, "-4.12e-4"),
            (-4.12e-10, "-4.1e-10"),
            (-4.12e-100, "-4e-100"),
            (5e-324, "4.9e-324"),
            (1.0, "1.000"),
            (1.23456, "1.235"),
            (9.9996, "10.00"),
            (-12.3456, "-12.35"),
            (123.456, "123.5"),
            (1234.56, "1235"),
            (9999.6, "10.0k"),
            (12_345.0, "12.3k"),
            (999_950.0, "1.00M"),
            (-123_456.0, "-123k"),
            (1.2e6, "1.20M"),
            (3.45e9, "3.45G"),
            (999.9e12, "1.00e15"),
            (6.7e14, "670T"),
            (1e300, "1.00e300"),
            (-1e300, "-1.0e300"),
            (f64::MAX, "1.80e308"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(number(value), want, "{value:e}");
        }
    }

    #[test]
    fn short_numbers() {
        for (value, want) in [
            (0.5, "0.5"),
            (0.001, "0.001"),
            (1e-4, "1e-4"),
            (1.5e-7, "1.5e-7"),
            (32.0, "32"),
            (100.0, "100"),
            (1000.0, "1000"),
            (10_000.0, "10k"),
            (12_500.0, "12.5k"),
            (0.0, "0"),
            (-0.25, "-0.25"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(short(value), want, "{value:e}");
        }
    }

    #[test]
    fn counts() {
        for (value, want) in [(0, "0"), (81, "81"), (999, "999"), (1600, "1,600"), (1_234_567, "1,234,567")] {
            assert_eq!(count(value), want);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn durations() {
        for (seconds, want) in [
            (0.0, "0:00"),
            (3.2, "0:03"),
            (59.6, "1:00"),
            (727.0, "12:07"),
            (3599.7, "1:00:00"),
            (3730.0, "1:02:10"),
            (86_399.0, "23:59:59"),
            (86_400.0, "1d 00h"),
            (2.0 * 86_400.0 + 3.9 * 3600.0, "2d 03h"),
            (-1.0, "-:--"),
            (f64::NAN, "-:--"),
            (f64::INFINITY, "-:--"),
        ] {
            assert_eq!(duration(seconds), want, "{seconds}");
        }
    }

    #[test]
    fn milliseconds_of_a_step() {
        for (ms, want) in [
            (0.0, "0.00 ms"),
            (0.214, "0.21 ms"),
            (9.996, "10.0 ms"),
            (12.34, "12.3 ms"),
            (999.4, "999 ms"),
            (999.6, "1.00 s"),
            (75_000.0, "75.0 s"),
            (-1.0, "-"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(milliseconds(ms), want, "{ms}");
        }
    }

    #[test]
    fn sizes() {
        for (value, want) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (64 << 20, "64.0 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(value), want, "{value}");
        }
    }

    #[test]
    fn parts_of_sizes() {
        for (part, whole, want) in [
            (0, 0, "0 of 0 B"),
            (5, 1000, "5 of 1000 B"),
            (1 << 30, 24 << 30, "1.0 of 24.0 GiB"),
            (300 << 20, 24 << 30, "0.3 of 24.0 GiB"),
            (2 << 40, 1 << 40, "2.0 of 1.0 TiB"),
        ] {
            assert_eq!(bytes_of(part, whole), want);
        }
    }

    #[test]
    fn shares() {
        for (share, want) in [
            (0.0, "0 %"),
            (0.000_1, "<0.1 %"),
            (0.003, "0.3 %"),
            (0.018, "1.8 %"),
            (0.0996, "10 %"),
            (0.61, "61 %"),
            (1.0, "100 %"),
            (-0.05, "-5.0 %"),
            (f64::NAN, "-"),
        ] {
            assert_eq!(percent(share), want, "{share}");
        }
    }

    #[test]
    fn rates() {
        for (value, want) in [
            (161.4, "161 steps/s"),
            (10.0, "10.0 steps/s"),
            (0.42, "0.42 steps/s"),
            (4321.0, "4321 steps/s"),
            (12_345.0, "12.3k steps/s"),
            (9_999.9, "10.0k steps/s"),
            (0.0, "0.00 steps/s"),
            (f64::NAN, "- steps/s"),
            (-1.0, "- steps/s"),
        ] {
            assert_eq!(rate(value, "steps"), want, "{value}");
        }
    }

    proptest! {
        #[test]
        fn a_number_fits_and_is_near(value in any::<f64>()) {
            let text = number(value);
            prop_assert!(text.len() <= 8, "{} is too long", text);
            let (digits, factor) = match text.chars().last().and_then(|c| THOUSANDS.iter().position(|&s| s == c)) {
                Some(group) => (&text[..text.len() - 1], 1000_f64.powi(group as i32 + 1)),
                None => (&text[..], 1.0),
            };
            let read = digits.parse::<f64>().map_or(f64::NAN, |read| read * factor);
            // One digit is what -1e-300 leaves room for.
            let near = if value.abs() > 1e-99 && value.abs() < 1e100 { 0.05 } else { 0.5 };
            prop_assert!(value.is_nan() || read == value || (read - value).abs() <= near * value.abs() || read.is_infinite(), "{} for {}", text, value);
        }

        #[test]
        fn everyday_numbers_have_three_digits_at_least(value in 0.01..1e15_f64, negative in any::<bool>()) {
            let value = if negative { -value } else { value };
            let text = number(value);
            prop_assert!(text.len() <= 8);
            prop_assert!(text.chars().filter(char::is_ascii_digit).count() >= 3);
        }
    }
}
