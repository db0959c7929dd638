//! How much of the files has been read.

/// Tells somebody, at each percent, what share of the bytes has been read.
pub struct Progress<'a> {
    expected: u64,
    read: u64,
    percent: u64,
    tell: &'a mut dyn FnMut(u64),
}

impl<'a> Progress<'a> {
    /// Calls `tell` with the percentage, 0 to 100, each time it has grown.
    pub fn new(tell: &'a mut dyn FnMut(u64)) -> Self {
        Self { expected: 0, read: 0, percent: 0, tell }
    }

    /// Notes that so many bytes more are to be read; before the first of them is.
    pub(super) fn expect(&mut self, bytes: u64) {
        self.expected = self.expected.saturating_add(bytes);
    }

    /// Notes that so many bytes more have been read.
    pub(super) fn advance(&mut self, bytes: u64) {
        self.read = self.read.saturating_add(bytes).min(self.expected);
        let percent = (u128::from(self.read) * 100).checked_div(self.expected.into()).unwrap_or(0) as u64;
        if percent > self.percent {
            self.percent = percent;
            (self.tell)(percent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_percent_is_told_once() {
        let mut told = Vec::new();
        let mut tell = |percent| told.push(percent);
        let mut progress = Progress::new(&mut tell);
        progress.advance(7);
        progress.expect(150);
        progress.expect(50);
        for _ in 0..300 {
            progress.advance(1);
        }
        assert_eq!(told, (1..=100).collect::<Vec<_>>(), "more bytes than expected are no more than all");
    }
}
