//! `torchscope attach`.

use color_eyre::eyre::{Result, WrapErr, eyre};

use super::{complain, headless, pick, say, signal_code, train};
use crate::cli::Attach;
use crate::remote::{self, Address, Ssh};
use crate::run::Eligible;
use crate::runtime::{self, Far};
use crate::term::{Capabilities, Environment};

pub(super) fn run(args: &Attach) -> Result<u8> {
    if let Some(address) = args.run.as_deref().and_then(Address::parse) {
        return far(args, &address);
    }
    let run = pick(args.run.as_deref(), Eligible::All)?;
    let capabilities = Capabilities::detect(&Environment::of_process(), args.display.choices());
    if !capabilities.interactive {
        return headless::follow(&run);
    }
    let start_over = |old: &_, new_seed| train::start_over(old, new_seed, None);
    let left = runtime::show(run, args.display.options(capabilities), None, |_| Ok(()), &start_over)
        .wrap_err("the terminal cannot be used")?;
    Ok(train::farewell(&left))
}

/// Shows a run of another machine.
fn far(args: &Attach, address: &Address) -> Result<u8> {
    let ssh = Ssh { command: args.ssh.clone(), remote_command: args.remote_command.clone() };
    let mut attached = remote::attach(address, &ssh)?;
    let name = attached.run.name();
    // A name or a path leaves no choice.
    if address.run.as_ref().is_none_or(|asked| name.starts_with(asked) && *asked != name) {
        let fitting = address.run.as_ref().map_or_else(String::new, |prefix| format!(" that begin with `{prefix}`"));
        complain(&format!("{name}, the newest of the runs on {}{fitting}", address.host));
    }
    let capabilities = Capabilities::detect(&Environment::of_process(), args.display.choices());
    if !capabilities.interactive {
        attached.complete().map_err(|reason| eyre!("{}: {reason}", address.host))?;
        return headless::follow(&attached.run);
    }
    let start_over = |_: &_, _| Err(format!("start runs on {0} itself: ssh {0} torchscope train", address.host));
    let link = attached.news().map(|news| Far { host: address.host.clone(), news });
    let left = runtime::show(attached.run.clone(), args.display.options(capabilities), link, |_| Ok(()), &start_over)
        .wrap_err("the terminal cannot be used")?;
    if let Some(signal) = left.signal {
        return Ok(signal_code(signal));
    }
    let Some(meta) = attached.run.status().ok().or(left.meta) else { return Ok(0) };
    let (name, address) = (attached.run.name(), &attached.address);
    if meta.state.is_live() {
        say::say(&format!("{name} goes on: torchscope attach {address}"))?;
        return Ok(0);
    }
    say::say(&format!("{name} {}: torchscope attach {address}", train::ended(meta.state, &meta)))?;
    Ok(meta.state.exit_code())
}
