//! What is told of each pool: input and output, data sets, state.

use std::path::{Path, PathBuf};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::Error;

use super::super::file::{FileError, SmallFile, names_in};
use super::super::names::Names;
use super::super::parse;
use super::super::roster::Roster;
use super::{family, numbers};

static STATE: Family = Family::gauge("node_zfs_zpool_state", "kstat.zfs.misc.state");

/// What zpool(8) calls the states, in the order upstream has them.
const STATES: [&str; 7] = ["online", "degraded", "faulted", "offline", "removed", "unavail", "suspended"];

/// Families and a buffer for all pools.
#[derive(Debug, Default)]
pub(super) struct PoolNames {
    io: Names,
    data_sets: Names,
    buffer: Vec<u8>,
}

impl PoolNames {
    /// Before the first pool of a reading.
    pub(super) fn rewind(&mut self) {
        self.io.rewind();
        self.data_sets.rewind();
    }
}

pub(super) struct Pool {
    name: String,
    dir: PathBuf,
    io: SmallFile,
    state: SmallFile,
    data_sets: Roster<(String, SmallFile)>,
}

impl Pool {
    pub(super) fn new(dir: &Path, name: &str) -> Self {
        let dir = dir.join(name);
        Self {
            name: name.to_owned(),
            io: SmallFile::new(dir.join("io")),
            state: SmallFile::new(dir.join("state")),
            data_sets: Roster::default(),
            dir,
        }
    }

    pub(super) fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// Which files there are depends on the version of the module.
    pub(super) fn write(&mut self, page: &mut Page, names: &mut PoolNames) -> Result<(), Error> {
        if let Some(text) = present(self.io.read(&mut names.buffer))? {
            let labels = page.labels(&[("zpool", &self.name)]);
            let mut lines = parse::lines(text).skip(1);
            let (header, row) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
            for (name, value) in parse::words(header).zip(parse::words(row)) {
                let family = names.io.family(name, |name| Some(family("zpool", "io", name)));
                if let (Some(family), Some(value)) = (family, parse::number(value)) {
                    page.set(family, labels, value);
                }
            }
        }
        if let Some(text) = present(self.state.read(&mut names.buffer))? {
            let now = text.trim_ascii().to_ascii_lowercase();
            for state in STATES {
                let labels = page.labels(&[("state", state), ("zpool", &self.name)]);
                page.set(&STATE, labels, f64::from(now == state.as_bytes()));
            }
        }
        self.data_sets.begin();
        for file in names_in(&self.dir)?.into_iter().filter(|file| file.starts_with("objset-")) {
            let new = || (file.clone(), SmallFile::new(self.dir.join(&file)));
            let (_, set) = self.data_sets.meet(|(known, _)| *known == file, new);
            let Some(text) = present(set.read(&mut names.buffer))? else { continue };
            let Some(name) = data_set(text) else { continue };
            let labels = page.labels(&[("dataset", &parse::label(name)), ("zpool", &self.name)]);
            for (name, value) in numbers(text) {
                let meet = |name: &str| Some(family("zpool_dataset", "objset", name));
                if let Some(family) = names.data_sets.family(name, meet) {
                    page.set(family, labels, value);
                }
            }
        }
        self.data_sets.end();
        Ok(())
    }
}

/// The name of the data set: it may have spaces.
fn data_set(text: &[u8]) -> Option<&[u8]> {
    let line = parse::lines(text).find(|line| line.starts_with(b"dataset_name"))?;
    let (_, rest) = parse::first_word(line);
    let (kind, name) = parse::first_word(rest);
    (kind == b"7").then(|| name.trim_ascii())
}

fn present<T>(read: Result<T, FileError>) -> Result<Option<T>, Error> {
    match read {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_absent() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
