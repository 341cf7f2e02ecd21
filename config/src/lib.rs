//! The configuration of vigie as a whole: found, read, checked, described and watched.
//!
//! [`Origin::load`] reads the files, completes them from the environment, lets flags win, and tells either the
//! [`Config`] or every mistake, each as `file:line:column: key.path: what is wrong (did you mean …?)`. The sections are
//! typed where they belong: `collectors` and `exporters` in their crates, `agent` and `server` here.

mod agent;
mod blackbox;
pub mod cases;
mod decode;
mod environment;
mod expand;
mod files;
mod flags;
mod foreign;
mod layers;
mod load;
mod merge;
mod mistake;
mod position;
mod process_names;
mod schema;
mod server;
mod source;
mod target_file;
mod tree;
pub mod watch;
pub mod web;

pub use agent::{Agent, Log, LogFormat, LogLevel};
pub use expand::Variables;
pub use flags::{Flags, Setting, SettingValue};
pub use load::{Config, Loaded, Origin};
pub use mistake::{Mistake, Mistakes};
pub use schema::schema;
pub use server::Server;
pub use target_file::read_targets;
