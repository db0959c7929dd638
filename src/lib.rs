//! torchscope trains neural networks with libtorch and shows them learning, live, in any terminal.
//!
//! # The map of this house
//!
//! Two programs meet in a run directory. `torchscope-trainer` (in `src/bin/trainer`, the only code that links libtorch)
//! appends what it has to show to a TensorBoard event log; `torchscope` (this library and `src/main.rs`) tails that log
//! and draws. There is no second data path, so several viewers, late ones and slow ones see the same run.
//!
//! | module | holds | may use |
//! |---|---|---|
//! | [`files`] | opening files that others may have put in place | nothing here |
//! | [`recipe`] | what to train: TOML, validation, shape inference | `files` |
//! | [`data`] | the data sets | `recipe`, `files` |
//! | [`log`] | the event log: framing, writer, resumable reader, windows | `files` |
//! | [`series`] | step-keyed series: pyramid, smoothing | nothing here |
//! | [`plot`] | drawing maths: scales, colours, dithering, contours, numbers | nothing here |
//! | [`run`] | the run directory: state, liveness, control, list of runs | `log`, `recipe`, `files` |
//! | [`app`] | state of the view: messages in, effects out | `run`, `log`, `series`, `recipe`, `plot` |
//! | [`view`] | drawing: reads the state, writes cells | `app`, `run`, `recipe`, `log`, `plot`, `series` |
//! | [`term`] | the terminal: abilities, images, taking over, giving back | names and pixels of `view`, `plot` |
//! | [`remote`] | runs on other machines, over ssh: relay, mirror, line | `run`, `log`, `files` |
//! | [`runtime`] | the loop that ties terminal, run and application | everything above |
//! | [`cli`] | the command line | `recipe`, `run`, `term` |
//! | [`commands`] | what each subcommand does | everything above |
//!
//! `tests/architecture.rs` holds this table against the `use` lines. Time comes as data below `runtime` and `commands`;
//! ratatui is known to `view` and `term`, crossterm to `term` and `runtime`, tokio to `runtime` and `commands`, tch to
//! the trainer alone.

pub mod app;
pub mod cli;
pub mod commands;
pub mod data;
pub mod files;
pub mod log;
pub mod plot;
pub mod recipe;
pub mod remote;
pub mod run;
pub mod runtime;
pub mod series;
pub mod term;
pub mod view;
