//! Memory that reading data takes, in a process that does nothing else: one test, so that no other is measured.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use torchscope::data::{self, Progress};
use torchscope::recipe::{DataSpec, NpySpec, Preparation, Target};

const MIB: u64 = 1 << 20;

/// A line of `/proc/self/status`, in bytes.
fn memory(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// An IDX file of zeros, packed.
fn bomb(path: &Path, sizes: &[u32], bytes: u64) {
    let mut file = GzEncoder::new(BufWriter::new(File::create(path).unwrap()), Compression::best());
    file.write_all(&[0, 0, 8, sizes.len() as u8]).unwrap();
    for size in sizes {
        file.write_all(&size.to_be_bytes()).unwrap();
    }
    let zeros = vec![0; 1 << 20];
    for at in (0..bytes).step_by(zeros.len()) {
        file.write_all(&zeros[..zeros.len().min((bytes - at) as usize)]).unwrap();
    }
    file.finish().unwrap().flush().unwrap();
}

fn idx(folder: &Path, train: Option<usize>) -> DataSpec {
    let [images, labels] = ["images", "labels"].map(|name| folder.join(name));
    DataSpec::Idx {
        train_images: images.clone(),
        train_labels: labels.clone(),
        test_images: images,
        test_labels: labels,
        height: 8,
        width: 8,
        channels: 1,
        classes: 10,
        class_names: Vec::new(),
        train,
        test: train,
        target: Target::Label,
    }
}

#[test]
fn reading_takes_what_the_data_take_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let before = memory("VmHWM");

    // A few hundred kilobytes that unpack to half a gigabyte are refused where a few of them are not asked for.
    bomb(&folder.path().join("images"), &[9_000_000, 8, 8], 9_000_000 * 64);
    bomb(&folder.path().join("labels"), &[9_000_000], 9_000_000);
    let length = fs::metadata(folder.path().join("images")).unwrap().len();
    assert!(length < MIB, "{length}");
    let error = data::load(&idx(folder.path(), None)).unwrap_err().to_string();
    assert!(
        error.contains("holds 9000000 samples, more than is read at once; set `data.train` to at most 8388608"),
        "{error}"
    );
    let few = data::load(&idx(folder.path(), Some(100))).unwrap();
    assert_eq!(few.training.inputs.shape(), [100, 1, 8, 8]);
    let taken = memory("VmHWM") - before;
    assert!(taken < 40 * MIB, "{} MiB", taken / MIB);

    // 48 MiB of numbers take no more than twice as much, and what was read of them is told.
    let path = folder.path().join("x.npy");
    let (rows, columns) = (48 * MIB as usize / 4 / 64, 64);
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {columns}), }}");
    header.push_str(&" ".repeat(117 - header.len()));
    header.push('\n');
    let mut file = BufWriter::new(File::create(&path).unwrap());
    file.write_all(b"\x93NUMPY\x01\x00\x76\x00").unwrap();
    file.write_all(header.as_bytes()).unwrap();
    for number in 0..rows * columns {
        file.write_all(&(number as f32).to_le_bytes()).unwrap();
    }
    file.into_inner().unwrap();
    let labels = folder.path().join("y.npy");
    let mut header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows},), }}");
    header.push_str(&" ".repeat(117 - header.len()));
    header.push('\n');
    let bytes = [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes(), &[0, 1].repeat(rows / 2)].concat();
    fs::write(&labels, bytes).unwrap();
    let spec = DataSpec::Npy(NpySpec {
        inputs: path,
        labels: Some(labels),
        test_inputs: None,
        test_labels: None,
        layout: None,
        preparation: Preparation::default(),
    });
    let (before, mut told) = (memory("VmRSS"), Vec::new());
    let split = data::load_with(&spec, &mut Progress::new(&mut |percent| told.push(percent))).unwrap();
    assert_eq!(split.training.len() + split.test.as_ref().unwrap().len(), rows);
    let taken = memory("VmHWM").saturating_sub(before);
    assert!(taken < 2 * 48 * MIB, "{} MiB", taken / MIB);
    assert!(taken > 40 * MIB, "the data are in memory: {} MiB", taken / MIB);
    assert!(told.len() > 90 && told.is_sorted() && told.last() == Some(&100), "{told:?}");
}
