//! The system's `ssh`: how it is called, and what its errors mean.

use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use super::address::Address;
use crate::run::plain;

/// How `ssh` and the torchscope at the other end are called.
#[derive(Clone, Debug)]
pub struct Ssh {
    /// `ssh` and its options, cut at blanks.
    pub command: String,
    /// torchscope there, as a shell reads it.
    pub remote_command: String,
}

/// Why a run on another machine cannot be shown. Each says what to do.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum RemoteError {
    /// `ssh` is not installed, or not what was given.
    #[error("cannot start `{command}` ({problem}); install OpenSSH's client, or name another with --ssh")]
    NoSsh {
        /// As given.
        command: String,
        /// What the system said.
        problem: String,
    },
    /// There is no machine of that name.
    #[error("{host} is not known ({said}); is the name right? ~/.ssh/config may hold aliases")]
    Unknown {
        /// The machine.
        host: String,
        /// In ssh's words.
        said: String,
    },
    /// The machine does not answer.
    #[error("{host} does not answer ({said}); is it up, and does sshd listen there? `ssh {host}` has to work first")]
    Unreachable {
        /// The machine.
        host: String,
        /// In ssh's words.
        said: String,
    },
    /// It does not let us in.
    #[error(
        "{host} does not let you in ({said}); `ssh {host}` has to work first, with `ssh-add` for a key with a passphrase"
    )]
    Denied {
        /// The machine.
        host: String,
        /// In ssh's words.
        said: String,
    },
    /// It is not, or not known to be, the machine it says it is.
    #[error("the key of {host} is not the one known ({said}); compare it with `ssh {host}` first")]
    HostKey {
        /// The machine.
        host: String,
        /// In ssh's words.
        said: String,
    },
    /// There is no torchscope.
    #[error("no `{command}` on {host} ({said}); install torchscope there, or say where it is with --remote-command")]
    NotThere {
        /// The machine.
        host: String,
        /// What was called.
        command: String,
        /// In the shell's words.
        said: String,
    },
    /// The torchscope there speaks another language.
    #[error("torchscope on {host} and the one here do not fit together ({what}); install the same version on both")]
    Version {
        /// The machine.
        host: String,
        /// The difference.
        what: String,
    },
    /// The torchscope there has no such run, or cannot read it.
    #[error("on {host}: {reason}")]
    Refused {
        /// The machine.
        host: String,
        /// In its words.
        reason: String,
    },
    /// Something else.
    #[error("the line to {host} broke ({said}); try `ssh {host}`")]
    Broken {
        /// The machine.
        host: String,
        /// What was said last.
        said: String,
    },
    /// The mirror cannot be kept.
    #[error("no place for what comes from {host}: {problem}; XDG_CACHE_HOME can name another")]
    Mirror {
        /// The machine.
        host: String,
        /// What is wrong.
        problem: String,
    },
}

impl RemoteError {
    /// The same in the few words that a header has room for.
    pub fn short(&self) -> String {
        match self {
            Self::NoSsh { problem, .. } | Self::Mirror { problem, .. } => problem.clone(),
            Self::Denied { .. } => "it asks for a login: leave and attach again".to_owned(),
            Self::HostKey { .. } => "its key has changed".to_owned(),
            Self::NotThere { .. } => "no torchscope there".to_owned(),
            Self::Version { .. } => "another version of torchscope there".to_owned(),
            Self::Refused { reason, .. } => reason.clone(),
            Self::Unknown { .. } | Self::Unreachable { .. } => "it does not answer".to_owned(),
            Self::Broken { .. } => "connection lost".to_owned(),
        }
    }
}

/// Seconds between two signs of life of ssh's own, and how many may be missing.
const SIGNS: u32 = 5;
const MISSING: u32 = 3;
/// How long a further try may take to connect.
const CONNECT: Duration = Duration::from_secs(10);

