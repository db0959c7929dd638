//! Tensors on their way into a file, and back.

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorInfo};
use tch::{Kind, TchError, Tensor};

use super::RestoreError;

/// A tensor's numbers, out of libtorch's hands.
struct Stored {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    /// Row-major, little endian.
    bytes: Vec<u8>,
}

/// Copies of tensors by their names.
#[derive(Default)]
pub(crate) struct Tensors(Vec<Stored>);

impl Tensors {
    /// Copies `tensor`, wherever it is.
    pub(crate) fn add(&mut self, name: impl Into<String>, tensor: &Tensor) -> Result<(), TchError> {
        let kind = tensor.f_kind()?;
        let dtype = dtype(kind).ok_or_else(|| TchError::Kind(format!("{kind:?} has no place in a checkpoint")))?;
        let numel = tensor.numel();
        let mut bytes = vec![0; numel * kind.elt_size_in_bytes()];
        tensor.f_detach()?.f_copy_data_u8(&mut bytes, numel)?;
        let shape = tensor.size().iter().map(|side| *side as usize).collect();
        self.0.push(Stored { name: name.into(), dtype, shape, bytes });
        Ok(())
    }

    /// What stands in a file's header: names and places of the tensors, one behind the other. Those with the largest numbers
    /// come first, so that each lies at a multiple of their size.
    pub(super) fn places(&mut self) -> Vec<(String, TensorInfo)> {
        self.0.sort_by(|a, b| b.dtype.cmp(&a.dtype).then_with(|| a.name.cmp(&b.name)));
        let mut end = 0;
        let place = |stored: &Stored| {
            let start = end;
            end += stored.bytes.len();
            let info = TensorInfo { dtype: stored.dtype, shape: stored.shape.clone(), data_offsets: (start, end) };
            (stored.name.clone(), info)
        };
        self.0.iter().map(place).collect()
    }

    /// The numbers, in the order of [`Self::places`].
    pub(super) fn bytes(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(|stored| &stored.bytes[..])
    }
}

/// The tensors of a file.
pub(crate) struct Source<'a>(SafeTensors<'a>);

impl<'a> Source<'a> {
    /// Of the bytes of a whole file.
    pub(crate) fn new(bytes: &'a [u8]) -> Result<Self, RestoreError> {
        Ok(Self(SafeTensors::deserialize(bytes).map_err(|error| RestoreError::Format(error.to_string()))?))
    }

    /// The tensor of that name, on the CPU.
    pub(crate) fn tensor(&self, name: &str) -> Result<Tensor, RestoreError> {
        let missing = || RestoreError::Missing { name: name.to_owned() };
        let view = self.0.tensor(name).map_err(|_| missing())?;
        let kind = kind(view.dtype()).ok_or_else(missing)?;
        let shape: Vec<i64> = view.shape().iter().map(|side| *side as i64).collect();
        Ok(Tensor::f_from_data_size(view.data(), &shape, kind)?)
    }

    /// Puts the numbers of that name into `tensor`, which is of the same shape and kind, wherever it is.
    pub(crate) fn copy_into(&self, name: &str, tensor: &Tensor) -> Result<(), RestoreError> {
        let found = self.tensor(name)?;
        if found.size() != tensor.size() || found.f_kind()? != tensor.f_kind()? {
            return Err(RestoreError::Shape { name: name.to_owned(), found: found.size(), expected: tensor.size() });
        }
        let _guard = tch::no_grad_guard();
        // Another handle to the same memory.
        tensor.shallow_clone().f_copy_(&found)?;
        Ok(())
    }
}

fn dtype(kind: Kind) -> Option<Dtype> {
    match kind {
        Kind::Float => Some(Dtype::F32),
        Kind::Double => Some(Dtype::F64),
        Kind::Int64 => Some(Dtype::I64),
        _ => None,
    }
}

fn kind(dtype: Dtype) -> Option<Kind> {
    [Kind::Float, Kind::Double, Kind::Int64].into_iter().find(|kind| self::dtype(*kind) == Some(dtype))
}
