//! The reader on files that are cut, damaged, hostile or still being written.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use torchscope::log::{Data, EventWriter, LogError, LogReader, Notice, Poll, Record, TensorValue, Value};

const NAME: &str = "events.out.tfevents.1700000000.h.1";

fn record(step: i64) -> Record {
    let tensor = TensorValue::new(vec![2], vec![1.0, 2.0]);
    let values = vec![
        Value::scalar("loss", 1.0 / step as f64),
        Value { tag: "points".into(), data: Data::Tensor(tensor) },
        Value { tag: "note".into(), data: Data::Text("so far".to_owned()) },
    ];
    Record { step, wall_time: 1.7e9, values }
}

/// A whole file and where each of its records ends, that of the version first.
fn file_of(steps: std::ops::RangeInclusive<i64>) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = Vec::new();
    let mut ends = Vec::new();
    {
        let mut writer = EventWriter::with_sink(&mut bytes, PathBuf::new(), 1.7e9);
        ends.push(writer.bytes_written() as usize);
        for step in steps {
            writer.append(&record(step)).unwrap();
            ends.push(writer.bytes_written() as usize);
        }
    }
    (bytes, ends)
}

fn steps(poll: &Poll) -> Vec<i64> {
    poll.records.iter().map(|record| record.step).collect()
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Looks at the directory at every poll, so that no test waits.
fn open(dir: &Path) -> LogReader {
    LogReader::open(dir).unwrap().rescan_every(Duration::ZERO)
}

/// A record whose header is sound and claims `length` bytes of data.
fn claiming(length: u64, data: &[u8]) -> Vec<u8> {
    let mask = |bytes: &[u8]| crc32c::crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8).to_le_bytes();
    [&length.to_le_bytes()[..], &mask(&length.to_le_bytes()), data, &mask(data)].concat()
}

/// A reader that must end: each poll of a file of `size` bytes passes at least one record, none shorter than 16 bytes.
fn read_to_end(dir: &Path, size: usize, max_bytes: usize) -> Poll {
    let mut reader = open(dir);
    let mut all = Poll::default();
    for _ in 0..size / 16 + 2 {
        let poll = reader.poll(max_bytes).unwrap();
        all.records.extend(poll.records);
        all.notices.extend(poll.notices);
        if poll.caught_up {
            all.caught_up = true;
            return all;
        }
    }
    panic!("the reader makes no headway");
}

#[test]
fn a_tail_cut_at_any_byte_is_read_when_the_rest_comes() {
    let (bytes, ends) = file_of(1..=4);
    for cut in 0..=bytes.len() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        fs::write(&path, &bytes[..cut]).unwrap();
        let mut reader = open(dir.path());
        let before = reader.poll(usize::MAX).unwrap();
        let whole = ends[1..].iter().filter(|end| **end <= cut).count() as i64;
        assert_eq!((steps(&before), before.notices.len()), ((1..=whole).collect(), 0), "cut at {cut}");
        assert!(before.caught_up);
        let nothing = reader.poll(usize::MAX).unwrap();
        assert_eq!((nothing.records.len(), nothing.notices.len(), nothing.caught_up), (0, 0, true));
        append(&path, &bytes[cut..]);
        let after = reader.poll(usize::MAX).unwrap();
        assert_eq!((steps(&after), after.notices.len()), ((whole + 1..=4).collect(), 0), "cut at {cut}");
    }
}

#[test]
fn a_file_may_grow_byte_by_byte() {
    let (bytes, ends) = file_of(1..=3);
    let dir = tempfile::tempdir().unwrap();
    let mut reader = open(dir.path());
    assert!(reader.poll(1).unwrap().caught_up, "no file yet");
    for (at, byte) in bytes.iter().enumerate() {
        append(&dir.path().join(NAME), &[*byte]);
        let poll = reader.poll(1).unwrap();
        let due: Vec<i64> =
            (0..).zip(&ends).filter(|(step, end)| *step > 0 && **end == at + 1).map(|(s, _)| s).collect();
        assert_eq!((steps(&poll), poll.notices.len(), poll.caught_up), (due, 0, true), "after {} bytes", at + 1);
    }
    assert_eq!(reader.position(), (bytes.len() as u64, bytes.len() as u64));
}

