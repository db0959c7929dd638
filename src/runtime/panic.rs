//! A panic anywhere ends the view: whatever thread it is in, nobody shall look at a screen that part of has died.

use tokio::sync::Notify;

use crate::term;

/// Process-wide as the hook is.
static PANICKED: Notify = Notify::const_new();

/// Makes a panic in any thread give the terminal back, report itself, and end a view that is open.
pub fn install_panic_hook() {
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        term::restore();
        report(info);
        PANICKED.notify_one();
    }));
}

/// Returns once there has been a panic.
pub(super) async fn panicked() {
    PANICKED.notified().await;
}
