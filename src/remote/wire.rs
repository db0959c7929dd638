//! What the two ends say to each other over ssh's channel: frames of JSON, some with bytes behind it.
//!
//! ```text
//! torchscope-relay 1\n                              once, from the far end
//! u32 length of the JSON, u32 length of the bytes   both little endian
//! JSON, bytes
//! ```

use std::io::{self, BufRead, ErrorKind, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Version of what is said here. Both ends must have the same.
pub(super) const VERSION: u32 = 1;

const GREETING: &str = "torchscope-relay ";
/// What a login may print before the greeting.
const MOST_NOISE: usize = 64 << 10;

/// How large a frame of one direction may be. More means that the other end is none of ours; and as a tree JSON takes some
/// thirty times its length.
pub(super) trait Bounded: DeserializeOwned {
    /// Bytes of JSON.
    const MOST_JSON: usize;
    /// Bytes behind it.
    const MOST_BYTES: usize;
}

impl Bounded for FarMessage {
    const MOST_JSON: usize = 1 << 20;
    const MOST_BYTES: usize = 1 << 20;
}

impl Bounded for NearMessage {
    const MOST_JSON: usize = 1 << 20;
    const MOST_BYTES: usize = 0;
}

/// How far a file has come, and how to tell that it is still the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Bytes of the far file before it.
    pub(super) end: u64,
    /// CRC-32C of the last 4 KiB before it.
    pub(super) check: u32,
}

/// A run of another machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FarRun {
    /// Its name.
    pub(super) name: String,
    /// Its directory there.
    pub(super) path: String,
    /// When it was started: a directory may come to hold another run.
    pub(super) started: String,
}

/// From the far end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum FarMessage {
    /// The run that is meant.
    Hello {
        /// Version of torchscope there.
        torchscope: String,
        /// Which it is.
        run: FarRun,
    },
    /// There is nothing to show; the end.
    Refused {
        /// Why, and what to do.
        reason: String,
    },
    /// The fields of `run.json`, as they are now, that have changed.
    Status {
        /// Top-level fields.
        fields: Map<String, Value>,
    },
    /// More of a file that grows; the bytes follow.
    File {
        /// Its name in the run directory.
        name: String,
        /// What came of it before is void.
        restart: bool,
        /// How far it has come, where a record ends.
        mark: Option<Mark>,
    },
    /// All of a file; the bytes follow.
    Whole {
        /// Its name in the run directory.
        name: String,
    },
    /// So many bytes of the log are still to come.
    Behind {
        /// Bytes.
        bytes: u64,
    },
    /// The answer to a line of control.
    Reply {
        /// The connection it came by.
        id: u64,
        /// One line, as the trainer would answer.
        line: String,
    },
    /// Nothing new, but the line is good.
    Alive,
}

/// From the end that shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum NearMessage {
    /// The answer to a hello: what is here already, by name.
    Have {
        /// Files of which something is here.
        files: Vec<(String, Mark)>,
    },
    /// A line of control.
    Line {
        /// The connection it came by.
        id: u64,
        /// One command.
        line: String,
    },
    /// A connection was closed.
    Close {
        /// Which.
        id: u64,
    },
    /// So many bytes of frames have arrived in all.
    Received {
        /// Bytes.
        bytes: u64,
    },
    /// Nothing new, but the line is good.
    Alive,
}

/// What the far end says first.
pub(super) fn greeting() -> String {
    format!("{GREETING}{VERSION}\n")
}

/// Reads up to the greeting, over what a login prints before. The version there, or what came instead.
pub(super) fn read_greeting(from: &mut impl BufRead) -> io::Result<Result<u32, String>> {
    let mut noise = Vec::new();
    loop {
        let start = noise.len();
        let left = (MOST_NOISE - start) as u64;
        if from.by_ref().take(left).read_until(b'\n', &mut noise)? == 0 {
            return Ok(Err(String::from_utf8_lossy(&noise).into_owned()));
        }
        let line = String::from_utf8_lossy(&noise[start..]);
        // A prompt without a line end may stand before it.
        if let Some((_, version)) = line.split_once(GREETING)
            && let Ok(version) = version.trim_end().parse()
        {
            return Ok(Ok(version));
        }
    }
}

/// A frame as bytes.
pub(super) fn frame(message: &impl Serialize, bytes: &[u8]) -> Vec<u8> {
    // Maps, texts and numbers always serialise.
    let json = serde_json::to_vec(message).unwrap_or_default();
    let mut frame = Vec::with_capacity(8 + json.len() + bytes.len());
    for length in [json.len(), bytes.len()] {
        frame.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    }
    frame.extend_from_slice(&json);
    frame.extend_from_slice(bytes);
    frame
}