#[test]
fn any_flipped_bit_costs_one_record_or_the_rest_of_the_file() {
    let (bytes, ends) = file_of(1..=3);
    for bit in 0..bytes.len() * 8 {
        let at = bit / 8;
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << (bit % 8);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(NAME);
        fs::write(&file, &damaged).unwrap();
        let mut reader = open(dir.path());
        let poll = reader.poll(usize::MAX).unwrap();
        let index = ends.iter().filter(|end| **end <= at).count();
        let start = if index == 0 { 0 } else { ends[index - 1] };
        let offset = start as u64;
        let (left, notice) = if at - start < 12 {
            ((1..=3).filter(|step| *step < index as i64).collect(), Notice::BadLength { file, offset })
        } else {
            ((1..=3).filter(|step| *step != index as i64).collect::<Vec<i64>>(), Notice::BadData { file, offset })
        };
        assert_eq!((steps(&poll), &poll.notices, poll.caught_up), (left, &vec![notice], true), "bit {bit}");
        let again = reader.poll(usize::MAX).unwrap();
        assert_eq!((again.records.len(), again.notices.len()), (0, 0));
    }
}

/// Flips behind the checksums' back: the message itself is damaged.
#[test]
fn a_damaged_message_under_a_sound_checksum_never_panics() {
    let (bytes, ends) = file_of(1..=1);
    let data = &bytes[ends[0] + 12..ends[1] - 4];
    let mut refused = 0;
    for bit in 0..data.len() * 8 {
        let mut damaged = data.to_vec();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let dir = tempfile::tempdir().unwrap();
        let file = [claiming(damaged.len() as u64, &damaged), bytes[ends[0]..].to_vec()].concat();
        fs::write(dir.path().join(NAME), &file).unwrap();
        let poll = open(dir.path()).poll(usize::MAX).unwrap();
        assert_eq!(steps(&poll).last(), Some(&1), "the record behind it is read");
        refused += poll.notices.len();
        assert!(poll.notices.iter().all(|notice| matches!(notice, Notice::BadMessage { offset: 0, .. })));
    }
    assert!(refused > 0);
}

#[test]
fn huge_lengths_wait_or_end_the_file_and_take_no_memory() {
    for length in [1 << 20, 1 << 32, 1 << 40, u64::MAX >> 1, u64::MAX - 16] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), claiming(length, b"short")).unwrap();
        let poll = open(dir.path()).poll(usize::MAX).unwrap();
        assert_eq!((poll.records.len(), poll.notices.len(), poll.caught_up), (0, 0, true), "{length}");
    }
    for length in [u64::MAX, u64::MAX - 15] {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), claiming(length, b"short")).unwrap();
        let poll = open(dir.path()).poll(usize::MAX).unwrap();
        assert!(matches!(poll.notices[..], [Notice::BadLength { offset: 0, .. }]), "{length}");
    }
}

#[test]
fn a_record_too_large_for_memory_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    let length = (256 << 20) + 1;
    fs::write(&path, &claiming(length, b"")[..12]).unwrap();
    // A hole in the file: it takes no room on the disk.
    OpenOptions::new().write(true).open(&path).unwrap().set_len(length + 16).unwrap();
    append(&path, &file_of(1..=1).0);
    let poll = open(dir.path()).poll(usize::MAX).unwrap();
    assert_eq!(poll.notices, [Notice::Oversized { file: path, offset: 0, length }]);
    assert_eq!(steps(&poll), [1]);
}

#[test]
fn a_second_file_is_followed_when_it_appears() {
    let dir = tempfile::tempdir().unwrap();
    let (first, _) = file_of(1..=3);
    let (second, ends) = file_of(3..=5);
    let (one, two) = (dir.path().join(NAME), dir.path().join("events.out.tfevents.1700000009.h.2"));
    fs::write(&one, &first).unwrap();
    let mut reader = open(dir.path());
    assert_eq!(steps(&reader.poll(usize::MAX).unwrap()), [1, 2, 3]);
    append(&two, &second[..ends[1]]);
    assert_eq!(steps(&reader.poll(usize::MAX).unwrap()), [3]);
    append(&two, &second[ends[1]..]);
    assert_eq!(steps(&reader.poll(usize::MAX).unwrap()), [4, 5]);
    // Two writers may be at work in one directory: the first file is still followed.
    append(&one, &file_of(9..=9).0);
    assert_eq!(steps(&reader.poll(usize::MAX).unwrap()), [9]);
}

#[test]
fn a_damaged_file_does_not_hide_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = file_of(1..=2).0;
    first[0] ^= 1;
    fs::write(dir.path().join(NAME), &first).unwrap();
    fs::write(dir.path().join("events.out.tfevents.1700000009.h.2"), file_of(3..=4).0).unwrap();
    let poll = open(dir.path()).poll(usize::MAX).unwrap();
    assert_eq!((steps(&poll), poll.notices.len(), poll.caught_up), (vec![3, 4], 1, true));
}

