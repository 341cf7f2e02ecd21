//! Whole probes against small servers of our own, on loopback.
#![allow(clippy::unwrap_used)]

mod behaviour;
mod certificates;
mod configuration;
mod failures;
mod proxies;
mod requests;
mod responses;
pub(in crate::probes) mod rig;
pub(in crate::probes) mod servers;
mod tcp;
mod telemetry;
mod tls;
mod unix;
