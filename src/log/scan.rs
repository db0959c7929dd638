//! The one shape that nearly all events of a long run have, a step with plain scalars, read straight from the wire.
//! The general way through [`super::proto`] allocates each tag anew, which makes reading a long run half as dear again.

use super::event::TagTable;
use super::{Data, Record, Value};

/// Values that room is made for at once.
const USUAL_VALUES: usize = 64;

/// Keys of the fields on the wire: number and wire type.
mod key {
    pub(super) const WALL_TIME: u8 = 1 << 3 | 1;
    pub(super) const STEP: u8 = 2 << 3;
    pub(super) const SUMMARY: u8 = 5 << 3 | 2;
    pub(super) const VALUE: u8 = 1 << 3 | 2;
    pub(super) const TAG: u8 = 1 << 3 | 2;
    pub(super) const SIMPLE_VALUE: u8 = 2 << 3 | 5;
}

/// Number of values in the summaries of an event, as far as it can be followed.
pub(super) fn count(data: &[u8]) -> usize {
    let mut event = Wire(data);
    let mut values = 0;
    while let Some(key) = event.byte() {
        let skipped = match key & 7 {
            0 => event.varint().map(drop),
            1 => event.array::<8>().map(drop),
            5 => event.array::<4>().map(drop),
            2 => event.block().map(|mut block| {
                if key == key::SUMMARY {
                    while block.byte().is_some() && block.block().is_some() {
                        values += 1;
                    }
                }
            }),
            _ => None,
        };
        if skipped.is_none() {
            break;
        }
    }
    values
}

/// The record of an event of nothing but tagged simple values, without those whose tags have no room; it may be left with
/// none. None for any other event and for damaged ones: what those mean is the general decoder's to say.
pub(super) fn scalars(data: &[u8], table: &mut TagTable) -> Option<Record> {
    let mut event = Wire(data);
    let (mut step, mut wall_time, mut summary) = (0, 0.0, None);
    while let Some(key) = event.byte() {
        match key {
            key::WALL_TIME => wall_time = f64::from_le_bytes(event.array()?),
            key::STEP => step = event.varint()?.cast_signed(),
            key::SUMMARY if summary.is_none() => summary = Some(event.block()?),
            _ => return None,
        }
    }
    let summary = summary?;
    let mut blocks = summary;
    let mut count = 0;
    while let Some(key) = blocks.byte() {
        if key != key::VALUE {
            return None;
        }
        blocks.block()?;
        count += 1;
    }
    let mut blocks = summary;
    let mut values = Vec::with_capacity(count.min(USUAL_VALUES));
    while blocks.byte().is_some() {
        scalar(blocks.block()?, table, &mut values)?;
    }
    (count > 0).then_some(Record { step, wall_time, values })
}

/// Appends a value, if there is room for its tag.
fn scalar(mut wire: Wire<'_>, table: &mut TagTable, values: &mut Vec<Value>) -> Option<()> {
    let (mut tag, mut number) = (None, None);
    while let Some(key) = wire.byte() {
        match key {
            key::TAG => tag = Some(std::str::from_utf8(wire.block()?.0).ok()?),
            key::SIMPLE_VALUE => number = Some(f32::from_le_bytes(wire.array()?)),
            _ => return None,
        }
    }
    let number = number?;
    values.extend(table.intern(tag?).map(|tag| Value { tag, data: Data::Scalar(f64::from(number)) }));
    Some(())
}

/// What is left of a message.
#[derive(Clone, Copy)]
struct Wire<'a>(&'a [u8]);

impl Wire<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn array<const SIZE: usize>(&mut self) -> Option<[u8; SIZE]> {
        let (&bytes, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(bytes)
    }

    fn varint(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            // The tenth byte has room for one bit.
            if shift == 63 && byte > 1 {
                return None;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn block(&mut self) -> Option<Self> {
        let length = usize::try_from(self.varint()?).ok()?;
        let (block, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(Wire(block))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message;

    use super::super::{event, proto};
    use super::*;

    fn general(data: &[u8]) -> Option<Record> {
        event::decode(proto::Event::decode(data).ok()?, &mut TagTable::default())
    }

    /// Equality in which NaN equals NaN.
    fn text(record: Option<&Record>) -> String {
        format!("{record:?}")
    }

    fn encoded(step: i64, wall_time: f64, scalars: &[(String, f32)]) -> Vec<u8> {
        let value = |(tag, number): &(String, f32)| proto::SummaryValue {
            tag: tag.clone(),
            simple_value: Some(*number),
            ..Default::default()
        };
        let summary = Some(proto::Summary { value: scalars.iter().map(value).collect() });
        proto::Event { wall_time, step, summary, ..proto::Event::default() }.encode_to_vec()
    }

    proptest! {
        #[test]
        fn scalars_are_what_the_general_decoder_reads(
            step in any::<i64>(),
            wall_time in any::<f64>(),
            scalars in prop::collection::vec((".{1,20}", any::<f32>()), 1..6),
        ) {
            let data = encoded(step, wall_time, &scalars);
            let fast = super::scalars(&data, &mut TagTable::default());
            prop_assert!(fast.is_some());
            prop_assert_eq!(text(fast.as_ref()), text(general(&data).as_ref()));
        }

        #[test]
        fn damaged_events_are_never_read_differently(
            step in any::<i64>(),
            scalars in prop::collection::vec(("[a-z/]{1,6}", any::<f32>()), 1..4),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut data = encoded(step, 1.7e9, &scalars);
            for (at, byte) in damage {
                let at = at.index(data.len());
                data[at] = byte;
            }
            for data in [&data[..], &data[..cut.index(data.len())]] {
                if let Some(fast) = super::scalars(data, &mut TagTable::default()) {
                    prop_assert_eq!(text(Some(&fast)), text(general(data).as_ref()));
                }
            }
        }
    }

    #[test]
    fn events_of_other_shapes_are_left_to_the_general_decoder() {
        for event in [
            proto::Event::default(),
            proto::Event { file_version: Some("brain.Event:2".into()), ..Default::default() },
            proto::Event { summary: Some(proto::Summary::default()), ..Default::default() },
        ] {
            assert_eq!(scalars(&event.encode_to_vec(), &mut TagTable::default()), None);
        }
    }
}
