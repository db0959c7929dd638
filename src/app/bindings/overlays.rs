//! What keys do in the overlays: help, events, the questions on leaving and on starting over, last words, a single map.

use super::super::action::{Action, Binding, Context, Direction, When};
use super::super::key::{Code, Key};
use super::super::maps::MapsAction;
use super::{k, row};

/// A row for the view of a single map.
const fn map(action: MapsAction, name: &'static str, keys: &'static [Key], footer: Option<u8>) -> Binding {
    row(Action::Maps(action), name, "", keys, Context::Map, When::Always, footer)
}

/// Every row of the other contexts.
pub(super) const OVERLAYS: &[Binding] = {
    use Action as A;
    use Context::{Died, Events, Help, Leave, Map, Picture, StartOver};
    use MapsAction as M;
    use When::{Always, Live};
    &[
        row(
            A::Scroll(Direction::Down),
            "down",
            "scroll down",
            &[Key::plain(Code::Down), k('j')],
            Help,
            Always,
            Some(1),
        ),
        row(A::Scroll(Direction::Up), "up", "scroll up", &[Key::plain(Code::Up), k('k')], Help, Always, Some(2)),
        row(
            A::Close,
            "close",
            "close",
            &[k('?'), Key::plain(Code::Esc), k('q'), Key::plain(Code::Enter), Key::ctrl('c')],
            Help,
            Always,
            Some(0),
        ),
        row(
            A::Scroll(Direction::Down),
            "down",
            "scroll down",
            &[Key::plain(Code::Down), k('j')],
            Events,
            Always,
            Some(1),
        ),
        row(A::Scroll(Direction::Up), "up", "scroll up", &[Key::plain(Code::Up), k('k')], Events, Always, Some(2)),
        row(
            A::Close,
            "close",
            "close",
            &[k('e'), Key::plain(Code::Esc), k('q'), Key::plain(Code::Enter), Key::ctrl('c')],
            Events,
            Always,
            Some(0),
        ),
        row(A::TogglePause, "pause", "pause or resume training", &[k(' ')], Events, Live, Some(3)),
        row(
            A::LeaveRunning,
            "leave it running",
            "leave, the run goes on",
            &[k('q'), k('y'), Key::plain(Code::Enter), Key::ctrl('c')],
            Leave,
            Always,
            Some(0),
        ),
        row(A::LeaveStop, "stop it", "stop the run after this step, then leave", &[k('s')], Leave, Always, Some(1)),
        row(A::Close, "stay", "stay", &[k('n'), Key::plain(Code::Esc)], Leave, Always, Some(2)),
        row(
            A::StartOverStop,
            "stop it",
            "stop this run after its step, and start over",
            &[k('s')],
            StartOver,
            Always,
            Some(0),
        ),
        row(
            A::StartOverBeside,
            "beside",
            "start over beside it: this run goes on",
            &[k('b')],
            StartOver,
            Always,
            Some(1),
        ),
        row(
            A::Close,
            "stay",
            "stay",
            &[k('n'), Key::plain(Code::Esc), k('q'), Key::ctrl('c')],
            StartOver,
            Always,
            Some(2),
        ),
        row(
            A::Close,
            "close",
            "close",
            &[Key::plain(Code::Enter), Key::plain(Code::Esc), k(' ')],
            Died,
            Always,
            Some(0),
        ),
        row(A::Leave, "leave", "leave", &[k('q'), Key::ctrl('c')], Died, Always, Some(1)),
        row(A::Restart, "restart", "start over as a new run, same seed", &[k('r')], Died, Always, Some(2)),
        map(M::Cursor(Direction::Left), "left", &[Key::plain(Code::Left), k('h')], None),
        map(M::Cursor(Direction::Down), "down", &[Key::plain(Code::Down), k('j')], None),
        map(M::Cursor(Direction::Up), "up", &[Key::plain(Code::Up), k('k')], None),
        map(M::Cursor(Direction::Right), "right", &[Key::plain(Code::Right), k('l')], None),
        row(
            A::Close,
            "close",
            "close",
            &[Key::plain(Code::Enter), Key::plain(Code::Esc), k('q'), Key::ctrl('c')],
            Map,
            Always,
            Some(0),
        ),
        row(A::Picture, "picture", "", &[k('I')], Map, Always, None),
        row(
            A::Close,
            "close",
            "close",
            &[k('I'), Key::plain(Code::Esc), k('q'), Key::plain(Code::Enter), Key::ctrl('c')],
            Picture,
            Always,
            Some(0),
        ),
        map(M::PreviousMap, "map", &[k('['), k('p')], Some(1)),
        map(M::NextMap, "map", &[k(']'), k('n')], Some(1)),
        map(M::Probe, "input", &[k('i')], Some(2)),
        map(M::Activation, "before/after", &[k('a')], Some(3)),
        map(M::Scale, "scale", &[k('s')], Some(4)),
        row(A::TogglePause, "pause", "pause or resume training", &[k(' ')], Map, Live, Some(5)),
    ]
};
