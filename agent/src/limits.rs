//! What the kernel lets the process have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::debug;

/// Enough for every log of a host and its sockets; more would only make a leak harder to see.
const MOST_FILES: u64 = 65_536;

/// Raises the soft limit of open files (`RLIMIT_NOFILE`) towards the hard one: the soft one is 1,024 for the sake
/// of programs that use `select`, and a host has more logs than that.
pub(crate) fn raise_open_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.unwrap_or(MOST_FILES).min(MOST_FILES);
    if current.is_none_or(|current| current >= wanted) {
        return;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum }) {
        Ok(()) => debug!(from = current, to = wanted, "raised the limit of open files"),
        Err(error) => debug!("raise the limit of open files to {wanted}: {error}"),
    }
}