#[test]
fn a_file_copied_over_itself_is_read_on_and_half_copies_are_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let (bytes, ends) = file_of(1..=4);
    let path = dir.path().join(NAME);
    let partial = dir.path().join(format!(".{NAME}.Xy12z"));
    fs::write(&path, &bytes[..ends[2]]).unwrap();
    let mut reader = open(dir.path());
    assert_eq!(steps(&reader.poll(usize::MAX).unwrap()), [1, 2]);
    // What rsync does.
    fs::write(&partial, &bytes).unwrap();
    assert_eq!(steps(&reader.poll(usize::MAX).unwrap()), [0; 0]);
    fs::rename(&partial, &path).unwrap();
    assert_eq!(steps(&reader.poll(usize::MAX).unwrap()), [3, 4]);
}

#[test]
fn a_file_that_shrinks_is_given_up_with_a_notice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    let (bytes, ends) = file_of(1..=3);
    fs::write(&path, &bytes).unwrap();
    let mut reader = open(dir.path());
    reader.poll(usize::MAX).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(ends[1] as u64).unwrap();
    let poll = reader.poll(usize::MAX).unwrap();
    assert_eq!(poll.notices, [Notice::Shrunk { file: path.clone(), offset: bytes.len() as u64 }]);
    append(&path, &bytes[ends[1]..]);
    append(&path, &bytes);
    let poll = reader.poll(usize::MAX).unwrap();
    assert_eq!((poll.records.len(), poll.notices.len(), poll.caught_up), (0, 0, true));
}

#[test]
fn what_is_no_directory_is_refused_with_advice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    fs::write(&path, "").unwrap();
    let error = LogReader::open(&path).unwrap_err();
    assert!(matches!(error, LogError::NotADirectory { .. }));
    assert!(error.to_string().contains("pass the run directory"), "{error}");
    let error = LogReader::open(&dir.path().join("missing")).unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
}

/// One listing a second at most: a new file may go unseen that long, growth of the last one may not.
#[test]
fn growth_is_seen_without_listing_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    let (bytes, ends) = file_of(1..=2);
    fs::write(&path, &bytes[..ends[1]]).unwrap();
    let mut reader = LogReader::open(dir.path()).unwrap().rescan_every(Duration::from_secs(3600));
    assert_eq!(steps(&reader.poll(usize::MAX).unwrap()), [1]);
    append(&path, &bytes[ends[1]..]);
    fs::write(dir.path().join("events.out.tfevents.1700000009.h.2"), &bytes).unwrap();
    assert_eq!(steps(&reader.poll(usize::MAX).unwrap()), [2]);
}

#[test]
fn a_poll_reads_no_more_than_it_is_asked_to() {
    let dir = tempfile::tempdir().unwrap();
    let (bytes, ends) = file_of(1..=9);
    fs::write(dir.path().join(NAME), &bytes).unwrap();
    let one = ends[2] - ends[1];
    let mut reader = open(dir.path());
    let mut polls = Vec::new();
    loop {
        let poll = reader.poll(2 * one).unwrap();
        polls.push(poll.records.len());
        if poll.caught_up {
            break;
        }
    }
    assert_eq!(polls.iter().sum::<usize>(), 9);
    assert!(polls.iter().all(|records| (1..=2).contains(records)), "{polls:?}");
}

proptest! {
    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), max_bytes in 1_usize..500) {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), &bytes).unwrap();
        read_to_end(dir.path(), bytes.len(), max_bytes);
    }

    #[test]
    fn random_messages_never_panic(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 1..20),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = messages.iter().flat_map(|data| claiming(data.len() as u64, data)).collect();
        fs::write(dir.path().join(NAME), &bytes).unwrap();
        let poll = read_to_end(dir.path(), bytes.len(), 100);
        prop_assert!(poll.records.len() + poll.notices.len() <= messages.len());
    }

    #[test]
    fn several_damages_never_panic_and_never_invent_a_record(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let (mut bytes, _) = file_of(1..=6);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(cut.index(bytes.len() + 1));
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(NAME), &bytes).unwrap();
        for found in read_to_end(dir.path(), bytes.len(), 64).records {
            prop_assert_eq!(&found, &Record { values: with_f32(&record(found.step)), ..record(found.step) });
        }
    }
}

/// Scalars are written with 32 bits.
fn with_f32(record: &Record) -> Vec<Value> {
    let mut values = record.values.clone();
    for value in &mut values {
        if let Data::Scalar(number) = &mut value.data {
            *number = f64::from(*number as f32);
        }
    }
    values
}
