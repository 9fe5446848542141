//! SIGINT, SIGTERM and SIGHUP: the first one ends the run cleanly, the second at once.
//!
//! At once means that nothing is waited for: what runs is dropped, and with it go the processes that do not want to end,
//! and temporary files.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::session::Session;

/// Dropping what runs takes no time, unless the thread hangs on a file system that does not answer.
const LONGEST_DROP: Duration = Duration::from_secs(2);

/// What was received so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Signals {
    first: Arc<AtomicU8>,
    again: CancellationToken,
}

impl Signals {
    /// Gives the number of the first signal.
    pub(super) fn received(&self) -> Option<u8> {
        match self.first.load(Ordering::Relaxed) {
            0 => None,
            number => Some(number),
        }
    }

    /// Does the work, unless a second signal comes: then drops it as it is, and gives the number of the first.
    pub(super) async fn unless_again<T>(&self, work: impl Future<Output = T>) -> Result<T, u8> {
        tokio::select! {
            biased;
            () = self.again.cancelled() => Err(self.received().unwrap_or_default()),
            done = work => Ok(done),
        }
    }
}

impl Session {
    /// Cancels the token at the first signal; a second one ends [`Signals::unless_again`] without another word.
    pub(super) fn watch_signals(&self, cancelled: &CancellationToken) -> anyhow::Result<Signals> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let signals = Signals::default();
        let (noted, cancelled, ui) = (signals.clone(), cancelled.clone(), self.ui.clone());
        tokio::spawn(async move {
            loop {
                let kind = tokio::select! {
                    _ = interrupt.recv() => SignalKind::interrupt(),
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = hang_up.recv() => SignalKind::hangup(),
                };
                let number = u8::try_from(kind.as_raw_value()).unwrap_or(u8::MAX);
                if noted.again.is_cancelled() {
                    exit(number);
                }
                if noted.received().is_some() {
                    noted.again.cancel();
                    let (clock, number) = (tokio::time::sleep(LONGEST_DROP), number);
                    tokio::spawn(async move {
                        clock.await;
                        exit(number);
                    });
                    continue;
                }
                noted.first.store(number, Ordering::Relaxed);
                ui.say("stopping what runs; once more to stop at once");
                cancelled.cancel();
            }
        });
        Ok(signals)
    }
}

/// Waits for a signal that ends the program, and gives its number: for what has nothing to stop cleanly yet.
pub(super) async fn first_signal() -> anyhow::Result<u8> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let kind = tokio::select! {
        _ = interrupt.recv() => SignalKind::interrupt(),
        _ = terminate.recv() => SignalKind::terminate(),
        _ = hang_up.recv() => SignalKind::hangup(),
    };
    Ok(u8::try_from(kind.as_raw_value()).unwrap_or(u8::MAX))
}

/// Ends the program from a thread of its own, when the others do not come to their end.
fn exit(number: u8) {
    #[expect(
        clippy::disallowed_methods,
        reason = "the user does not want to wait for the cleaning up"
    )]
    std::process::exit(128 + i32::from(number));
}
