//! Which files there are: a walk over the patterns, compared with what is followed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;
use tracing::{debug, info, warn};

use super::rotation::Origin;
use super::{Birth, Follower, Told, queue};
use crate::config::StartAt;
use crate::file::{Followed, modified};
use crate::identity::{self, FileId, Mark};
use crate::meters::{Loss, MOST_UNREADABLE};
use crate::patterns::nearest;
use crate::unpack::is_compressed;

/// So often the store is told which files exist.
const EXIST_EVERY: Duration = Duration::from_secs(600);

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
        if !self.scanned_before {
            self.remembered = self.parts.claim.files();
        }
        let (mut seen, mut rotated) = (HashSet::new(), Vec::new());
        // Paths with unknown files, and whether one of their patterns was looked for before.
        let mut new: BTreeMap<OsString, bool> = BTreeMap::new();
        for hit in found.hits {
            if !self.names.contains_key(&hit.path) && self.parts.patterns.excludes(&hit.path) {
                continue;
            }
            let target = if hit.is_link { fs::canonicalize(&hit.path).ok() } else { None };
            if hit.is_link {
                let leads_to = target.clone().or_else(|| fs::read_link(&hit.path).ok());
                directories.extend(leads_to.and_then(|target| nearest(target.parent()?)));
            }
            let Some((id, meta)) = self.identify(&hit.path) else { continue };
            seen.insert(id);
            rotated.extend(self.name(&hit.path, id));
            if let Some(target) = target {
                self.names.insert(target, id);
            }
            if meta.is_file() && !self.notice(id, &meta) {
                *new.entry(hit.path.into_os_string()).or_default() |= known[hit.pattern];
            }
        }
        for (path, is_known) in new {
            // Born since the source began to look, or there before it did?
            let is_later = self.scanned_before || is_known;
            self.meet(Path::new(&path), if is_later { Birth::Later } else { Birth::Before }, told);
        }
        for rotation in rotated {
            self.rotated(rotation, told);
        }
        if self.exist_at.is_none_or(|at| told.now >= at) {
            let there = seen.iter().chain(self.files.keys()).copied();
            self.parts.claim.exist(there, told.seconds());
            if self.exist_at.replace(told.now + EXIST_EVERY).is_some() {
                self.parts.claim.forget_orphans(told.seconds());
            }
        }
        self.mark_gone(&seen, told);
        self.settle_cuts();
        self.wake_renamed(&seen, told);
        self.most_open = (self.most_open + self.most_open / 16).min(self.may_open);
        self.close_read(told.now);
        self.close_unread();
        self.show_unreadable();
        if !self.scanned_before {
            self.find_renamed(&seen, told);
            self.remembered = Vec::new();
            self.parts.claim.learn(self.parts.patterns.include.iter().map(|pattern| pattern.as_str()));
            self.scanned_before = true;
        }
        directories
    }

    /// What notifications were about. Says whether it takes a scan to find out what happened.
    pub(crate) fn touch(&mut self, told: &Told) -> bool {
        for path in &told.touched.paths {
            let Some(id) = self.names.get(path).copied() else { continue };
            queue(&mut self.ready, &mut self.files, id);
            if self.asleep.contains_key(&id)
                && let Some((now, meta)) = self.identify(path)
                && now == id
                && !self.notice(id, &meta)
            {
                self.meet(path, Birth::Later, told);
            }
        }
        let mut asks_scan = false;
        for path in &told.touched.born {
            if !self.parts.patterns.wants(path) {
                // Behind a link, or somebody else's.
                asks_scan |= self.names.contains_key(path);
                continue;
            }
            let is_link = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
            if is_link || !self.scanned_before {
                asks_scan = true;
                continue;
            }
            let Some((id, meta)) = self.identify(path) else { continue };
            let rotation = self.name(path, id);
            if meta.is_file() && !self.notice(id, &meta) {
                self.meet(path, Birth::Later, told);
            }
            if let Some(rotation) = rotation {
                self.rotated(rotation, told);
            }
        }
        asks_scan
    }

    /// What is at `path`, unless nothing is there any more.
    fn identify(&mut self, path: &Path) -> Option<(FileId, Metadata)> {
        match fs::metadata(path) {
            Ok(meta) => Some((FileId::of(&meta), meta)),
            Err(error) => {
                // A link that leads nowhere, or a file that has gone since, is no failure.
                if error.kind() != io::ErrorKind::NotFound {
                    self.fails("open", path, &error);
                }
                None
            }
        }
    }

    /// Remembers what `path` leads to. Returns the path and the file that it led to before, if that is another one
    /// that is followed.
    fn name(&mut self, path: &Path, id: FileId) -> Option<(PathBuf, FileId)> {
        let before = match self.names.get_mut(path) {
            Some(now) => std::mem::replace(now, id),
            None => self.names.insert(path.to_owned(), id)?,
        };
        let is_known = self.files.contains_key(&before) || self.asleep.contains_key(&before);
        (before != id && is_known).then(|| (path.to_owned(), before))
    }

    /// A path has got another file.
    fn rotated(&mut self, (path, before): (PathBuf, FileId), told: &Told) {
        self.parts.meters.rotations.inc();
        let followed = self.files.get(&before).and_then(|file| file.born);
        let born = followed.or_else(|| self.asleep.get(&before)?.born);
        self.find_between(&path, born, told);
    }

    /// Sees that a file is there, and whether it has changed. False if it is not known.
    fn notice(&mut self, id: FileId, meta: &Metadata) -> bool {
        let Some(file) = self.files.get_mut(&id) else {
            let is_asleep =
                self.asleep.get(&id).is_some_and(|file| file.look == (meta.len(), modified(meta)));
            return is_asleep || self.ignored.contains(&id);
        };
        file.gone = None;
        if file.has_changed(meta) || file.failing {
            // It may be long until it is read.
            file.saw(meta);
            self.parts.meters.written_bytes.inc_by(file.growth());
            queue(&mut self.ready, &mut self.files, id);
        }
        true
    }

    /// Says what fails, if it did not fail at the scan before.
    pub(super) fn fails(&mut self, operation: &'static str, path: &Path, error: &io::Error) {
        self.parts.meters.file_error(operation);
        if self.failing.insert(path.to_owned()) && !self.failed.contains(path) {
            warn!(source = self.parts.meters.source, "{operation} {}: {error}", path.display());
        }
    }

    /// Gives each path that cannot be read a series of its own, as long as there are not too many.
    fn show_unreadable(&mut self) {
        let meters = &self.parts.meters;
        self.shown.retain(|path| {
            let is_so = self.failing.contains(path);
            if !is_so {
                meters.unreadable(path, false);
                info!(source = meters.source, "{} can be read again, or is gone", path.display());
            }
            is_so
        });
        for path in &self.failing {
            if self.shown.len() < MOST_UNREADABLE && self.shown.insert(path.clone()) {
                meters.unreadable(path, true);
            }
        }
        meters.unreadable_paths.set(self.failing.len() as i64);
    }

    /// Begins to follow what is at `path`.
    pub(super) fn begin(&mut self, path: &Path, birth: Birth, told: &Told) -> io::Result<()> {
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
            None if birth != Birth::Before => match self.origin(path, &file, id, size, told.now)? {
                Origin::Unclear if birth == Birth::Later => return Ok(()),
                Origin::Own | Origin::Unclear => (path.to_owned(), Mark::START),
                Origin::Copy { of, mark } => {
                    self.is_copied(of, id);
                    (path.to_owned(), mark)
                }
            },
            None if self.parts.start_at == StartAt::Beginning => (path.to_owned(), Mark::START),
            None => (path.to_owned(), Mark::at(&file, identity::last_line_end(&file, size)?)?),
        };
        info!(source = self.parts.meters.source, "follow {} from byte {}", path.display(), start.offset);
        self.follow(path, file, id, start, told)
    }

    pub(super) fn follow(
        &mut self,
        path: PathBuf,
        file: File,
        id: FileId,
        start: Mark,
        told: &Told,
    ) -> io::Result<()> {
        let attributes = self.parts.recorder.attributes_of(Some(&path));
        let mut file = Followed::new(path, file, id, start, attributes, told.now)?;
        self.parts.claim.put(id, file.entry(start, told.seconds()));
        self.families.add(&file);
        if let Some(before) = self.asleep.remove(&id) {
            if before.read == start.offset {
                file.has_counted(before.counted);
            } else {
                self.parts.meters.lost(before.lag(), Loss::Closed);
            }
        }
        self.parts.meters.written_bytes.inc_by(file.growth());
        let has_more = file.lag() > 0;
        self.files.insert(id, file);
        if has_more {
            queue(&mut self.ready, &mut self.files, id);
        }
        Ok(())
    }

    /// Follows no longer what was empty when it was found, and has turned out to be compressed.
    pub(super) fn ignore(&mut self, id: FileId) {
        self.ignored.insert(id);
        self.waiting.forget(id);
        self.parts.claim.forget(id);
        let Some(file) = self.files.remove(&id) else { return };
        debug!("{} is compressed: not a log to follow", file.path.display());
        self.parts.meters.copied_bytes.inc_by(file.counted());
        self.families.forget(&file.family, id);
    }

    fn mark_gone(&mut self, seen: &HashSet<FileId>, told: &Told) {
        for file in self.files.values_mut().filter(|file| file.gone.is_none() && !seen.contains(&file.id)) {
            file.gone = Some(told.now);
        }
        self.names.retain(|_, id| seen.contains(id));
        self.ignored.retain(|id| seen.contains(id));
        self.growing.retain(|id, _| seen.contains(id));
    }
}

/// For reading; a FIFO or a terminal in the way neither blocks nor takes over.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)
}
