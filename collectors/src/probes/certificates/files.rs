//! Certificates in files of this host.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use globset::{GlobBuilder, GlobMatcher};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::probes::tls::Described;

/// As much of a file is read.
const LONGEST: u64 = 1 << 20;
/// As many certificates are read of all files of a pattern.
pub(super) const MOST: usize = 400;

/// Why a path is no pattern; it follows the path.
#[derive(Debug, thiserror::Error)]
pub(super) enum PatternError {
    #[error("not the path of a file")]
    NoFile,
    #[error("only the last part of the path may have `*` in it")]
    Directory,
    #[error(transparent)]
    Glob(#[from] globset::Error),
}

/// Directory and pattern of a path.
pub(super) fn pattern(path: &Path) -> Result<(PathBuf, GlobMatcher), PatternError> {
    let (Some(parent), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(PatternError::NoFile);
    };
    if parent.to_string_lossy().contains(['*', '?', '[']) {
        return Err(PatternError::Directory);
    }
    let glob = GlobBuilder::new(name).literal_separator(true).build()?;
    Ok((parent.to_owned(), glob.compile_matcher()))
}

/// The certificates of one file, in its order.
pub(super) type Content = (PathBuf, io::Result<Vec<Described>>);

/// Reads patterns on threads of their own, because a file may be on a file system that hangs: of each pattern one at a
/// time, so that no more than one thread is stuck with it.
#[derive(Debug, Default, Clone)]
pub(super) struct Reader {
    busy: Arc<Mutex<HashSet<PathBuf>>>,
}

/// A pattern that is being read.
struct Turn {
    reader: Reader,
    path: PathBuf,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.reader.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.path);
    }
}

impl Reader {
    /// All files that match, by name. `None` if an earlier reading has not ended.
    pub(super) async fn read(&self, path: &Path) -> Option<io::Result<Vec<Content>>> {
        let path = path.to_owned();
        if !self.busy.lock().unwrap_or_else(PoisonError::into_inner).insert(path.clone()) {
            return None;
        }
        let turn = Turn { reader: self.clone(), path };
        let reading = tokio::task::spawn_blocking(move || read_all(&turn.path));
        Some(reading.await.unwrap_or_else(|error| Err(io::Error::other(error))))
    }
}

fn read_all(path: &Path) -> io::Result<Vec<Content>> {
    let (directory, matcher) = pattern(path).map_err(io::Error::other)?;
    // What is no pattern is a file that has to be there.
    let plain = !path.to_string_lossy().contains(['*', '?', '[', '{']);
    let mut paths = if plain {
        vec![path.to_owned()]
    } else {
        let entries = std::fs::read_dir(&directory)?.collect::<io::Result<Vec<_>>>()?;
        entries.iter().filter(|entry| matcher.is_match(entry.file_name())).map(|entry| entry.path()).collect()
    };
    paths.sort();
    let mut left = MOST;
    let mut all = Vec::new();
    for path in paths {
        let read = read_one(&path, left);
        if let Ok(certificates) = &read {
            left -= certificates.len();
        }
        all.push((path, read));
    }
    Ok(all)
}

fn read_one(path: &Path, most: usize) -> io::Result<Vec<Described>> {
    // Without waiting for a writer, where it is a pipe.
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32).open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if meta.len() > LONGEST {
        return Err(io::Error::other("longer than 1 MiB"));
    }
    let mut text = Vec::new();
    file.take(LONGEST).read_to_end(&mut text)?;
    let mut all = Vec::new();
    for der in CertificateDer::pem_slice_iter(&text) {
        let der = der.map_err(io::Error::other)?;
        let described = Described::read(&der);
        all.push(described.ok_or_else(|| io::Error::other("a certificate in it cannot be read"))?);
        if all.len() > most {
            return Err(io::Error::other(format_args!("more than {MOST} certificates in all").to_string()));
        }
    }
    if all.is_empty() {
        return Err(io::Error::other("no certificate in it"));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_pattern_is_in_the_last_part_of_a_path() {
        assert!(pattern(Path::new("/etc/ssl/*.pem")).unwrap().1.is_match("a.pem"));
        assert!(matches!(pattern(Path::new("/etc/*/a.pem")), Err(PatternError::Directory)));
        assert!(matches!(pattern(Path::new("/")), Err(PatternError::NoFile)));
        assert!(matches!(pattern(Path::new("/etc/[")), Err(PatternError::Glob(_))));
    }

    #[tokio::test]
    async fn a_pattern_is_not_read_again_while_it_is_being_read() {
        let reader = Reader::default();
        let path = PathBuf::from("/nonexistent/*.pem");
        let turn = reader.busy.lock().unwrap().insert(path.clone());
        assert!(turn && reader.read(&path).await.is_none());
        reader.busy.lock().unwrap().clear();
        assert!(reader.read(&path).await.unwrap().is_err());
        assert!(reader.busy.lock().unwrap().is_empty());
    }

    #[test]
    fn what_is_no_file_of_certificates_is_told() {
        let directory = tempfile::TempDir::new().unwrap();
        let file = directory.path().join("a.pem");
        let told = |path: &Path| read_one(path, MOST).unwrap_err().to_string();
        std::fs::write(&file, "nothing").unwrap();
        assert_eq!(told(&file), "no certificate in it");
        std::fs::write(&file, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
        assert_eq!(told(&file), "a certificate in it cannot be read");
        std::fs::write(&file, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert_eq!(told(&file), "longer than 1 MiB");
        assert_eq!(told(directory.path()), "not a regular file");
    }
}
