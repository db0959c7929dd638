//! Tables as text: a sample a line, fields between commas, semicolons or tabulators.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};

use super::error::{DataError, FileProblem, listed};
use super::file::{self, MOST_NUMBERS};
use super::labels::Labels;
use super::progress::Progress;
use super::raw::Raw;
use super::sorting::Sorting;
use super::{LOOK, Split};
use crate::recipe::{Answer, Column, CsvSpec, DataShape, Delimiter, MOST_SAMPLES, Target};

/// Bytes of a line at most: one without an end, or a quote without its second, would take as much memory as the file.
const LONGEST_LINE: u64 = 16 << 20;
/// Bytes that are looked at to find the delimiter and the header.
const START: usize = 1 << 16;
/// Characters of a field that an error shows.
const SHOWN: usize = 24;

/// A file whose lines have an end: reading beyond `left` bytes without a new record is an error.
struct Bounded {
    file: File,
    left: Rc<Cell<u64>>,
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left.get() == 0 {
            return Err(io::Error::other(format!(
                "a line is longer than {} MiB, or a quote has no end",
                LONGEST_LINE >> 20
            )));
        }
        let count = self.file.read(into)?;
        self.left.set(self.left.get().saturating_sub(count as u64));
        Ok(count)
    }
}

/// A table that is being read.
struct Table<'a> {
    spec: &'a CsvSpec,
    reader: csv::Reader<Bounded>,
    left: Rc<Cell<u64>>,
    record: ByteRecord,
    /// Names of all columns: those of the header, or their numbers from 1.
    names: Vec<String>,
    /// Places of the columns that go in.
    features: Vec<usize>,
    /// Place of the column of classes.
    label: Option<usize>,
    /// Whether the first line, still in `record`, is a sample.
    pending: bool,
    /// Bytes of the file.
    length: u64,
}

/// What a table holds.
struct Rows {
    /// Row-major, as many a sample as there are features.
    numbers: Vec<f32>,
    labels: Labels<String>,
    count: usize,
    /// Whether that is all of it.
    whole: bool,
}

fn number(field: &[u8]) -> Option<f32> {
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).trim().to_owned()
}

