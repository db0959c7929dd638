//! torchscope: trains neural networks with libtorch and shows them learning, live, in any terminal.
pub mod app;
pub mod data;
pub mod log;
pub mod plot;
pub mod recipe;
pub mod run;
pub mod series;
pub mod term;
pub mod view;
