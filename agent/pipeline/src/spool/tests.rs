#![allow(clippy::unwrap_used)]

mod faults;
mod format;
mod inspect;
mod power;
mod rig;
