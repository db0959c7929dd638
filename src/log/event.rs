//! Records to and from the messages of [`super::proto`].

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use serde::Serialize;

use super::proto::{self, CLASS_BLOBS, CLASS_TENSOR, CLASS_UNKNOWN, dtype};
use super::schema::{Document, Hparams, Kind, Metadata};
use super::{Data, GridMeta, Histogram, ImageValue, LogError, Record, Tag, TensorValue, Value, tags, tensor};

/// Name of `TensorBoard`'s plugin of hyper-parameters.
const HPARAMS: &str = "hparams";

/// Distinct tags that are kept; values of any further ones are left out.
pub(super) const MOST_TAGS: usize = 16_384;
/// Bytes of all their names.
const MOST_TAG_BYTES: usize = 8 << 20;
/// Tags left out that are counted; there may be more.
pub(super) const MOST_COUNTED: usize = 1 << 18;
/// Bytes of the name of a plugin; what has a longer one has none that we know.
const MOST_PLUGIN: usize = 255;

/// The tags met so far, each allocated once, with what their first event said about them. Bounded, whatever a log holds.
#[derive(Debug)]
pub(super) struct TagTable {
    entries: Vec<Entry>,
    index: HashMap<Tag, usize>,
    last: usize,
    bytes: usize,
    most: usize,
    /// Of the tags that had no room, hashes of their names: enough to count them.
    left_out: HashSet<u64>,
    hasher: RandomState,
}

impl Default for TagTable {
    fn default() -> Self {
        Self {
            entries: Vec::new(),
            index: HashMap::new(),
            last: 0,
            bytes: 0,
            most: MOST_TAGS,
            left_out: HashSet::new(),
            hasher: RandomState::new(),
        }
    }
}

#[derive(Debug)]
struct Entry {
    tag: Tag,
    /// Plugin of the last metadata that named one. Writers may leave the metadata out after a tag's first event.
    plugin: Arc<str>,
    /// The entry that came after this one the last time. Records repeat their tags in one order, so that most
    /// look-ups cost one comparison.
    next: usize,
}

impl TagTable {
    /// The one allocation of `tag`; none if there is no room for a further one.
    pub(super) fn intern(&mut self, tag: &str) -> Option<Tag> {
        let at = self.find(tag)?;
        Some(self.entries[at].tag.clone())
    }

    /// Number of tags that had no room, counted up to [`MOST_COUNTED`].
    pub(super) fn left_out(&self) -> usize {
        self.left_out.len()
    }

    fn find(&mut self, tag: &str) -> Option<usize> {
        let guess = self.entries.get(self.last).map(|entry| entry.next);
        let hit = guess.filter(|&at| self.entries.get(at).is_some_and(|entry| &*entry.tag == tag));
        let at = match hit.or_else(|| self.index.get(tag).copied()) {
            Some(at) => at,
            None => self.add(tag)?,
        };
        if hit.is_none() {
            self.entries[self.last].next = at;
        }
        self.last = at;
        Some(at)
    }

    fn add(&mut self, tag: &str) -> Option<usize> {
        let at = self.entries.len();
        // That a run was resumed is no tag of the log's own.
        let has_room = at < self.most && self.bytes + tag.len() <= MOST_TAG_BYTES;
        if !has_room && tag != tags::RESTART {
            if self.left_out.len() < MOST_COUNTED {
                self.left_out.insert(self.hasher.hash_one(tag));
            }
            return None;
        }
        self.bytes += tag.len();
        let tag: Tag = tag.into();
        self.entries.push(Entry { tag: tag.clone(), plugin: "".into(), next: 0 });
        self.index.insert(tag, at);
        Some(at)
    }

    /// The tag, and the plugin that `metadata` names or that was remembered.
    fn with_plugin(&mut self, tag: &str, metadata: Option<&proto::Metadata>) -> Option<(Tag, Arc<str>)> {
        let at = self.find(tag)?;
        let entry = &mut self.entries[at];
        let named = metadata.and_then(|metadata| metadata.plugin_data.as_ref()).map(|plugin| &*plugin.plugin_name);
        let named = named.filter(|named| !named.is_empty() && named.len() <= MOST_PLUGIN);
        if let Some(named) = named.filter(|named| *named != &*entry.plugin) {
            entry.plugin = named.into();
        }
        Some((entry.tag.clone(), entry.plugin.clone()))
    }
}

