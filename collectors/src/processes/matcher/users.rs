//! The users of the host, by its `/etc/passwd`. Those that only a directory service knows have numbers only.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Take};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Larger files are read to here.
const LARGEST: u64 = 16 << 20;

/// A user as the configuration names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum User {
    Id(u32),
    Name(String),
}

impl User {
    pub(super) fn parse(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Id)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Users {
    file: PathBuf,
    /// Of the file that was read last: when it was written, and its size.
    version: Option<(SystemTime, u64)>,
    ids: HashMap<String, u32>,
    names: HashMap<u32, String>,
}

impl Users {
    pub(super) fn new(rootfs: &Path) -> Self {
        Self { file: rootfs.join("etc/passwd"), version: None, ids: HashMap::new(), names: HashMap::new() }
    }

    /// Reads the file if it is another one than before. While there is none, the users are those of the last one.
    pub(super) fn refresh(&mut self) {
        let Ok(file) = File::open(&self.file) else { return };
        let version = file.metadata().and_then(|data| Ok((data.modified()?, data.len()))).ok();
        if version.is_some() && version == self.version {
            return;
        }
        let Ok(users) = read(file.take(LARGEST)) else { return };
        self.version = version;
        self.ids.clear();
        self.names.clear();
        for (name, id) in users {
            self.names.entry(id).or_insert_with(|| name.clone());
            self.ids.entry(name).or_insert(id);
        }
    }

    /// The number of a user; `None` if there is none of that name.
    pub(super) fn id(&self, user: &User) -> Option<u32> {
        match user {
            User::Id(id) => Some(*id),
            User::Name(name) => self.ids.get(name).copied(),
        }
    }

    /// The name of a user; of several the first.
    pub(super) fn name(&self, id: u32) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }
}

/// `name:password:uid:gid:…` on each line; of several lines with one name or number the first counts.
fn read(mut file: Take<File>) -> io::Result<Vec<(String, u32)>> {
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    let user = |line: &str| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        Some((name.to_owned(), id.parse().ok()?))
    };
    Ok(String::from_utf8_lossy(&content).lines().filter_map(user).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn users_are_those_of_the_present_file_of_the_host() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("etc/passwd");
        let mut users = Users::new(root.path());
        users.refresh();
        let id = |users: &Users, text: &str| users.id(&User::parse(text));
        assert_eq!((id(&users, "root"), id(&users, "33")), (None, Some(33)));
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(&file, "root:x:0:0::/:/bin/sh\nrubbish\n+::::::\nwww:x:33:33:w:/:\nwww:x:34:\n")
            .unwrap();
        users.refresh();
        assert_eq!((id(&users, "root"), id(&users, "www"), id(&users, "rubbish")), (Some(0), Some(33), None));
        std::fs::write(&file, "www:x:1033:33:w:/:\n").unwrap();
        users.refresh();
        assert_eq!((id(&users, "root"), id(&users, "www")), (None, Some(1033)));
        assert_eq!((users.name(1033), users.name(33)), (Some("www"), None));
        std::fs::remove_file(&file).unwrap();
        users.refresh();
        assert_eq!(id(&users, "www"), Some(1033));
    }
}
