//! What somebody should look at: said by the trainer, or by its silence.

use std::collections::VecDeque;

use super::model::Model;
use crate::log::schema::{self, AlarmKind};
use crate::plot::format;
use crate::run::{State, Trouble};

/// Alarms that are kept.
const KEPT: usize = 200;
/// A trainer that has taken no step for so many times its usual interval is stalled, ...
const USUAL_TIMES: f64 = 10.0;
/// ... but not before so many seconds.
const PATIENCE: f64 = 10.0;
/// How much the last interval says about the usual one.
const WEIGHT: f64 = 0.1;

/// One of them, and how often it has come again since.
#[derive(Debug, Clone, PartialEq)]
pub struct Alarm {
    /// The step at which it happened first.
    pub step: i64,
    /// The step at which it happened last.
    pub last: i64,
    /// How often it has happened.
    pub count: u64,
    /// When first, in seconds since 1970.
    pub time: f64,
    /// What kind of thing.
    pub kind: AlarmKind,
    /// In words, of the last time.
    pub message: String,
    /// The tensor or layer that it is about; empty where it is about none.
    pub place: String,
}

impl Alarm {
    fn new(step: i64, time: f64, kind: AlarmKind, message: String) -> Self {
        Self { step, last: step, count: 1, time, kind, message, place: String::new() }
    }

    /// Whether `other` is the same thing once more.
    fn is_again(&self, other: &Self) -> bool {
        let is_same = (self.kind, &self.place) == (other.kind, &other.place);
        match self.kind {
            // What is missing, and what is unknown, stands in the words.
            AlarmKind::Skipped | AlarmKind::Other => is_same && self.message == other.message,
            _ => is_same,
        }
    }

    /// How often and until when it has come again: `12 times, last at step 4,000`; none where it has not.
    pub fn repeated(&self) -> Option<String> {
        let last = format::count(self.last.max(0) as u64);
        (self.count > 1).then(|| format!("{} times, last at step {last}", format::count(self.count)))
    }
}

/// All that happened, and what of it has not been read yet.
#[derive(Debug, Clone, Default)]
pub struct Alarms {
    events: VecDeque<Alarm>,
    /// Whether the newest is still to be read.
    unread: bool,
    /// Alarms that a bell has not been rung for.
    unrung: usize,
    silence: Silence,
}

impl Alarms {
    /// The newest first.
    pub fn newest(&self) -> impl ExactSizeIterator<Item = &Alarm> {
        self.events.iter().rev()
    }

    /// What the banner says, until somebody has read it.
    pub fn banner(&self) -> Option<&Alarm> {
        self.events.back().filter(|_| self.unread)
    }

    /// The banner has been read.
    pub(super) fn dismiss(&mut self) {
        self.unread = false;
    }

    /// How many alarms there were since this was asked last.
    pub fn take_unrung(&mut self) -> usize {
        std::mem::take(&mut self.unrung)
    }

    /// Takes over an alarm of the log.
    pub(super) fn take(&mut self, step: i64, time: f64, alarm: &schema::Alarm) {
        let message = crate::run::plain(&alarm.sentence());
        let place = crate::run::plain(alarm.place().unwrap_or_default());
        let alarm = Alarm { place, count: alarm.count.max(1), ..Alarm::new(step, time, alarm.kind, message) };
        // What the log was told once there was room is known from `run.json`.
        if !(alarm.kind == AlarmKind::Disk && self.knows(step, &alarm.message)) {
            self.push(alarm);
        }
    }

    fn knows(&self, step: i64, message: &str) -> bool {
        self.events.iter().any(|known| known.last == step && known.message == message)
    }

    /// Takes over what `run.json` says of a disk that takes nothing; none once it does.
    pub(super) fn of_disk(&mut self, trouble: Option<&Trouble>, time: f64) {
        let Some(Trouble { step, message }) = trouble else {
            // It has answered itself.
            self.unread &= self.banner().is_some_and(|alarm| alarm.kind != AlarmKind::Disk);
            return;
        };
        let (step, message) = (*step as i64, crate::run::plain(message));
        if !self.knows(step, &message) {
            self.push(Alarm::new(step, time, AlarmKind::Disk, message));
        }
    }

    /// Drops what happened from that step on: a run that was resumed gets there again.
    pub(super) fn void_from(&mut self, step: i64) {
        // The banner shows the newest, which may not have come again.
        self.unread &= self.events.back().is_none_or(|newest| newest.last < step);
        self.events.retain(|alarm| alarm.step < step);
        for alarm in &mut self.events {
            alarm.last = alarm.last.min(step - 1);
        }
    }

