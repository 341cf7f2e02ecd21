//! Which files there are: a walk over the patterns, compared with what is followed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirEntryExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use tracing::{debug, info, warn};

use super::{Follower, Told, queue};
use crate::logs::config::StartAt;
use crate::logs::file::Followed;
use crate::logs::identity::{self, FileId, Mark};
use crate::logs::store::Entry;

/// How the formats begin that rotated logs are compressed to: gzip, zstd, xz, bzip2, lz4.
const COMPRESSED: [&[u8]; 5] = [b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh", b"\x04\x22\x4d\x18"];

impl Entry {
    /// Whether `file` is what is remembered, and was only appended to.
    fn is_of(&self, file: &File, size: u64) -> io::Result<bool> {
        Ok(size >= self.mark.offset && self.head.is_at(file, 0)? && self.mark.holds(file)?)
    }
}

impl Follower {
    /// Looks for files that came, went, or were renamed. Returns the directories to watch.
    pub(crate) fn scan(&mut self, told: &Told) -> BTreeSet<PathBuf> {
        let found = self.parts.patterns.walk();
        let mut directories = found.directories;
        self.failed = std::mem::take(&mut self.failing);
        for (directory, error) in &found.unreadable {
            self.fails("read directory", directory, error);
        }
        let known =
            self.parts.claim.known(self.parts.patterns.include.iter().map(|pattern| pattern.as_str()));
        let mut seen = HashSet::new();
        for (path, numbers) in found.files {
            let meta = match fs::metadata(&path) {
                Ok(meta) => meta,
                Err(error) => {
                    // A link that leads nowhere, or a file that has gone since, is no failure.
                    if error.kind() != io::ErrorKind::NotFound {
                        self.fails("open", &path, &error);
                    }
                    continue;
                }
            };
            let id = FileId::of(&meta);
            if !meta.is_file() || self.ignored.contains(&id) {
                seen.insert(id);
                continue;
            }
            self.resolve(&path, id, &mut directories);
            if !seen.insert(id) {
                continue;
            }
            if let Some(file) = self.files.get_mut(&id) {
                file.gone = None;
                if meta.len() != file.size || file.failing {
                    queue(&mut self.ready, &mut self.files, id);
                }
                continue;
            }
            // Born since the source began to look, or there before it did?
            let born = self.scanned_before || numbers.iter().any(|number| known[*number]);
            if let Err(error) = self.begin(&path, born, told) {
                self.fails("open", &path, &error);
            }
        }
        self.parts.claim.exist(seen.iter().copied(), told.seconds());
        self.mark_gone(&seen, told);
        if !self.scanned_before {
            self.find_rotated(&seen, told);
            self.parts.claim.learn(self.parts.patterns.include.iter().map(|pattern| pattern.as_str()));
            self.scanned_before = true;
        }
        directories
    }

    /// Remembers what `path` leads to; where it is a link, also what it is called in truth.
    fn resolve(&mut self, path: &Path, id: FileId, directories: &mut BTreeSet<PathBuf>) {
        if fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
            && let Ok(target) = fs::canonicalize(path)
        {
            directories.extend(target.parent().map(Path::to_owned));
            self.names.insert(target, id);
        }
        if let Some(before) = self.names.insert(path.to_owned(), id)
            && before != id
            && self.files.contains_key(&before)
        {
            self.parts.meters.rotations.inc();
        }
    }

    /// Says what fails, if it did not fail at the scan before.
    fn fails(&mut self, operation: &'static str, path: &Path, error: &io::Error) {
        self.parts.meters.file_error(operation);
        if self.failing.insert(path.to_owned()) && !self.failed.contains(path) {
            warn!(source = self.parts.meters.source, "{operation} {}: {error}", path.display());
        }
    }

    /// Begins to follow what is at `path`.
    fn begin(&mut self, path: &Path, born: bool, told: &Told) -> io::Result<()> {
        let file = open(path)?;
        let meta = file.metadata()?;
        let id = FileId::of(&meta);
        if !meta.is_file() || self.files.contains_key(&id) {
            return Ok(());
        }
        let size = meta.len();
        if is_compressed(&file)? {
            debug!("{} is compressed: not a log to follow", path.display());
            self.ignored.insert(id);
            return Ok(());
        }
        let (path, start) = match self.parts.claim.find(id) {
            Some(entry) if entry.is_of(&file, size)? => (entry.path, entry.mark),
            Some(entry) => {
                if entry.path == path {
                    self.parts.meters.truncations.inc();
                }
                (path.to_owned(), Mark::START)
            }
            None if born || self.parts.start_at == StartAt::Beginning => (path.to_owned(), Mark::START),
            None => (path.to_owned(), Mark::at(&file, identity::last_line_end(&file, size)?)?),
        };
        info!(source = self.parts.meters.source, "follow {} from byte {}", path.display(), start.offset);
        self.follow(path, file, id, start, told)
    }

    fn follow(&mut self, path: PathBuf, file: File, id: FileId, start: Mark, told: &Told) -> io::Result<()> {
        let attributes = self.parts.recorder.attributes_of(&path);
        let file = Followed::new(path, file, id, start, attributes, told.now)?;
        self.parts.claim.put(id, file.entry(start, told.seconds()));
        self.files.insert(id, file);
        queue(&mut self.ready, &mut self.files, id);
        Ok(())
    }

    fn mark_gone(&mut self, seen: &HashSet<FileId>, told: &Told) {
        for file in self.files.values_mut().filter(|file| file.gone.is_none() && !seen.contains(&file.id)) {
            file.gone = Some(told.now);
        }
        self.names.retain(|_, id| seen.contains(id));
        self.ignored.retain(|id| seen.contains(id));
    }

    /// Files that were followed before the agent was started, and were renamed since to what no pattern
    /// matches: they are looked for beside where they were.
    fn find_rotated(&mut self, seen: &HashSet<FileId>, told: &Told) {
        let mut directories: BTreeMap<PathBuf, Vec<(u64, OsString)>> = BTreeMap::new();
        for (id, entry) in self.parts.claim.files() {
            let Some(parent) = entry.path.parent().filter(|_| !seen.contains(&id)) else { continue };
            let names = directories.entry(parent.to_owned()).or_insert_with(|| list(parent));
            let Some((_, name)) = names.iter().find(|(inode, _)| *inode == id.inode) else { continue };
            let path = parent.join(name);
            if let Err(error) = self.resume(&path, id, entry, told) {
                self.fails("open", &path, &error);
            }
        }
    }

    fn resume(&mut self, path: &Path, id: FileId, entry: Entry, told: &Told) -> io::Result<()> {
        let file = open(path)?;
        let meta = file.metadata()?;
        let is_it = meta.is_file() && FileId::of(&meta) == id;
        if !is_it || meta.len() == entry.mark.offset || !entry.is_of(&file, meta.len())? {
            return Ok(());
        }
        info!(
            source = self.parts.meters.source,
            "{} was renamed to {}: follow it from byte {}",
            entry.path.display(),
            path.display(),
            entry.mark.offset
        );
        self.parts.meters.rotations.inc();
        self.follow(entry.path, file, id, entry.mark, told)?;
        if let Some(file) = self.files.get_mut(&id) {
            file.gone = Some(told.now);
        }
        Ok(())
    }
}

/// For reading; a FIFO or a terminal in the way neither blocks nor takes over.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
}

fn is_compressed(file: &File) -> io::Result<bool> {
    let start = identity::read(file, 0, 6)?;
    Ok(COMPRESSED.iter().any(|magic| start.starts_with(magic)))
}

/// Inodes and names in a directory; nothing if it cannot be read.
fn list(directory: &Path) -> Vec<(u64, OsString)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| (entry.ino(), entry.file_name())).collect()
}
