//! Alarms that come again: said once, then counted.

use serde::{Deserialize, Serialize};

use super::{Alarm, Kind};

/// How often there was an alarm of each kind about each place.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Repeats(Vec<Repeated>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Repeated {
    kind: Kind,
    place: Option<String>,
    count: u64,
    /// Step and message of the last one, unless the log has it.
    unwritten: Option<(u64, String)>,
}

impl Repeats {
    /// Counts `alarm`, and gives it back with its count if it is to be written: the first, second, fourth, eighth and so on.
    pub(super) fn admit(&mut self, alarm: Alarm) -> Option<Alarm> {
        // Each is about something else, and said once by itself.
        if alarm.kind == Kind::Skipped {
            return Some(alarm);
        }
        let place = alarm.place();
        let known = self.0.iter().position(|known| known.kind == alarm.kind && known.place.as_deref() == place);
        let at = known.unwrap_or_else(|| {
            let place = place.map(str::to_owned);
            self.0.push(Repeated { kind: alarm.kind, place, count: 0, unwritten: None });
            self.0.len() - 1
        });
        let known = &mut self.0[at];
        known.count += 1;
        if known.count.is_power_of_two() {
            known.unwritten = None;
            return Some(alarm.counted(known.count));
        }
        known.unwritten = Some((alarm.step, alarm.said.message));
        None
    }

    /// The last of each that has not been written.
    pub(super) fn rest(&mut self) -> Vec<Alarm> {
        let last = |known: &mut Repeated| {
            let (step, message) = known.unwritten.take()?;
            let layer = known.place.clone();
            Some(Alarm::new(step, known.kind, message).about(layer, None).counted(known.count))
        };
        self.0.iter_mut().filter_map(last).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_alarms_are_ten_lines_and_their_number() {
        let mut repeats = Repeats::default();
        let alarm = |step, layer: &str| {
            Alarm::new(step, Kind::Dying, format!("again at {step}")).about(Some(layer.to_owned()), None)
        };
        let written: Vec<_> = (1..=1000).filter_map(|step| repeats.admit(alarm(step, "dense1"))).collect();
        assert_eq!(
            written.iter().map(|alarm| alarm.count).collect::<Vec<_>>(),
            [1, 2, 4, 8, 16, 32, 64, 128, 256, 512]
        );
        assert_eq!(repeats.admit(alarm(1000, "dense2")).unwrap().count, 1, "about something else");
        let rest = repeats.rest();
        assert_eq!(rest.len(), 1);
        assert_eq!((rest[0].step, rest[0].count, rest[0].layer.as_deref()), (1000, 1000, Some("dense1")));
        assert!(repeats.rest().is_empty());
    }
}
