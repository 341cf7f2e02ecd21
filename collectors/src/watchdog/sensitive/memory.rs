//! What outlives the agent, as `state_dir` has it: `watchdog/sensitive`, sealed (see [`generations`]), one JSON object
//! per line.
//!
//! ```text
//! vigie sensitive files 1 5f3b9c01
//! {"listed":"/etc/ssh/*.conf"}
//! {"file":{"path":"/etc/passwd","facts":{"kind":"regular","inode":7,"digest":{"whole":"9f86…"},…}}}
//! {"missing":"/etc/nologin"}
//! ```

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use vigie_pipeline::percent;

use super::facts::Facts;
use super::roster::{Memory, Standing};
use vigie_pipeline::generations;

const KIND: &str = "vigie sensitive files 1";

const NAME: &str = "sensitive";

#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error(transparent)]
    Broken(#[from] generations::Broken),
    #[error("line {0}: {1}")]
    Line(usize, serde_json::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    Listed(String),
    File { path: String, facts: Facts },
    Missing(String),
    Unseen(String),
}

fn directory(state_dir: &Path) -> PathBuf {
    state_dir.join("watchdog")
}

/// Writes it; when this returns it is on the disk.
pub(super) fn save(memory: &Memory, state_dir: &Path) -> io::Result<()> {
    generations::save(&directory(state_dir), NAME, &write(memory))
}

/// What was saved last; `None` if there is nothing that can be read, which is reported if something is there.
pub(super) fn load(state_dir: &Path) -> Option<Memory> {
    generations::load(&directory(state_dir), NAME, read).map(|(_, memory)| memory)
}

fn write(memory: &Memory) -> Vec<u8> {
    let listed = memory.listed.iter().map(|text| Line::Listed(text.clone()));
    let files = memory.files.iter().map(|(path, standing)| {
        let path = escape(path);
        match standing {
            Standing::There(facts) => Line::File { path, facts: facts.clone() },
            Standing::Missing => Line::Missing(path),
            Standing::Unseen => Line::Unseen(path),
        }
    });
    let mut body = Vec::new();
    for line in listed.chain(files) {
        serde_json::to_writer(&mut body, &line).expect("texts and numbers are always JSON");
        body.push(b'\n');
    }
    generations::seal(KIND, &body)
}

fn read(text: &[u8]) -> Result<Memory, Damage> {
    let body = generations::open(KIND, text)?;
    let mut memory = Memory { files: BTreeMap::new(), ..Memory::default() };
    for (at, line) in body.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let (path, standing) =
            match serde_json::from_slice(line).map_err(|error| Damage::Line(at + 2, error))? {
                Line::Listed(text) => {
                    memory.listed.insert(text);
                    continue;
                }
                Line::File { path, facts } => (path, Standing::There(facts)),
                Line::Missing(path) => (path, Standing::Missing),
                Line::Unseen(path) => (path, Standing::Unseen),
            };
        memory.files.insert(unescape(&path), standing);
    }
    Ok(memory)
}

/// A path as a text: what is not UTF-8 is written as `%XX`, and so is `%`.
fn escape(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        text.push_str(&chunk.valid().replace('%', "%25"));
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

fn unescape(text: &str) -> PathBuf {
    OsString::from_vec(percent::decode(text)).into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::facts::{Digest, Kind};
    use super::*;
    use proptest::prelude::*;

    fn facts() -> impl Strategy<Value = Facts> {
        let digest = prop_oneof![
            any::<[u8; 32]>().prop_map(Digest::Whole),
            any::<[u8; 32]>().prop_map(Digest::Ends),
            Just(Digest::Unreadable),
            Just(Digest::None),
        ];
        let numbers = (any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>(), any::<i64>(), any::<i64>());
        let link = proptest::option::of("\\PC{0,20}");
        (digest, numbers, link, any::<bool>()).prop_map(
            |(digest, (inode, size, mode, uid, modified, changed), link, settled)| Facts {
                kind: Kind::Regular,
                link,
                device: 1,
                inode,
                size,
                mode,
                uid,
                gid: uid,
                modified,
                changed,
                digest,
                settled,
            },
        )
    }

    fn standing() -> impl Strategy<Value = Standing> {
        prop_oneof![facts().prop_map(Standing::There), Just(Standing::Missing), Just(Standing::Unseen)]
    }

    proptest! {
        #[test]
        fn what_is_saved_is_what_is_loaded(
            listed in proptest::collection::btree_set("/[a-z*]{1,20}", 0..5),
            files in proptest::collection::btree_map(
                proptest::collection::vec(1..=255_u8, 1..20).prop_map(|bytes| OsString::from_vec(bytes).into()),
                standing(),
                0..5,
            ),
        ) {
            let memory = Memory { listed, files };
            prop_assert_eq!(read(&write(&memory)).unwrap(), memory);
        }

        #[test]
        fn rubbish_is_refused_and_never_a_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&text).is_err());
            // Sealed rubbish may happen to be empty lines.
            let _ = read(&generations::seal(KIND, &text));
        }
    }

    #[test]
    fn a_damaged_file_is_put_aside_and_nothing_is_remembered() {
        let state = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory(state.path())).unwrap();
        std::fs::write(directory(state.path()).join(NAME), "vigie sensitive files 1 00000000\n{").unwrap();
        assert_eq!(load(state.path()), None);
        save(&Memory::default(), state.path()).unwrap();
        assert_eq!(load(state.path()), Some(Memory::default()));
    }
}
