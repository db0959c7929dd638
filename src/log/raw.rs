//! Records as they stand in a file, for whoever passes them on.

use prost::Message;

use super::{proto, record};

/// Bytes before a record's data, from which [`raw_length`] tells the rest.
pub const RAW_HEADER: usize = record::HEADER;

/// Records with less data than this hold no picture worth leaving out.
const SMALL: usize = 512;

/// Bytes of the whole record that begins with `header`; none if the header is damaged, and with it the rest of the file.
pub fn raw_length(header: [u8; RAW_HEADER]) -> Option<u64> {
    record::data_length(header)?.checked_add((record::HEADER + record::FOOTER) as u64)
}

/// The tags of a whole record that holds pictures and nothing else; none for any other, and for a damaged one.
pub fn picture_tags(raw: &[u8]) -> Option<Vec<String>> {
    let body = raw.get(record::HEADER..).filter(|body| body.len() >= SMALL)?;
    let event = proto::Event::decode(record::checked_data(body)?).ok()?;
    let values = event.summary?.value;
    let pictures = !values.is_empty() && values.iter().all(|value| value.image.is_some());
    pictures.then(|| values.into_iter().map(|value| value.tag).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Data, EventWriter, ImageValue, Record, Value};

    fn written(values: Vec<Value>) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path()).unwrap();
        let version = std::fs::read(writer.path()).unwrap().len();
        writer.append(&Record { step: 1, wall_time: 0.0, values }).unwrap();
        writer.flush().unwrap();
        let raw = std::fs::read(writer.path()).unwrap().split_off(version);
        assert_eq!(raw_length(raw[..RAW_HEADER].try_into().unwrap()), Some(raw.len() as u64));
        raw
    }

    fn picture(tag: &str) -> Value {
        let image = ImageValue { width: 9, height: 9, png: vec![7; 600], meta: None };
        Value { tag: tag.into(), data: Data::Image(image) }
    }

    #[test]
    fn only_pictures_are_pictures() {
        assert_eq!(picture_tags(&written(vec![picture("a"), picture("b")])), Some(vec!["a".into(), "b".into()]));
        assert_eq!(picture_tags(&written(vec![picture("a"), Value::scalar("loss", 1.0)])), None);
        let scalars = (0..100).map(|tag| Value::scalar(format!("scalar/{tag}"), 1.0)).collect();
        assert_eq!(picture_tags(&written(scalars)), None);
        let mut damaged = written(vec![picture("a")]);
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(picture_tags(&damaged), None);
        assert_eq!(raw_length([1; RAW_HEADER]), None);
        assert_eq!(picture_tags(&[]), None);
    }
}
