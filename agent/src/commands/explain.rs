//! `vigie explain`: what a source makes of lines, and why. It goes the way of the agent, through the same code, but
//! nothing is sent and no state is written.

mod digest;
mod line;
mod spans;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use vigie_config::{Config, Origin};
use vigie_exporters::otlp;
use vigie_logs::{Config as Source, Moved, Told, Workbench};
use vigie_pipeline::batch::Signal;
use vigie_pipeline::clock::Clock;

use super::{Format, eprint, print};
use crate::exit::Exit;

/// What is asked.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Question {
    /// Say what becomes of a line, or of some: the format that understood it, its record, the series that it moves
    Line {
        #[command(flatten)]
        asked: Asked,
        /// The line, or several as one argument; `-` for the standard input
        #[arg(allow_hyphen_values = true)]
        line: String,
    },
    /// Say in sum what becomes of the lines of a file: how many were understood, what was not, which series it moves
    File {
        #[command(flatten)]
        asked: Asked,
        /// The file; `-` for the standard input
        path: PathBuf,
        /// Only so many lines, from the first on
        #[arg(long, value_name = "N")]
        lines: Option<u64>,
    },
}

/// Of whom, and how.
#[derive(Debug, Clone, Args)]
pub(crate) struct Asked {
    /// The entry of `collectors.logs` that reads them; may be left out where there is only one
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Answers.
pub(crate) fn run(origin: &Origin, question: &Question) -> Exit {
    let (Question::Line { asked, .. } | Question::File { asked, .. }) = question;
    let told = origin.load().map_err(|mistakes| (Exit::Config, mistakes.to_string())).and_then(|loaded| {
        let source = asked.find(&loaded.config).map_err(|why| (Exit::Failure, why))?;
        let bench =
            Workbench::new(source, Clock::system()).map_err(|error| (Exit::Failure, error.to_string()))?;
        let to = Destinations::of(&loaded.config);
        let answer = match question {
            Question::Line { line, .. } => line::answer(bench, source, &to, line, asked.format),
            Question::File { path, lines, .. } => {
                digest::answer(bench, source, &to, path, lines.unwrap_or(u64::MAX), asked.format)
            }
        };
        answer.map_err(|why| (Exit::Failure, why))
    });
    match told {
        Ok(text) => print(&text).map_or_else(|exit| exit, |()| Exit::Ok),
        Err((exit, why)) => eprint(&format!("{why}\n")).map_or_else(|exit| exit, |()| exit),
    }
}

impl Asked {
    fn find<'c>(&self, config: &'c Config) -> Result<&'c Source, String> {
        let sources = &config.collectors.logs;
        let names = || sources.iter().map(|source| source.name.as_str()).collect::<Vec<_>>().join(", ");
        match (&self.source, sources.as_slice()) {
            (_, []) => Err("the configuration has no `collectors.logs`".to_owned()),
            (Some(name), sources) => sources
                .iter()
                .find(|source| source.name == *name)
                .ok_or_else(|| format!("no entry of `collectors.logs` is called `{name}`: {}", names())),
            (None, [only]) => Ok(only),
            (None, _) => Err(format!("there are several sources: say --source with one of {}", names())),
        }
    }
}

/// The names of the exporters that take log records, and of those that take spans.
struct Destinations {
    logs: Vec<String>,
    traces: Vec<String>,
}

impl Destinations {
    fn of(config: &Config) -> Self {
        let taking = |signal: Signal| {
            let takes = |exporter: &&otlp::Config| exporter.signals.contains(&signal);
            config.exporters.otlp.iter().filter(takes).map(|exporter| exporter.name.clone()).collect()
        };
        Self { logs: taking(Signal::Logs), traces: taking(Signal::Traces) }
    }
}

/// Exporters in a row; that there is none is told of the kind of what would be for them.
fn named(exporters: &[String], kind: &str) -> String {
    if exporters.is_empty() { format!("nobody: no exporter takes {kind}") } else { exporters.join(", ") }
}

/// All of the file at `path`, or of the standard input.
fn open(path: &Path) -> Result<Box<dyn Read>, String> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = std::fs::File::open(path).map_err(|error| format!("open {}: {error}", path.display()))?;
    Ok(Box::new(file))
}

/// A text as it can be put on a line of a terminal.
fn shown(text: &str) -> String {
    let mut lines = text.lines();
    let first: String = lines.next().unwrap_or_default().chars().take(400).collect();
    let first: String =
        first.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
    match lines.count() {
        0 => first,
        1 => format!("{first} (and 1 line more)"),
        more => format!("{first} (and {more} lines more)"),
    }
}

/// What filtered a text, if something did: `keep`, `transforms[1]: sample`.
fn filtered(told: &Told) -> Option<String> {
    let reason = told.filtered?;
    Some(match told.transform {
        Some(number) => format!("transforms[{number}]: {reason}"),
        None => reason.to_owned(),
    })
}

/// What a rule of redaction has found, and how often.
fn redactions(series: &[Moved]) -> Vec<(String, f64)> {
    labelled(series, "vigie_log_redactions_total", |label| label("rule"))
}

/// How often what was not understood, by reason.
fn reasons(series: &[Moved]) -> Vec<(String, f64)> {
    labelled(series, "vigie_log_parse_errors_total", |label| label("reason"))
}

/// Which metric did not count what it is about, for which reason, and how often: `revenue_total (missing)`.
fn uncounted(series: &[Moved]) -> Vec<(String, f64)> {
    labelled(series, "vigie_log_metric_errors_total", |label| {
        Some(format!("{} ({})", label("metric")?, label("reason")?))
    })
}

/// What `named` makes of the labels of each series of that name that has moved, and by how much.
fn labelled(
    series: &[Moved],
    name: &str,
    named: impl Fn(&dyn Fn(&str) -> Option<String>) -> Option<String>,
) -> Vec<(String, f64)> {
    let moved = series.iter().filter(|moved| moved.name == name && moved.by > 0.0);
    let of = |moved: &Moved| {
        let label = |name: &str| {
            let mut pairs = vigie_pipeline::page::pairs(&moved.labels);
            pairs.find(|(key, _)| *key == name).map(|(_, value)| value.into_owned())
        };
        named(&label)
    };
    moved.filter_map(|moved| Some((of(moved)?, moved.by))).collect()
}

/// The series that tell of what is in the lines, not of the agent.
fn told_of(series: &[Moved]) -> impl Iterator<Item = &Moved> {
    series.iter().filter(|moved| !moved.name.starts_with("vigie_") && moved.by != 0.0)
}

/// `name{labels}`.
fn series_name(moved: &Moved) -> String {
    if moved.labels.is_empty() { moved.name.clone() } else { format!("{}{{{}}}", moved.name, moved.labels) }
}

/// What was counted besides, a line each.
fn sums(text: &mut Vec<u8>, series: &[Moved]) {
    let told = [
        ("redacted", redactions(series)),
        ("not understood", reasons(series)),
        ("not counted by", uncounted(series)),
    ];
    for (what, found) in told.iter().filter(|(_, found)| !found.is_empty()) {
        put(text, format_args!("{what}: {}", counts(found)));
    }
}

/// Names with how often, in a row.
fn counts(counts: &[(String, f64)]) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

/// Names with how often, as an object.
fn object(counts: &[(String, f64)]) -> serde_json::Value {
    counts.iter().map(|(name, count)| (name.clone(), serde_json::json!(*count as u64))).collect()
}

/// Adds a line.
fn put(text: &mut Vec<u8>, line: std::fmt::Arguments<'_>) {
    // Into memory: that cannot fail.
    let _ = writeln!(text, "{line}");
}
