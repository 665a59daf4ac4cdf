//! What a running attempt is asked for, and how it hears of it.

use tokio::sync::watch;

/// What an attempt's process is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asked {
    /// To go on.
    Nothing,
    /// To write a checkpoint and end.
    Stop,
    /// To end without a checkpoint.
    EndNow,
}

/// Waits until as much is asked for.
pub(super) async fn heard(hears: &mut watch::Receiver<Asked>, least: Asked) {
    while *hears.borrow_and_update() < least {
        if hears.changed().await.is_err() {
            // Nobody is left to ask.
            std::future::pending::<()>().await;
        }
    }
}

/// Asks for no less than before.
pub(crate) fn ask(asked: &watch::Sender<Asked>, what: Asked) {
    asked.send_if_modified(|asked| {
        let more = *asked < what;
        *asked = what.max(*asked);
        more
    });
}