/// The record of an event; none if it holds no values (the version of the file, a graph, the end of a session).
pub(super) fn decode(event: proto::Event, table: &mut TagTable) -> Option<Record> {
    let (step, wall_time) = (event.step, event.wall_time);
    if event.session.is_some_and(|session| session.status == proto::SESSION_START) {
        let values = vec![Value { tag: table.intern(tags::RESTART)?, data: Data::Restart }];
        return Some(Record { step, wall_time, values });
    }
    let values: Vec<Value> = event.summary?.value.into_iter().filter_map(|value| decode_value(value, table)).collect();
    (!values.is_empty()).then_some(Record { step, wall_time, values })
}

/// The event of a record.
pub(super) fn encode(record: &Record) -> Result<proto::Event, LogError> {
    let event = proto::Event { wall_time: record.wall_time, step: record.step, ..proto::Event::default() };
    if let [Value { data: Data::Restart, .. }] = record.values[..] {
        let session = Some(proto::Session { status: proto::SESSION_START });
        return Ok(proto::Event { session, ..event });
    }
    let value = record.values.iter().map(encode_value).collect::<Result<_, _>>()?;
    Ok(proto::Event { summary: Some(proto::Summary { value }), ..event })
}

fn decode_value(value: proto::SummaryValue, table: &mut TagTable) -> Option<Value> {
    let (tag, plugin) = table.with_plugin(&value.tag, value.metadata.as_deref())?;
    let metadata = value.metadata.as_deref();
    let data = if &*plugin == HPARAMS {
        // The content stands in the metadata, and a number beside it only because some writers want a value.
        let content = metadata.and_then(|metadata| metadata.plugin_data.as_ref()).map(|plugin| &*plugin.content);
        content.and_then(Hparams::decode).map_or(Data::Other, Data::Hparams)
    } else if let Some(number) = value.simple_value {
        Data::Scalar(f64::from(number))
    } else if let Some(image) = value.image {
        let side = |side: i32| u32::try_from(side).unwrap_or(0);
        let (width, height) = (side(image.width), side(image.height));
        Data::Image(ImageValue { width, height, png: image.encoded, meta: grid_meta(&tag, metadata) })
    } else if let Some(histo) = value.histo {
        decode_histogram(*histo)
    } else if let Some(tensor) = value.tensor {
        decode_tensor(*tensor, &tag, &plugin, metadata)
    } else {
        Data::Other
    };
    Some(Value { tag, data })
}

/// The JSON beside a value: the content of our plugin; the description where another plugin has the value, and in logs that
/// were written before that plugin was ours.
fn json(metadata: Option<&proto::Metadata>) -> Option<&[u8]> {
    let metadata = metadata?;
    let content = metadata.plugin_data.as_ref().filter(|plugin| plugin.plugin_name == tags::PLUGIN);
    let content = content.map(|plugin| plugin.content.as_slice()).filter(|content| !content.is_empty());
    content.or_else(|| Some(metadata.summary_description.as_bytes()).filter(|text| text.starts_with(b"{")))
}

/// The range of a grid belongs to one picture, so that it is never taken from an earlier event.
fn grid_meta(tag: &str, metadata: Option<&proto::Metadata>) -> Option<GridMeta> {
    let meta: GridMeta = serde_json::from_slice(json(metadata)?).ok()?;
    Some(GridMeta { about: meta.about.or_of_tag(tag), ..meta })
}

/// What a record of ours is; by its tag in logs that were written before that stood beside it.
fn about(tag: &str, metadata: Option<&proto::Metadata>) -> Metadata {
    let about: Option<Metadata> = json(metadata).and_then(|json| serde_json::from_slice(json).ok());
    about.unwrap_or_default().or_of_tag(tag)
}

fn decode_histogram(histo: proto::Histo) -> Data {
    if histo.bucket.len() != histo.bucket_limit.len() {
        return Data::Other;
    }
    Data::Histogram(Histogram {
        min: histo.min,
        max: histo.max,
        count: histo.num,
        sum: histo.sum,
        sum_squares: histo.sum_squares,
        limits: histo.bucket_limit,
        counts: histo.bucket,
    })
}

