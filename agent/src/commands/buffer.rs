//! `vigie buffer`: what waits on disk for destinations. It reads, locks nothing and changes nothing, so it can be
//! asked while the agent runs as well as when it does not.

use std::io::{self, BufWriter, Write};
use std::ops::ControlFlow;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use vigie_config::Origin;
use vigie_exporters::otlp;
use vigie_pipeline::batch::Signal;
use vigie_pipeline::spool::inspect::{self, Directory, Sight, Summary};

use super::state_dir::StateDir;
use super::table::{columns, time};
use super::{Format, eprint, print};
use crate::exit::Exit;

/// What is asked.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Question {
    /// List the spools: what they hold, how much of it is not delivered, what was set aside as damaged
    Ls {
        #[command(flatten)]
        selection: Selection,
        /// How to say it
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Check every record against its checksum; exits with 1 if anything is damaged, and says where
    Verify {
        #[command(flatten)]
        selection: Selection,
    },
    /// Print what is not delivered yet, as OTLP/JSON: a line for each request
    Dump {
        #[command(flatten)]
        selection: Selection,
        /// What is delivered and not yet removed as well
        #[arg(long)]
        all: bool,
    },
}

/// Which spools.
#[derive(Debug, Clone, Args)]
pub(crate) struct Selection {
    /// Only those of this exporter
    #[arg(long, value_name = "NAME")]
    exporter: Option<String>,
    /// Only those of this signal
    #[arg(long, value_enum)]
    signal: Option<Kind>,
    #[command(flatten)]
    state_dir: StateDir,
}

/// A signal that spools hold.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Log records
    Logs,
    /// Spans
    Traces,
}

/// Answers.
pub(crate) fn run(origin: &Origin, question: &Question) -> Exit {
    let (Question::Ls { selection, .. } | Question::Verify { selection } | Question::Dump { selection, .. }) =
        question;
    let directories = match selection.find(origin) {
        Ok(directories) => directories,
        Err((exit, why)) => return eprint(&format!("{why}\n")).map_or_else(|exit| exit, |()| exit),
    };
    let answered = match question {
        Question::Ls { format, .. } => list(&directories, *format),
        Question::Verify { .. } => verify(&directories),
        Question::Dump { all, .. } => dump(&directories, *all),
    };
    answered.unwrap_or_else(|why| eprint(&format!("{why}\n")).map_or_else(|exit| exit, |()| Exit::Failure))
}

impl Selection {
    fn find(&self, origin: &Origin) -> Result<Vec<Directory>, (Exit, String)> {
        let state_dir = self.state_dir.find(origin)?;
        let shown = state_dir.display();
        let mut found =
            inspect::list(&state_dir).map_err(|error| (Exit::Failure, format!("read {shown}: {error}")))?;
        let signal = self.signal.map(|kind| match kind {
            Kind::Logs => Signal::Logs,
            Kind::Traces => Signal::Traces,
        });
        found.retain(|one| self.exporter.as_ref().is_none_or(|name| *name == one.exporter));
        found.retain(|one| signal.is_none_or(|signal| signal == one.signal));
        match (&self.exporter, found.is_empty()) {
            // Its name may be misspelt.
            (Some(name), true) => Err((Exit::Failure, format!("no spool of `{name}` in {shown}"))),
            _ => Ok(found),
        }
    }
}