/// Sends a frame and returns its length.
pub(super) fn write_frame(to: &mut impl Write, message: &impl Serialize, bytes: &[u8]) -> io::Result<usize> {
    let frame = frame(message, bytes);
    to.write_all(&frame)?;
    to.flush()?;
    Ok(frame.len())
}

/// A frame that arrived.
#[derive(Debug, PartialEq)]
pub(super) struct Frame<T> {
    /// What it says.
    pub(super) message: T,
    /// The bytes behind it.
    pub(super) bytes: Vec<u8>,
    /// Bytes of the whole frame.
    pub(super) length: usize,
}

/// Receives a frame; none at the end.
pub(super) fn read_frame<T: Bounded>(from: &mut impl Read) -> io::Result<Option<Frame<T>>> {
    let mut lengths = [0; 8];
    let mut filled = 0;
    while filled < lengths.len() {
        match from.read(&mut lengths[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let [a, b, c, d, e, f, g, h] = lengths;
    let [json, bytes] = [[a, b, c, d], [e, f, g, h]].map(|length| u32::from_le_bytes(length) as usize);
    if json > T::MOST_JSON || bytes > T::MOST_BYTES {
        return Err(io::Error::new(ErrorKind::InvalidData, "what the other end says makes no sense"));
    }
    let mut body = vec![0; json + bytes];
    from.read_exact(&mut body)?;
    let message =
        serde_json::from_slice(&body[..json]).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    Ok(Some(Frame { message, bytes: body.split_off(json), length: lengths.len() + json + bytes }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_come_back_as_they_went() {
        let mark = Some(Mark { end: 12, check: 7 });
        let file = FarMessage::File { name: "events".into(), restart: true, mark };
        let mut wire = frame(&file, b"abc");
        let length = wire.len();
        write_frame(&mut wire, &FarMessage::Alive, b"").unwrap();
        let mut from = wire.as_slice();
        let first = read_frame::<FarMessage>(&mut from).unwrap().unwrap();
        assert_eq!(first, Frame { message: file, bytes: b"abc".to_vec(), length });
        assert_eq!(read_frame::<FarMessage>(&mut from).unwrap().unwrap().message, FarMessage::Alive);
        assert_eq!(read_frame::<FarMessage>(&mut from).unwrap(), None, "a clean end");
        for cut in 1..length {
            assert!(read_frame::<FarMessage>(&mut &wire[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn the_greeting_is_found_behind_what_a_login_prints() {
        let read = |text: &str| read_greeting(&mut text.as_bytes()).unwrap();
        assert_eq!(read(&greeting()), Ok(VERSION));
        assert_eq!(read("Welcome!\n\nYou have mail.\ntorchscope-relay 7\nrest"), Ok(7));
        assert_eq!(read("$ torchscope-relay 1\n"), Ok(1));
        assert_eq!(read("bash: torchscope: command not found\n"), Err("bash: torchscope: command not found\n".into()));
        assert!(read(&"noise\n".repeat(20_000)).unwrap_err().len() <= MOST_NOISE);
        let mut from = "torchscope-relay 1\nnext".as_bytes();
        read_greeting(&mut from).unwrap().unwrap();
        assert_eq!(from, b"next", "nothing behind it is lost");
    }

    #[test]
    fn a_frame_that_is_too_long_is_refused_before_it_is_read() {
        let header = |json: usize, bytes: usize| [(json as u32).to_le_bytes(), (bytes as u32).to_le_bytes()].concat();
        let kind = |error: io::Error| error.kind();
        // Of one that is not, what follows is missed.
        let most = header(NearMessage::MOST_JSON, 0);
        assert_eq!(read_frame::<NearMessage>(&mut most.as_slice()).map_err(kind), Err(ErrorKind::UnexpectedEof));
        for long in [header(NearMessage::MOST_JSON + 1, 0), header(2, 1), header(usize::MAX, 0)] {
            assert_eq!(read_frame::<NearMessage>(&mut long.as_slice()).map_err(kind), Err(ErrorKind::InvalidData));
        }
        for long in [header(FarMessage::MOST_JSON + 1, 0), header(2, FarMessage::MOST_BYTES + 1)] {
            assert_eq!(read_frame::<FarMessage>(&mut long.as_slice()).map_err(kind), Err(ErrorKind::InvalidData));
        }
    }

    proptest! {
        #[test]
        fn nothing_that_arrives_is_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_frame::<FarMessage>(&mut bytes.as_slice());
            let _ = read_frame::<NearMessage>(&mut bytes.as_slice());
            let _ = read_greeting(&mut bytes.as_slice()).unwrap();
        }
    }
}
