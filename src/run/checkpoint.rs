//! Checkpoints as they lie in a run's `checkpoints` folder: safetensors files that say in their header what they are.
//!
//! ```text
//! u64 length of the header | header: JSON with names, types, shapes and places of tensors, and "__metadata__" | numbers
//! ```
//!
//! The trainer alone makes tensors of the numbers. Everybody can read what a checkpoint is of, and whether it is whole.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::dir::RunDir;
use super::error::{RunError, shown};
use super::tail::plain;
use crate::files;

/// The format written, and the newest understood.
const VERSION: u64 = 1;
/// What `format` says in the header.
const FORMAT: &str = "torchscope checkpoint";
/// Names of the files: the steps taken stand between.
const PREFIX: &str = "step-";
const SUFFIX: &str = ".safetensors";
/// A header longer than this is none. It holds a recipe, the state and a hundred bytes a tensor; read, it takes some ten
/// times as much.
const MOST_HEADER: u64 = 8 << 20;
/// Bytes read at a time.
const CHUNK: usize = 1 << 20;
/// Where the checksum stands in the header, before its eight hexadecimal digits. Quotes within a text are escaped, so that
/// this is the key and nothing else.
const CHECKSUM: &str = "\"checksum\":\"";
/// What stands there while the checksum is computed.
const BLANK: &str = "00000000";

/// What a checkpoint says of itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Steps taken.
    pub step: u64,
    /// `recipe.toml` as it was.
    pub recipe: String,
    /// [`crate::data::Split::fingerprint`] of the data.
    pub data: u32,
    /// The last evaluation's loss, finite; none if there was none.
    pub loss: Option<f64>,
    /// All that is neither a tensor nor above, in JSON; the trainer's business.
    pub state: String,
}

/// A checkpoint that is whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// What it says of itself.
    pub about: About,
}

/// The newest checkpoint of a run.
#[derive(Debug)]
pub struct Newest {
    /// The newest one that is whole.
    pub checkpoint: Checkpoint,
    /// Newer ones that are not, newest first.
    pub damaged: Vec<CheckpointError>,
}

/// Why there is no checkpoint to go on from. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// There is none.
    #[error("`{}` has no checkpoint to go on from; start it again: torchscope train {}", plain(name), shown(recipe))]
    None {
        /// The run.
        name: String,
        /// What it would be started again with.
        recipe: PathBuf,
    },
    /// There is one, or several, and none is whole.
    #[error(
        "`{}` has no checkpoint that is whole ({problem}); start it again: torchscope train {}",
        plain(name),
        shown(recipe)
    )]
    AllDamaged {
        /// The run.
        name: String,
        /// What is wrong with the newest.
        problem: String,
        /// What it would be started again with.
        recipe: PathBuf,
    },
    /// Not a whole checkpoint.
    #[error("`{}` is damaged: {}", shown(path), plain(problem))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Written by a later torchscope.
    #[error("`{}` has format {version}, this torchscope knows {VERSION}; update torchscope", shown(path))]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        version: u64,
    },
    /// The operating system refused something.
    #[error("cannot {doing} `{}`: {source}", shown(path))]
    Io {
        /// What was tried.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl About {
    /// What the header says, all of it text. The checksum is left blank, for [`seal`] to fill in.
    pub fn metadata(&self) -> HashMap<String, String> {
        let pairs = [
            ("format", FORMAT.to_owned()),
            ("version", VERSION.to_string()),
            ("step", self.step.to_string()),
            ("recipe", self.recipe.clone()),
            ("recipe_crc32c", format!("{:08x}", crc32c::crc32c(self.recipe.as_bytes()))),
            ("data_crc32c", format!("{:08x}", self.data)),
            ("state", self.state.clone()),
            ("checksum", BLANK.to_owned()),
        ];
        let loss = self.loss.map(|loss| ("loss_eval", format!("{loss:?}")));
        pairs.into_iter().chain(loss).map(|(key, value)| (key.to_owned(), value)).collect()
    }

    fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Self, String> {
        let text = |key: &str| metadata.get(key).ok_or_else(|| format!("its header has no `{key}`"));
        let number = |key: &str| text(key)?.parse().map_err(|_| format!("`{key}` in its header is no number"));
        let checksum = |key: &str| {
            u32::from_str_radix(text(key)?, 16).map_err(|_| format!("`{key}` in its header is no checksum"))
        };
        Ok(Self {
            step: number("step")?,
            recipe: text("recipe")?.clone(),
            data: checksum("data_crc32c")?,
            loss: metadata.get("loss_eval").and_then(|loss| loss.parse().ok()).filter(|loss: &f64| loss.is_finite()),
            state: text("state")?.clone(),
        })
    }
}