impl Ssh {
    /// The relay for the run at `address`. `quiet`: nothing may be asked of the user, since the view has the terminal.
    pub(super) fn relay(&self, address: &Address, quiet: bool) -> Command {
        let mut words = self.command.split_whitespace();
        let mut command = Command::new(words.next().unwrap_or("ssh"));
        command.args(words).args(["-T", "-C"]);
        for (option, value) in [("ServerAliveInterval", SIGNS), ("ServerAliveCountMax", MISSING)] {
            command.arg("-o").arg(format!("{option}={value}"));
        }
        if quiet {
            command.args(["-o", "BatchMode=yes", "-o"]).arg(format!("ConnectTimeout={}", CONNECT.as_secs()));
        }
        let mut relay = format!("{} relay", self.remote_command);
        if let Some(run) = &address.run {
            relay += " -- ";
            relay += &quoted(run);
        }
        command.arg("--").arg(&address.host).arg(relay);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// What it means that `ssh` ended before the relay was there. `noise`: what came in its place.
    pub(super) fn explain(
        &self,
        address: &Address,
        status: Option<ExitStatus>,
        errors: &str,
        noise: &str,
    ) -> RemoteError {
        let host = address.host.clone();
        let lines = || errors.lines().chain(noise.lines()).map(|line| plain(line).trim().to_owned());
        let find = |words: &[&str]| lines().find(|line| words.iter().any(|word| line.contains(word)));
        let last = errors.lines().map(plain).map(|line| line.trim().to_owned()).rfind(|line| !line.is_empty());
        let code = status.and_then(|status| status.code());
        if code == Some(255) || code.is_none() {
            if let Some(said) = find(&["Could not resolve", "Name or service not known"]) {
                return RemoteError::Unknown { host, said };
            }
            if let Some(said) = find(&["Host key verification failed", "REMOTE HOST IDENTIFICATION"]) {
                return RemoteError::HostKey { host, said };
            }
            if let Some(said) = find(&["Permission denied", "Too many authentication failures"]) {
                return RemoteError::Denied { host, said };
            }
            if let Some(said) = find(&["Connection refused", "timed out", "No route to host", "unreachable"]) {
                return RemoteError::Unreachable { host, said };
            }
        } else if let Some(said) = find(&["unrecognized subcommand", "unexpected argument"]) {
            return RemoteError::Version { host, what: format!("it has no relay: {said}") };
        } else if matches!(code, Some(126 | 127)) {
            let said = last.unwrap_or_else(|| "command not found".to_owned());
            return RemoteError::NotThere { host, command: self.remote_command.clone(), said };
        }
        let ended = || status.map_or_else(|| "it ended".to_owned(), |status| format!("ssh ended with {status}"));
        RemoteError::Broken { host, said: last.unwrap_or_else(ended) }
    }
}

/// `text` as one word for whatever shell reads it there.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// How long to wait before the next try after so many that failed.
pub(super) fn backoff(failures: u32) -> Duration {
    Duration::from_secs(1 << failures.min(5)).min(Duration::from_secs(30))
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn ssh() -> Ssh {
        Ssh { command: "ssh -p 2222".into(), remote_command: "torchscope".into() }
    }

    #[test]
    fn the_command_line_leaves_nothing_to_chance() {
        let address = Address::parse("me@gpu1:it's; rm -rf ~").unwrap();
        let words = |quiet| {
            let command = ssh().relay(&address, quiet);
            let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
            (command.get_program().to_string_lossy().into_owned(), args)
        };
        let (program, args) = words(false);
        assert_eq!(program, "ssh");
        assert_eq!(args[..4], ["-p", "2222", "-T", "-C"]);
        assert_eq!(args[args.len() - 3..], ["--", "me@gpu1", r"torchscope relay -- 'it'\''s; rm -rf ~'"]);
        assert!(!args.iter().any(|arg| arg.contains("BatchMode")), "the first time ssh may ask");
        assert!(words(true).1.contains(&"BatchMode=yes".to_owned()), "and never while the view has the terminal");
    }

    #[test]
    fn errors_say_what_to_do() {
        let address = Address::parse("gpu1:").unwrap();
        let explain = |code: i32, errors: &str| {
            ssh().explain(&address, Some(ExitStatus::from_raw(code << 8)), errors, "").to_string()
        };
        for (code, errors, told) in [
            (255, "ssh: Could not resolve hostname gpu1: Name or service not known", "is the name right?"),
            (255, "ssh: connect to host gpu1 port 22: Connection refused", "does sshd listen"),
            (255, "me@gpu1: Permission denied (publickey).", "ssh-add"),
            (255, "Warning: x\nHost key verification failed.\n", "compare it"),
            (127, "bash: line 1: torchscope: command not found\n", "--remote-command"),
            (2, "error: unrecognized subcommand 'relay'\n\nUsage: ...", "same version"),
            (255, "kex_exchange_identification: read: reset\r\n", "kex_exchange_identification"),
            (1, "", "ssh ended with exit status: 1"),
        ] {
            let error = explain(code, errors);
            assert!(error.contains(told) && error.contains("gpu1"), "{error}");
            assert!(!error.contains('\n') && !error.contains('\r'), "{error:?}");
        }
    }

    #[test]
    fn tries_grow_rarer() {
        assert_eq!([0, 1, 2, 3, 4, 5, 99].map(|failures| backoff(failures).as_secs()), [1, 2, 4, 8, 16, 30, 30]);
    }
}
