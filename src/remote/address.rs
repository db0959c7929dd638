//! `user@host:run`: which run, on which machine.

use std::fmt;

/// A run on another machine, as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// What `ssh` is told: `user@host`, `host`, or an alias from its configuration.
    pub host: String,
    /// Name, beginning of a name, or path there; none for the latest run.
    pub run: Option<String>,
}

impl Address {
    /// Reads what is meant for another machine: with an `@`, or with a colon, neither of them behind a slash. Anything else
    /// is a run on this one, and `./a:b` always is.
    pub fn parse(text: &str) -> Option<Self> {
        let head = text.split('/').next().unwrap_or_default();
        // An IPv6 address stands in brackets, as for scp.
        let (host, run) = if let Some((user, rest)) = head.split_once('[') {
            let at = user.len() + 1 + rest.find(']')?;
            let host = format!("{user}{}", &text[user.len() + 1..at]);
            (host, text[at + 1..].strip_prefix(':').or(text[at + 1..].is_empty().then_some(""))?)
        } else if let Some((host, _)) = head.split_once(':') {
            (host.to_owned(), &text[host.len() + 1..])
        } else {
            (text.to_owned(), "")
        };
        let named = head.contains(':') || head.contains('@');
        // What begins with a dash would be an option of ssh.
        let sound =
            !host.is_empty() && !host.starts_with('-') && !host.ends_with('@') && !host.contains(char::is_whitespace);
        let plain = !host.contains('/') && !host.chars().any(char::is_control);
        (named && sound && plain)
            .then(|| Self { host, run: Some(run).filter(|run| !run.is_empty()).map(str::to_owned) })
    }

    /// The same machine with a run.
    #[must_use]
    pub fn with_run(&self, run: String) -> Self {
        Self { host: self.host.clone(), run: Some(run) }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (user, host) = self.host.rsplit_once('@').map_or(("", &*self.host), |(user, host)| (user, host));
        let at = if user.is_empty() { "" } else { "@" };
        let (open, close) = if host.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{user}{at}{open}{host}{close}:{}", self.run.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_machines_are_told_from_runs_here() {
        for (text, host, run) in [
            ("me@gpu1:moons-0003", "me@gpu1", Some("moons-0003")),
            ("gpu1:", "gpu1", None),
            ("gpu1:moons", "gpu1", Some("moons")),
            ("me@gpu1", "me@gpu1", None),
            ("gpu1:/scratch/a:b", "gpu1", Some("/scratch/a:b")),
            ("gpu1:runs/a", "gpu1", Some("runs/a")),
            ("me@[::1]:moons", "me@::1", Some("moons")),
            ("[fe80::1%eth0]", "fe80::1%eth0", None),
        ] {
            let address = Address::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!((address.host.as_str(), address.run.as_deref()), (host, run), "{text}");
            assert_eq!(Address::parse(&address.to_string()), Some(address), "{text}");
        }
        for text in ["moons-0001", "./a:b", "/runs/me@host", "runs/a:b", "", ":", "@", "-oProxyCommand=x:run", "a b:c"]
        {
            assert_eq!(Address::parse(text), None, "{text}");
        }
    }
}
