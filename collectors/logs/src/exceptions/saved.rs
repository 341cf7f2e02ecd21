//! Groups on disk: `exceptions/SOURCE` under `state_dir`, sealed, in two [`generations`], with a JSON object per group
//! behind one that names the source.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use vigie_pipeline::generations::{self, Broken};

use super::groups::Group;

/// Where the files are, under `state_dir`.
pub(super) const DIRECTORY: &str = "exceptions";

/// Their kind and version.
const KIND: &str = "vigie exceptions 1";

/// A longer name of a source is cut, and told from others by its hash.
const LONGEST_NAME: usize = 100;

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("line {0}: {1}")]
    Line(usize, serde_json::Error),
    #[error("it does not say whose groups these are")]
    Nobody,
}

/// The groups of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// In the order of their fingerprints.
    pub groups: Vec<Group>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    source: String,
}

/// The groups that were saved. What cannot be read is reported and left out.
pub(super) fn load(directory: &Path, source: &str) -> Vec<Group> {
    let loaded = generations::load(directory, &file_name(source), read);
    loaded.filter(|(_, saved)| saved.name == source).map(|(_, saved)| saved.groups).unwrap_or_default()
}

/// Returns when it is on the disk.
pub(super) fn save(directory: &Path, source: &str, text: &[u8]) -> io::Result<()> {
    generations::save(directory, &file_name(source), text)
}

/// All groups of a source, as they are kept.
pub(super) fn write<'g>(source: &str, groups: impl Iterator<Item = &'g Group>) -> Vec<u8> {
    let mut body = Vec::new();
    put(&mut body, &Head { source: source.to_owned() });
    for group in groups {
        put(&mut body, group);
    }
    generations::seal(KIND, &body)
}

fn put(body: &mut Vec<u8>, line: &impl Serialize) {
    serde_json::to_writer(&mut *body, line).expect("texts and numbers are always JSON");
    body.push(b'\n');
}

fn read(text: &[u8]) -> Result<Source, Damage> {
    let body = generations::open(KIND, text)?;
    // The first line is the seal.
    let mut lines = body.split(|byte| *byte == b'\n').zip(2..).filter(|(line, _)| !line.is_empty());
    let (head, at) = lines.next().ok_or(Damage::Nobody)?;
    let head: Head = serde_json::from_slice(head).map_err(|error| Damage::Line(at, error))?;
    let groups =
        lines.map(|(line, at)| serde_json::from_slice(line).map_err(|error| Damage::Line(at, error)));
    Ok(Source { name: head.source, groups: groups.collect::<Result<_, _>>()? })
}

/// All sources that have groups under `state_dir`, by name. It only reads, and locks nothing: it can be asked while
/// the agent runs. Of a file that is damaged the generation before counts.
///
/// # Errors
/// If the directory or a file cannot be read, or both generations of a file are damaged.
pub fn list(state_dir: &Path) -> io::Result<Vec<Source>> {
    let directory = state_dir.join(DIRECTORY);
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut sources = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let old = path.with_extension("old");
        // A name without an extension is the newest generation. It may be away for a moment while it is replaced.
        match path.extension().and_then(|extension| extension.to_str()) {
            None => {}
            Some("old") if !path.with_extension("").exists() => {}
            Some(_) => continue,
        }
        let newest = fs::read(&path).map(|text| read(&text));
        let source = match newest {
            Ok(Ok(source)) => source,
            _ => read(&fs::read(&old)?)
                .map_err(|damage| io::Error::other(format!("{}: {damage}", path.display())))?,
        };
        sources.push(source);
    }
    sources.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(sources)
}

/// A name without dots and slashes.
fn file_name(source: &str) -> String {
    let mut name = String::new();
    for byte in source.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => name.push(char::from(byte)),
            _ => name.push_str(&format!("%{byte:02X}")),
        }
    }
    if name.len() > LONGEST_NAME {
        let rest = name.split_off(LONGEST_NAME);
        name.push_str(&format!("~{:016x}", super::fingerprint::fnv(&rest)));
    }
    name
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::groups::Sample;
    use super::*;

    fn group(count: u64) -> Group {
        Group {
            fingerprint: "00ab000000000001".into(),
            name: "KeyError".into(),
            place: "pay in cart.py".into(),
            first_seen: 1,
            last_seen: 2,
            count,
            told: true,
            sample: Sample { time: 2, file: "/a".into(), message: "é\n".into(), stacktrace: "x".into() },
        }
    }

    #[test]
    fn whatever_happens_to_the_file_the_generation_before_is_there() {
        let state_dir = tempfile::tempdir().unwrap();
        let directory = state_dir.path().join(DIRECTORY);
        let source = "a/b.c";
        for count in [1, 2] {
            save(&directory, source, &write(source, [&group(count)].into_iter())).unwrap();
        }
        let current = directory.join("a%2Fb%2Ec");
        let whole = fs::read(&current).unwrap();
        let counts =
            |sources: Vec<Source>| sources[0].groups.iter().map(|group| group.count).collect::<Vec<_>>();
        assert_eq!(counts(list(state_dir.path()).unwrap()), [2]);
        for at in (0..whole.len()).step_by(7) {
            let mut wrong = whole.clone();
            wrong[at] ^= 1;
            for damaged in [&whole[..at], &wrong] {
                fs::write(&current, damaged).unwrap();
                assert_eq!(counts(list(state_dir.path()).unwrap()), [1], "at byte {at}");
                assert!(current.exists(), "it only reads");
                assert_eq!(load(&directory, source), [group(1)], "at byte {at}");
            }
        }
    }

    #[test]
    fn names_of_sources_are_names_of_files_and_stay_apart() {
        assert_eq!(file_name("app"), "app");
        assert_eq!(file_name("../x"), "%2E%2E%2Fx");
        let long = "x".repeat(500);
        assert!(file_name(&long).len() < 128);
        assert_ne!(file_name(&long), file_name(&"x".repeat(501)));
    }

    #[test]
    fn a_file_that_says_something_else_is_damage() {
        for body in ["", "{}\n", "{\"source\":\"a\"}\n{}\n"] {
            assert!(read(&generations::seal(KIND, body.as_bytes())).is_err(), "{body}");
        }
        assert_eq!(list(Path::new("/nowhere")).unwrap(), []);
    }
}
