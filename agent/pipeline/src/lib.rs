//! What flows through the agent, what holds it, and the plugs of those who feed and drain it.

pub mod check;
pub mod file_path;
pub mod secret;