/// At most so many characters, none that a terminal would act upon.
fn brief(field: &[u8]) -> String {
    let whole = text(field);
    let mut brief: String = whole.chars().take(SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if brief.len() < whole.len() && whole.chars().count() > SHOWN {
        brief.push('…');
    }
    brief
}

impl<'a> Table<'a> {
    fn open(spec: &'a CsvSpec) -> Result<Self, FileProblem> {
        let (file, length) = file::open(&spec.path, "data.path")?;
        let unreadable = |error: io::Error| FileProblem::Unreadable(error.to_string());
        let mut start = Vec::new();
        (&file).take(START as u64).read_to_end(&mut start).map_err(unreadable)?;
        if start.contains(&0) {
            return Err(FileProblem::Table("it holds bytes that no text has".to_owned()));
        }
        let delimiter = spec.delimiter.unwrap_or_else(|| delimiter(&start));
        // Read from its start once more: a file that is looked at again costs no second reading of the rest.
        let (file, _) = file::open(&spec.path, "data.path")?;
        let left = Rc::new(Cell::new(LONGEST_LINE));
        let bounded = Bounded { file, left: Rc::clone(&left) };
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter.name().as_bytes()[0])
            .buffer_capacity(START)
            .from_reader(bounded);
        let mut table = Self {
            spec,
            reader,
            left,
            record: ByteRecord::new(),
            names: Vec::new(),
            features: Vec::new(),
            label: None,
            pending: true,
            length,
        };
        table.start()?;
        Ok(table)
    }

    /// Reads the first line, and finds out which columns there are.
    fn start(&mut self) -> Result<(), FileProblem> {
        if !self.next()? {
            return Err(FileProblem::Empty);
        }
        let spec = self.spec;
        let count = self.record.len();
        if count < 2 && spec.preparation.target == Target::Label {
            return Err(FileProblem::OneColumn(brief(self.record.get(0).unwrap_or_default())));
        }
        let by_name = spec.features.iter().chain(&spec.label).any(|column| matches!(column, Column::Name(_)));
        let label_by_number = match (&spec.label, spec.preparation.target) {
            (Some(Column::Number(number)), _) => number.checked_sub(1),
            (None, Target::Label) => Some(count - 1),
            _ => None,
        };
        let numbers = (0..count).filter(|place| Some(*place) != label_by_number);
        let first_is_text = numbers.into_iter().all(|place| number(&self.record[place]).is_none());
        let header = spec.header.unwrap_or(by_name || first_is_text);
        self.names =
            (0..count).map(|place| if header { text(&self.record[place]) } else { (place + 1).to_string() }).collect();
        for (place, name) in self.names.iter_mut().enumerate().filter(|(_, name)| name.is_empty()) {
            *name = (place + 1).to_string();
        }
        self.pending = !header;
        self.label = match (&spec.label, spec.preparation.target) {
            (Some(column), _) => Some(self.place(column, "data.label")?),
            (None, Target::Label) => Some(count - 1),
            (None, Target::Input) => None,
        };
        self.features = if spec.features.is_empty() {
            (0..count).filter(|place| Some(*place) != self.label).collect()
        } else {
            spec.features.iter().map(|column| self.place(column, "data.features")).collect::<Result<_, _>>()?
        };
        if self.features.is_empty() {
            return Err(FileProblem::OneColumn(self.names[0].clone()));
        }
        Ok(())
    }

    fn place(&self, column: &Column, key: &'static str) -> Result<usize, FileProblem> {
        let found = match column {
            Column::Number(number) => number.checked_sub(1).filter(|place| *place < self.names.len()),
            Column::Name(name) => self.names.iter().position(|other| other == name),
        };
        found.ok_or_else(|| FileProblem::NoColumn { column: column.to_string(), key, there: listed(&self.names) })
    }

    /// Reads the next line that is not empty; false at the end.
    fn next(&mut self) -> Result<bool, FileProblem> {
        // What the reader has in its buffer already belongs to the next line too.
        self.left.set(LONGEST_LINE);
        self.reader.read_byte_record(&mut self.record).map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(error) => FileProblem::Unreadable(error.to_string()),
            other => FileProblem::Table(format!("{other:?}")),
        })
    }

    /// Reads lines until the end, or until so many bytes are read.
    fn rows(&mut self, most_bytes: u64, progress: &mut Progress<'_>) -> Result<Rows, FileProblem> {
        let mut rows = Rows { numbers: Vec::new(), labels: Labels::new(), count: 0, whole: true };
        let mut read = 0;
        while std::mem::take(&mut self.pending) || self.next()? {
            self.row(&mut rows)?;
            let now = self.reader.position().byte();
            progress.advance(now.saturating_sub(read));
            read = now;
            if read > most_bytes {
                rows.whole = false;
                return Ok(rows);
            }
        }
        progress.advance(self.length.saturating_sub(read));
        if rows.count == 0 { Err(FileProblem::Empty) } else { Ok(rows) }
    }

    fn row(&self, rows: &mut Rows) -> Result<(), FileProblem> {
        if self.record.len() != self.names.len() {
            let (found, expected) = (self.record.len(), self.names.len());
            return Err(FileProblem::Ragged { line: self.line(), found, expected });
        }
        for place in &self.features {
            let field = &self.record[*place];
            match number(field) {
                Some(value) if value.is_finite() => rows.numbers.push(value),
                _ => return Err(self.no_number(*place, field)),
            }
        }
        if let Some(place) = self.label {
            let label = text(&self.record[place]);
            if label.is_empty() {
                let column = self.names[place].clone();
                return Err(FileProblem::MissingValue { line: self.line(), column, key: "data.label" });
            }
            if !rows.labels.push(label) {
                return Err(FileProblem::TooManyClasses(format!(" in column `{}`", self.names[place])));
            }
        }
        rows.count += 1;
        if rows.count > MOST_SAMPLES {
            return Err(FileProblem::Samples { found: rows.count });
        }
        if rows.numbers.len() > MOST_NUMBERS {
            return Err(FileProblem::TooManyNumbers { most: MOST_NUMBERS / self.features.len() });
        }
        Ok(())
    }

    /// The line, from 1, that the record starts in: counted anew, since the reader counts no blank lines before a record and
    /// is one behind where lines end in `\r\n`.
    fn line(&self) -> u64 {
        let start = self.record.position().map_or(0, csv::Position::byte);
        let Ok((file, _)) = file::open(&self.spec.path, "data.path") else { return 0 };
        let mut line = 1;
        for (at, byte) in (0..).zip(BufReader::new(file).bytes()) {
            let Ok(byte) = byte else { break };
            if at >= start && !matches!(byte, b'\r' | b'\n') {
                break;
            }
            line += u64::from(byte == b'\n');
        }
        line
    }

    fn no_number(&self, place: usize, field: &[u8]) -> FileProblem {
        let (line, column) = (self.line(), self.names[place].clone());
        if field.trim_ascii().is_empty() {
            return FileProblem::MissingValue { line, column, key: "data.features" };
        }
        let decimal_comma =
            std::str::from_utf8(field).is_ok_and(|field| field.replacen(',', ".", 1).trim().parse::<f32>().is_ok());
        let hint = match self.names.len() {
            _ if decimal_comma => "; write a decimal point instead of the comma",
            _ if line == 1 => "; say `header = true` if that line names the columns",
            _ => "; features are numbers: leave this column out with `data.features`",
        };
        FileProblem::NotANumber { line, column, value: brief(field), hint }
    }
}

