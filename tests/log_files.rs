//! Event files of other writers against what is known of them, and our own against a file that `TensorBoard` has read.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail like the tests themselves")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, arr2};
use proptest::prelude::*;
use serde_json::Value as Json;
use torchscope::log::schema::{
    Alarm, AlarmKind, Classes, Document, Ending, Fact, Hparam, Hparams, Kind, Length, Metadata, RecipeText,
};
use torchscope::log::{Data, EventWriter, Grid, Histogram, LogReader, Notice, Record, TensorValue, Value, tags};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tfevents").join(name)
}

/// Everything in a directory, read a little at a time.
fn read(dir: &Path, max_bytes: usize) -> (Vec<Record>, Vec<Notice>) {
    let mut reader = LogReader::open(dir).unwrap();
    let (mut records, mut notices) = (Vec::new(), Vec::new());
    loop {
        let poll = reader.poll(max_bytes).unwrap();
        records.extend(poll.records);
        notices.extend(poll.notices);
        if poll.caught_up {
            return (records, notices);
        }
    }
}

fn scalars(records: &[Record]) -> BTreeMap<&str, Vec<(i64, f64)>> {
    let mut series: BTreeMap<&str, Vec<(i64, f64)>> = BTreeMap::new();
    for record in records {
        for value in &record.values {
            if let Data::Scalar(number) = value.data {
                series.entry(&value.tag).or_default().push((record.step, number));
            }
        }
    }
    series
}

fn only<'a>(records: &'a [Record], tag: &str) -> Vec<(i64, &'a Data)> {
    let values = records.iter().flat_map(|record| record.values.iter().map(move |value| (record.step, value)));
    values.filter(|(_, value)| &*value.tag == tag).map(|(step, value)| (step, &value.data)).collect()
}

#[test]
fn a_file_of_tensorboardx_holds_what_its_writer_says() {
    let expected: Json = serde_json::from_slice(&fs::read(fixture("tbx/expected.json")).unwrap()).unwrap();
    let (records, notices) = read(&fixture("tbx"), 1000);
    assert_eq!(notices, []);
    // The first record of the file names its version and holds no values.
    assert_eq!(
        Some(records.len() as u64 + 1),
        expected["records_per_file"]["events.out.tfevents.1795490004.vm"].as_u64()
    );
    for record in &records {
        assert_eq!(record.wall_time, 1.7e9 + record.step as f64);
    }
    let series = scalars(&records);
    for group in ["scalars", "nan_inf", "step_goes_back"] {
        for (tag, points) in expected[group].as_object().unwrap() {
            let points = points.as_array().unwrap();
            assert_eq!(series[tag.as_str()].len(), points.len(), "{tag}");
            for (point, (step, number)) in points.iter().zip(&series[tag.as_str()]) {
                assert_eq!(point[0].as_i64(), Some(*step), "{tag}");
                // Infinities and NaN stand there as text. The numbers are 32-bit ones.
                let wanted = point[1].as_f64().unwrap_or_else(|| point[1].as_str().unwrap().parse().unwrap()) as f32;
                let number = *number as f32;
                assert!(wanted == number || wanted.is_nan() && number.is_nan(), "{tag}: {number} for {wanted}");
            }
        }
    }

    let histograms = only(&records, "weights/fc1");
    assert_eq!(histograms.len(), 3);
    for (step, data) in histograms {
        let Data::Histogram(histogram) = data else { panic!("{data:?}") };
        let wanted = &expected["histogram"]["weights/fc1"][step.to_string()];
        let ours = [histogram.count, histogram.min, histogram.max, histogram.sum, histogram.sum_squares];
        for (ours, key) in ours.iter().zip(["n", "min", "max", "sum", "sum_squares"]) {
            let wanted = wanted[key].as_f64().unwrap();
            assert!((ours - wanted).abs() <= 1e-12 * wanted.abs(), "{key}: {ours} for {wanted}");
        }
        assert_eq!(histogram.counts.iter().sum::<f64>(), histogram.count);
        assert!(histogram.limits.is_sorted());
    }

    let [(0, Data::Image(image))] = only(&records, "samples/pattern")[..] else { panic!("one picture") };
    assert_eq!((image.width, image.height, &image.meta), (8, 8, &None));
    let wanted = expected["image"]["samples/pattern"]["rgb_hwc"].as_array().unwrap();
    let wanted: Vec<u8> = wanted
        .iter()
        .flat_map(|row| row.as_array().unwrap())
        .flat_map(|pixel| pixel.as_array().unwrap())
        .map(|channel| channel.as_u64().unwrap() as u8)
        .collect();
    assert_eq!(image::load_from_memory(&image.png).unwrap().to_rgb8().into_raw(), wanted);

    let [(0, Data::Text(text))] = only(&records, "notes/text_summary")[..] else { panic!("one text") };
    assert_eq!(Some(text.as_str()), expected["text"]["notes"]["value"].as_str());
}

