//! The commands that do something and end.

pub(crate) mod buffer;
pub(crate) mod exceptions;
pub(crate) mod explain;
pub(crate) mod job;
mod plain;
mod record;
mod span;
mod state_dir;
mod table;
pub(crate) mod test;

use std::io::{self, Write};

use clap::ValueEnum;
use vigie_collectors::watchdog;
use vigie_config::{Loaded, Origin};

use crate::cli;
use crate::exit::Exit;

/// How a command reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For machines
    Json,
}

/// `vigie check`
pub(crate) fn check(origin: &Origin, format: Format) -> Exit {
    let loaded = origin.load();
    let text = match (format, &loaded) {
        (Format::Text, Ok(loaded)) => {
            let valid = match loaded.files.as_slice() {
                [] => "no configuration file: the defaults are valid\n".to_owned(),
                files => files.iter().map(|file| format!("{}: valid\n", file.display())).collect(),
            };
            actions(loaded).iter().fold(valid, |text, action| text + action + "\n")
        }
        (Format::Text, Err(mistakes)) => format!("{mistakes}\n"),
        (Format::Json, loaded) => {
            let mistakes = loaded.as_ref().err();
            let report = serde_json::json!({
                "valid": mistakes.is_none(),
                "mistakes": mistakes.map_or(&[][..], |m| &m.0),
                "actions": loaded.as_ref().map(actions).unwrap_or_default(),
            });
            format!("{report:#}\n")
        }
    };
    let written = if loaded.is_ok() || format == Format::Json { print(&text) } else { eprint(&text) };
    match (loaded, written) {
        (_, Err(exit)) => exit,
        (Ok(_), Ok(())) => Exit::Ok,
        (Err(_), Ok(())) => Exit::Config,
    }
}

/// What would be done when, in a sentence for each action.
fn actions(loaded: &Loaded) -> Vec<String> {
    let collectors = &loaded.config.collectors;
    watchdog::told(&collectors.watchdog, &collectors.processes)
}

/// `vigie schema`
pub(crate) fn schema() -> Exit {
    print(&format!("{:#}\n", vigie_config::schema())).map_or_else(|exit| exit, |()| Exit::Ok)
}

/// `vigie version`
pub(crate) fn version() -> Exit {
    print(&format!("vigie {}\n", env!("CARGO_PKG_VERSION"))).map_or_else(|exit| exit, |()| Exit::Ok)
}

/// `vigie completions`
pub(crate) fn completions(shell: clap_complete::Shell) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut cli::command(), "vigie", &mut script);
    print(&String::from_utf8_lossy(&script)).map_or_else(|exit| exit, |()| Exit::Ok)
}

/// A reader that has gone away (`vigie schema | head`) is no failure.
fn print(text: &str) -> Result<(), Exit> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Exit::Failure),
        _ => Ok(()),
    }
}

fn eprint(text: &str) -> Result<(), Exit> {
    io::stderr().lock().write_all(text.as_bytes()).map_err(|_| Exit::Failure)
}