/// The one of which the first line has most, outside of quotes.
fn delimiter(start: &[u8]) -> Delimiter {
    let line = start.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or_default();
    let count = |delimiter: &Delimiter| {
        let mut quoted = false;
        let outside = line.iter().filter(|byte| {
            quoted ^= **byte == b'"';
            !quoted && delimiter.name().as_bytes() == [**byte]
        });
        outside.count()
    };
    // Of equally many the first.
    Delimiter::ALL.iter().rev().copied().max_by_key(count).unwrap_or(Delimiter::Comma)
}

/// What the table asks of a network, by its first lines.
pub(super) fn describe(spec: &CsvSpec) -> Result<DataShape, DataError> {
    let fault = |problem: FileProblem| problem.of(&spec.path.display().to_string());
    let mut nothing = |_| {};
    let mut table = Table::open(spec).map_err(fault)?;
    let rows = table.rows(LOOK, &mut Progress::new(&mut nothing)).map_err(fault)?;
    let answer = match (spec.preparation.target, rows.whole) {
        (Target::Input, _) => Answer::Input,
        (Target::Label, false) => Answer::UnknownClasses,
        (Target::Label, true) => {
            let classes = rows.labels.classes(&spec.preparation.class_names).map_err(fault)?;
            Answer::Classes(classes.names.len())
        }
    };
    let training = rows.count - (spec.preparation.held_out.unwrap_or(0.2) * rows.count as f64).round() as usize;
    let samples = rows.whole.then(|| spec.preparation.train.map_or(training, |train| train.min(training)));
    Ok(DataShape { input: vec![table.features.len()], answer, samples })
}

pub(super) fn load(spec: &CsvSpec, progress: &mut Progress<'_>) -> Result<Split, DataError> {
    let fault = |problem: FileProblem| problem.of(&spec.path.display().to_string());
    let mut table = Table::open(spec).map_err(fault)?;
    progress.expect(table.length);
    let rows = table.rows(u64::MAX, progress).map_err(fault)?;
    let by = &spec.preparation;
    let classes = table.label.map(|_| rows.labels.classes(&by.class_names)).transpose().map_err(fault)?;
    let strata = classes.as_ref().map_or_else(|| vec![0; rows.count], |classes| classes.of_samples.clone());
    let sorting = Sorting::new(&strata, None, by)?;
    let size = table.features.len();
    let mut halves = [rows.numbers, Vec::new()];
    part(&mut halves, size, &sorting);
    let labels = classes.as_ref().map(|classes| sorting.split(&classes.of_samples));
    let raw = Raw {
        name: spec.path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        shape: vec![size],
        halves,
        labels,
        classes: classes.map(|classes| classes.names).unwrap_or_default(),
        features: table.features.iter().map(|place| table.names[*place].clone()).collect(),
        bytes: false,
    };
    raw.finish(by)
}

