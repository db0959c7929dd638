//! The table of actions: one row an action, from which come dispatch, footer, help overlay and the README's table.

mod overlays;
mod panels;

use super::action::{Action, Binding, Context, When};
use super::key::Key;
use overlays::OVERLAYS;
use panels::PANELS;

/// Every action with its keys.
pub const BINDINGS: &[Binding] = &join::<{ PANELS.len() + OVERLAYS.len() }>(PANELS, OVERLAYS);

/// One table from two that have `N` rows together.
const fn join<const N: usize>(first: &[Binding], second: &[Binding]) -> [Binding; N] {
    let mut rows = [first[0]; N];
    let mut i = 0;
    while i < N {
        rows[i] = if i < first.len() { first[i] } else { second[i - first.len()] };
        i += 1;
    }
    rows
}

const fn row(
    action: Action,
    name: &'static str,
    description: &'static str,
    keys: &'static [Key],
    context: Context,
    when: When,
    footer: Option<u8>,
) -> Binding {
    Binding { action, name, description, keys, context, when, footer }
}

const fn k(c: char) -> Key {
    Key::char(c)
}
