//! `torchscope relay`: the other end of `attach user@host`, for nobody to type.

use std::io;

use color_eyre::eyre::Result;

use crate::cli::Relay;
use crate::remote;
use crate::run::{self, Eligible};

pub(super) fn run(args: &Relay) -> Result<u8> {
    match run::home().and_then(|home| run::resolve(args.run.as_deref(), &home, Eligible::All)) {
        // When the line breaks there is nobody left to tell.
        Ok(found) => Ok(u8::from(remote::serve(&found.run, io::stdin(), io::stdout().lock()).is_err())),
        Err(error) => {
            remote::refuse(io::stdout().lock(), &error.to_string())?;
            Ok(1)
        }
    }
}