/// Puts the checksum of `header` and `numbers` into `header`, which was made of [`About::metadata`]. Says whether there was a
/// place for it.
#[must_use]
pub fn seal<'a>(header: &mut [u8], numbers: impl Iterator<Item = &'a [u8]>) -> bool {
    let Some(digits) = checksum_digits(header) else { return false };
    let sum = numbers.fold(crc32c::crc32c(header), crc32c::crc32c_append);
    header[digits].copy_from_slice(format!("{sum:08x}").as_bytes());
    true
}

/// Where the digits of the checksum stand.
fn checksum_digits(header: &[u8]) -> Option<std::ops::Range<usize>> {
    let start = header.windows(CHECKSUM.len()).position(|bytes| bytes == CHECKSUM.as_bytes())? + CHECKSUM.len();
    (start + BLANK.len() < header.len()).then_some(start..start + BLANK.len())
}

impl Checkpoint {
    /// The name of the checkpoint after `step` steps.
    pub fn file_name(step: u64) -> String {
        format!("{PREFIX}{step:012}{SUFFIX}")
    }

    /// Reads what the checkpoint at `path` is of, and all of it to see whether it is whole.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let read = files::open_own(path).and_then(|file| {
            let length = file.metadata()?.len();
            read(file, length)
        });
        let damaged = |problem| CheckpointError::Damaged { path: path.to_owned(), problem };
        match read {
            Ok(Ok(about)) => Ok(Self { path: path.to_owned(), about }),
            Ok(Err(Refusal::Newer(version))) => Err(CheckpointError::Newer { path: path.to_owned(), version }),
            Ok(Err(Refusal::Damaged(problem))) => Err(damaged(problem)),
            // It became shorter while it was read.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(damaged("it is cut off".to_owned())),
            Err(source) => Err(CheckpointError::Io { doing: "read", path: path.to_owned(), source }),
        }
    }
}

/// Why bytes are no checkpoint for us.
#[derive(Debug, PartialEq)]
enum Refusal {
    Damaged(String),
    Newer(u64),
}

impl From<&str> for Refusal {
    fn from(problem: &str) -> Self {
        Self::Damaged(problem.to_owned())
    }
}

/// One entry of the header: a tensor, or the texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Entry {
    Tensor { data_offsets: [u64; 2] },
    Texts(BTreeMap<String, String>),
}

/// Reads `length` bytes, never more at a time than a header or a chunk.
fn read(mut from: impl Read, length: u64) -> io::Result<Result<About, Refusal>> {
    let mut size = [0; 8];
    if length < size.len() as u64 {
        return Ok(Err("it is cut off".into()));
    }
    from.read_exact(&mut size)?;
    let size = u64::from_le_bytes(size);
    if size > MOST_HEADER {
        return Ok(Err("it is no safetensors file".into()));
    }
    let Some(behind) = (length - 8).checked_sub(size) else { return Ok(Err("it is cut off".into())) };
    let mut header = vec![0; size as usize];
    from.read_exact(&mut header)?;
    let Ok(entries) = serde_json::from_slice::<BTreeMap<String, Entry>>(&header) else {
        return Ok(Err("its header cannot be read".into()));
    };
    let end = entries.values().map(|entry| match entry {
        Entry::Tensor { data_offsets: [_, end] } => *end,
        Entry::Texts(_) => 0,
    });
    let end = end.max().unwrap_or(0);
    let Some(Entry::Texts(metadata)) = entries.get("__metadata__") else {
        return Ok(Err("it is a safetensors file of something else".into()));
    };
    if metadata.get("format").is_none_or(|format| format != FORMAT) {
        return Ok(Err("it is a safetensors file of something else".into()));
    }
    let version = metadata.get("version").and_then(|version| version.parse().ok());
    if let Some(version) = version.filter(|version| *version > VERSION) {
        // Nothing more can be said of it.
        return Ok(Err(Refusal::Newer(version)));
    }
    if end != behind {
        return Ok(Err(if end > behind { "it is cut off" } else { "something stands behind its end" }.into()));
    }
    let given = checksum_digits(&header).map(|digits| {
        let given = header[digits.clone()].to_vec();
        header[digits].copy_from_slice(BLANK.as_bytes());
        given
    });
    let mut sum = crc32c::crc32c(&header);
    let mut chunk = vec![0; CHUNK.min(behind as usize)];
    let mut left = behind as usize;
    while left > 0 {
        let part = &mut chunk[..left.min(CHUNK)];
        from.read_exact(part)?;
        sum = crc32c::crc32c_append(sum, part);
        left -= part.len();
    }
    if given.as_deref() != Some(format!("{sum:08x}").as_bytes()) {
        return Ok(Err("its checksum does not match".into()));
    }
    Ok(About::from_metadata(metadata).map_err(Refusal::Damaged))
}