#[test]
fn other_files_of_tensorboardx_are_read_too() {
    let (records, notices) = read(&fixture("tbx/hp"), 1000);
    assert_eq!((records.len(), notices.len()), (4, 0));
    assert_eq!(scalars(&records).keys().copied().collect::<Vec<_>>(), ["hparam/acc"]);
    let number = |name: &str, value| (name.to_owned(), Hparam::Number(value));
    let (opt, amp) = (Hparam::Text("adam".to_owned()), Hparam::Flag(true));
    let started = [number("lr", 0.1), number("bs", 64.0), ("opt".to_owned(), opt), ("amp".to_owned(), amp)];
    for hparams in [
        Hparams::Experiment { metrics: vec!["hparam/acc".to_owned()] },
        Hparams::Start(started.into()),
        Hparams::End(Ending::Success),
    ] {
        assert_eq!(only(&records, hparams.tag()), [(0, &Data::Hparams(hparams.clone()))]);
    }
    for run in ["tbx/multi/a", "tbx/multi/b"] {
        let (records, notices) = read(&fixture(run), 1000);
        assert_eq!((records.len(), notices.len()), (1, 0));
        assert_eq!((records[0].step, &*records[0].values[0].tag), (7, "multi"));
    }
    // Directories below are other runs.
    assert!(only(&read(&fixture("tbx"), 1000).0, "multi").is_empty());
}

#[test]
fn a_resumed_run_is_read_file_by_file_in_the_order_of_names() {
    let (records, notices) = read(&fixture("edge/resumed_two_files"), 100);
    assert_eq!(notices, []);
    // 100 steps from 0, then 40 from 80: the series takes the later ones.
    let expected: Vec<(i64, f64)> =
        (0..100).map(|i| (i, 10.0 + i as f64)).chain((80..120).map(|i| (i, 1000.0 + i as f64))).collect();
    assert_eq!(scalars(&records)["loss"], expected);
}

#[test]
fn a_damaged_record_is_left_out() {
    let (records, notices) = read(&fixture("edge/bad_data_crc"), 100);
    let expected: Vec<(i64, f64)> =
        (0..10).filter(|&step| step != 3).map(|step| (step, f64::from(1.0 / (step + 1) as f32))).collect();
    assert_eq!(scalars(&records)["loss"], expected);
    let file = fixture("edge/bad_data_crc/events.out.tfevents.1700000000.h");
    assert_eq!(notices, [Notice::BadData { file, offset: 0xa4 }]);
    assert!(notices[0].to_string().ends_with("record at byte 164 is damaged; left out"), "{}", notices[0]);
}

#[test]
fn a_cut_tail_is_silently_left_for_later() {
    let (records, notices) = read(&fixture("edge/truncated"), 100);
    assert_eq!(notices, []);
    let expected: Vec<(i64, f64)> = (0..9).map(|step| (step, f64::from(1.0 / (step + 1) as f32))).collect();
    assert_eq!(scalars(&records)["loss"], expected);
}

#[test]
fn an_empty_file_is_an_empty_run() {
    let (records, notices) = read(&fixture("edge/zero_bytes"), 100);
    assert_eq!((records, notices), (Vec::new(), Vec::new()));
}

#[test]
fn one_event_may_hold_many_values_and_steps_may_be_negative() {
    let (records, notices) = read(&fixture("edge/multi_value_event"), 100);
    assert_eq!(notices, []);
    // A session begins between, which voids what stood before it.
    let (restarts, records): (Vec<_>, Vec<_>) =
        records.into_iter().partition(|record| record.values[0].data == Data::Restart);
    assert_eq!(restarts.iter().map(|record| record.step).collect::<Vec<_>>(), [0]);
    assert_eq!(records.iter().map(|record| record.step).collect::<Vec<_>>(), [3, -1]);
    let expected: Vec<Value> = (0..5).map(|i| Value::scalar(format!("m{i}"), f64::from(i))).collect();
    assert_eq!(records[0].values, expected);
    assert_eq!(records[1].values, [Value::scalar("neg", 1.0)]);
}

