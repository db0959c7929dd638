use serde::{Deserialize, Serialize};

/// A process that a GPU works for, an entry of the JSON list under `gpu/<n>/processes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GpuProcess {
    /// Its number.
    pub pid: u32,
    /// Its name; empty if that cannot be told, as of a process in another container.
    #[serde(default)]
    pub name: String,
    /// Bytes of the GPU's memory that it holds, where the driver tells.
    #[serde(default)]
    pub memory: Option<u64>,
}

impl GpuProcess {
    /// The text of a list.
    pub fn encode(processes: &[Self]) -> String {
        serde_json::to_string(processes).unwrap_or_default()
    }

    /// The list of a text; nothing if it is none.
    pub fn decode(text: &str) -> Option<Vec<Self>> {
        serde_json::from_str(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_and_garbage_is_none() {
        let one = GpuProcess { pid: 7, name: "torchscope-trainer".into(), memory: Some(3) };
        let list = [one, GpuProcess { pid: 8, name: String::new(), memory: None }];
        let text = GpuProcess::encode(&list);
        assert!(text.starts_with(r#"[{"pid":7,"name":"torchscope-trainer","memory":3}"#), "{text}");
        assert_eq!(GpuProcess::decode(&text).unwrap(), list);
        assert_eq!(GpuProcess::decode(r#"[{"pid":8}]"#).unwrap(), list[1..]);
        assert_eq!(GpuProcess::decode("nobody"), None);
    }
}
