//! Opening a long run, measured. `cargo test --release --no-default-features --test log_speed -- --ignored --nocapture`
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

use std::fs;
use std::time::Instant;

use torchscope::log::{Data, EventWriter, LogReader, Record, Value};

const STEPS: i64 = 1_000_000;

/// CPU time of this thread in seconds.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    stat.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-9
}

/// The most memory this process has had resident, in MiB.
fn peak_mib() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// The bound of the design: a run of 1M steps with 4 scalars opens in 1 CPU second and 60 MB.
#[test]
#[ignore = "a measurement: needs a release build and a quiet machine"]
fn a_run_of_a_million_steps_opens_within_a_second() {
    let dir = tempfile::tempdir().unwrap();
    let tags = ["loss/train", "lr", "grad_norm", "time/step_ms"];
    let mut record = Record { step: 0, wall_time: 1.7e9, values: tags.map(|tag| Value::scalar(tag, 0.5)).into() };
    let mut writer = EventWriter::create(dir.path()).unwrap();
    let start = cpu_seconds();
    for step in 1..=STEPS {
        record.step = step;
        record.values[0].data = Data::Scalar(1.0 / step as f64);
        writer.append(&record).unwrap();
    }
    writer.flush().unwrap();
    let spent = cpu_seconds() - start;
    println!("write: {:.0} ns a record, {} bytes", spent * 1e9 / STEPS as f64, writer.bytes_written());

    let mut reader = LogReader::open(dir.path()).unwrap();
    let (start, wall) = (cpu_seconds(), Instant::now());
    let (mut records, mut sum) = (0, 0.0);
    loop {
        let poll = reader.poll(256 << 10).unwrap();
        records += poll.records.len();
        for value in poll.records.iter().flat_map(|record| &record.values) {
            if let Data::Scalar(number) = value.data {
                sum += number;
            }
        }
        if poll.caught_up {
            break;
        }
    }
    let spent = cpu_seconds() - start;
    println!("read: {spent:.3} CPU s, {:.3} s, peak {:.0} MiB, sum {sum}", wall.elapsed().as_secs_f64(), peak_mib());
    let start = cpu_seconds();
    let idle = 20_000;
    assert!((0..idle).all(|_| reader.poll(1).unwrap().caught_up));
    println!("idle: {:.0} ns a poll", (cpu_seconds() - start) * 1e9 / f64::from(idle));
    assert_eq!(records, STEPS as usize);
    assert!(spent < 1.0, "{spent} CPU seconds");
    assert!(peak_mib() < 60.0, "{} MiB", peak_mib());
}
