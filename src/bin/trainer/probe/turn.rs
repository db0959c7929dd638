//! Whose turn it is: a picture shows one of several probes.

/// Every so many pictures one of the others is shown, so that all can be scrubbed through.
const OTHERS: u64 = 4;

/// The probe that is asked for most of the time, the others in turn between.
#[derive(Debug)]
pub(crate) struct Turn {
    probes: usize,
    /// What viewers asked for last; the first until they do.
    asked: usize,
    /// The last of the others that was shown.
    other: usize,
    /// Pictures since somebody asked.
    taken: u64,
}

impl Turn {
    /// Of `probes`, which may be none.
    pub(crate) fn new(probes: usize) -> Self {
        Self { probes, asked: 0, other: 0, taken: 0 }
    }

    /// Shows `probe` with the next three pictures, and most others after that.
    pub(crate) fn ask(&mut self, probe: usize) {
        if probe < self.probes {
            (self.asked, self.taken) = (probe, 0);
        }
    }

    /// What the next picture shows; none if there are no probes.
    pub(crate) fn next(&self) -> Option<usize> {
        (self.probes > 0).then(|| if self.is_for_others() { self.next_other() } else { self.asked })
    }

    /// Notes that the picture was taken.
    pub(crate) fn taken(&mut self) {
        if self.is_for_others() {
            self.other = self.next_other();
        }
        self.taken += 1;
    }

    /// All probes, the one that was asked for first.
    pub(crate) fn all(&self) -> Vec<usize> {
        let others = (0..self.probes).filter(|probe| *probe != self.asked);
        self.next().map(|_| self.asked).into_iter().chain(others).collect()
    }

    fn is_for_others(&self) -> bool {
        self.probes > 1 && self.taken % OTHERS == OTHERS - 1
    }

    fn next_other(&self) -> usize {
        let next = (self.other + 1) % self.probes;
        if next == self.asked { (next + 1) % self.probes } else { next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(turn: &mut Turn, pictures: usize) -> Vec<usize> {
        let take = |_| {
            let shown = turn.next();
            turn.taken();
            shown
        };
        (0..pictures).filter_map(take).collect()
    }

    #[test]
    fn the_one_asked_for_three_times_of_four_and_all_others_in_turn() {
        let mut turn = Turn::new(4);
        assert_eq!(shown(&mut turn, 16), [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 1]);
        assert_eq!(turn.all(), [0, 1, 2, 3]);
        shown(&mut turn, 2);
        turn.ask(2);
        assert_eq!(shown(&mut turn, 12), [2, 2, 2, 3, 2, 2, 2, 0, 2, 2, 2, 1], "from the next picture on");
        assert_eq!(turn.all(), [2, 0, 1, 3]);
        turn.ask(4);
        assert_eq!(turn.next(), Some(2), "there is no such probe");
    }

    #[test]
    fn one_probe_is_always_shown_and_none_never() {
        assert_eq!(shown(&mut Turn::new(1), 9), [0; 9]);
        let mut none = Turn::new(0);
        assert!(shown(&mut none, 9).is_empty());
        none.ask(0);
        assert_eq!((none.next(), none.all()), (None, vec![]));
    }
}
