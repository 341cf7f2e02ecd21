//! A directory of files that is bounded in files and bytes.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// See the module. Blocks: for threads that may.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// Names and sizes, the oldest first; read when the first file is written.
    files: Option<VecDeque<(String, u64)>>,
    written: u64,
}

impl Directory {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, files: None, written: 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file whose name begins with `stem`, which orders it among the others, and removes the oldest
    /// until `most_files` and `most_bytes` hold; says how many left. One that is too large alone is an error.
    pub(super) fn write(
        &mut self,
        stem: &str,
        text: &str,
        most_files: usize,
        most_bytes: u64,
    ) -> io::Result<usize> {
        let size = text.len() as u64;
        if size > most_bytes {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than all may be"));
        }
        let mut files = match self.files.take() {
            Some(files) => files,
            None => self.read()?,
        };
        let mut expired = 0;
        while files.len() >= most_files || files.iter().map(|(_, size)| size).sum::<u64>() + size > most_bytes
        {
            let Some((oldest, _)) = files.pop_front() else { break };
            match fs::remove_file(self.path.join(oldest)) {
                Ok(()) => expired += 1,
                // Somebody has sent it again, and taken it away.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        self.written += 1;
        let name = format!("{stem}-{:06}.json", self.written);
        let new = self.path.join(format!("{name}.new"));
        let done = write_aside(&new, text).and_then(|()| fs::rename(&new, self.path.join(&name)));
        if let Err(error) = done {
            let _ = fs::remove_file(&new);
            return Err(error);
        }
        files.push_back((name, size));
        self.files = Some(files);
        Ok(expired)
    }

    /// What is there, made if nothing is. What a crash left half written goes.
    fn read(&self) -> io::Result<VecDeque<(String, u64)>> {
        // What was refused may be anybody's business: only the agent and its group read it.
        DirBuilder::new().recursive(true).mode(0o750).create(&self.path)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if name.ends_with(".json.new") {
                fs::remove_file(entry.path())?;
            } else if name.ends_with(".json") {
                files.push((name, entry.metadata()?.len()));
            }
        }
        files.sort();
        Ok(files.into())
    }
}

fn write_aside(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(path: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn the_oldest_leave_when_there_are_too_many_or_too_large_ones() {
        let place = tempfile::tempdir().unwrap();
        let mut directory = Directory::new(place.path().join("a/b"));
        for n in 0..3 {
            assert_eq!(directory.write(&n.to_string(), "xx", 3, 100).unwrap(), 0);
        }
        assert_eq!(directory.write("3", "xx", 3, 100).unwrap(), 1);
        assert_eq!(names(directory.path()), ["1-000002.json", "2-000003.json", "3-000004.json"]);
        assert_eq!(directory.write("4", "xxxxx", 10, 9).unwrap(), 1);
        assert_eq!(names(directory.path()), ["2-000003.json", "3-000004.json", "4-000005.json"]);
        assert!(directory.write("5", "xxxxx", 10, 4).is_err());
        assert_eq!(names(directory.path()).len(), 3);
    }

    #[test]
    fn what_was_there_before_counts_and_half_a_file_goes() {
        let place = tempfile::tempdir().unwrap();
        for name in ["1-a.json", "2-a.json", "0-a.json.new", "readme"] {
            fs::write(place.path().join(name), "xx").unwrap();
        }
        let mut directory = Directory::new(place.path().to_owned());
        assert_eq!(directory.write("3", "xx", 2, 100).unwrap(), 1);
        assert_eq!(names(place.path()), ["2-a.json", "3-000001.json", "readme"]);
    }

    #[test]
    fn a_file_that_somebody_took_away_is_no_trouble() {
        let place = tempfile::tempdir().unwrap();
        let mut directory = Directory::new(place.path().to_owned());
        directory.write("1", "xx", 1, 100).unwrap();
        fs::remove_file(place.path().join("1-000001.json")).unwrap();
        assert_eq!(directory.write("2", "xx", 1, 100).unwrap(), 0);
        fs::remove_dir_all(place.path()).unwrap();
        assert!(directory.write("3", "xx", 1, 100).is_err());
        // It is made anew.
        assert_eq!(directory.write("4", "xx", 1, 100).unwrap(), 0);
    }
}
