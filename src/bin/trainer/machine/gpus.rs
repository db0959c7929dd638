//! All GPUs that some driver tells of, those of the one make after those of the other.

use super::Gpu;
use super::amd::Amd;
use super::nvidia::Nvidia;

/// Where AMD's driver shows its cards.
const CARDS: &str = "/sys/class/drm";

/// The drivers that were found when the run began; another look would cost, and drivers do not come and go.
pub(super) struct Gpus {
    nvidia: Option<Nvidia>,
    amd: Amd,
}

impl Gpus {
    pub(super) fn find() -> Self {
        Self { nvidia: Nvidia::find(), amd: Amd::find(CARDS.as_ref()) }
    }

    /// Why there are no GPUs to tell of.
    pub(super) fn note(&self) -> Option<&'static str> {
        match &self.nvidia {
            _ if !self.amd.is_empty() => None,
            None => Some("no GPU driver: CPU only"),
            Some(nvidia) if nvidia.is_empty() => Some("a GPU driver, but no GPU: CPU only"),
            Some(_) => None,
        }
    }

    /// In an order that stays the same.
    pub(super) fn read(&self) -> Vec<Gpu> {
        let nvidia = self.nvidia.as_ref().map_or_else(Vec::new, Nvidia::read);
        nvidia.into_iter().chain(self.amd.read()).collect()
    }
}
