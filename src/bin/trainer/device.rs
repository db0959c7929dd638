//! Where to compute, chosen when the trainer starts: the same binary runs on machines with and without a GPU.

use tch::Cuda;
use torchscope::recipe;

/// Why the device that the recipe asks for cannot be had, and what to do about it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeviceError {
    #[error(
        "device `{asked}` needs CUDA, and libtorch finds none here; train with `--device cpu`, or on a machine with an \
         NVIDIA driver fetch libtorch with CUDA (`cargo xtask libtorch --cuda`)"
    )]
    NoCuda { asked: recipe::Device },
    #[error("device `{asked}` is not there; the last of {count} is `cuda:{}`", count - 1)]
    NoSuch { asked: recipe::Device, count: usize },
}

/// The device for `asked`.
pub(crate) fn choose(asked: recipe::Device) -> Result<tch::Device, DeviceError> {
    let count = if Cuda::is_available() { Cuda::device_count().max(0) as usize } else { 0 };
    choose_among(asked, count)
}

/// [`choose`] where libtorch sees `count` CUDA devices.
fn choose_among(asked: recipe::Device, count: usize) -> Result<tch::Device, DeviceError> {
    match asked {
        recipe::Device::Cpu => Ok(tch::Device::Cpu),
        recipe::Device::Auto if count == 0 => Ok(tch::Device::Cpu),
        recipe::Device::Auto => Ok(tch::Device::Cuda(0)),
        recipe::Device::Cuda(_) if count == 0 => Err(DeviceError::NoCuda { asked }),
        recipe::Device::Cuda(number) => match number.unwrap_or(0) {
            number if number < count => Ok(tch::Device::Cuda(number)),
            _ => Err(DeviceError::NoSuch { asked, count }),
        },
    }
}

/// Its name in `run.json`: `cpu`, `cuda:0`.
pub(crate) fn name(device: tch::Device) -> String {
    match device {
        tch::Device::Cuda(number) => format!("cuda:{number}"),
        _ => "cpu".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_takes_cuda_where_it_is() {
        use recipe::Device::{Auto, Cpu, Cuda};
        assert_eq!(choose_among(Auto, 0), Ok(tch::Device::Cpu));
        assert_eq!(choose_among(Auto, 2), Ok(tch::Device::Cuda(0)));
        assert_eq!(choose_among(Cpu, 2), Ok(tch::Device::Cpu));
        assert_eq!(choose_among(Cuda(None), 1), Ok(tch::Device::Cuda(0)));
        assert_eq!(choose_among(Cuda(Some(1)), 2), Ok(tch::Device::Cuda(1)));
    }

    #[test]
    fn a_missing_device_names_the_next_thing_to_do() {
        use recipe::Device::Cuda;
        let none = choose_among(Cuda(None), 0).unwrap_err().to_string();
        assert!(none.contains("`cuda`") && none.contains("--device cpu") && none.contains("xtask libtorch --cuda"));
        let beyond = choose_among(Cuda(Some(3)), 2).unwrap_err().to_string();
        assert_eq!(beyond, "device `cuda:3` is not there; the last of 2 is `cuda:1`");
    }
}
