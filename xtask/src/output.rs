use std::fmt::Display;
use std::io::Write;

/// Tells the user something, on standard error: one line.
pub(crate) fn say(message: impl Display) {
    // One write, so that a child's output never lands within the line. Nobody is left to be told if it does not work.
    let _ = std::io::stderr().write_all(format!("{message}\n").as_bytes());
}

/// A number of bytes as a person says it, in the decimal units that `df -H` and download pages use.
pub(crate) fn bytes(count: u64) -> String {
    let count = count as f64;
    if count >= 1e9 { format!("{:.1} GB", count / 1e9) } else { format!("{:.0} MB", count / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_well() {
        assert_eq!(bytes(0), "0 MB");
        assert_eq!(bytes(540_000_000), "540 MB");
        assert_eq!(bytes(1_100_000_000), "1.1 GB");
    }
}
