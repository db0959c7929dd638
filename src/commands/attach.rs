//! `torchscope attach`.

use color_eyre::eyre::{Result, WrapErr};

use super::{headless, train};
use crate::cli::Attach;
use crate::run;
use crate::runtime;
use crate::term::{Capabilities, Environment};

pub(super) fn run(args: &Attach) -> Result<u8> {
    let run = run::resolve(args.run.as_deref(), &run::home()?)?;
    let capabilities = Capabilities::detect(&Environment::of_process(), args.display.color, args.display.glyphs);
    if !capabilities.interactive {
        return headless::follow(&run);
    }
    let start_over = |old: &_, new_seed| train::start_over(old, new_seed, None);
    let left = runtime::show(run, capabilities, args.display.bell, |_| Ok(()), &start_over)
        .wrap_err("the terminal cannot be used")?;
    Ok(train::farewell(&left))
}
