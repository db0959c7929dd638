//! `torchscope rm`.

use std::fmt::Write;
use std::io::{self, IsTerminal};

use color_eyre::eyre::{Result, WrapErr, bail, eyre};
use jiff::Timestamp;

use super::say::prompt;
use super::{complain, say, shell_word};
use crate::cli::Rm;
use crate::plot::format;
use crate::remote::{self, Address, Copy};
use crate::run::{self, Removable};

/// Names of files that stay, in one line.
const MOST_NAMED: usize = 5;

/// Something to be removed.
struct Item {
    /// What it is called.
    name: String,
    run: Option<Removable>,
    /// Mirrors of it.
    copies: Vec<Copy>,
}

impl Item {
    /// What an argument names, as it is: nothing is guessed here.
    fn find(arg: &str) -> Result<Self> {
        if let Some(address) = Address::parse(arg) {
            let copies = remote::copies_at(&address).map_err(|problem| eyre!(problem))?;
            if copies.is_empty() {
                let run = address.run.as_deref().unwrap_or("RUN");
                bail!(
                    "nothing of {address} is kept here; the run itself is removed there: ssh {} torchscope rm {run}",
                    address.host
                );
            }
            return Ok(Self { name: format!("the copy here of {address}"), run: None, copies });
        }
        let run = run::resolve_exactly(arg, &run::home()?)?;
        let copies = remote::copies_of(&run);
        Ok(Self { name: run::plain(&run.name()), run: Some(Removable::new(run)?), copies })
    }

    fn bytes(&self) -> u64 {
        let copies: u64 = self.copies.iter().map(Copy::bytes).sum();
        copies + self.run.as_ref().map_or(0, Removable::bytes)
    }

    /// As it stands in the list before the question.
    fn line(&self, now: Timestamp) -> String {
        let Some(run) = &self.run else { return format!("  {}, {}", self.name, format::bytes(self.bytes())) };
        let meta = run.meta();
        let age = format::duration(now.duration_since(meta.started).as_secs_f64().max(0.0));
        format!("  {}, {}, started {age} ago, {}", self.name, meta.state, format::bytes(self.bytes()))
    }

    /// Removes it; what was freed, and a line about it.
    fn remove(self) -> Result<(u64, String)> {
        let mut bytes = 0;
        for copy in self.copies {
            let freed = copy.bytes();
            copy.remove().wrap_err("cannot remove what was copied here of the run")?;
            bytes += freed;
        }
        let freed = |bytes| format!("{} is removed, {} freed", self.name, format::bytes(bytes));
        let Some(run) = self.run else { return Ok((bytes, freed(bytes))) };
        let path = run.run().path().display().to_string();
        let removed = run.remove()?;
        bytes += removed.bytes;
        let mut line = freed(bytes);
        if !removed.kept.is_empty() {
            let more = removed.kept.len().saturating_sub(MOST_NAMED);
            let named = removed.kept.into_iter().take(MOST_NAMED).collect::<Vec<_>>().join(", ");
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let _ = write!(line, "; {path} stays with what torchscope did not write: {named}{more}");
        }
        Ok((bytes, line))
    }
}

pub(super) fn run(args: &Rm) -> Result<u8> {
    let mut items: Vec<Item> = Vec::new();
    let mut refused = false;
    let path = |item: &Item| item.run.as_ref().map(|run| run.run().path().canonicalize().unwrap_or_default());
    for arg in &args.runs {
        match Item::find(arg) {
            // Named twice.
            Ok(item) if items.iter().any(|other| other.name == item.name && path(other) == path(&item)) => {}
            Ok(item) => items.push(item),
            Err(error) => {
                refused = true;
                complain(&format!("torchscope: {error}"));
            }
        }
    }
    if refused {
        if !items.is_empty() {
            complain("torchscope: nothing has been removed");
        }
        return Ok(1);
    }
    let all: u64 = items.iter().map(Item::bytes).sum();
    if !args.yes && !confirm(&items, all, &args.runs)? {
        say("nothing has been removed")?;
        return Ok(0);
    }
    let (count, mut freed) = (items.len(), 0);
    for item in items {
        match item.remove() {
            Ok((bytes, line)) => {
                freed += bytes;
                say(&line)?;
            }
            Err(error) => {
                refused = true;
                complain(&format!("torchscope: {}", super::with_causes(&error)));
            }
        }
    }
    if count > 1 {
        say(&format!("{} freed in all", format::bytes(freed)))?;
    }
    Ok(u8::from(refused))
}

/// Lists what would be removed and asks on the terminal.
fn confirm(items: &[Item], bytes: u64, args: &[String]) -> Result<bool> {
    if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
        let args = args.iter().map(|arg| shell_word(arg)).collect::<Vec<_>>().join(" ");
        bail!("there is no terminal to ask on; to remove without a question: torchscope rm --yes {args}");
    }
    let now = Timestamp::now();
    items.iter().try_for_each(|item| say(&item.line(now)))?;
    let what = if items.len() == 1 { "Remove it".to_owned() } else { format!("Remove these {}", items.len()) };
    prompt(&format!("{what} for good, {} in all? [y/N]", format::bytes(bytes)))?;
    let mut answer = String::new();
    // An end of input is no answer.
    if io::stdin().read_line(&mut answer)? == 0 {
        say("")?;
    }
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}
