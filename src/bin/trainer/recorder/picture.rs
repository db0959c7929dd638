//! What is seen of the network at one step, as it goes to the recorder.

use torchscope::log::schema::Document;
use torchscope::log::{Data, Grid, Histogram, LogError, Tag, TensorValue, Value, tags};

/// Everything that was looked at together, after so many steps.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Picture {
    pub(crate) step: u64,
    /// In the order in which they are written, as one record.
    pub(crate) parts: Vec<Part>,
}

/// One value of a picture's record.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) tag: Tag,
    pub(crate) content: Content,
}

/// Numbers, and how they are written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    /// As an image whose pixels stand for values: good to half of 1/65,535 of its range.
    Grid(Grid),
    /// As they are.
    Numbers(TensorValue),
    /// One number.
    Scalar(f64),
    /// How numbers are distributed.
    Histogram(Histogram),
    /// A text, with what it is.
    Document(Document),
}

impl Picture {
    /// The same, marked as taken between moments.
    pub(super) fn between(mut self) -> Self {
        // What are numbers and nothing else has no place for it.
        self.parts.push(Part::new(tags::BETWEEN, Content::Numbers(TensorValue::new(vec![0], Vec::new()))));
        for part in &mut self.parts {
            match &mut part.content {
                Content::Grid(grid) => grid.meta.about.between = true,
                Content::Numbers(numbers) => numbers.about.between = true,
                _ => {}
            }
        }
        self
    }

    /// Bytes that it takes on disk at most.
    pub(crate) fn most_bytes(&self) -> u64 {
        self.parts.iter().map(Part::most_bytes).sum()
    }
}

impl Part {
    /// Bytes that it takes on disk beside its numbers: names, ranges, framing, checksums.
    pub(crate) const OVERHEAD: u64 = 1 << 10;
    /// The same for what has neither range nor shape, its name aside.
    pub(crate) const SMALL_OVERHEAD: u64 = 192;

    pub(crate) fn new(tag: impl Into<Tag>, content: Content) -> Self {
        Self { tag: tag.into(), content }
    }

    /// Bytes that it takes on disk at most.
    pub(crate) fn most_bytes(&self) -> u64 {
        let numbers = match &self.content {
            // What does not get smaller when packed is stored as it is, with a byte a row. What is not finite takes an
            // alpha channel.
            Content::Grid(grid) => {
                let bytes = if grid.values.iter().all(|value| value.is_finite()) { 2 } else { 4 };
                bytes * grid.values.len() + grid.values.nrows()
            }
            Content::Numbers(numbers) => size_of::<f32>() * numbers.values.len(),
            Content::Scalar(_) => return self.small(0),
            // An upper edge and a count a bucket.
            Content::Histogram(histogram) => return self.small(2 * size_of::<f64>() * histogram.counts.len()),
            Content::Document(document) => return self.small(document.text.len()),
        };
        numbers as u64 + Self::OVERHEAD
    }

    /// What kind of alarm it is, if it is one.
    pub(super) fn alarm(&self) -> Option<&str> {
        let Content::Document(Document { text, .. }) = &self.content else { return None };
        // The kind comes first in what an alarm writes.
        (&*self.tag == tags::ALARM).then(|| text.split_once(',').map_or(text.as_str(), |(kind, _)| kind))
    }

    fn small(&self, bytes: usize) -> u64 {
        (self.tag.len() + bytes) as u64 + Self::SMALL_OVERHEAD
    }

    /// Packs it for the log, which takes milliseconds for a large grid.
    pub(super) fn encode(self) -> Result<Value, LogError> {
        let data = match self.content {
            Content::Grid(grid) => Data::Image(grid.encode()?),
            Content::Numbers(numbers) => Data::Tensor(numbers),
            Content::Scalar(number) => Data::Scalar(number),
            Content::Histogram(histogram) => Data::Histogram(histogram),
            Content::Document(document) => Data::Document(document),
        };
        Ok(Value { tag: self.tag, data })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use torchscope::log::schema::{Kind, Metadata};
    use torchscope::log::{EventWriter, Record};

    use super::*;

    /// Bytes of a part in the log.
    fn written(part: Part) -> u64 {
        let mut log = EventWriter::with_sink(Vec::new(), "log".into(), 0.0);
        let record = Record { step: 1, wall_time: 1e9, values: vec![part.encode().unwrap()] };
        log.append(&record).unwrap() as u64
    }

    #[test]
    fn nothing_takes_more_than_is_reckoned_with() {
        // The fractional parts of a large multiple of an irrational number: nothing to pack.
        let noise = |row: usize, column: usize| ((row * 1000 + column) as f32 * 12_345.679).fract();
        for (rows, columns) in [(1, 1), (1, 784), (784, 1), (130, 156), (600, 400)] {
            let values = Array2::from_shape_fn((rows, columns), |(row, column)| noise(row, column));
            let mut holed = values.clone();
            holed[[0, 0]] = f32::NAN;
            let grid = |values| Content::Grid(Grid::new(values, Some("conv1".to_owned()), None));
            let histogram = Histogram {
                min: -0.125,
                max: 3.3e38,
                count: 1e7,
                sum: 0.3,
                sum_squares: 0.7,
                limits: values.iter().map(|value| f64::from(*value)).collect(),
                counts: vec![0.1; values.len()],
            };
            for content in [
                grid(values.clone()),
                grid(holed),
                Content::Numbers(TensorValue::from_array(&values.into_dyn())),
                Content::Scalar(0.1),
                Content::Histogram(histogram),
                Content::Document(Document {
                    about: Metadata::new(Kind::Alarm),
                    text: "a loss that went up \u{fc}ber alles".repeat(rows),
                }),
            ] {
                let part = Part::new("maps/conv1/cat", content);
                let most = part.most_bytes();
                let bytes = written(part);
                assert!(bytes <= most, "{bytes} bytes for {rows} by {columns}, at most {most} expected");
            }
        }
    }
}