/// One of each kind of value that torchscope writes.
fn golden_records() -> Vec<Record> {
    let at = |step: i64, values| Record { step, wall_time: 1.7e9 + step as f64 / 4.0, values };
    let field: Array2<f32> = Array2::from_shape_fn((4, 6), |(row, column)| 0.05 + 0.03 * (row * 6 + column) as f32);
    let mut grid = Grid::new(field, Some("dense2".to_owned()), Some([-1.5, 2.5, -1.0, 1.5]));
    grid.meta.about.kind = Kind::Plane;
    let mut points = TensorValue::from_array(&arr2(&[[0.5, -0.25, 1.0], [1.75, 0.5, 0.0]]).into_dyn());
    points.about.kind = Kind::Points;
    let alarm = Alarm {
        kind: AlarmKind::Spike,
        message: "the loss went up".to_owned(),
        layer: Some("dense2".to_owned()),
        tensor: None,
        count: 1,
    };
    let hparams = [("optimizer.kind", Hparam::Text("sgd".into())), ("optimizer.lr", Hparam::Number(0.5))];
    let hparams = hparams.into_iter().chain([("shuffle", Hparam::Flag(true))]);
    let hparams = [
        Hparams::Experiment { metrics: vec![tags::LOSS_TRAIN.to_owned()] },
        Hparams::Start(hparams.map(|(name, value)| (name.to_owned(), value)).collect()),
        Hparams::End(Ending::Success),
    ];
    let hparams = hparams.map(|hparams| Value { tag: hparams.tag().into(), data: Data::Hparams(hparams) });
    let histogram = Histogram {
        min: -1.0,
        max: 2.0,
        count: 6.0,
        sum: 3.5,
        sum_squares: 7.25,
        limits: vec![0.0, 1.0, 2.0],
        counts: vec![1.0, 3.0, 2.0],
    };
    vec![
        at(
            0,
            vec![
                Classes(vec!["upper".to_owned(), "lower".to_owned()]).encode(),
                Length { epochs: 3, steps_per_epoch: 1 }.encode(),
                RecipeText("name = \"golden\"\n".to_owned()).encode(),
            ],
        ),
        at(0, hparams.to_vec()),
        at(1, vec![Value::scalar(tags::LOSS_TRAIN, 0.75), Value::scalar(tags::LR, 0.5)]),
        at(2, vec![Value::scalar(tags::LOSS_TRAIN, f64::NAN), Value::scalar(tags::LR, 0.25)]),
        at(
            2,
            vec![
                Value { tag: tags::BOUNDARY_P.into(), data: Data::Image(grid.encode().unwrap()) },
                Value { tag: tags::BOUNDARY_POINTS.into(), data: Data::Tensor(points) },
            ],
        ),
        at(
            3,
            vec![
                Value { tag: "weights/dense1.weight".into(), data: Data::Histogram(histogram) },
                Value { tag: "notes".into(), data: Data::Text("two moons, 2–20–1".to_owned()) },
                Value { tag: tags::ALARM.into(), data: Data::Document(alarm.encode()) },
            ],
        ),
    ]
}

fn written(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = EventWriter::with_sink(&mut bytes, PathBuf::from("golden"), 1.7e9);
    for record in records {
        writer.append(record).unwrap();
    }
    writer.flush().unwrap();
    drop(writer);
    bytes
}

const GOLDEN: &str = "golden/events.out.tfevents.1700000000.torchscope.1";

/// `TensorBoard` 2.21 has read this very file, through its `EventAccumulator` and through its data server; see
/// `tests/data/tfevents/README.md`. Made anew with `TORCHSCOPE_BLESS=1`, after which `check_golden.py` must show it to
/// `TensorBoard` again.
#[test]
fn the_writer_makes_the_file_that_tensorboard_has_read() {
    let bytes = written(&golden_records());
    if std::env::var_os("TORCHSCOPE_BLESS").is_some() {
        fs::write(fixture(GOLDEN), &bytes).unwrap();
    }
    assert!(fs::read(fixture(GOLDEN)).unwrap() == bytes, "the golden file differs from what is written now");
}

