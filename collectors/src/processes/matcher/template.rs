//! Names of groups as process-exporter's users write them: in Go's `text/template`.
//!
//! Of that language there are texts, fields, `index`, literals, comments and the trimming of blanks. The rest of it
//! (conditions, variables, pipelines and other functions) is refused when the file is read. So is a field that does not
//! exist, where process-exporter cuts the name off without a word.

mod parse;

use std::collections::BTreeMap;

use jiff::Timestamp;
use regex::Regex;

use super::Host;
use super::subject::{Subject, base_name};
use crate::processes::group::TICKS_PER_SECOND;

/// No name is longer, in bytes: what a process calls itself may be as long as a command line.
const LONGEST: usize = 1024;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Piece>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Comm,
    ExeBase,
    ExeFull,
    /// The name of the effective user, or his number if he has none.
    Username,
    Pid,
    StartTime,
    Cgroups,
    /// The path of the cgroup in one of the hierarchies, by the place of its line.
    Cgroup(usize),
    Matches,
    /// What a group of a regular expression has matched, by the group's name; and what stands for one that there is not.
    Match(String, &'static str),
}

impl Template {
    /// # Errors
    /// What Go does not understand or there is not here, in words.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        parse::parse(text).map(Self)
    }

    /// The name, if it is the same for all processes.
    pub(super) fn fixed(&self) -> Option<String> {
        let text = |piece: &Piece| match piece {
            Piece::Text(text) => Some(text.clone()),
            _ => None,
        };
        self.0.iter().map(text).collect::<Option<String>>().map(cut)
    }

    /// The names of groups of regular expressions that it asks for.
    pub(crate) fn matches(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Match(name, _) => Some(name.as_str()),
            _ => None,
        })
    }

    pub(super) fn asks_for_users(&self) -> bool {
        self.0.contains(&Piece::Username)
    }

    pub(super) fn asks_for_boot_time(&self) -> bool {
        self.0.contains(&Piece::StartTime)
    }

    /// The name of the group of a process, whose command line these regular expressions match.
    pub(super) fn render(&self, subject: &mut Subject<'_>, host: &Host, regexes: &[Regex]) -> String {
        let mut name = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => name.push_str(text),
                Piece::Comm => name.push_str(&comm(subject)),
                Piece::ExeBase => name.push_str(&exe_base(subject)),
                Piece::ExeFull => name.push_str(&exe(subject)),
                Piece::Username => name.push_str(&username(subject, host)),
                Piece::Pid => name.push_str(&subject.candidate.pid.to_string()),
                Piece::StartTime => name.push_str(&start_time(subject.candidate.stat.start, host.boot_time)),
                Piece::Cgroups => {
                    name.push_str(&format!("[{}]", subject.cgroups().paths().collect::<Vec<_>>().join(" ")))
                }
                Piece::Cgroup(index) => match subject.cgroups().paths().nth(*index) {
                    Some(path) => name.push_str(path),
                    // An error to Go, which ends the name here.
                    None => break,
                },
                Piece::Matches => {
                    let all = captured(subject, regexes);
                    let all: Vec<_> = all.iter().map(|(name, text)| format!("{name}:{text}")).collect();
                    name.push_str(&format!("map[{}]", all.join(" ")));
                }
                Piece::Match(group, missing) => {
                    let all = captured(subject, regexes);
                    name.push_str(all.get(group.as_str()).map_or(missing, |text| text.as_str()));
                }
            }
        }
        cut(name)
    }
}

fn cut(mut name: String) -> String {
    let end = (0..=LONGEST).rev().find(|end| name.is_char_boundary(*end)).unwrap_or(0);
    if name.len() > end {
        name.truncate(end);
    }
    name
}

fn comm(subject: &Subject<'_>) -> String {
    String::from_utf8_lossy(subject.candidate.comm).into_owned()
}

/// The first word of the command line; where there is none, the name that the kernel has.
fn exe(subject: &mut Subject<'_>) -> String {
    subject.cmdline().exe.clone().unwrap_or_else(|| comm(subject))
}

/// The last component of that; of the kernel's name, which may have a slash, all.
fn exe_base(subject: &mut Subject<'_>) -> String {
    subject.cmdline().exe.as_deref().map(|exe| base_name(exe).to_owned()).unwrap_or_else(|| comm(subject))
}

fn username(subject: &mut Subject<'_>, host: &Host) -> String {
    let Some(id) = subject.owner() else { return String::new() };
    host.users.name(id).map_or_else(|| id.to_string(), str::to_owned)
}

/// As Go prints a time in UTC, `2026-11-22 01:44:50.07 +0000 UTC`, without zeros at the end of the fraction.
fn start_time(start: u64, boot_time: Option<u64>) -> String {
    let seconds = boot_time.unwrap_or(0) + start / TICKS_PER_SECOND;
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let time = time.unwrap_or_default().strftime("%Y-%m-%d %H:%M:%S").to_string();
    let fraction = format!(".{:02}", start % TICKS_PER_SECOND);
    format!("{time}{} +0000 UTC", fraction.trim_end_matches('0').trim_end_matches('.'))
}

/// What the groups of all regular expressions have matched, by name; those without a name share the empty one, which
/// the last of them has, or the whole of what was matched.
fn captured(subject: &mut Subject<'_>, regexes: &[Regex]) -> BTreeMap<String, String> {
    let joined = &subject.cmdline().joined;
    let mut all = BTreeMap::new();
    for regex in regexes {
        let Some(captures) = regex.captures(joined) else { continue };
        for (group, name) in captures.iter().zip(regex.capture_names()) {
            let text = group.map_or("", |group| group.as_str());
            all.insert(name.unwrap_or_default().to_owned(), text.to_owned());
        }
    }
    all
}

#[cfg(test)]
mod tests;
