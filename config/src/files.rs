//! Which files make up the configuration.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::mistake::Mistake;
use crate::source::phrase;

/// Where the configuration is looked for when nobody says where.
const DIRECTORY: &str = "/etc/vigie";

/// The files that exist, in the order in which they are read, and all places where they may come to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    pub files: Vec<PathBuf>,
    /// Files and directories whose change may change the configuration.
    pub watched: Vec<PathBuf>,
    pub mistakes: Vec<Mistake>,
}

/// The files that `given` names: files themselves, directories for the `*.yaml` in them. With none given,
/// `vigie.yaml` and `conf.d/*.yaml` below `directory`, as far as they exist.
pub(crate) fn find(given: &[PathBuf], directory: Option<&str>) -> Found {
    let mut found = Found::default();
    for path in given {
        found.watched.push(path.clone());
        if path.is_dir() { found.directory(path) } else { found.files.push(path.clone()) }
    }
    if given.is_empty() {
        let directory = Path::new(directory.unwrap_or(DIRECTORY));
        let (file, more) = (directory.join("vigie.yaml"), directory.join("conf.d"));
        // What cannot be looked at is read, so that the error is told.
        if file.try_exists().unwrap_or(true) {
            found.files.push(file.clone());
        }
        if more.try_exists().unwrap_or(true) {
            found.directory(&more);
        }
        found.watched.extend([file, more]);
    }
    // `-c conf -c conf/a.yaml` names one file twice.
    let mut seen = HashSet::new();
    found.files.retain(|file| seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())));
    found
}

impl Found {
    fn directory(&mut self, directory: &Path) {
        let entries = std::fs::read_dir(directory).and_then(|entries| {
            entries.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()
        });
        match entries {
            Ok(mut entries) => {
                entries.retain(|path| is_part(path));
                entries.sort();
                self.files.append(&mut entries);
            }
            Err(error) => {
                self.mistakes.push(Mistake::in_file(directory, format!("cannot be read: {}", phrase(&error))))
            }
        }
    }
}

/// Editors' and Kubernetes' hidden files are not meant.
fn is_part(path: &Path) -> bool {
    let hidden = path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    !hidden && path.extension().is_some_and(|extension| extension == "yaml") && !path.is_dir()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        dir
    }

    fn names(dir: &tempfile::TempDir, files: &[PathBuf]) -> Vec<String> {
        files.iter().map(|file| file.strip_prefix(dir.path()).unwrap().display().to_string()).collect()
    }

    #[test]
    fn a_directory_means_its_yaml_files_in_order() {
        let dir = tree(&["b.yaml", "a.yaml", "c.yml", "readme", ".hidden.yaml", "d.yaml/x.yaml", "a.yaml~"]);
        let found = find(&[dir.path().to_owned()], None);
        assert_eq!(names(&dir, &found.files), ["a.yaml", "b.yaml"]);
    }

    #[test]
    fn by_default_the_file_and_the_directory_are_read_if_they_exist() {
        let dir = tree(&["conf.d/2.yaml", "conf.d/1.yaml", "vigie.yaml", "other.yaml"]);
        let found = find(&[], dir.path().to_str());
        assert_eq!(names(&dir, &found.files), ["vigie.yaml", "conf.d/1.yaml", "conf.d/2.yaml"]);
        assert_eq!(names(&dir, &found.watched), ["vigie.yaml", "conf.d"]);
        let none = find(&[], dir.path().join("none").to_str());
        assert_eq!((none.files, none.mistakes), (vec![], vec![]));
    }

    #[test]
    fn a_file_that_is_named_twice_is_read_once() {
        let dir = tree(&["a.yaml", "b.yaml"]);
        let found = find(&[dir.path().join("b.yaml"), dir.path().to_owned()], None);
        assert_eq!(names(&dir, &found.files), ["b.yaml", "a.yaml"]);
    }

    #[test]
    fn a_given_file_must_exist() {
        let dir = tree(&[]);
        let found = find(&[dir.path().join("none.yaml")], None);
        assert_eq!(names(&dir, &found.files), ["none.yaml"]);
    }
}
