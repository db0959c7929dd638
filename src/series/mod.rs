//! Step-keyed series: what a curve is made of, whatever it measures.
//!
//! A [`Series`] holds millions of samples at about 4.53 bytes each and answers "what do these 400 columns show" exactly
//! and in microseconds. [`Smoothed`] follows one with `TensorBoard`'s debiased moving average; [`envelope()`] folds in the
//! extremes of thinned windows. Nothing here knows of screens or files.
mod envelope;
mod holes;
mod pyramid;
#[expect(clippy::module_inception, reason = "one noun a file: the module is named after its main type")]
mod series;
mod smoothed;
mod steps;

pub use envelope::envelope;
pub use series::{Column, Series, column_of};
pub use smoothed::{Smoothed, smooth};
