use super::proto::{Dim, Shape, Tensor, dtype};

/// The shape, if it is known and holds exactly `count` values.
pub(super) fn shape_of(tensor: &Tensor, count: usize) -> Option<Vec<usize>> {
    // No shape at all is a scalar.
    let Some(shape) = &tensor.shape else { return (count == 1).then(Vec::new) };
    if shape.unknown_rank {
        return None;
    }
    let sizes: Option<Vec<usize>> = shape.dim.iter().map(|dim| usize::try_from(dim.size).ok()).collect();
    let sizes = sizes?;
    let product = sizes.iter().try_fold(1_usize, |product, size| product.checked_mul(*size))?;
    (product == count).then_some(sizes)
}

/// The numbers of a tensor in order, from its content or from its typed field; none for strings, complex numbers and
/// the quantised types.
pub(super) fn numbers(tensor: &Tensor) -> Option<Vec<f64>> {
    let content = tensor.content.as_slice();
    if content.is_empty() { typed_numbers(tensor) } else { packed_numbers(tensor.dtype, content) }
}

/// A float tensor as `TensorBoard` expects one.
pub(super) fn encode(shape: &[usize], values: &[f32]) -> Tensor {
    let dim = shape.iter().map(|&size| Dim { size: size as i64 }).collect();
    Tensor {
        dtype: dtype::FLOAT,
        shape: Some(Shape { dim, unknown_rank: false }),
        content: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        ..Tensor::default()
    }
}

/// A string tensor of rank 0.
pub(super) fn encode_text(text: &str) -> Tensor {
    Tensor {
        dtype: dtype::STRING,
        shape: Some(Shape { dim: Vec::new(), unknown_rank: false }),
        string_val: vec![text.as_bytes().to_vec()],
        ..Tensor::default()
    }
}

fn typed_numbers(tensor: &Tensor) -> Option<Vec<f64>> {
    let numbers = match tensor.dtype {
        dtype::FLOAT => tensor.float_val.iter().map(|&v| f64::from(v)).collect(),
        dtype::DOUBLE => tensor.double_val.clone(),
        // The narrow integers share the field of int32.
        dtype::INT32 | dtype::INT16 | dtype::INT8 | dtype::UINT16 | dtype::UINT8 => {
            tensor.int_val.iter().map(|&v| f64::from(v)).collect()
        }
        dtype::INT64 => tensor.int64_val.iter().map(|&v| v as f64).collect(),
        dtype::UINT32 => tensor.uint32_val.iter().map(|&v| f64::from(v)).collect(),
        dtype::UINT64 => tensor.uint64_val.iter().map(|&v| v as f64).collect(),
        dtype::BOOL => tensor.bool_val.iter().map(|&v| f64::from(u8::from(v))).collect(),
        dtype::HALF => tensor.half_val.iter().map(|&v| half(v as u16)).collect(),
        dtype::BFLOAT16 => tensor.half_val.iter().map(|&v| bfloat16(v as u16)).collect(),
        _ => return None,
    };
    Some(numbers)
}

fn packed_numbers(dtype: i32, content: &[u8]) -> Option<Vec<f64>> {
    match dtype {
        dtype::FLOAT => packed(content, |b| f64::from(f32::from_le_bytes(b))),
        dtype::DOUBLE => packed(content, f64::from_le_bytes),
        dtype::INT32 => packed(content, |b| f64::from(i32::from_le_bytes(b))),
        dtype::UINT32 => packed(content, |b| f64::from(u32::from_le_bytes(b))),
        dtype::INT64 => packed(content, |b| i64::from_le_bytes(b) as f64),
        dtype::UINT64 => packed(content, |b| u64::from_le_bytes(b) as f64),
        dtype::INT16 => packed(content, |b| f64::from(i16::from_le_bytes(b))),
        dtype::UINT16 => packed(content, |b| f64::from(u16::from_le_bytes(b))),
        dtype::INT8 => packed(content, |b| f64::from(i8::from_le_bytes(b))),
        dtype::UINT8 => packed(content, |b| f64::from(u8::from_le_bytes(b))),
        dtype::BOOL => packed(content, |[b]: [u8; 1]| f64::from(u8::from(b != 0))),
        dtype::HALF => packed(content, |b| half(u16::from_le_bytes(b))),
        dtype::BFLOAT16 => packed(content, |b| bfloat16(u16::from_le_bytes(b))),
        _ => None,
    }
}

fn packed<const SIZE: usize>(content: &[u8], read: impl Fn([u8; SIZE]) -> f64) -> Option<Vec<f64>> {
    let (chunks, rest) = content.as_chunks::<SIZE>();
    rest.is_empty().then(|| chunks.iter().map(|&chunk| read(chunk)).collect())
}

/// IEEE 754 binary16: 1 sign, 5 exponent and 10 fraction bits.
fn half(bits: u16) -> f64 {
    let fraction = f64::from(bits & 0x3ff);
    let magnitude = match (bits >> 10) & 0x1f {
        0 => fraction * 2_f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        exponent => (1024.0 + fraction) * 2_f64.powi(i32::from(exponent) - 25),
    };
    if bits & 0x8000 == 0 { magnitude } else { -magnitude }
}

/// The upper half of a binary32.
fn bfloat16(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}
