//! Numbers in JSON that may be NaN or infinite: a loss that blew up is worth writing down. JSON has no such numbers and
//! `serde_json` writes `null` for them, so they are the texts `"NaN"`, `"inf"` and `"-inf"`. `null` reads as NaN.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number as it stands in JSON.
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_finite() {
            serializer.serialize_f64(self.0)
        } else {
            serializer.serialize_str(&self.0.to_string())
        }
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, \"NaN\", \"inf\" or \"-inf\"")
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Number, E> {
        Ok(Number(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Number, E> {
        Ok(Number(value as f64))
    }

    fn visit_unit<E: Error>(self) -> Result<Number, E> {
        Ok(Number(f64::NAN))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        text.parse().map(Number).map_err(|_| E::invalid_value(serde::de::Unexpected::Str(text), &self))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Number(*value).serialize(serializer)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Number::deserialize(deserializer).map(|number| number.0)
}

/// The same for the values of a map.
pub(crate) mod map {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::Number;

    pub(crate) fn serialize<S: Serializer>(map: &BTreeMap<String, f64>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map.iter().map(|(key, value)| (key, Number(*value))))
    }

    pub(in crate::run) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, f64>, D::Error> {
        let map = BTreeMap::<String, Number>::deserialize(deserializer)?;
        Ok(map.into_iter().map(|(key, number)| (key, number.0)).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Serialize, Deserialize)]
    struct Holder {
        #[serde(with = "super")]
        one: f64,
        #[serde(with = "super::map")]
        many: BTreeMap<String, f64>,
    }

    proptest! {
        #[test]
        fn every_number_survives(one in any::<f64>(), other in any::<f64>()) {
            let text = serde_json::to_string(&Holder { one, many: BTreeMap::from([("a".to_owned(), other)]) }).unwrap();
            let back: Holder = serde_json::from_str(&text).unwrap();
            for (before, after) in [(one, back.one), (other, back.many["a"])] {
                // Without its feature `float_roundtrip`, serde_json is off by a few units in the last place.
                let near = before.to_bits().abs_diff(after.to_bits()) <= 4;
                prop_assert!(near || (before.is_nan() && after.is_nan()), "{before} became {after}");
            }
        }
    }

    #[test]
    fn non_finite_numbers_are_words() {
        let many = BTreeMap::from([("a".to_owned(), f64::INFINITY), ("b".to_owned(), f64::NEG_INFINITY)]);
        let text = serde_json::to_string(&Holder { one: f64::NAN, many }).unwrap();
        assert_eq!(text, r#"{"one":"NaN","many":{"a":"inf","b":"-inf"}}"#);
    }

    #[test]
    fn null_and_integers_are_numbers_and_other_words_are_not() {
        let read = |text: &str| serde_json::from_str::<Holder>(text);
        let back = read(r#"{"one":null,"many":{"a":-3,"b":4}}"#).unwrap();
        assert!(back.one.is_nan());
        assert_eq!((back.many["a"], back.many["b"]), (-3.0, 4.0));
        let error = read(r#"{"one":"many","many":{}}"#).unwrap_err().to_string();
        assert!(error.contains("a number"), "{error}");
    }
}
