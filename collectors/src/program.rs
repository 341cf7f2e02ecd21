//! Programs of this host that the agent runs: for probes, and when an expectation is not met.
//!
//! No shell is between. A program runs only if `agent.allow_commands` has it ([`allowed`]), which is looked at whenever
//! one is started: what counts is the path that all links and `..` lead to. It gets an environment of its own, nothing
//! to read, and a process group ([`child`]); of what it writes the beginning is kept, and the rest is dropped ([`output`]).

mod allowed;
mod child;
mod ending;
mod output;

pub(crate) use self::allowed::NotRun;
pub use self::allowed::{Allowed, GlobError};
pub(crate) use self::child::Child;
pub(crate) use self::output::{LINGER, Output};

/// Where programs look for others.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
