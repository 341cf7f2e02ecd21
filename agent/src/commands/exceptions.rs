//! `vigie exceptions`: the errors that were found in logs. It reads what the agent has saved, locks nothing and changes
//! nothing, so it can be asked while the agent runs as well as when it does not.

use clap::Args;
use serde_json::{Value, json};
use vigie_config::Origin;
use vigie_logs::exceptions::{self, Group, Source};

use super::state_dir::StateDir;
use super::table::{columns, time};
use super::{Format, eprint, print};
use crate::exit::Exit;

/// What is asked.
#[derive(Debug, Clone, Args)]
pub(crate) struct Question {
    /// Only this one, with its traceback: the 16 digits that the list and `exception.fingerprint` have
    fingerprint: Option<String>,
    /// Only those of this log source
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// How to say it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    state_dir: StateDir,
}

/// Answers.
pub(crate) fn run(origin: &Origin, question: &Question) -> Exit {
    let answer = question.found(origin).map(|found| match question.format {
        Format::Json => format!("{:#}\n", Value::from(found.iter().flat_map(objects).collect::<Vec<_>>())),
        Format::Text if question.fingerprint.is_some() => found.iter().flat_map(details).collect(),
        Format::Text => list(&found),
    });
    let written = match &answer {
        Ok(text) => print(text).map(|()| Exit::Ok),
        Err((exit, why)) => eprint(&format!("{why}\n")).map(|()| *exit),
    };
    written.unwrap_or_else(|exit| exit)
}

impl Question {
    /// The groups that are asked for, those that were seen last first.
    fn found(&self, origin: &Origin) -> Result<Vec<Source>, (Exit, String)> {
        let state_dir = self.state_dir.find(origin)?;
        let shown = state_dir.display();
        let mut found = exceptions::list(&state_dir)
            .map_err(|error| (Exit::Failure, format!("read {shown}: {error}")))?;
        found.retain(|source| self.source.as_ref().is_none_or(|name| *name == source.name));
        // A name or a number may be misspelt.
        if let (Some(name), true) = (&self.source, found.is_empty()) {
            return Err((Exit::Failure, format!("no exceptions of `{name}` in {shown}")));
        }
        for source in &mut found {
            let is_asked =
                |group: &Group| self.fingerprint.as_ref().is_none_or(|asked| *asked == group.fingerprint);
            source.groups.retain(is_asked);
            source.groups.sort_by_key(|group| std::cmp::Reverse(group.last_seen));
        }
        match &self.fingerprint {
            Some(asked) if found.iter().all(|source| source.groups.is_empty()) => {
                Err((Exit::Failure, format!("no exception `{asked}` in {shown}")))
            }
            _ => Ok(found),
        }
    }
}

const COLUMNS: [&str; 7] = ["SOURCE", "FINGERPRINT", "COUNT", "FIRST SEEN", "LAST SEEN", "TYPE", "PLACE"];

fn list(found: &[Source]) -> String {
    let mut rows = vec![COLUMNS.map(str::to_owned)];
    for source in found {
        rows.extend(source.groups.iter().map(|group| {
            [
                plain(&source.name),
                group.fingerprint.clone(),
                group.count.to_string(),
                time(group.first_seen),
                time(group.last_seen),
                plain(&group.name),
                plain(&group.place),
            ]
        }));
    }
    if rows.len() == 1 { "no exceptions\n".to_owned() } else { columns(&rows) }
}

fn details(source: &Source) -> Vec<String> {
    let detail = |group: &Group| {
        let Group { fingerprint, name, place, count, first_seen, last_seen, sample, .. } = group;
        let rows = [
            ["source", &source.name],
            ["fingerprint", fingerprint],
            ["type", name],
            ["place", place],
            ["message", &sample.message],
            ["count", &count.to_string()],
            ["first seen", &time(*first_seen)],
            ["last seen", &time(*last_seen)],
            ["sample", &format!("{} in {}", time(sample.time), sample.file)],
        ]
        .map(|[key, value]| [format!("{key}:"), value.lines().map(plain).collect::<Vec<_>>().join(" ")]);
        let trace: String = sample.stacktrace.lines().map(|line| plain(line) + "\n").collect();
        format!("{}\n{trace}", columns(&rows))
    };
    source.groups.iter().map(detail).collect()
}

fn objects(source: &Source) -> Vec<Value> {
    let object = |group: &Group| {
        json!({
            "source": source.name,
            "fingerprint": group.fingerprint,
            "type": group.name,
            "place": group.place,
            "count": group.count,
            "first_seen": time(group.first_seen),
            "last_seen": time(group.last_seen),
            "sample": {
                "time": time(group.sample.time),
                "file": group.sample.file,
                "message": group.sample.message,
                "stacktrace": group.sample.stacktrace,
            },
        })
    };
    source.groups.iter().map(object).collect()
}

/// Logs are written by others: what would move the cursor or change a terminal is not shown as it is.
fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() && char != '\t' { '\u{fffd}' } else { char }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_change_a_terminal_is_not_shown_as_it_is() {
        assert_eq!(plain("a\u{1b}[2Jb\tc"), "a\u{fffd}[2Jb\tc");
    }
}
