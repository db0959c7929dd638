//! AMD's GPUs, as the kernel's driver shows them in sysfs: a file a number.

use std::fs;
use std::path::{Path, PathBuf};

use super::Gpu;

/// AMD's number as a vendor of PCI devices.
const VENDOR: &str = "0x1002";

/// The cards that there are.
pub(super) struct Amd {
    cards: Vec<Card>,
}

struct Card {
    /// `card0/device`.
    device: PathBuf,
    /// Where its sensors are.
    sensors: Option<PathBuf>,
    name: String,
}

impl Amd {
    /// The cards below `root`, `/sys/class/drm` of a real machine.
    pub(super) fn find(root: &Path) -> Self {
        let number = |path: &Path| path.file_name()?.to_str()?.strip_prefix("card")?.parse::<u32>().ok();
        let mut found: Vec<(u32, PathBuf)> =
            entries(root).filter_map(|path| Some((number(&path)?, path.join("device")))).collect();
        found.sort();
        let is_amd = |device: &PathBuf| text(&device.join("vendor")).as_deref() == Some(VENDOR);
        let cards = found.into_iter().map(|(_, device)| device).filter(is_amd).map(Card::new).collect();
        Self { cards }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    pub(super) fn read(&self) -> impl Iterator<Item = Gpu> {
        self.cards.iter().map(Card::read)
    }
}

impl Card {
    fn new(device: PathBuf) -> Self {
        let sensors = entries(&device.join("hwmon")).find(|path| path.join("name").exists());
        let name = text(&device.join("product_name")).filter(|name| !name.is_empty());
        Self { name: name.unwrap_or_else(|| "AMD GPU".to_owned()), sensors, device }
    }

    fn read(&self) -> Gpu {
        let device = |file: &str| number(&self.device.join(file));
        let sensor = |file: &str| number(&self.sensors.as_ref()?.join(file));
        Gpu {
            name: self.name.clone(),
            util: device("gpu_busy_percent"),
            mem: device("mem_info_vram_used"),
            mem_total: device("mem_info_vram_total"),
            // Thousandths of a degree, and millionths of a watt; newer cards have the present power alone.
            temp: sensor("temp1_input").map(|temp| temp / 1e3),
            power: sensor("power1_average").or_else(|| sensor("power1_input")).map(|power| power / 1e6),
            processes: None,
        }
    }
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn number(path: &Path) -> Option<f64> {
    text(path)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files below a root that goes away with the test.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn cards_are_read_in_their_order_and_those_of_others_are_not() {
        let root = tree(&[
            ("card10/device/vendor", "0x1002\n"),
            ("card10/device/gpu_busy_percent", "7\n"),
            ("card2/device/vendor", "0x1002\n"),
            ("card2/device/product_name", "Instinct MI300X\n"),
            ("card2/device/gpu_busy_percent", "87\n"),
            ("card2/device/mem_info_vram_used", "44040192000\n"),
            ("card2/device/mem_info_vram_total", "206141652992\n"),
            ("card2/device/hwmon/hwmon3/name", "amdgpu\n"),
            ("card2/device/hwmon/hwmon3/temp1_input", "54000\n"),
            ("card2/device/hwmon/hwmon3/power1_average", "312000000\n"),
            ("card2-DP-1/status", "disconnected\n"),
            ("card0/device/vendor", "0x8086\n"),
            ("renderD128/device/vendor", "0x1002\n"),
        ]);
        let amd = Amd::find(root.path());
        let whole = Gpu {
            name: "Instinct MI300X".into(),
            util: Some(87.0),
            mem: Some(44_040_192_000.0),
            mem_total: Some(206_141_652_992.0),
            temp: Some(54.0),
            power: Some(312.0),
            processes: None,
        };
        let bare = Gpu { name: "AMD GPU".into(), util: Some(7.0), ..Gpu::default() };
        assert_eq!(amd.read().collect::<Vec<_>>(), [whole, bare]);
        fs::write(root.path().join("card2/device/gpu_busy_percent"), "busy").unwrap();
        assert_eq!(amd.read().next().unwrap().util, None, "what is no number is not told");
    }

    #[test]
    fn power_is_found_under_its_newer_name() {
        let root = tree(&[
            ("card0/device/vendor", "0x1002"),
            ("card0/device/hwmon/hwmon0/name", "amdgpu"),
            ("card0/device/hwmon/hwmon0/power1_input", "25000000"),
        ]);
        assert_eq!(Amd::find(root.path()).read().next().unwrap().power, Some(25.0));
    }

    #[test]
    fn where_there_is_nothing_there_are_no_cards() {
        assert!(Amd::find(Path::new("/nowhere/at/all")).is_empty());
    }
}
