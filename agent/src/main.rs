//! vigie: one small daemon that watches a host and its applications.
//!
//! Arguments → configuration → run → exit code. The daemon itself is in [`daemon`]; what collects and what
//! exports are crates of their own.

mod cli;
mod commands;
mod daemon;
mod driver;
mod exit;
mod limits;
mod logging;
mod memory;
mod own;
mod reload;
mod resource;
mod server;
mod signals;
mod supervisor;
mod systemd;
mod telemetry;

use std::process::ExitCode;

use cli::{Do, Invocation};

fn main() -> ExitCode {
    let Invocation { command, origin } = cli::parse();
    let exit = match command {
        Do::Run { job } => commands::job::run(&origin, job).unwrap_or_else(|| daemon::run(origin)),
        Do::Check { format } => commands::check(&origin, format),
        Do::Schema => commands::schema(),
        Do::Buffer { question } => commands::buffer::run(&origin, &question),
        Do::Explain { question } => commands::explain::run(&origin, &question),
        Do::Test { tests } => commands::test::run(&origin, &tests),
        Do::Exceptions { question } => commands::exceptions::run(&origin, &question),
        Do::Version => commands::version(),
        Do::Completions { shell } => commands::completions(shell),
    };
    exit.into()
}
