//! What is known of a file at one moment: read from the file system, never taken from a notification.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

/// Files up to this size are hashed as a whole.
pub(super) const MOST_HASHED: u64 = 16 << 20;

/// Of larger ones so much at either end.
const END: u64 = 1 << 20;

/// A content that was written to less than so long before it was hashed may have been written to again within the same
/// tick of the file system's clock: it is hashed once more at the next look. FAT has the coarsest clock.
const TICK: Duration = Duration::from_secs(2);

/// Of bits above these (the type of file) [`Kind`] speaks.
const MODE_BITS: u32 = 0o7777;

/// What there is under a path, where a link leads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Facts {
    pub(super) kind: Kind,
    /// Where the link leads, as it is written there, if the path is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) link: Option<String>,
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Of a directory 0.
    pub(super) size: u64,
    /// Permissions with the set-user-id, set-group-id and sticky bits.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Nanoseconds since the epoch.
    pub(super) modified: i64,
    /// When the inode was changed: nanoseconds since the epoch. No program can set it.
    pub(super) changed: i64,
    pub(super) digest: Digest,
    /// Whether the same stamps mean the same content.
    pub(super) settled: bool,
}

/// What kind of file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Regular,
    Directory,
    /// A link that leads nowhere.
    Dangling,
    /// A device, a pipe, a socket.
    Other,
}

/// What is known of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Digest {
    /// SHA-256 of all of it.
    Whole(#[serde(with = "hex")] [u8; 32]),
    /// SHA-256 of the first and the last MiB.
    Ends(#[serde(with = "hex")] [u8; 32]),
    /// It may not be read.
    Unreadable,
    /// It has none.
    None,
}

/// What a look at a path has found.
#[derive(Debug)]
pub(super) enum Found {
    There(Facts),
    Missing,
    /// Not even whether it is there can be said.
    Unreadable(io::Error),
}

impl Facts {
    /// Looks at `path`. The content is read only if `before` does not tell that it is the same. `now` is the time of the
    /// wall clock.
    pub(super) fn look(path: &Path, before: Option<&Self>, now: SystemTime) -> Found {
        let of_link = match fs::symlink_metadata(path) {
            Ok(meta) => meta,
            Err(error) if is_missing(&error) => return Found::Missing,
            Err(error) => return Found::Unreadable(error),
        };
        if !of_link.is_symlink() {
            return Found::There(Self::new(path, &of_link, None, before, now));
        }
        let link = match fs::read_link(path) {
            Ok(target) => Some(String::from_utf8_lossy(target.as_os_str().as_bytes()).into_owned()),
            // Between two calls it may have become something else: the next look tells.
            Err(error) => return Found::Unreadable(error),
        };
        match fs::metadata(path) {
            Ok(meta) => Found::There(Self::new(path, &meta, link, before, now)),
            Err(error) if is_missing(&error) || is_loop(&error) => {
                Found::There(Self::new(path, &of_link, link, before, now))
            }
            Err(error) => Found::Unreadable(error),
        }
    }

    fn new(
        path: &Path,
        meta: &Metadata,
        link: Option<String>,
        before: Option<&Self>,
        now: SystemTime,
    ) -> Self {
        let kind = Kind::of(meta);
        let mut facts = Self {
            kind,
            link,
            device: meta.dev(),
            inode: meta.ino(),
            size: if kind == Kind::Directory { 0 } else { meta.size() },
            mode: meta.mode() & MODE_BITS,
            uid: meta.uid(),
            gid: meta.gid(),
            modified: nanos(meta.mtime(), meta.mtime_nsec()),
            changed: nanos(meta.ctime(), meta.ctime_nsec()),
            digest: Digest::None,
            settled: true,
        };
        if kind == Kind::Regular {
            facts.settled = facts.is_settled(now);
            facts.digest = match before.filter(|before| before.settled && before.has_stamps_of(&facts)) {
                Some(before) => before.digest,
                None => Digest::of(path, &facts),
            };
        }
        facts
    }

    /// Whether nothing was written for so long that a later write has another time. A time in the future may be had
    /// again by any write.
    fn is_settled(&self, now: SystemTime) -> bool {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        let last = Duration::from_nanos(self.changed.max(self.modified).max(0) as u64);
        now.checked_sub(last).is_some_and(|since| since > TICK)
    }

    /// Whether the content cannot have been changed between the two, as far as clocks tell.
    fn has_stamps_of(&self, other: &Self) -> bool {
        let stamps =
            |facts: &Self| (facts.kind, facts.device, facts.inode, facts.size, facts.modified, facts.changed);
        stamps(self) == stamps(other)
    }
}

impl Kind {
    fn of(meta: &Metadata) -> Self {
        let kind = meta.file_type();
        if kind.is_file() {
            Self::Regular
        } else if kind.is_dir() {
            Self::Directory
        } else if kind.is_symlink() {
            Self::Dangling
        } else {
            Self::Other
        }
    }
}

impl Digest {
    /// Of the regular file at `path`, which is read as far as `facts` says. If it is written to meanwhile, its stamps
    /// differ at the next look, and it is read again.
    fn of(path: &Path, facts: &Facts) -> Self {
        Self::read(path, facts).unwrap_or(Self::Unreadable)
    }

    fn read(path: &Path, facts: &Facts) -> io::Result<Self> {
        // Should it have become a pipe, nobody waits for a writer.
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
        let mut file = File::options().read(true).custom_flags(flags).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut context = Context::new(&SHA256);
        if facts.size <= MOST_HASHED {
            add(&mut context, &mut (&mut file).take(MOST_HASHED))?;
            return Ok(Self::Whole(finished(context)));
        }
        add(&mut context, &mut (&mut file).take(END))?;
        let mut end = vec![0; END as usize];
        file.read_exact_at(&mut end, facts.size - END)?;
        context.update(&end);
        Ok(Self::Ends(finished(context)))
    }

    /// In hexadecimal digits.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Whole(digest) | Self::Ends(digest) => Some(hex::text(digest)),
            Self::Unreadable | Self::None => None,
        }
    }
}

fn add(context: &mut Context, from: &mut impl Read) -> io::Result<()> {
    let mut buffer = vec![0; 64 << 10];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => context.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn finished(context: Context) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn nanos(seconds: i64, nanos: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ELOOP)
}

/// A digest as hexadecimal digits.
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn text(digest: &[u8; 32]) -> String {
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn serialize<S: Serializer>(digest: &[u8; 32], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&text(digest))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(from)?;
        let wrong = || D::Error::custom("not 64 hexadecimal digits");
        let mut digest = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        for (byte, at) in digest.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(digest)
    }
}

#[cfg(test)]
mod tests;