/// Moves the samples that are held out, rows of `size` numbers, from the first half to the second; the others close up.
fn part(halves: &mut [Vec<f32>; 2], size: usize, sorting: &Sorting) {
    let [training, test] = halves;
    test.reserve_exact(sorting.counts[1] * size);
    for sample in 0..training.len() / size {
        let row = sample * size..(sample + 1) * size;
        match sorting.place(sample) {
            Some((0, place)) => training.copy_within(row, place * size),
            Some(_) => test.extend_from_slice(&training[row]),
            None => {}
        }
    }
    training.truncate(sorting.counts[0] * size);
    training.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use ndarray::ArrayD;
    use proptest::prelude::*;

    use super::*;
    use crate::data;
    use crate::recipe::{DataSpec, Normalise, Preparation};

    fn spec(path: PathBuf) -> CsvSpec {
        let preparation =
            Preparation { normalise: Some(Normalise::None), held_out: Some(0.0), ..Preparation::default() };
        CsvSpec { path, features: Vec::new(), label: None, header: None, delimiter: None, preparation }
    }

    fn own(name: &str) -> PathBuf {
        PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/own")).join(name)
    }

    /// What becomes of a table of that text.
    fn read(text: &str, change: impl FnOnce(&mut CsvSpec)) -> Result<Split, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        fs::write(&path, text).unwrap();
        let mut spec = spec(path.clone());
        change(&mut spec);
        data::load(&DataSpec::Csv(spec)).map_err(|error| error.to_string().replace(&*path.to_string_lossy(), "t.csv"))
    }

    fn wrong(text: &str) -> String {
        read(text, |_| {}).unwrap_err()
    }

    fn inputs(split: &Split) -> Vec<f32> {
        split.training.inputs.iter().copied().collect()
    }

    /// The numbers are scikit-learn's.
    #[test]
    fn a_table_with_words_as_classes_is_read() {
        let spec = DataSpec::Csv(CsvSpec { preparation: Preparation::default(), ..spec(own("iris.csv")) });
        let shape = data::describe(&spec).unwrap();
        assert_eq!((shape.input, shape.answer, shape.samples), (vec![4], Answer::Classes(3), Some(120)));
        let Split { training, test } = data::load(&spec).unwrap();
        let test = test.unwrap();
        assert_eq!((training.name.as_str(), training.len(), test.len()), ("iris 120 + 30 test", 120, 30));
        assert_eq!(training.classes, ["setosa", "versicolor", "virginica"]);
        assert_eq!(training.features, ["sepal length", "sepal width", "petal length", "petal width"]);
        let of_class = |class: u32| test.labels.as_ref().unwrap().iter().filter(|label| **label == class).count();
        assert_eq!([0, 1, 2].map(of_class), [10, 10, 10]);
        for column in 0..4 {
            let numbers = training.inputs.index_axis(ndarray::Axis(1), column);
            let mean = numbers.mean().unwrap();
            let deviation = (numbers.mapv(|number| (number - mean).powi(2)).mean().unwrap()).sqrt();
            assert!(mean.abs() < 1e-5 && (deviation - 1.0).abs() < 1e-5, "{column}: {mean} {deviation}");
        }
        // The first flower, which scikit-learn has as 5.1, 3.5, 1.4, 0.2, wherever it went.
        let has = |set: &data::Dataset| {
            let near = |row: &ArrayD<f32>| {
                let read: Vec<f64> =
                    row.iter().enumerate().map(|(at, x)| set.scaling.read(at, f64::from(*x))).collect();
                read.iter().zip([5.1, 3.5, 1.4, 0.2]).all(|(a, b)| (a - b).abs() < 1e-5)
            };
            set.inputs.outer_iter().any(|row| near(&row.to_owned()))
        };
        assert!(has(&training) || has(&test));
    }

    #[test]
    fn semicolons_quotes_and_a_label_in_front_are_found() {
        let mut spec = spec(own("iris_semicolon.csv"));
        spec.label = Some(Column::Number(1));
        let training = data::load(&DataSpec::Csv(spec)).unwrap().training;
        assert_eq!((training.inputs.shape(), training.inputs[[0, 0]]), ([15, 4].as_slice(), 5.1));
        assert_eq!(training.classes, ["0", "1", "2"]);
        assert_eq!(training.features, ["2", "3", "4", "5"], "without a header columns go by their numbers");
    }

    #[test]
    fn columns_are_chosen_by_name_and_by_number() {
        let text = "\u{feff}a;\"b; b\";kind;c\r\n1;2;x;3\r\n4;5;y;6\r\n\r\n7;8;x;9\r\n";
        let split = read(text, |spec| {
            spec.label = Some(Column::Name("kind".into()));
            spec.features = vec![Column::Name("c".into()), Column::Number(1)];
        });
        let split = split.unwrap();
        assert_eq!(
            (inputs(&split), split.training.features),
            (vec![3.0, 1.0, 6.0, 4.0, 9.0, 7.0], vec!["c".into(), "a".into()])
        );
        let tabs = read("1\t2\ta\n3\t4\tb\n", |_| {}).unwrap();
        assert_eq!(inputs(&tabs), [1.0, 2.0, 3.0, 4.0]);
        let unlabelled = read("u,v\n1,2\n3,4\n", |spec| spec.preparation.target = Target::Input).unwrap();
        assert_eq!((inputs(&unlabelled), unlabelled.training.labels), (vec![1.0, 2.0, 3.0, 4.0], None));
        assert_eq!(unlabelled.training.targets.shape(), [2, 2]);
    }

    #[test]
    fn a_header_is_told_from_a_first_sample() {
        assert_eq!(read("5.1,setosa\n1,other\n", |_| {}).unwrap().training.len(), 2);
        assert_eq!(read("length,species\n1,a\n2,b\n", |_| {}).unwrap().training.len(), 2);
        assert_eq!(read("1,2\n3,a\n4,b\n", |spec| spec.header = Some(true)).unwrap().training.features, ["1"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_column() {
        let cases = [
            ("a,b,k\n1,2,x\n3,,y\n", "has nothing in line 3, column `b`; fill it in"),
            ("a,b,k\n1,2,x\n3,four,y\n", "has `four` in line 3, column `b`, which is no finite number"),
            ("a,b,k\n1,2,x\n3,NaN,y\n", "has `NaN` in line 3, column `b`, which is no finite"),
            ("a,b,k\n1,2,x\n3,1e999,y\n", "has `1e999` in line 3, column `b`, which is no finite"),
            ("a;b;k\n1;2;x\n3;4,5;y\n", "column `b`, which is no finite number; write a decimal point"),
            ("a,b,k\n1,2,x\n3,4,\n", "has nothing in line 3, column `k`"),
            ("a,b,k\n1,2,x\n3,4\n", "has 2 fields in line 3, where the lines before have 3"),
            ("a,b,k\n1,2,x\n\n3,4,y,5\n", "has 4 fields in line 4"),
            ("a,b,k\r\n1,2,x\r\n\r\n3,,y\r\n", "has nothing in line 4, column `b`"),
            ("a,b,k\n1,2,\"x\ny\"\n3,,y", "has nothing in line 4, column `b`"),
            ("a,b,k\n", "is empty"),
            ("", "is empty"),
            ("just words\nand more\n", "has one column only, `just words`"),
            ("a,b,k\n1,2,x\n3,4,x\n", "has one class only, `x`, and nothing to tell apart"),
            ("\0\u{1}\u{2}", "it holds bytes that no text has"),
            ("a,b,k\n1,\u{1b}[2J,x\n", "has `\u{fffd}[2J` in line 2"),
        ];
        for (text, part) in cases {
            let shown = wrong(text);
            assert!(shown.starts_with("`t.csv` ") && shown.contains(part), "{text:?}: {shown}");
        }
        let prices = (0..1100).map(|row| format!("1,2,{row}.5")).collect::<Vec<_>>().join("\n");
        assert!(wrong(&format!("a,b,price\n{prices}")).contains("more than 1000 different labels in column `price`"));
        let shown = read("a,b,k\n1,2,x\n", |spec| spec.label = Some(Column::Name("kind".into()))).unwrap_err();
        assert!(shown.contains("has no column `kind`; there are `a`, `b`, `k`: let `data.label` name one"), "{shown}");
        let shown = read("a,b,k\n1,2,x\n", |spec| spec.features = vec![Column::Number(4)]).unwrap_err();
        assert!(shown.contains("has no column `4`") && shown.contains("data.features"), "{shown}");
    }

    /// A quote without its second makes one line of all that follows.
    #[test]
    fn a_line_without_an_end_takes_no_memory() {
        let text = format!("a,k\n1,x\n2,\"{}", "y".repeat(LONGEST_LINE as usize + (1 << 20)));
        assert!(wrong(&text).contains("a line is longer than 16 MiB, or a quote has no end"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "([0-9a-z.,;\t\"\n -]|\\PC){0,120}") {
            if let Ok(split) = read(&text, |_| {}) {
                prop_assert!(split.training.inputs.iter().all(|number| number.is_finite()));
                prop_assert_eq!(split.training.labels.unwrap().len(), split.training.inputs.shape()[0]);
            }
        }
    }
}
