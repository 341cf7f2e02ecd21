//! Whole probes against small servers of our own, on loopback.
#![allow(clippy::unwrap_used)]

mod behaviour;
mod failures;
mod rig;
mod servers;
