//! Users and groups by name, as the host's `/etc/passwd` or `/etc/group` has them, read again when they change.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::time::SystemTime;

/// More of such a file is not read.
const LARGEST: u64 = 8 << 20;

/// One of the two files.
pub(super) struct Names {
    path: PathBuf,
    /// When what is known was written, and how long it was.
    version: Option<(SystemTime, u64)>,
    numbers: HashMap<String, u32>,
}

impl Names {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, version: None, numbers: HashMap::new() }
    }

    /// The number of a name; that of a text which is a number itself.
    pub(super) fn number(&mut self, name: &str) -> Option<u32> {
        if let Ok(number) = name.parse() {
            return Some(number);
        }
        self.refresh();
        self.numbers.get(name).copied()
    }

    /// A name of a number; the number itself if it has none.
    pub(super) fn name(&mut self, number: u32) -> String {
        self.refresh();
        let mut names = self.numbers.iter().filter(|(_, known)| **known == number).map(|(name, _)| name);
        names.next().map_or_else(|| number.to_string(), Clone::clone)
    }

    fn refresh(&mut self) {
        let Ok(meta) = std::fs::metadata(&self.path) else {
            self.version = None;
            self.numbers.clear();
            return;
        };
        let version = meta.modified().ok().map(|at| (at, meta.len()));
        if version.is_some() && version == self.version {
            return;
        }
        let mut text = Vec::new();
        let read = File::open(&self.path).and_then(|file| file.take(LARGEST).read_to_end(&mut text));
        if read.is_ok() {
            self.version = version;
            self.numbers = String::from_utf8_lossy(&text).lines().filter_map(entry).collect();
        }
    }
}

/// `name:password:number:…`
fn entry(line: &str) -> Option<(String, u32)> {
    let mut fields = line.split(':');
    let (name, _, number) = (fields.next()?, fields.next()?, fields.next()?);
    Some((name.to_owned(), number.parse().ok()?))
}
