//! The messages of TensorFlow's `event.proto`, `summary.proto` and `tensor.proto`, as far as torchscope reads or
//! writes them. Fields that are not declared are skipped. The members of a `oneof` stand as options side by side, which
//! is the same on the wire; the rare and large ones are boxed, so that a scalar is small.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Event {
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(string, optional, tag = "3")]
    pub(super) file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    pub(super) summary: Option<Summary>,
    #[prost(message, optional, tag = "7")]
    pub(super) session: Option<Session>,
}

/// `SessionLog`: a program that writes events has begun, or has ended.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Session {
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
}

/// `Session::status` of a program that goes on from the event's step: what an earlier one wrote from there on is void.
pub(super) const SESSION_START: i32 = 1;

#[derive(Clone, PartialEq, Message)]
pub(super) struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub(super) value: Vec<SummaryValue>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct SummaryValue {
    #[prost(string, tag = "1")]
    pub(super) tag: String,
    #[prost(float, optional, tag = "2")]
    pub(super) simple_value: Option<f32>,
    #[prost(message, optional, boxed, tag = "4")]
    pub(super) image: Option<Box<Image>>,
    #[prost(message, optional, boxed, tag = "5")]
    pub(super) histo: Option<Box<Histo>>,
    #[prost(message, optional, boxed, tag = "8")]
    pub(super) tensor: Option<Box<Tensor>>,
    #[prost(message, optional, boxed, tag = "9")]
    pub(super) metadata: Option<Box<Metadata>>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Image {
    #[prost(int32, tag = "1")]
    pub(super) height: i32,
    #[prost(int32, tag = "2")]
    pub(super) width: i32,
    /// 1 grey, 2 grey and alpha, 3 RGB, 4 RGBA.
    #[prost(int32, tag = "3")]
    pub(super) colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) encoded: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Histo {
    #[prost(double, tag = "1")]
    pub(super) min: f64,
    #[prost(double, tag = "2")]
    pub(super) max: f64,
    #[prost(double, tag = "3")]
    pub(super) num: f64,
    #[prost(double, tag = "4")]
    pub(super) sum: f64,
    #[prost(double, tag = "5")]
    pub(super) sum_squares: f64,
    #[prost(double, repeated, tag = "6")]
    pub(super) bucket_limit: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    pub(super) bucket: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Metadata {
    #[prost(message, optional, tag = "1")]
    pub(super) plugin_data: Option<PluginData>,
    #[prost(string, tag = "3")]
    pub(super) summary_description: String,
    #[prost(int32, tag = "4")]
    pub(super) data_class: i32,
}

/// `Metadata::data_class` of pictures of our own plugin: from any other `TensorBoard`'s data server concludes that a plugin
/// of that name draws them, and shows none.
pub(super) const CLASS_UNKNOWN: i32 = 0;
/// `Metadata::data_class` of tensors.
pub(super) const CLASS_TENSOR: i32 = 2;
/// `Metadata::data_class` of pictures.
pub(super) const CLASS_BLOBS: i32 = 3;

#[derive(Clone, PartialEq, Message)]
pub(super) struct PluginData {
    #[prost(string, tag = "1")]
    pub(super) plugin_name: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) content: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Tensor {
    #[prost(int32, tag = "1")]
    pub(super) dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) shape: Option<Shape>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    pub(super) float_val: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    pub(super) double_val: Vec<f64>,
    #[prost(int32, repeated, tag = "7")]
    pub(super) int_val: Vec<i32>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(super) string_val: Vec<Vec<u8>>,
    #[prost(int64, repeated, tag = "10")]
    pub(super) int64_val: Vec<i64>,
    #[prost(bool, repeated, tag = "11")]
    pub(super) bool_val: Vec<bool>,
    #[prost(int32, repeated, tag = "13")]
    pub(super) half_val: Vec<i32>,
    #[prost(uint32, repeated, tag = "16")]
    pub(super) uint32_val: Vec<u32>,
    #[prost(uint64, repeated, tag = "17")]
    pub(super) uint64_val: Vec<u64>,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Shape {
    #[prost(message, repeated, tag = "2")]
    pub(super) dim: Vec<Dim>,
    #[prost(bool, tag = "3")]
    pub(super) unknown_rank: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(super) struct Dim {
    #[prost(int64, tag = "1")]
    pub(super) size: i64,
}

/// The values of `DataType` in `types.proto`.
pub(super) mod dtype {
    pub(in crate::log) const FLOAT: i32 = 1;
    pub(in crate::log) const DOUBLE: i32 = 2;
    pub(in crate::log) const INT32: i32 = 3;
    pub(in crate::log) const UINT8: i32 = 4;
    pub(in crate::log) const INT16: i32 = 5;
    pub(in crate::log) const INT8: i32 = 6;
    pub(in crate::log) const STRING: i32 = 7;
    pub(in crate::log) const INT64: i32 = 9;
    pub(in crate::log) const BOOL: i32 = 10;
    pub(in crate::log) const BFLOAT16: i32 = 14;
    pub(in crate::log) const UINT16: i32 = 17;
    pub(in crate::log) const HALF: i32 = 19;
    pub(in crate::log) const UINT32: i32 = 22;
    pub(in crate::log) const UINT64: i32 = 23;
}
