//! `vigie test`: runs tests of a configuration. Lines go the way of the agent, through the same code; nothing is sent
//! and no state is written.

mod compare;
mod selector;

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::Args;
use vigie_config::cases::{Case, Cases};
use vigie_config::{Mistakes, Origin};
use vigie_logs::{Config as Source, Outcome, Workbench};
use vigie_pipeline::clock::Clock;

use super::{Format, eprint, print};
use crate::exit::Exit;

/// What is run.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Files with tests
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What came of a test.
struct Verdict {
    /// `file:line`.
    place: String,
    name: String,
    /// What is not as expected; empty if all is.
    differences: Vec<String>,
}

/// Runs them all.
pub(crate) fn run(origin: &Origin, arguments: &Arguments) -> Exit {
    let mut verdicts = Vec::new();
    let mut mistakes = Vec::new();
    for file in &arguments.files {
        match Cases::load(file, origin) {
            Ok(cases) => verdicts.extend(cases.tests.iter().map(|case| run_one(file, &cases, case))),
            Err(Mistakes(wrong)) => mistakes.extend(wrong),
        }
    }
    let failed = verdicts.iter().filter(|verdict| !verdict.differences.is_empty()).count();
    let text = match arguments.format {
        Format::Text => in_words(&verdicts, failed),
        Format::Json => in_json(&verdicts, &mistakes),
    };
    let mut told = print(&text);
    if !mistakes.is_empty() && arguments.format == Format::Text {
        let mistakes = Mistakes(mistakes.clone());
        told = told.and_then(|()| eprint(&format!("{mistakes}\n")));
    }
    match told {
        Err(exit) => exit,
        Ok(()) if !mistakes.is_empty() => Exit::Config,
        Ok(()) if failed > 0 => Exit::Failure,
        Ok(()) => Exit::Ok,
    }
}

fn run_one(file: &Path, cases: &Cases, case: &Case) -> Verdict {
    let differences = match cases.source(case).map(|source| outcome(source, case)) {
        Some(Ok(outcome)) => compare::differences(&case.expect, &outcome),
        Some(Err(error)) => vec![format!("the source cannot be built: {error}")],
        None => vec!["there is no such source".to_owned()],
    };
    Verdict { place: format!("{}:{}", file.display(), case.line), name: case.name.clone(), differences }
}

/// All that becomes of the lines of a test, from the start of the source to its end.
fn outcome(source: &Source, case: &Case) -> Result<Outcome, vigie_pipeline::plug::Error> {
    let clock = match case.observed() {
        Some(time) => Clock::manual(SystemTime::UNIX_EPOCH + since_epoch(time)).0,
        None => Clock::system(),
    };
    let mut bench = Workbench::new(source, clock)?;
    let mut input = case.input.clone();
    if !input.ends_with('\n') {
        input.push('\n');
    }
    let mut outcome = bench.feed(input.as_bytes(), None);
    let rest = bench.finish(None);
    outcome.texts.extend(rest.texts);
    outcome.besides.extend(rest.besides);
    outcome.series = bench.series();
    Ok(outcome)
}

fn since_epoch(time: jiff::Timestamp) -> Duration {
    // The agent knows no time before the epoch either.
    Duration::try_from(time.as_duration()).unwrap_or_default()
}

fn in_words(verdicts: &[Verdict], failed: usize) -> String {
    let mut text = String::new();
    for Verdict { place, name, differences } in verdicts {
        let mark = if differences.is_empty() { "ok" } else { "FAILED" };
        text.push_str(&format!("{place}: {name}: {mark}\n"));
        for difference in differences {
            for (number, line) in difference.lines().enumerate() {
                text.push_str(if number == 0 { "    " } else { "      " });
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text.push_str(&format!("{} passed, {failed} failed\n", verdicts.len() - failed));
    text
}

fn in_json(verdicts: &[Verdict], mistakes: &[vigie_config::Mistake]) -> String {
    let tests: Vec<_> = verdicts
        .iter()
        .map(|verdict| {
            serde_json::json!({
                "place": verdict.place,
                "name": verdict.name,
                "passed": verdict.differences.is_empty(),
                "differences": verdict.differences,
            })
        })
        .collect();
    format!("{:#}\n", serde_json::json!({ "tests": tests, "mistakes": mistakes }))
}
