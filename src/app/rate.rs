//! How fast a run goes, from the times its records carry.

use std::collections::VecDeque;

/// Seconds of the log that the present speed is taken from.
const WINDOW: f64 = 3.0;
/// Bound on what is remembered; a fast run is sampled more coarsely.
const SAMPLES: usize = 256;

/// Speed over the last seconds of the log and over the whole of it.
#[derive(Debug, Clone, Default)]
pub struct Rate {
    first: Option<(f64, i64)>,
    recent: VecDeque<(f64, i64)>,
}

impl Rate {
    /// Takes note that `step` had been reached at `wall_time` (seconds).
    pub fn note(&mut self, wall_time: f64, step: i64) {
        if !wall_time.is_finite() {
            return;
        }
        self.first.get_or_insert((wall_time, step));
        if let Some(&(last, _)) = self.recent.back() {
            // After a pause speed is measured anew.
            if wall_time < last || wall_time - last > WINDOW {
                self.recent.clear();
            } else if wall_time - last < WINDOW / SAMPLES as f64 {
                self.recent.pop_back();
                if self.recent.is_empty() {
                    // The one that opened the window must stay, or a window of one never gets a width.
                    self.recent.push_back((last, step));
                    return;
                }
            }
        }
        self.recent.push_back((wall_time, step));
        while self.recent.len() > 2 && self.recent[1].0 < wall_time - WINDOW {
            self.recent.pop_front();
        }
    }

    /// Steps a second over the last seconds.
    pub fn steps_per_second(&self) -> Option<f64> {
        between(*self.recent.front()?, *self.recent.back()?)
    }

    /// Steps a second over the whole run.
    pub fn average(&self) -> Option<f64> {
        between(self.first?, *self.recent.back()?)
    }
}

fn between((t0, s0): (f64, i64), (t1, s1): (f64, i64)) -> Option<f64> {
    // Steps of a log that nobody checked may lie further apart than an i64 reaches.
    let rate = (i128::from(s1) - i128::from(s0)) as f64 / (t1 - t0);
    (rate.is_finite() && rate > 0.0).then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steady_speed_is_measured_whatever_the_spacing() {
        for spacing in [0.0002, 0.01, 0.5] {
            let mut rate = Rate::default();
            for i in 0..40_000 {
                rate.note(1.7e9 + f64::from(i) * spacing, i64::from(i));
            }
            let speed = rate.steps_per_second().unwrap();
            assert!((speed * spacing - 1.0).abs() < 0.02, "{speed} at {spacing}");
            assert!(rate.recent.len() <= SAMPLES + 2);
        }
    }

    #[test]
    fn a_change_of_speed_shows_within_the_window() {
        let mut rate = Rate::default();
        for i in 0..100 {
            rate.note(f64::from(i) * 0.1, i64::from(i));
        }
        for i in 0..5000 {
            rate.note(10.0 + f64::from(i) * 0.001, 100 + i64::from(i));
        }
        assert!(rate.steps_per_second().unwrap() > 900.0);
    }

    #[test]
    fn one_sample_has_no_speed() {
        let mut rate = Rate::default();
        assert_eq!(rate.steps_per_second(), None);
        rate.note(1.0, 1);
        assert_eq!(rate.steps_per_second(), None);
        rate.note(f64::NAN, 2);
        assert_eq!(rate.average(), None);
    }

    #[test]
    fn the_whole_range_of_steps_has_a_speed() {
        let mut rate = Rate::default();
        rate.note(0.0, i64::MIN);
        rate.note(2.0, i64::MAX);
        assert!((rate.average().unwrap() / 2_f64.powi(63) - 1.0).abs() < 1e-9);
    }
}