/// Reads one to its end. The error says which it was.
fn read(directory: &Directory, see: &mut dyn FnMut(Sight<'_>) -> ControlFlow<()>) -> Result<Summary, String> {
    directory.read(see).map_err(|error| format!("read {}: {error}", directory.path.display()))
}

fn list(directories: &[Directory], format: Format) -> Result<Exit, String> {
    let mut all = Vec::new();
    for directory in directories {
        all.push((directory, read(directory, &mut |_| ControlFlow::Continue(()))?));
    }
    let text = match format {
        Format::Text => table(&all),
        Format::Json => {
            let rows: Vec<Value> =
                all.iter().map(|(directory, summary)| object(directory, summary)).collect();
            format!("{:#}\n", Value::from(rows))
        }
    };
    Ok(print(&text).map_or_else(|exit| exit, |()| Exit::Ok))
}

fn verify(directories: &[Directory]) -> Result<Exit, String> {
    let mut whole = true;
    for directory in directories {
        let mut said = Ok(());
        let summary = read(directory, &mut |sight| match sight {
            Sight::Record(_) => ControlFlow::Continue(()),
            Sight::Fault(fault) => {
                said = print(&format!("{fault}\n"));
                if said.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            }
        })?;
        whole &= summary.faults == 0;
        let said = said.and_then(|()| print(&format!("{}\n", verdict(directory, &summary))));
        if let Err(exit) = said {
            return Ok(exit);
        }
    }
    Ok(if whole { Exit::Ok } else { Exit::Failure })
}

fn dump(directories: &[Directory], all: bool) -> Result<Exit, String> {
    let mut whole = true;
    let mut out = BufWriter::new(io::stdout().lock());
    for directory in directories {
        let mut written = Ok(());
        read(directory, &mut |sight| {
            match sight {
                Sight::Record(record) if all || record.waiting > 0 => {
                    let request =
                        otlp::json::request(record.batch.signal, std::slice::from_ref(&record.batch));
                    written = writeln!(out, "{request}");
                }
                Sight::Record(_) => {}
                Sight::Fault(fault) => {
                    whole = false;
                    written = writeln!(io::stderr(), "{fault}");
                }
            }
            if written.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        })?;
        match written.and_then(|()| out.flush()) {
            // Whoever read it has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(Exit::Ok),
            Err(error) => return Err(format!("write: {error}")),
            Ok(()) => {}
        }
    }
    Ok(if whole { Exit::Ok } else { Exit::Failure })
}

fn verdict(directory: &Directory, summary: &Summary) -> String {
    let Summary { segments, records, faults, .. } = summary;
    let found = match faults {
        0 => "nothing is damaged".to_owned(),
        1 => "1 fault".to_owned(),
        more => format!("{more} faults"),
    };
    format!(
        "{} {}: {segments} segments, {records} records: {found}",
        directory.exporter,
        directory.signal.as_str()
    )
}

fn object(directory: &Directory, summary: &Summary) -> Value {
    json!({
        "exporter": directory.exporter,
        "signal": directory.signal.as_str(),
        "directory": directory.path,
        "segments": summary.segments,
        "bytes": summary.bytes,
        "records": summary.records,
        "events": summary.events,
        "waiting": summary.waiting,
        "oldest": summary.oldest.map(time),
        "cursor": summary.cursor,
        "faults": summary.faults,
        "quarantined": summary.quarantined,
    })
}

const COLUMNS: [&str; 11] = [
    "EXPORTER",
    "SIGNAL",
    "SEGMENTS",
    "BYTES",
    "RECORDS",
    "EVENTS",
    "WAITING",
    "OLDEST",
    "CURSOR",
    "FAULTS",
    "QUARANTINED",
];

/// Columns as wide as what is in them.
fn table(all: &[(&Directory, Summary)]) -> String {
    if all.is_empty() {
        return "no spools\n".to_owned();
    }
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    rows.extend(all.iter().map(|(directory, summary)| {
        [
            directory.exporter.clone(),
            directory.signal.as_str().to_owned(),
            summary.segments.to_string(),
            summary.bytes.to_string(),
            summary.records.to_string(),
            summary.events.to_string(),
            summary.waiting.to_string(),
            summary.oldest.map_or_else(|| "-".to_owned(), time),
            summary.cursor.map_or_else(|| "-".to_owned(), |cursor| cursor.to_string()),
            summary.faults.to_string(),
            summary.quarantined.to_string(),
        ]
    }));
    columns(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let of = |exporter: &str| Directory {
            exporter: exporter.to_owned(),
            signal: Signal::Logs,
            path: "/x".into(),
        };
        let (first, second) = (of("a-long-name"), of("é"));
        let summary =
            Summary { segments: 3, cursor: Some(12), oldest: Some(1_000_000_000), ..Summary::default() };
        let text = table(&[(&first, summary), (&second, Summary::default())]);
        let lines: Vec<&str> = text.lines().collect();
        let starts = |line: &str, word: &str| line.split(word).next().map(|before| before.chars().count());
        assert_eq!(starts(lines[0], "SIGNAL"), starts(lines[1], "logs"));
        assert_eq!(starts(lines[1], "logs"), starts(lines[2], "logs"));
        assert_eq!(starts(lines[0], "CURSOR"), starts(lines[1], "12 "));
        assert!(lines[1].contains(" 1970-01-01T00:00:01Z "), "{text}");
    }
}
