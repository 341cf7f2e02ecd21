//! The signals the agent hears, through signal-hook.

use std::io;
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// TERM or INT: deliver what is left, then end. A second one: end at once.
    Stop,
    /// HUP: read the configuration again.
    Reload,
}

/// Signals as they come.
///
/// # Errors
/// When the handlers cannot be set or their thread not be started.
pub(crate) fn listen() -> io::Result<mpsc::Receiver<Asked>> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    let (tell, asked) = mpsc::channel(8);
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in signals.forever() {
            let what = if signal == SIGHUP { Asked::Reload } else { Asked::Stop };
            if tell.blocking_send(what).is_err() {
                return;
            }
        }
    })?;
    Ok(asked)
}