fn decode_tensor(tensor: proto::Tensor, tag: &str, plugin: &str, metadata: Option<&proto::Metadata>) -> Data {
    if tensor.dtype == dtype::STRING {
        let joined = |lines: Vec<Vec<u8>>| {
            let lines: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line)).collect();
            lines.join("\n")
        };
        return match plugin {
            "images" => decode_images(tensor.string_val, || grid_meta(tag, metadata)),
            tags::PLUGIN | "text" => {
                let (about, text) = (about(tag, metadata), joined(tensor.string_val));
                if about.kind == Kind::Other { Data::Text(text) } else { Data::Document(Document { about, text }) }
            }
            _ => Data::Other,
        };
    }
    let Some(numbers) = tensor::numbers(&tensor) else { return Data::Other };
    let Some(shape) = tensor::shape_of(&tensor, numbers.len()) else { return Data::Other };
    match (plugin, shape.as_slice(), numbers.as_slice()) {
        ("histograms", &[_, 3], _) => histogram_of_rows(&numbers),
        (plugin, _, &[number]) if plugin != tags::PLUGIN => Data::Scalar(number),
        _ => {
            let values = numbers.into_iter().map(|number| number as f32).collect();
            let about = if plugin == tags::PLUGIN { about(tag, metadata) } else { Metadata::default() };
            Data::Tensor(TensorValue { shape, values, plugin: plugin.to_owned(), about })
        }
    }
}

/// The images plugin's own form: width and height in decimal, then the encoded pictures of the batch.
fn decode_images(strings: Vec<Vec<u8>>, grid_meta: impl FnOnce() -> Option<GridMeta>) -> Data {
    let mut strings = strings.into_iter();
    let mut side = || std::str::from_utf8(&strings.next()?).ok()?.parse::<u32>().ok();
    let (Some(width), Some(height)) = (side(), side()) else { return Data::Other };
    let Some(png) = strings.next() else { return Data::Other };
    Data::Image(ImageValue { width, height, png, meta: grid_meta() })
}

/// The histograms plugin's own form: rows of left edge, right edge and count.
fn histogram_of_rows(numbers: &[f64]) -> Data {
    let (rows, _) = numbers.as_chunks::<3>();
    let moment = |power: i32| rows.iter().map(|[left, right, count]| ((left + right) / 2.0).powi(power) * count).sum();
    Data::Histogram(Histogram {
        min: rows.first().map_or(0.0, |row| row[0]),
        max: rows.last().map_or(0.0, |row| row[1]),
        count: moment(0),
        sum: moment(1),
        sum_squares: moment(2),
        limits: rows.iter().map(|row| row[1]).collect(),
        counts: rows.iter().map(|row| row[2]).collect(),
    })
}

fn encode_value(value: &Value) -> Result<proto::SummaryValue, LogError> {
    let mut out = proto::SummaryValue { tag: value.tag.to_string(), ..Default::default() };
    match &value.data {
        Data::Scalar(number) => out.simple_value = Some(*number as f32),
        Data::Image(image) => {
            out.metadata = Some(Box::new(match &image.meta {
                Some(meta) => {
                    let meta = GridMeta { about: meta.about.clone().or_of_tag(&value.tag), ..meta.clone() };
                    ours(CLASS_UNKNOWN, &meta)
                }
                None => metadata("images", CLASS_BLOBS),
            }));
            out.image = Some(Box::new(proto::Image {
                height: image.height as i32,
                width: image.width as i32,
                colorspace: colorspace(&image.png),
                encoded: image.png.clone(),
            }));
        }
        Data::Tensor(tensor) => {
            let product = tensor.shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
            if product != Some(tensor.values.len()) {
                return Err(LogError::TensorShape { shape: tensor.shape.clone(), values: tensor.values.len() });
            }
            out.metadata = Some(Box::new(if tensor.plugin == tags::PLUGIN {
                ours(CLASS_TENSOR, &tensor.about.clone().or_of_tag(&value.tag))
            } else {
                metadata(&tensor.plugin, CLASS_TENSOR)
            }));
            out.tensor = Some(Box::new(tensor::encode(&tensor.shape, &tensor.values)));
        }
        Data::Histogram(histogram) => {
            out.histo = Some(Box::new(proto::Histo {
                min: histogram.min,
                max: histogram.max,
                num: histogram.count,
                sum: histogram.sum,
                sum_squares: histogram.sum_squares,
                bucket_limit: histogram.limits.clone(),
                bucket: histogram.counts.clone(),
            }));
        }
        Data::Text(text) => {
            out.metadata = Some(Box::new(metadata("text", CLASS_TENSOR)));
            out.tensor = Some(Box::new(tensor::encode_text(text)));
        }
        Data::Document(Document { about, text }) => {
            let ours = ours(CLASS_TENSOR, about);
            out.metadata = Some(Box::new(if about.kind.is_prose() { for_people(ours) } else { ours }));
            out.tensor = Some(Box::new(tensor::encode_text(text)));
        }
        Data::Hparams(hparams) => {
            let plugin_data = Some(proto::PluginData { plugin_name: HPARAMS.to_owned(), content: hparams.encode() });
            let data_class = CLASS_TENSOR;
            out.metadata = Some(Box::new(proto::Metadata { plugin_data, data_class, ..Default::default() }));
            out.tensor = Some(Box::new(tensor::encode(&[0], &[])));
        }
        // The start of a session is an event of its own.
        Data::Restart | Data::Other => return Err(LogError::NotWritable { tag: value.tag.to_string() }),
    }
    Ok(out)
}

