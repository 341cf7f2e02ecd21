#![allow(clippy::unwrap_used)]

mod faults;
mod format;
mod power;
mod rig;
