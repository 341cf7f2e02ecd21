//! Reports that wait for the agent: files in `jobs/reports` under `state_dir`.
//!
//! `vigie run` leaves one where no agent answers; the agent takes them in, oldest first, and removes each when what it
//! says is saved. Who leaves a report may be root, and the directories belong to the agent's user: nothing is followed
//! out of them, and what is left belongs to their owner, so that the agent can read it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags, fchown, fstat, mkdirat, openat, renameat, unlinkat};
use rustix::io::Errno;
use rustix::process::geteuid;
use tracing::warn;

use super::check_in::CheckIn;
use super::report::{MAX_REPORT, Report};

/// As many reports wait at most.
const MOST: usize = 1_000;
/// As many are taken in at a time: fewer than runs of one job are remembered as ended.
const AT_A_TIME: usize = 16;
/// The extension of one that waits.
const WAITS: &str = "json";
/// The extension of one that says nothing, for whoever wants to know why.
const REJECTED: &str = "rejected";

/// Leaves a report for the agent whose `state_dir` this is.
///
/// # Errors
/// When the directory is not there or not to be written, or when too many wait.
pub fn leave(state_dir: &Path, report: &Report) -> io::Result<()> {
    let directory = open(CWD, state_dir, OFlags::empty())?;
    let directory = enter(&enter(&directory, "jobs")?, "reports")?;
    if rustix::fs::Dir::read_from(&directory)?.count() > MOST {
        return Err(io::Error::other("too many reports wait there"));
    }
    // In the order in which the runs have ended.
    let name = format!("{:020}-{}", report.at.max(0), report.run);
    let new = format!("{name}.new");
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&directory, &new, flags, Mode::RUSR | Mode::WUSR)?;
    let written = own_as(&file, &directory).map_err(io::Error::from).and_then(|()| {
        let mut file = File::from(file);
        file.write_all(&report.to_json())?;
        file.sync_all()?;
        Ok(renameat(&directory, &new, &directory, format!("{name}.{WAITS}"))?)
    });
    if written.is_err() {
        let _ = unlinkat(&directory, &new, AtFlags::empty());
    }
    written?;
    Ok(rustix::fs::fsync(&directory)?)
}

fn open(at: impl rustix::fd::AsFd, path: &Path, more: OFlags) -> io::Result<OwnedFd> {
    Ok(openat(at, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | more, Mode::empty())?)
}

/// The directory of that name in `parent`, made if need be.
fn enter(parent: &OwnedFd, name: &str) -> io::Result<OwnedFd> {
    let made = match mkdirat(parent, name, Mode::RWXU) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(error.into()),
    };
    let directory = open(parent, Path::new(name), OFlags::NOFOLLOW)?;
    if made {
        own_as(&directory, parent)?;
    }
    Ok(directory)
}

/// Gives what root has made to the owner of the directory.
fn own_as(made: &OwnedFd, directory: &OwnedFd) -> rustix::io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let owner = fstat(directory)?;
    let (user, group) = (rustix::fs::Uid::from_raw(owner.st_uid), rustix::fs::Gid::from_raw(owner.st_gid));
    fchown(made, Some(user), Some(group))
}

/// A report that was taken in.
#[derive(Debug)]
pub(super) struct Letter {
    path: PathBuf,
    pub(super) check_in: CheckIn,
}

impl Letter {
    /// What it says is saved.
    pub(super) fn remove(&self) {
        if let Err(error) = fs::remove_file(&self.path) {
            warn!("remove {}: {error}", self.path.display());
        }
    }

    /// Nobody wants it.
    pub(super) fn reject(&self) {
        reject(&self.path);
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Post {
    /// What the reports say, oldest first.
    pub(super) letters: Vec<Letter>,
    /// How many were no reports, and were set aside.
    pub(super) rejected: u64,
    /// Whether more wait.
    pub(super) more: bool,
}

/// Reads the oldest reports that wait.
pub(super) fn read(state_dir: &Path) -> io::Result<Post> {
    let directory = state_dir.join("jobs/reports");
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Post::default()),
        entries => entries?,
    };
    // More than can have been left is not looked at.
    let files =
        entries.take(2 * MOST).flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()));
    let waits = |path: &PathBuf| path.extension().is_some_and(|extension| extension == WAITS);
    let mut waiting: Vec<PathBuf> = files.map(|file| file.path()).filter(waits).collect();
    waiting.sort_unstable();
    let mut post = Post { more: waiting.len() > AT_A_TIME, ..Post::default() };
    for path in waiting.into_iter().take(AT_A_TIME) {
        match letter(&path) {
            Ok(check_in) => post.letters.push(Letter { path, check_in }),
            Err(error) => {
                warn!("read {}: {error}", path.display());
                reject(&path);
                post.rejected += 1;
            }
        }
    }
    Ok(post)
}

fn letter(path: &Path) -> io::Result<CheckIn> {
    // It was a file when the directory was read.
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let mut json = Vec::new();
    file.take(MAX_REPORT as u64 + 1).read_to_end(&mut json)?;
    if json.len() > MAX_REPORT {
        return Err(io::Error::other(format!("longer than {MAX_REPORT} bytes")));
    }
    Report::read(&json).map_err(io::Error::other)
}

/// Sets it aside, in the place of the last one that was: what is no report must not come again and again, nor pile up.
fn reject(path: &Path) {
    let aside = path.with_file_name("last").with_extension(REJECTED);
    if let Err(error) = fs::rename(path, &aside).or_else(|_| fs::remove_file(path)) {
        warn!("set {} aside: {error}", path.display());
    }
}

#[cfg(test)]
mod tests;
