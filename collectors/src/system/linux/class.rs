//! Directories of sysfs that list devices: `/sys/class/net`, `/sys/class/thermal` …

use std::path::{Path, PathBuf};

use vigie_pipeline::plug::{Error, NoData};

use super::file::{FileError, SmallFile, names_in};
use super::parse;
use super::roster::Roster;

/// The devices of one directory, with what is kept of each from one reading to the next.
#[derive(Debug)]
pub(super) struct Class<D> {
    dir: PathBuf,
    devices: Roster<(String, D)>,
    buffer: Vec<u8>,
}

impl<D> Class<D> {
    pub(super) fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), devices: Roster::default(), buffer: Vec::new() }
    }

    /// Visits each device whose name is wanted, in the order of their names; a new one is made from its name and
    /// directory. The visitor is lent a buffer to read into.
    ///
    /// # Errors
    /// `NoData` if the directory is not there: the host has nothing of the kind.
    pub(super) fn each(
        &mut self,
        wanted: impl Fn(&str) -> bool,
        make: impl Fn(&str, &Path) -> D,
        mut visit: impl FnMut(&str, &mut D, &mut Vec<u8>),
    ) -> Result<(), Error> {
        self.devices.begin();
        for name in names_in(&self.dir).map_err(FileError::or_no_data)? {
            if wanted(&name) {
                let new = || (name.clone(), make(&name, &self.dir.join(&name)));
                let (name, device) = self.devices.meet(|(known, _)| *known == name, new);
                visit(name, device, &mut self.buffer);
            }
        }
        self.devices.end();
        Ok(())
    }
}

/// For groups that upstream calls successful where there is nothing of the kind: alerts ask for the others.
pub(super) fn or_nothing(found: Result<(), Error>) -> Result<(), Error> {
    found.or_else(|error| if error.is::<NoData>() { Ok(()) } else { Err(error) })
}

/// Files of one device that hold a word or a line: the labels of an info metric.
#[derive(Debug)]
pub(super) struct Texts<const N: usize> {
    files: [SmallFile; N],
}

impl<const N: usize> Texts<N> {
    pub(super) fn new(dir: &Path, files: [&str; N]) -> Self {
        Self { files: files.map(|file| SmallFile::new(dir.join(file))) }
    }

    /// What they hold, without the space around it; `None` for one that cannot be read.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>) -> [Option<String>; N] {
        self.files.each_mut().map(|file| text(file, buffer))
    }

    /// The same with nothing for what cannot be read.
    pub(super) fn read_or_empty(&mut self, buffer: &mut Vec<u8>) -> [String; N] {
        self.read(buffer).map(Option::unwrap_or_default)
    }
}

/// What a file holds, without the space around it.
pub(super) fn text(file: &mut SmallFile, buffer: &mut Vec<u8>) -> Option<String> {
    Some(parse::label(file.read(buffer).ok()?.trim_ascii()).into_owned())
}

/// Whether a name is `prefix` and a number.
pub(super) fn is_numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|number| parse::whole(number.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;

    #[test]
    fn devices_are_kept_while_they_are_there() {
        let host = Fixture::new().with("sys/class/x/b1/value", "1\n").with("sys/class/x/a/value", "7\n");
        let mut class = Class::new(host.path().join("sys/class/x"));
        let mut visited = |made: &str| {
            let made = std::cell::RefCell::new(made.to_owned());
            let make = |name: &str, dir: &Path| {
                made.borrow_mut().push_str(name);
                SmallFile::new(dir.join("value"))
            };
            let mut found = Vec::new();
            class
                .each(
                    |name| is_numbered(name, "b"),
                    make,
                    |name, file, buffer| {
                        found.push((name.to_owned(), file.number(buffer)));
                    },
                )
                .unwrap();
            (made.into_inner(), found)
        };
        assert_eq!(visited("new:"), ("new:b1".to_owned(), vec![("b1".to_owned(), Some(1.0))]));
        host.write("sys/class/x/b0/value", "0\n");
        let (made, found) = visited("new:");
        assert_eq!((made.as_str(), found.len()), ("new:b0", 2));
    }

    #[test]
    fn a_class_that_is_not_there_is_no_data() {
        let host = Fixture::new();
        let mut class: Class<()> = Class::new(host.path().join("sys/class/x"));
        let found = class.each(|_| true, |_, _| (), |_, (), _| {});
        assert!(found.as_ref().unwrap_err().is::<NoData>());
        or_nothing(found).unwrap();
        assert!(or_nothing(Err("open /sys: permission denied".into())).is_err());
    }
}
