//! torchscope, the viewer and command line.
fn main() {}
