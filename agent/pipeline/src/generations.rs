//! A file of state that survives a crash: written aside, synced, renamed, the directory synced, and the generation
//! before kept as `NAME.old`, which is read when the newer one is damaged.
//!
//! What is in it is sealed: a line with the kind and version of the file and a CRC-32 of everything behind it.

use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tracing::warn;

/// Why the content of a file is not used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It does not begin as files of this kind do.
    #[error("not a file of `{0}`")]
    Header(&'static str),
    /// What is in it is not what was written.
    #[error("the checksum does not match")]
    Checksum,
}

/// `body` behind a line of `kind`, which ends in the version, and its checksum.
pub fn seal(kind: &'static str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{kind} {:08x}\n", checksum(body)).into_bytes();
    text.extend_from_slice(body);
    text
}

/// What was sealed.
pub fn open<'t>(kind: &'static str, text: &'t [u8]) -> Result<&'t [u8], Broken> {
    let header = || Broken::Header(kind);
    let rest = text.strip_prefix(kind.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
    let (sum, body) = rest.ok_or_else(header)?.split_at_checked(9).ok_or_else(header)?;
    if sum == format!("{:08x}\n", checksum(body)).as_bytes() { Ok(body) } else { Err(Broken::Checksum) }
}

fn checksum(bytes: &[u8]) -> u32 {
    crc32fast::hash(bytes)
}

/// Writes a new generation of `name`, which has no dot, in `directory`, which is made if it is not there. When it returns, the content
/// is on the disk.
pub fn save(directory: &Path, name: &str, text: &[u8]) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    let [new, current, old] =
        ["new", "", "old"].map(|extension| directory.join(name).with_extension(extension));
    let mut file = File::create(&new)?;
    file.write_all(text)?;
    file.sync_all()?;
    match fs::rename(&current, &old) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::rename(&new, &current)?;
    File::open(directory)?.sync_all()
}

/// The newest generation of `name` that `read` understands, and where it was. What cannot be read is reported, and
/// what is damaged is put aside as `NAME.damaged`.
pub fn load<T, E: Display>(
    directory: &Path,
    name: &str,
    read: impl Fn(&[u8]) -> Result<T, E>,
) -> Option<(PathBuf, T)> {
    for extension in ["", "old"] {
        let path = directory.join(name).with_extension(extension);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => warn!("read {}: {error}", path.display()),
            Ok(text) => match read(&text) {
                Ok(state) => return Some((path, state)),
                Err(error) => {
                    warn!("read {}: {error}", path.display());
                    // Out of the way, or the next write would put it in the place of the generation before.
                    if let Err(error) = fs::rename(&path, path.with_extension("damaged")) {
                        warn!("rename {}: {error}", path.display());
                    }
                }
            },
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const KIND: &str = "state of a test 1";

    fn opened(text: &[u8]) -> Result<Vec<u8>, Broken> {
        open(KIND, text).map(<[u8]>::to_vec)
    }

    #[test]
    fn the_generation_before_is_read_when_the_newest_is_torn_and_kept_when_it_is_written_again() {
        let directory = tempfile::tempdir().unwrap();
        for body in [&b"one"[..], b"two"] {
            save(directory.path(), "state", &seal(KIND, body)).unwrap();
        }
        let load = || load(directory.path(), "state", opened).map(|(_, body)| body);
        assert_eq!(load(), Some(b"two".to_vec()));
        fs::write(directory.path().join("state"), &seal(KIND, b"three")[..22]).unwrap();
        assert_eq!(load(), Some(b"one".to_vec()));
        assert!(directory.path().join("state.damaged").exists());
        save(directory.path(), "state", &seal(KIND, b"four")).unwrap();
        fs::write(directory.path().join("state"), b"").unwrap();
        assert_eq!(load(), Some(b"one".to_vec()));
    }

    proptest! {
        #[test]
        fn what_was_sealed_is_opened_and_nothing_else(
            body in proptest::collection::vec(any::<u8>(), 0..100), at in any::<usize>(), other in any::<u8>(),
        ) {
            let mut text = seal(KIND, &body);
            prop_assert_eq!(opened(&text), Ok(body.clone()));
            let at = at % text.len();
            if text[at] != other {
                text[at] = other;
                prop_assert!(opened(&text) != Ok(body));
            }
        }
    }
}
