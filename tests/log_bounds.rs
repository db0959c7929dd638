//! Logs that hold far more of something than any run has: what the view keeps of them is bounded, and says so.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

use std::fs;
use std::path::Path;

use torchscope::app::{App, Message};
use torchscope::log::{EventWriter, LogReader, Notice, Record, Value};

/// Tags kept.
const MOST: usize = 16_384;

/// Peak of this process's memory, in MB.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1000
}

/// Shows all that a directory holds; returns the notices.
fn show(dir: &Path) -> (App, Vec<Notice>) {
    let mut app = App::new(dir.to_owned(), (120, 40));
    let mut reader = LogReader::open(dir).unwrap();
    let mut notices = Vec::new();
    loop {
        let poll = reader.poll(512 << 10).unwrap();
        app.update(Message::Records(poll.records));
        notices.extend(poll.notices);
        if poll.caught_up {
            return (app, notices);
        }
    }
}

#[test]
fn tags_without_end_are_counted_and_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(dir.path()).unwrap();
    let tags = 600_000;
    for step in 0..tags / 100 {
        let values = (0..100).map(|at| Value::scalar(format!("t{}", step * 100 + at).as_str(), 1.0)).collect();
        writer.append(&Record { step, wall_time: 0.0, values }).unwrap();
    }
    // Those that have room go on.
    writer.append(&Record { step: tags, wall_time: 0.0, values: vec![Value::scalar("t7", 2.0)] }).unwrap();
    drop(writer);
    let before = peak();
    let (app, notices) = show(dir.path());
    assert_eq!(app.model.series("t7").unwrap().last(), Some((tags, 2.0)));
    assert!(app.model.series(&format!("t{}", MOST - 1)).is_some());
    assert!(app.model.series(&format!("t{MOST}")).is_none());
    let last = notices.last().unwrap().to_string();
    assert_eq!(last, "the log has more than 16384 tags; 262144 and more are left out");
    assert!(notices.len() < 25, "{}", notices.len());
    let taken = peak() - before;
    assert!(taken < 120, "{taken} MB");
}

#[test]
fn a_record_of_values_without_end_is_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = EventWriter::create(dir.path()).unwrap();
    let record = |step, count: usize| {
        let values = (0..count).map(|at| Value::scalar(format!("t{}", at % 50).as_str(), 1.0)).collect();
        Record { step, wall_time: 0.0, values }
    };
    writer.append(&record(1, 60_000)).unwrap();
    writer.append(&record(2, 70_000)).unwrap();
    writer.append(&record(3, 1)).unwrap();
    drop(writer);
    let (app, notices) = show(dir.path());
    assert_eq!(app.model.series("t0").unwrap().last_step(), Some(3));
    assert_eq!(app.model.series("t1").unwrap().last_step(), Some(1));
    let [notice] = &notices[..] else { panic!("{notices:?}") };
    assert!(notice.to_string().contains("it holds more than 65536 values"), "{notice}");
}

/// Files in a directory that this process holds open.
fn open_in(dir: &Path) -> usize {
    let entries = fs::read_dir("/proc/self/fd").unwrap().flatten();
    entries.filter(|entry| fs::read_link(entry.path()).is_ok_and(|path| path.starts_with(dir))).count()
}

#[test]
fn hundreds_of_files_are_read_as_one() {
    let dir = tempfile::tempdir().unwrap();
    for file in 0..200 {
        let mut writer = EventWriter::create(dir.path()).unwrap();
        for step in file * 50..file * 50 + 50 {
            writer.append(&Record { step, wall_time: 0.0, values: vec![Value::scalar("loss", step as f64)] }).unwrap();
        }
    }
    let mut reader = LogReader::open(dir.path()).unwrap();
    let mut steps = Vec::new();
    loop {
        let poll = reader.poll(16 << 10).unwrap();
        steps.extend(poll.records.iter().map(|record| record.step));
        assert!(open_in(dir.path()) <= 2, "files that have been read are closed");
        if poll.caught_up {
            break;
        }
    }
    assert_eq!(steps, (0..10_000).collect::<Vec<_>>());
}