/// Makes sure that a folder is one, and no link to another.
fn real_folder(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        return Ok(());
    }
    Err(io::Error::new(ErrorKind::NotADirectory, "it is a link or a file, not a folder; remove it"))
}

impl RunDir {
    /// The run's checkpoints by their names, newest first: steps taken, and the file. None are read.
    pub fn checkpoints(&self) -> Result<Vec<(u64, PathBuf)>, CheckpointError> {
        let folder = self.checkpoints_path();
        let entries = match real_folder(&folder).and_then(|()| fs::read_dir(&folder)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(CheckpointError::Io { doing: "list", path: folder, source }),
        };
        let mut found: Vec<(u64, PathBuf)> = entries
            .filter_map(|entry| {
                let entry = entry.ok()?;
                let name = entry.file_name();
                let step = name.to_str()?.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()?;
                Some((step, entry.path()))
            })
            .collect();
        found.sort_unstable_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// The folder for checkpoints, made if need be. For the trainer, which also removes files there: a link in its place is an
    /// error.
    pub fn checkpoint_folder(&self) -> Result<PathBuf, RunError> {
        let held = self.own()?;
        let folder = held.checkpoints_path();
        match DirBuilder::new().mode(0o755).create(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            _ => real_folder(&folder),
        }
        .map_err(RunError::io("use", &folder))?;
        // By the path that stays good for as long as this run does.
        Ok(self.checkpoints_path())
    }

    /// The newest checkpoint that is whole. One of a later torchscope is not passed over.
    pub fn newest_checkpoint(&self) -> Result<Newest, CheckpointError> {
        let mut damaged = Vec::new();
        for (_, path) in self.checkpoints()? {
            match Checkpoint::read(&path) {
                Ok(checkpoint) => return Ok(Newest { checkpoint, damaged }),
                Err(error @ CheckpointError::Newer { .. }) => return Err(error),
                Err(error) => damaged.push(error),
            }
        }
        let (name, recipe) = (self.name(), self.recipe_path());
        match damaged.first() {
            Some(newest) => Err(CheckpointError::AllDamaged { name, problem: newest.to_string(), recipe }),
            None => Err(CheckpointError::None { name, recipe }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::run::moons;

    fn about(step: u64) -> About {
        About {
            step,
            recipe: "name = \"moons\"".to_owned(),
            data: 0x00ab_cdef,
            loss: Some(0.1),
            // What would be mistaken for the checksum, were it not escaped.
            state: r#"{"checksum":"00000000"}"#.to_owned(),
        }
    }

    /// The bytes of a checkpoint with two tensors.
    fn bytes(about: &About, version: u64) -> Vec<u8> {
        let mut metadata = about.metadata();
        metadata.insert("version".to_owned(), version.to_string());
        let header = serde_json::json!({
            "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]},
            "b": {"dtype": "F32", "shape": [1], "data_offsets": [8, 12]},
            "__metadata__": metadata,
        });
        let mut header = serde_json::to_vec(&header).unwrap();
        let numbers: Vec<u8> = (0..12).collect();
        assert!(seal(&mut header, numbers.chunks(5)));
        [&(header.len() as u64).to_le_bytes()[..], &header, &numbers].concat()
    }

    fn refusal(bytes: &[u8]) -> Refusal {
        read(bytes, bytes.len() as u64).unwrap().unwrap_err()
    }

    /// A run with checkpoints after those steps.
    fn run_with(steps: &[u64]) -> (tempfile::TempDir, RunDir) {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        fs::create_dir(run.checkpoints_path()).unwrap();
        for step in steps {
            fs::write(run.checkpoints_path().join(Checkpoint::file_name(*step)), bytes(&about(*step), VERSION))
                .unwrap();
        }
        (home, run)
    }

    #[test]
    fn what_was_written_is_read() {
        for about in [about(7), About { loss: None, ..about(0) }] {
            let bytes = bytes(&about, VERSION);
            assert_eq!(read(&bytes[..], bytes.len() as u64).unwrap(), Ok(about));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let whole = bytes(&about(7), VERSION);
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&flipped[..], flipped.len() as u64).unwrap().is_err(), "bit {bit}");
        }
        for length in 0..whole.len() {
            assert!(matches!(refusal(&whole[..length]), Refusal::Damaged(_)), "{length} bytes");
        }
        assert_eq!(refusal(&[&whole[..], &[0]].concat()), "something stands behind its end".into());
    }

    #[test]
    fn a_later_format_is_no_damage() {
        assert_eq!(refusal(&bytes(&about(7), VERSION + 1)), Refusal::Newer(VERSION + 1));
        let (_home, run) = run_with(&[10]);
        let newer = run.checkpoints_path().join(Checkpoint::file_name(20));
        fs::write(&newer, bytes(&about(20), 9)).unwrap();
        let error = run.newest_checkpoint().unwrap_err();
        assert!(
            error.to_string().contains("has format 9") && error.to_string().contains("update torchscope"),
            "{error}"
        );
    }

    #[test]
    fn the_newest_whole_one_is_found() {
        let (_home, run) = run_with(&[9, 100_000, 2_000]);
        for other in ["best.safetensors", "step-x.safetensors", ".step-000000000001.tmp"] {
            fs::write(run.checkpoints_path().join(other), "").unwrap();
        }
        let steps: Vec<u64> = run.checkpoints().unwrap().iter().map(|(step, _)| *step).collect();
        assert_eq!(steps, [100_000, 2_000, 9]);
        let newest = run.newest_checkpoint().unwrap();
        assert_eq!((newest.checkpoint.about.step, newest.damaged.len()), (100_000, 0));
        fs::write(&newest.checkpoint.path, "half").unwrap();
        let newest = run.newest_checkpoint().unwrap();
        assert_eq!(newest.checkpoint.about.step, 2_000);
        assert!(newest.damaged[0].to_string().contains("100000.safetensors` is damaged"), "{:?}", newest.damaged);
    }

    #[test]
    fn without_a_checkpoint_there_is_something_else_to_do() {
        let home = tempfile::tempdir().unwrap();
        let run = RunDir::create(home.path(), &moons()).unwrap();
        let error = run.newest_checkpoint().unwrap_err().to_string();
        assert!(error.contains("no checkpoint to go on from; start it again: torchscope train /"), "{error}");
        let (_home, run) = run_with(&[4]);
        fs::write(run.checkpoints_path().join(Checkpoint::file_name(4)), [0; 20]).unwrap();
        let error = run.newest_checkpoint().unwrap_err().to_string();
        assert!(error.contains("no checkpoint that is whole"), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..300), size in 0..400_u64) {
            prop_assert!(read(&bytes[..], bytes.len() as u64).unwrap().is_err());
            let framed = [&size.to_le_bytes()[..], &bytes].concat();
            prop_assert!(read(&framed[..], framed.len() as u64).unwrap().is_err());
        }

        #[test]
        fn any_header_is_answered(text in "\\{(\"[a-z_]{0,12}\":(\\{\"data_offsets\":\\[[0-9]{1,20},[0-9]{1,20}\\]\\}|\\{\"[a-z]{0,8}\":\"[0-9]{0,4}\"\\}),?){0,4}\\}") {
            let framed = [&(text.len() as u64).to_le_bytes()[..], text.as_bytes(), &[1; 9]].concat();
            prop_assert!(read(&framed[..], framed.len() as u64).unwrap().is_err());
        }
    }
}
