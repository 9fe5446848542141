//! SIGINT, SIGTERM and SIGHUP: the first one ends the run cleanly, the second at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::session::Session;

/// What was received so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Signals(Arc<AtomicU8>);

impl Signals {
    /// Gives the number of the first signal.
    pub(super) fn received(&self) -> Option<u8> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            number => Some(number),
        }
    }
}

impl Session {
    /// Cancels the token at the first signal; a second one ends the program without another word.
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
                if noted.received().is_some() {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "the user does not want to wait for the cleaning up"
                    )]
                    std::process::exit(128 + i32::from(number));
                }
                noted.0.store(number, Ordering::Relaxed);
                ui.say("stopping what runs; once more to stop at once");
                cancelled.cancel();
            }
        });
        Ok(signals)
    }
}