fn metadata(plugin: &str, data_class: i32) -> proto::Metadata {
    let plugin_data = Some(proto::PluginData { plugin_name: plugin.to_owned(), content: Vec::new() });
    proto::Metadata { plugin_data, data_class, summary_description: String::new() }
}

/// Metadata of a value of our own.
fn ours(data_class: i32, about: &impl Serialize) -> proto::Metadata {
    // Numbers, texts and lists of them, which JSON can hold.
    let content = serde_json::to_vec(about).unwrap_or_default();
    let plugin_data = Some(proto::PluginData { plugin_name: tags::PLUGIN.to_owned(), content });
    proto::Metadata { plugin_data, data_class, summary_description: String::new() }
}

/// The same for a text that `TensorBoard` shall show: of its own plugin, which wants its content for itself.
fn for_people(ours: proto::Metadata) -> proto::Metadata {
    let content = ours.plugin_data.map(|plugin| plugin.content).unwrap_or_default();
    let summary_description = String::from_utf8(content).unwrap_or_default();
    proto::Metadata { summary_description, ..metadata("text", ours.data_class) }
}

/// TensorFlow's number for the colour type in a PNG's header; RGB for anything that is no PNG.
fn colorspace(png: &[u8]) -> i32 {
    match png.get(25) {
        Some(0) => 1,
        Some(4) => 2,
        Some(6) => 4,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::proto::{Dim, Metadata, PluginData, Shape, SummaryValue, Tensor};
    use super::*;

    #[test]
    fn tags_beyond_the_bound_are_counted_and_left_out() {
        let mut table = TagTable { most: 3, ..TagTable::default() };
        let kept: Vec<bool> = ["a", "b", "a", "c", "d", "e", "d", "b"].map(|tag| table.intern(tag).is_some()).into();
        assert_eq!(kept, [true, true, true, true, false, false, false, true]);
        assert_eq!((table.left_out(), table.entries.len()), (2, 3), "each counted once");
        assert!(table.intern(tags::RESTART).is_some(), "never left out");
        let mut table = TagTable::default();
        assert!(table.intern(&"x".repeat(MOST_TAG_BYTES + 1)).is_none(), "a name of many bytes counts for many");
        assert!(table.intern("x").is_some());
    }

    fn decoded(tensor: Tensor, plugin: &str) -> Data {
        let mut table = TagTable::default();
        let metadata = Metadata {
            plugin_data: Some(PluginData { plugin_name: plugin.into(), ..PluginData::default() }),
            ..Metadata::default()
        };
        let value = SummaryValue {
            tag: "t".into(),
            tensor: Some(Box::new(tensor)),
            metadata: Some(Box::new(metadata)),
            ..SummaryValue::default()
        };
        decode_value(value, &mut table).unwrap().data
    }

    fn shape(sizes: &[i64]) -> Shape {
        Shape { dim: sizes.iter().map(|&size| Dim { size }).collect(), unknown_rank: false }
    }

    /// One number of each type, in its content and in its typed field.
    #[test]
    fn scalars_of_every_numeric_type_are_read() {
        let content: [(i32, &[u8], f64); 15] = [
            (dtype::FLOAT, &1.5_f32.to_le_bytes(), 1.5),
            (dtype::DOUBLE, &0.1_f64.to_le_bytes(), 0.1),
            (dtype::HALF, &0x3e00_u16.to_le_bytes(), 1.5),
            (dtype::HALF, &0x0001_u16.to_le_bytes(), 5.960_464_477_539_063e-8),
            (dtype::HALF, &0xfbff_u16.to_le_bytes(), -65_504.0),
            (dtype::BFLOAT16, &0xbfc0_u16.to_le_bytes(), -1.5),
            (dtype::INT32, &(-7_i32).to_le_bytes(), -7.0),
            (dtype::INT64, &(1_i64 << 40).to_le_bytes(), 1_099_511_627_776.0),
            (dtype::UINT32, &u32::MAX.to_le_bytes(), 4_294_967_295.0),
            (dtype::UINT64, &9_u64.to_le_bytes(), 9.0),
            (dtype::INT16, &(-3_i16).to_le_bytes(), -3.0),
            (dtype::UINT16, &65_535_u16.to_le_bytes(), 65_535.0),
            (dtype::INT8, &[0xff], -1.0),
            (dtype::UINT8, &[0xff], 255.0),
            (dtype::BOOL, &[1], 1.0),
        ];
        for (dtype, content, expected) in content {
            for shape in [None, Some(shape(&[])), Some(shape(&[1])), Some(shape(&[1, 1]))] {
                let tensor = Tensor { dtype, shape, content: content.to_vec(), ..Tensor::default() };
                assert_eq!(decoded(tensor, "scalars"), Data::Scalar(expected), "type {dtype}");
            }
        }
        let typed = [
            (Tensor { dtype: dtype::FLOAT, float_val: vec![1.5], ..Tensor::default() }, 1.5),
            (Tensor { dtype: dtype::DOUBLE, double_val: vec![0.1], ..Tensor::default() }, 0.1),
            (Tensor { dtype: dtype::INT32, int_val: vec![-7], ..Tensor::default() }, -7.0),
            (Tensor { dtype: dtype::UINT8, int_val: vec![200], ..Tensor::default() }, 200.0),
            (Tensor { dtype: dtype::INT64, int64_val: vec![-8], ..Tensor::default() }, -8.0),
            (Tensor { dtype: dtype::UINT32, uint32_val: vec![8], ..Tensor::default() }, 8.0),
            (Tensor { dtype: dtype::UINT64, uint64_val: vec![8], ..Tensor::default() }, 8.0),
            (Tensor { dtype: dtype::BOOL, bool_val: vec![true], ..Tensor::default() }, 1.0),
            (Tensor { dtype: dtype::HALF, half_val: vec![0xc000], ..Tensor::default() }, -2.0),
            (Tensor { dtype: dtype::BFLOAT16, half_val: vec![0x4000], ..Tensor::default() }, 2.0),
        ];
        for (tensor, expected) in typed {
            assert_eq!(decoded(tensor, ""), Data::Scalar(expected));
        }
    }

    #[test]
    fn halves_that_are_no_numbers_stay_so() {
        let half = |bits: u16| Tensor { dtype: dtype::HALF, half_val: vec![bits.into()], ..Tensor::default() };
        assert_eq!(decoded(half(0x7c00), ""), Data::Scalar(f64::INFINITY));
        assert_eq!(decoded(half(0xfc00), ""), Data::Scalar(f64::NEG_INFINITY));
        assert!(matches!(decoded(half(0x7e00), ""), Data::Scalar(number) if number.is_nan()));
    }

    #[test]
    fn tensors_whose_shape_and_content_disagree_are_not_shown() {
        let floats = |sizes: &[i64], count: usize| Tensor {
            dtype: dtype::FLOAT,
            shape: Some(shape(sizes)),
            float_val: vec![0.0; count],
            ..Tensor::default()
        };
        assert!(matches!(decoded(floats(&[2, 3], 6), ""), Data::Tensor(_)));
        assert!(matches!(decoded(floats(&[0, 3], 0), ""), Data::Tensor(_)));
        for tensor in [floats(&[2, 3], 5), floats(&[-2, -3], 6), floats(&[i64::MAX, 3], 3), floats(&[], 0)] {
            assert_eq!(decoded(tensor, ""), Data::Other);
        }
        let ragged = Tensor { dtype: dtype::DOUBLE, content: vec![0; 9], ..Tensor::default() };
        assert_eq!(decoded(ragged, ""), Data::Other);
        let unknown = Tensor { dtype: 8, content: vec![0; 8], ..Tensor::default() };
        assert_eq!(decoded(unknown, ""), Data::Other);
        let rankless = Some(Shape { dim: Vec::new(), unknown_rank: true });
        let rankless = Tensor { dtype: dtype::FLOAT, shape: rankless, float_val: vec![1.0], ..Tensor::default() };
        assert_eq!(decoded(rankless, ""), Data::Other);
    }

    #[test]
    fn single_numbers_meant_for_others_are_no_scalars() {
        let one =
            || Tensor { dtype: dtype::FLOAT, shape: Some(shape(&[1])), float_val: vec![0.0], ..Tensor::default() };
        assert_eq!(decoded(one(), "hparams"), Data::Other);
        assert!(matches!(decoded(one(), tags::PLUGIN), Data::Tensor(_)));
    }

    #[test]
    fn a_histogram_tensor_is_read_as_buckets() {
        let rows = vec![0.0, 1.0, 2.0, 1.0, 3.0, 4.0];
        let tensor =
            Tensor { dtype: dtype::DOUBLE, shape: Some(shape(&[2, 3])), double_val: rows, ..Tensor::default() };
        let expected = Histogram {
            min: 0.0,
            max: 3.0,
            count: 6.0,
            sum: 9.0,
            sum_squares: 16.5,
            limits: vec![1.0, 3.0],
            counts: vec![2.0, 4.0],
        };
        assert_eq!(decoded(tensor, "histograms"), Data::Histogram(expected));
    }

    #[test]
    fn the_plugin_is_remembered_from_the_first_event_of_a_tag() {
        let mut table = TagTable::default();
        let strings = || Tensor {
            dtype: dtype::STRING,
            shape: Some(shape(&[4])),
            string_val: vec![b"3".to_vec(), b"2".to_vec(), b"first".to_vec(), b"second".to_vec()],
            ..Tensor::default()
        };
        let mut value = |plugin: Option<&str>| {
            let plugin_data = plugin.map(|plugin| PluginData { plugin_name: plugin.into(), ..PluginData::default() });
            let metadata =
                plugin_data.map(|data| Box::new(Metadata { plugin_data: Some(data), ..Metadata::default() }));
            let tensor = Some(Box::new(strings()));
            decode_value(SummaryValue { tag: "i".into(), tensor, metadata, ..SummaryValue::default() }, &mut table)
                .unwrap()
                .data
        };
        assert_eq!(value(None), Data::Other);
        let first = Data::Image(ImageValue { width: 3, height: 2, png: b"first".to_vec(), meta: None });
        assert_eq!(value(Some("images")), first);
        assert_eq!(value(None), first);
    }

    #[test]
    fn tags_share_one_allocation_in_any_order() {
        let mut table = TagTable::default();
        let first: Vec<Tag> = ["a", "b", "c"].map(|tag| table.intern(tag).unwrap()).into();
        for order in [[0, 1, 2], [2, 0, 1], [1, 1, 0], [0, 1, 2]] {
            for at in order {
                assert!(Arc::ptr_eq(&table.intern(["a", "b", "c"][at]).unwrap(), &first[at]));
            }
        }
    }

    /// The bytes that `SummaryWriter(purge_step=7)` of `PyTorch` writes, its time aside.
    #[test]
    fn a_restart_is_the_start_of_a_session() {
        let values = vec![Value { tag: tags::RESTART.into(), data: Data::Restart }];
        let record = Record { step: 7, wall_time: 0.0, values };
        let event = encode(&record).unwrap();
        assert_eq!(prost::Message::encode_to_vec(&event), [0x10, 7, 0x3a, 2, 8, 1]);
        assert_eq!(decode(event, &mut TagTable::default()), Some(record));
        let ended = proto::Event { session: Some(proto::Session { status: 2 }), ..proto::Event::default() };
        assert_eq!(decode(ended, &mut TagTable::default()), None);
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let write = |data| {
            let values = vec![Value { tag: "t".into(), data }];
            encode(&Record { step: 1, wall_time: 0.0, values }).unwrap_err().to_string()
        };
        assert!(write(Data::Other).contains("`t`"));
        let two = vec![Value::scalar("t", 0.0), Value { tag: tags::RESTART.into(), data: Data::Restart }];
        assert!(encode(&Record { step: 1, wall_time: 0.0, values: two }).is_err(), "a restart comes alone");
        let tensor = TensorValue::new(vec![2], vec![0.0; 3]);
        assert!(write(Data::Tensor(tensor)).contains("[2]"));
    }
}
