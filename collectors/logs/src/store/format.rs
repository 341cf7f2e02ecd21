//! The file of offsets: sealed (see [`generations`]), one JSON object per line.
//!
//! ```text
//! vigie log offsets 1 8d1f00aa
//! {"pattern":{"source":"nginx","pattern":"/var/log/nginx/*.log"}}
//! {"file":{"source":"nginx","device":2049,"inode":7,"path":"/var/log/nginx/access.log",…}}
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use vigie_pipeline::clock::unix_nanos;

use super::{Entry, Owner};
use crate::identity::{FileId, Mark, Print};
use vigie_pipeline::generations;

const MAGIC: &str = "vigie log offsets 1";

pub(super) type Files = BTreeMap<(Owner, FileId), Entry>;
pub(super) type Patterns = BTreeSet<(Arc<str>, String)>;

/// Why a file of offsets is not used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Damage {
    #[error(transparent)]
    Broken(#[from] generations::Broken),
    #[error("line {0}: {1}")]
    Line(usize, serde_json::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    Pattern { source: String, pattern: String },
    File(FileLine),
}

#[derive(Serialize, Deserialize)]
struct FileLine {
    source: String,
    /// The destination, if it lags behind the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    laggard: Option<String>,
    path: String,
    device: u64,
    inode: u64,
    offset: u64,
    tail: Print,
    head: Print,
    seen: u64,
    /// Nanoseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    born: Option<u64>,
}

pub(super) fn write(files: &Files, patterns: &Patterns) -> Vec<u8> {
    let patterns = patterns
        .iter()
        .map(|(source, pattern)| Line::Pattern { source: source.to_string(), pattern: pattern.clone() });
    let files = files.iter().map(|((owner, id), entry)| {
        Line::File(FileLine {
            source: owner.source.to_string(),
            laggard: owner.laggard.as_deref().map(str::to_owned),
            // A path that is not UTF-8 is known by its inode all the same.
            path: entry.path.to_string_lossy().into_owned(),
            device: id.device,
            inode: id.inode,
            offset: entry.mark.offset,
            tail: entry.mark.tail,
            head: entry.head,
            seen: entry.seen,
            born: entry.born.map(unix_nanos),
        })
    });
    let mut body = Vec::new();
    for line in patterns.chain(files) {
        serde_json::to_writer(&mut body, &line).expect("texts and numbers are always JSON");
        body.push(b'\n');
    }
    generations::seal(MAGIC, &body)
}

pub(super) fn read(text: &[u8]) -> Result<(Files, Patterns), Damage> {
    let body = generations::open(MAGIC, text)?;
    let (mut files, mut patterns) = (Files::new(), Patterns::new());
    for (at, line) in body.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        match serde_json::from_slice(line).map_err(|error| Damage::Line(at + 2, error))? {
            Line::Pattern { source, pattern } => {
                patterns.insert((source.into(), pattern));
            }
            Line::File(file) => {
                let id = FileId { device: file.device, inode: file.inode };
                let mark = Mark { offset: file.offset, tail: file.tail };
                let born = file.born.and_then(|nanos| UNIX_EPOCH.checked_add(Duration::from_nanos(nanos)));
                let path = PathBuf::from(file.path);
                let entry = Entry { path, head: file.head, mark, seen: file.seen, born };
                let owner = Owner { source: file.source.into(), laggard: file.laggard.map(Into::into) };
                files.insert((owner, id), entry);
            }
        }
    }
    Ok((files, patterns))
}
