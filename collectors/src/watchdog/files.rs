//! Whether files are as they should be.
//!
//! Every look asks for the metadata of each file. The content is read only for its SHA-256, and again only
//! when size, times or identity are others than when it was last read ([`digest`]); a file that takes long is read
//! on over as many looks as it needs.

mod digest;
mod names;

use std::fs::Metadata;
use std::io::{Error, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use vigie_pipeline::units::{ByteSize, HumanDuration};

use self::digest::{Digest, Digesting};
use self::names::Names;
use super::config::WatchedFile;
use super::judge::Finding;
use super::kind::{Kind, Reason};
use super::observer::{Now, Observer, Sight};

/// The files that are watched.
pub(super) struct Files {
    files: Vec<Watched>,
    users: Names,
    groups: Names,
}

struct Watched {
    config: WatchedFile,
    kinds: Vec<Kind>,
    path: PathBuf,
    digesting: Digesting,
    /// What was found when the content was read last.
    judged: Option<Finding>,
}

impl Files {
    /// The files below `rootfs`, which also says who is who.
    pub(super) fn new(rootfs: &Path, files: &[WatchedFile]) -> Self {
        let files = files.iter().map(|config| Watched {
            kinds: config.expectations().into_iter().map(|expectation| expectation.kind).collect(),
            path: rootfs.join(config.path.strip_prefix("/").unwrap_or(&config.path)),
            config: config.clone(),
            digesting: Digesting::default(),
            judged: None,
        });
        Self {
            files: files.collect(),
            users: Names::new(rootfs.join("etc/passwd")),
            groups: Names::new(rootfs.join("etc/group")),
        }
    }
}

impl Observer for Files {
    fn look(&mut self, now: Now) -> Sight {
        let mut findings = Vec::new();
        for file in &mut self.files {
            let found = std::fs::metadata(&file.path);
            for kind in file.kinds.clone() {
                findings.push(file.judge(kind, &found, now.wall, &mut self.users, &mut self.groups));
            }
        }
        Sight { findings, members: Vec::new() }
    }
}

impl Watched {
    fn judge(
        &mut self,
        kind: Kind,
        found: &Result<Metadata, Error>,
        now: SystemTime,
        users: &mut Names,
        groups: &mut Names,
    ) -> Finding {
        let path = self.config.path.display();
        let meta = match found {
            Ok(meta) => meta,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                let is_expected = kind == Kind::Exists && !self.config.exists;
                let reason = (!is_expected).then_some(Reason::FileMissing);
                // Each expectation is told by itself: the same words again would say nothing.
                let of = if kind == Kind::Exists { String::new() } else { format!(" ({})", kind.as_str()) };
                return Finding::new(reason, format!("{path} is not there{of}"));
            }
            Err(error) => {
                return Finding::new(
                    Some(Reason::Unreadable),
                    format!("cannot be looked at: stat {path}: {error}"),
                );
            }
        };
        match kind {
            Kind::MaxAge => self.judge_age(meta, now),
            Kind::MinSize => {
                let limit = self.config.min_size.unwrap_or_default();
                let wrong = (meta.len() < limit.0).then_some(Reason::TooSmall);
                size(wrong, meta, &format!("{path} has {}, at least {limit} expected", ByteSize(meta.len())))
            }
            Kind::MaxSize => {
                let limit = self.config.max_size.unwrap_or_default();
                let wrong = (meta.len() > limit.0).then_some(Reason::TooLarge);
                size(wrong, meta, &format!("{path} has {}, at most {limit} expected", ByteSize(meta.len())))
            }
            Kind::Sha256 => self.judge_content(meta),
            Kind::Mode => {
                let (mode, expected) = (meta.mode() & 0o7777, self.config.permissions().unwrap_or_default());
                let wrong = (mode != expected).then_some(Reason::WrongMode);
                Finding::new(wrong, format!("{path} has the mode {mode:04o}, {expected:04o} expected"))
            }
            Kind::Owner => {
                let expected = self.config.owner.as_deref().unwrap_or_default();
                whose(users, meta.uid(), expected, Reason::WrongOwner, &format!("{path} belongs to user"))
            }
            Kind::Group => {
                let expected = self.config.group.as_deref().unwrap_or_default();
                whose(groups, meta.gid(), expected, Reason::WrongGroup, &format!("{path} belongs to group"))
            }
            _ => {
                let wrong = (!self.config.exists).then_some(Reason::FileExists);
                Finding::new(wrong, format!("{path} is there"))
            }
        }
    }

    fn judge_age(&self, meta: &Metadata, now: SystemTime) -> Finding {
        let limit = self.config.max_age.unwrap_or_default();
        // One that was written in the future, by this clock, is new.
        let age = meta.modified().ok().and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
        let wrong = (age > limit.0).then_some(Reason::TooOld);
        let shown = HumanDuration(Duration::from_secs(age.as_secs().max(1)));
        let words =
            format!("{} was written {shown} ago, at most {limit} expected", self.config.path.display());
        Finding::new(wrong, words).of(age.as_secs_f64())
    }

    fn judge_content(&mut self, meta: &Metadata) -> Finding {
        let path = self.config.path.display();
        let expected = self.config.sha256.as_deref().unwrap_or_default();
        match self.digesting.digest(&self.path, meta) {
            Ok(Digest::Known(digest)) => {
                let wrong = (!digest.eq_ignore_ascii_case(expected)).then_some(Reason::WrongContent);
                let words = format!("{path} has the SHA-256 {digest}, {} expected", expected.to_lowercase());
                self.judged.insert(Finding::new(wrong, words)).clone()
            }
            // Until it is known what it has now, it stands as it stood.
            Ok(Digest::Reading) => {
                let being_read = || Finding::new(None, format!("{path} is being read"));
                self.judged.clone().unwrap_or_else(being_read)
            }
            Err(error) => {
                Finding::new(Some(Reason::Unreadable), format!("cannot be looked at: read {path}: {error}"))
            }
        }
    }
}

fn size(wrong: Option<Reason>, meta: &Metadata, words: &str) -> Finding {
    Finding::new(wrong, words).of(meta.len() as f64)
}

fn whose(names: &mut Names, found: u32, expected: &str, reason: Reason, words: &str) -> Finding {
    let number = names.number(expected);
    let wrong = (number != Some(found)).then_some(reason);
    let unknown = if number.is_none() { ", whom nobody knows" } else { "" };
    Finding::new(wrong, format!("{words} {}, {expected} expected{unknown}", names.name(found)))
}

#[cfg(test)]
mod tests;