    /// Adds an alarm, or counts it if there was one like it: a bell rings for the first, and only what is grave is shown again
    /// after it has been read.
    fn push(&mut self, alarm: Alarm) {
        if let Some(at) = self.events.iter().position(|known| known.is_again(&alarm)) {
            let known = &mut self.events[at];
            known.count = if alarm.count > 1 { alarm.count } else { known.count.saturating_add(1) };
            (known.last, known.message) = (alarm.step, alarm.message);
            if known.kind.is_grave() {
                // The banner shows the newest.
                let again = self.events.remove(at);
                self.events.extend(again);
                self.unread = true;
            }
            return;
        }
        self.events.push_back(alarm);
        if self.events.len() > KEPT {
            self.events.pop_front();
        }
        self.unread = true;
        self.unrung += 1;
    }

    /// Takes note that the log has grown by training steps, in a record of that time. Nothing else is a sign of life: the
    /// machine's load is read whether or not a step is ever taken again.
    pub(super) fn heard(&mut self, time: f64) {
        self.silence.heard(time);
    }

    /// Whether the trainer takes no more steps.
    pub fn is_silent(&self) -> bool {
        self.silence.alarmed
    }

    /// Judges how long no step has been taken, at a time in seconds since 1970 by the viewer's clock; whether anything
    /// changed.
    pub(super) fn judge(&mut self, now: f64, running: bool, step: i64) -> bool {
        let silent = self.silence.at(now, running);
        let open = self.silence.alarmed;
        match silent {
            Some(seconds) => {
                let message = format!("no step has been taken for {}", span(seconds));
                if !open {
                    self.silence.alarmed = true;
                    self.push(Alarm::new(step, now, AlarmKind::Stalled, message));
                    return true;
                }
                let last = self.events.iter_mut().rev().find(|alarm| alarm.kind == AlarmKind::Stalled);
                let Some(last) = last.filter(|last| last.message != message) else { return false };
                last.message = message;
                true
            }
            None if open => {
                self.silence.alarmed = false;
                // It has answered itself.
                if self.banner().is_some_and(|alarm| alarm.kind == AlarmKind::Stalled) {
                    self.unread = false;
                }
                true
            }
            None => false,
        }
    }
}

/// A time that is read at a glance and changes seldom.
fn span(seconds: f64) -> String {
    if seconds < 60.0 { format!("{seconds:.0} s") } else { format::duration((seconds / 10.0).floor() * 10.0) }
}

/// How long the trainer has taken no step. The times in the log are the trainer's; silence is measured by the viewer's clock,
/// since the two may differ.
#[derive(Debug, Clone, Default)]
struct Silence {
    /// Seconds from one record to the next, as a rule.
    usual: Option<f64>,
    /// The time that the last record carries.
    last: Option<f64>,
    /// Whether anything came since the clock was last looked at.
    news: bool,
    /// When the clock was looked at after the last news.
    since: Option<f64>,
    alarmed: bool,
}

impl Silence {
    fn heard(&mut self, time: f64) {
        self.news = true;
        if !time.is_finite() {
            return;
        }
        if let Some(gap) = self.last.map(|last| time - last).filter(|gap| *gap > 0.0) {
            self.usual = Some(self.usual.map_or(gap, |usual| usual + WEIGHT * (gap - usual)));
        }
        self.last = Some(time);
    }

    /// Seconds of silence, once they are too many.
    fn at(&mut self, now: f64, running: bool) -> Option<f64> {
        if !running {
            // How long it pauses says nothing about its steps.
            self.last = None;
        }
        if std::mem::take(&mut self.news) || !running || self.since.is_none() {
            self.since = Some(now);
        }
        let silent = now - self.since?;
        let enough = PATIENCE.max(USUAL_TIMES * self.usual?);
        (silent >= enough).then_some(silent)
    }
}