#[test]
fn the_reader_has_back_what_the_golden_file_holds() {
    let (records, notices) = read(&fixture("golden"), 1000);
    assert_eq!(notices, []);
    // Through text, because NaN is in it.
    assert_eq!(format!("{records:?}"), format!("{:?}", golden_records()));
    let [(2, Data::Image(image))] = only(&records, tags::BOUNDARY_P)[..] else { panic!("one grid") };
    let grid = Grid::decode(image).unwrap();
    assert_eq!(grid.meta.about.layer.as_deref(), Some("dense2"));
    for ((row, column), value) in grid.values.indexed_iter() {
        assert!((value - (0.05 + 0.03 * (row * 6 + column) as f32)).abs() < 1e-5);
    }
    let [(2, Data::Tensor(points))] = only(&records, tags::BOUNDARY_POINTS)[..] else { panic!("one tensor") };
    assert_eq!(points.clone().into_array().unwrap(), arr2(&[[0.5, -0.25, 1.0], [1.75, 0.5, 0.0]]).into_dyn());
}

/// Without the negative zero, which a protobuf double leaves out like the positive one.
fn double() -> impl Strategy<Value = f64> {
    any::<f64>().prop_map(|number| number + 0.0)
}

fn data() -> impl Strategy<Value = Data> {
    let floats = prop::collection::vec(any::<f32>(), 0..12);
    let doubles = || prop::collection::vec(double(), 5..9);
    let grid =
        (1_usize..5, 1_usize..5, prop::collection::vec(-1e3..1e3_f32, 16)).prop_map(|(rows, columns, values)| {
            let values = Array2::from_shape_fn((rows, columns), |(row, column)| values[row * 4 + column]);
            Data::Image(Grid::new(values, Some("dense1".to_owned()), None).encode().unwrap())
        });
    prop_oneof![
        4 => any::<f32>().prop_map(|number| Data::Scalar(f64::from(number))),
        1 => grid,
        1 => floats.prop_map(|values| Data::Tensor(TensorValue::new(vec![1, values.len()], values))),
        1 => (".{0,30}", any::<bool>()).prop_map(|(text, between)| {
            let about = Metadata { between, layer: Some(text.clone()), ..Metadata::new(Kind::Setup) };
            Data::Document(Document { about, text })
        }),
        1 => (doubles(), doubles()).prop_map(|(moments, edges)| Data::Histogram(Histogram {
            min: moments[0],
            max: moments[1],
            count: moments[2],
            sum: moments[3],
            sum_squares: moments[4],
            counts: edges.clone(),
            limits: edges,
        })),
        1 => ".{0,30}".prop_map(Data::Text),
    ]
}

/// Each kind of value keeps to its own tags, as in every real log.
fn value() -> impl Strategy<Value = Value> {
    (0..3, data()).prop_map(|(number, data)| {
        let kind = match data {
            Data::Scalar(_) => "scalar",
            Data::Image(_) => "grid",
            Data::Tensor(_) => "tensor",
            Data::Histogram(_) => "histogram",
            Data::Document(_) => "document",
            Data::Text(_) | Data::Restart | Data::Hparams(_) | Data::Other => "text",
        };
        Value { tag: format!("{kind}/{number}").into(), data }
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        records in prop::collection::vec(
            (any::<i64>(), double(), prop::collection::vec(value(), 1..5))
                .prop_map(|(step, wall_time, values)| Record { step, wall_time, values }),
            0..12,
        ),
        max_bytes in 1_usize..2000,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(dir.path()).unwrap();
        let mut bytes = writer.bytes_written();
        for record in &records {
            bytes += writer.append(record).unwrap() as u64;
        }
        writer.flush().unwrap();
        prop_assert_eq!(writer.bytes_written(), bytes);
        prop_assert_eq!(fs::metadata(writer.path()).unwrap().len(), bytes);
        let (back, notices) = read(dir.path(), max_bytes);
        prop_assert_eq!(notices, []);
        prop_assert_eq!(format!("{back:?}"), format!("{records:?}"));
    }
}
