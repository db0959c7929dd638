//! Where to train.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where to train; in TOML `"auto"`, `"cpu"`, `"cuda"` or `"cuda:1"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Device {
    /// CUDA where libtorch has it, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of that number, or the current one.
    Cuda(Option<usize>),
}

/// Text that names no device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no device; allowed: `auto`, `cpu`, `cuda`, `cuda:N` with N from 0 to 255")]
pub struct DeviceError(String);

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Cpu => f.pad("cpu"),
            Self::Cuda(None) => f.pad("cuda"),
            Self::Cuda(Some(number)) => f.pad(&format!("cuda:{number}")),
        }
    }
}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        let error = || DeviceError(super::super::error::brief(text));
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(None)),
            _ => {
                let digits = text.strip_prefix("cuda:").ok_or_else(error)?;
                // u8 takes a `+`, which would not be the text this device prints as.
                if !digits.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(error());
                }
                digits.parse::<u8>().map(|number| Self::Cuda(Some(number.into()))).map_err(|_| error())
            }
        }
    }
}

impl From<Device> for String {
    fn from(device: Device) -> Self {
        device.to_string()
    }
}

impl TryFrom<String> for Device {
    type Error = DeviceError;

    fn try_from(text: String) -> Result<Self, DeviceError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_strings_in_json_too() {
        for (device, json) in [
            (Device::Auto, r#""auto""#),
            (Device::Cpu, r#""cpu""#),
            (Device::Cuda(None), r#""cuda""#),
            (Device::Cuda(Some(3)), r#""cuda:3""#),
        ] {
            assert_eq!(serde_json::to_string(&device).unwrap(), json);
            assert_eq!(serde_json::from_str::<Device>(json).unwrap(), device);
        }
        for text in ["", "cuda:", "cuda:-1", "cuda:256", "CUDA", "cpu:0"] {
            assert!(text.parse::<Device>().unwrap_err().to_string().contains("allowed: `auto`"), "{text}");
        }
    }
}