impl Model {
    /// Judges the trainer's silence; whether anything changed.
    pub(super) fn tick(&mut self, now: f64) -> bool {
        let running = self.state() == State::Running;
        let step = self.step() as i64;
        self.alarms.judge(now, running, step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::schema::{Document, Kind, Metadata};
    use crate::log::{Data, Record, Value, tags};
    use crate::run::RunMeta;

    impl Alarms {
        /// Takes over an alarm as its text stands in a log.
        fn read(&mut self, step: i64, time: f64, text: &str) {
            let about = Metadata::new(Kind::Alarm);
            let alarm = schema::Alarm::decode(&Document { about, text: text.to_owned() });
            self.take(step, time, &alarm.unwrap());
        }
    }

    #[test]
    fn a_full_disk_is_one_alarm_whoever_tells_of_it() {
        let trouble = Trouble { step: 7, message: "cannot write the log".to_owned() };
        let text = r#"{"kind":"disk","message":"cannot write the log"}"#;
        let mut alarms = Alarms::default();
        alarms.of_disk(Some(&trouble), 5.0);
        assert!(alarms.banner().is_some_and(|alarm| alarm.kind == AlarmKind::Disk && alarm.kind.is_grave()));
        alarms.read(7, 6.0, text);
        assert_eq!(alarms.newest().len(), 1);
        alarms.of_disk(None, 8.0);
        assert!(alarms.banner().is_none() && alarms.newest().len() == 1, "read when it had passed");
        alarms.read(9, 9.0, text);
        alarms.of_disk(Some(&Trouble { step: 9, ..trouble }), 9.0);
        let again = alarms.banner().unwrap();
        assert_eq!((again.step, again.last, again.count), (7, 9, 2), "once more");
        assert_eq!(alarms.newest().len(), 1);
    }

    #[test]
    fn what_a_resumed_run_computes_again_has_not_happened() {
        let mut alarms = Alarms::default();
        for step in [3, 9, 20] {
            alarms.read(step, 0.0, r#"{"kind":"spike","message":"up"}"#);
        }
        alarms.void_from(9);
        assert_eq!(alarms.newest().map(|alarm| alarm.step).collect::<Vec<_>>(), [3]);
        assert!(alarms.banner().is_none());
    }

    #[test]
    fn alarms_live_until_they_are_read_and_stay_in_the_list() {
        let mut alarms = Alarms::default();
        assert!(alarms.banner().is_none());
        alarms.read(412, 1.7e9, r#"{"kind":"nan","message":"first NaN","layer":"conv2","tensor":"conv2.weight"}"#);
        let banner = alarms.banner().unwrap();
        assert_eq!((banner.kind, &*banner.message), (AlarmKind::Nan, "conv2.weight: first NaN"));
        alarms.dismiss();
        assert!(alarms.banner().is_none());
        alarms.read(
            500,
            1.7e9,
            r#"{"kind":"plateau","message":"in conv2 nothing falls","layer":"conv2","tensor":null}"#,
        );
        assert_eq!(alarms.banner().map(|alarm| &*alarm.message), Some("in conv2 nothing falls"));
        assert_eq!((alarms.take_unrung(), alarms.take_unrung()), (2, 0));
        let steps: Vec<i64> = alarms.newest().map(|alarm| alarm.step).collect();
        assert_eq!(steps, [500, 412]);
        for text in ["plain words\u{1b}[31m", "{\"kind\":\"flood\",\"message\":\"plain words\"}"] {
            alarms.read(1, 0.0, text);
            let alarm = alarms.banner().unwrap();
            assert_eq!((alarm.kind, &*alarm.message), (AlarmKind::Other, "plain words"));
        }
        for layer in 0..2 * KEPT {
            alarms.read(1, 0.0, &format!(r#"{{"kind":"dying","message":"no more","layer":"dense{layer}"}}"#));
        }
        assert_eq!(alarms.newest().len(), KEPT);
    }

    #[test]
    fn what_comes_again_is_counted_and_rings_once() {
        let mut alarms = Alarms::default();
        for step in 1..=1000 {
            alarms.read(step, 0.0, r#"{"kind":"plateau","message":"no progress"}"#);
            if step == 1 {
                assert_eq!(alarms.take_unrung(), 1);
                alarms.dismiss();
            }
        }
        assert_eq!((alarms.take_unrung(), alarms.newest().len()), (0, 1));
        assert!(alarms.banner().is_none(), "it has been read");
        let plateau = alarms.newest().next().unwrap();
        assert_eq!((plateau.step, plateau.repeated().as_deref()), (1, Some("1,000 times, last at step 1,000")));
        // The trainer counts what it does not write; another layer is another matter.
        let dying = |layer: &str, count: u64| {
            format!(r#"{{"kind":"dying","message":"no more","layer":"{layer}","count":{count}}}"#)
        };
        alarms.read(1001, 0.0, &dying("dense1", 1));
        alarms.read(1002, 0.0, &dying("dense2", 1));
        alarms.read(1600, 0.0, &dying("dense1", 512));
        let counts: Vec<_> = alarms.newest().map(|alarm| (alarm.place.as_str(), alarm.count, alarm.last)).collect();
        assert_eq!(counts, [("dense2", 1, 1002), ("dense1", 512, 1600), ("", 1000, 1000)]);
        assert_eq!(alarms.take_unrung(), 2);
        // What is missing are different things.
        for what in ["an evaluation", "a picture"] {
            alarms.read(1601, 0.0, &format!(r#"{{"kind":"skipped","message":"{what} is missing"}}"#));
        }
        assert_eq!(alarms.newest().len(), 5);
        // What is grave is shown again.
        alarms.read(1602, 0.0, r#"{"kind":"nan","message":"at 1602"}"#);
        alarms.dismiss();
        alarms.read(1650, 0.0, r#"{"kind":"spike","message":"up"}"#);
        alarms.read(1700, 0.0, r#"{"kind":"nan","message":"at 1700"}"#);
        assert_eq!(alarms.banner().map(|alarm| (alarm.message.as_str(), alarm.count)), Some(("at 1700", 2)));
        assert_eq!(alarms.take_unrung(), 4);
        alarms.void_from(1602);
        assert!(alarms.newest().all(|alarm| alarm.last < 1602 && alarm.kind != AlarmKind::Nan));
    }

    #[test]
    fn a_trainer_that_hangs_in_a_step_is_stalled_whatever_the_machine_says() {
        let record = |step, wall_time, tag: &str| Record { step, wall_time, values: vec![Value::scalar(tag, 0.5)] };
        let mut model = Model::new("run".into(), 0.0);
        model.set_meta(RunMeta { state: State::Running, ..RunMeta::default() });
        let readings = [tags::STEP_MS, tags::PROBE_SHARE, tags::LOSS_EVAL, "system/cpu_percent"];
        for second in 0..20 {
            let time = f64::from(second);
            let steps = (0..10)
                .map(|tenth| record(i64::from(10 * second + tenth), time + f64::from(tenth) / 10.0, tags::LOSS_TRAIN));
            model.apply(steps.collect());
            assert!(!model.tick(time), "it trains");
        }
        // The step that follows never ends; machine and recorder go on.
        for second in 20..60 {
            let time = f64::from(second);
            let mut records: Vec<_> = readings.iter().map(|tag| record(200, time, tag)).collect();
            let slow = schema::Alarm {
                kind: AlarmKind::Slow,
                message: "something else is using the machine".to_owned(),
                layer: None,
                tensor: None,
                count: 1,
            };
            let data = Data::Document(slow.encode());
            records.push(Record { step: 200, wall_time: time, values: vec![Value { tag: tags::ALARM.into(), data }] });
            model.apply(records);
            model.tick(time);
            assert_eq!(model.alarms.is_silent(), second >= 29, "at {second} s");
        }
        assert_eq!(model.alarms.banner().map(|alarm| alarm.kind), Some(AlarmKind::Stalled));
        model.apply(vec![record(201, 60.0, tags::LOSS_TRAIN)]);
        model.tick(60.0);
        assert!(!model.alarms.is_silent(), "the step has ended");
    }

    #[test]
    fn a_long_pause_says_nothing_about_steps() {
        let mut alarms = steady(0.1);
        assert!(!alarms.judge(500.0, false, 7));
        alarms.heard(86_900.0);
        assert!(!alarms.judge(500.1, true, 7));
        assert!(alarms.judge(510.2, true, 7), "ten seconds are long for steps of a tenth");
    }

    /// Records every second until the viewer's clock, which is a day behind, says 100.
    fn steady(gap: f64) -> Alarms {
        let mut alarms = Alarms::default();
        for record in 0..=100 {
            alarms.heard(86_400.0 + f64::from(record) * gap);
            assert!(!alarms.judge(f64::from(record), true, 7));
        }
        alarms
    }

    #[test]
    fn silence_is_an_alarm_and_ends_with_it() {
        let mut alarms = steady(0.1);
        assert!(!alarms.judge(109.9, true, 7));
        assert!(alarms.judge(110.0, true, 7));
        assert_eq!(alarms.banner().unwrap().message, "no step has been taken for 10 s");
        assert!(!alarms.judge(110.2, true, 7), "nothing that could be seen");
        assert!(alarms.judge(123.0, true, 7));
        assert_eq!(alarms.banner().unwrap().message, "no step has been taken for 23 s");
        let events = alarms.newest().len();
        assert_eq!((events, alarms.take_unrung()), (1, 1), "it is one alarm");
        alarms.heard(86_500.0);
        assert!(alarms.judge(124.0, true, 7) && alarms.banner().is_none());
        assert_eq!(alarms.newest().len(), 1);
    }

    #[test]
    fn patience_goes_by_what_is_usual_and_only_a_running_trainer_is_waited_for() {
        let mut slow = steady(3.0);
        assert!(!slow.judge(129.0, true, 7));
        assert!(slow.judge(130.1, true, 7));
        let mut paused = steady(0.1);
        assert!(!paused.judge(500.0, false, 7));
        assert!(!paused.judge(509.0, true, 7), "measured anew from there");
        assert!(paused.judge(510.0, true, 7));
        let mut fresh = Alarms::default();
        fresh.heard(0.0);
        assert!(!fresh.judge(0.0, true, 0) && !fresh.judge(999.0, true, 0), "nothing is usual yet");
    }
}
