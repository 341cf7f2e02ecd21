//! The control group that bounds the memory of a process, of either version.
//!
//! It is looked for where the hierarchies are usually mounted, below `fs/cgroup` of `sysfs`, by the path that
//! `/proc/PID/cgroup` tells. In a container without the host's tree the paths of others lead nowhere, and nothing is
//! known of their groups.

use std::fs;
use std::path::{Path, PathBuf};

/// A limit from here on is none: version 1 has a number of pages close to the largest there is.
const NO_LIMIT: u64 = 1 << 60;

/// Groups are not nested deeper.
const MOST_LEVELS: usize = 32;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct MemoryGroup {
    directory: PathBuf,
    /// Where the hierarchy begins.
    top: PathBuf,
    version: Version,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Version {
    One,
    Two,
}

impl MemoryGroup {
    /// The group of a process whose `cgroup` file has this content; none where it cannot be found.
    pub(crate) fn find(sysfs: &Path, cgroup: &str) -> Option<Self> {
        let tree = sysfs.join("fs/cgroup");
        let mut second = None;
        for line in cgroup.lines() {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            // Of a group outside of the own namespace; or deleted.
            if path.contains("/..") || path.ends_with(" (deleted)") {
                continue;
            }
            let path = path.trim_start_matches('/');
            if controllers.split(',').any(|name| name == "memory") {
                return Self::at(tree.join("memory"), path, Version::One);
            }
            if controllers.is_empty() {
                let tops = [tree.clone(), tree.join("unified")];
                second = tops.into_iter().find_map(|top| Self::at(top, path, Version::Two));
            }
        }
        second
    }

    fn at(top: PathBuf, path: &str, version: Version) -> Option<Self> {
        let group = Self { directory: top.join(path), top, version };
        group.oom_kills().map(|_| group)
    }

    /// How many processes of it the kernel has killed for want of memory so far.
    pub(crate) fn oom_kills(&self) -> Option<u64> {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let content = fs::read_to_string(self.directory.join(file)).ok()?;
        content.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    }

    /// The lowest limit of it and of those that it is in, in bytes; none if there is no limit.
    pub(crate) fn limit(&self) -> Option<u64> {
        let file = match self.version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        let groups = self.directory.ancestors().take_while(|group| group.starts_with(&self.top));
        // Without a limit the file has `max`.
        let limit = |group: &Path| fs::read_to_string(group.join(file)).ok()?.trim().parse().ok();
        groups.take(MOST_LEVELS).filter_map(limit).filter(|limit| *limit < NO_LIMIT).min()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join("fs/cgroup").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    #[test]
    fn the_kills_and_the_lowest_limit_of_a_group_of_version_2_are_found() {
        let root = tree(&[
            ("a/b/memory.events", "low 0\nhigh 0\nmax 7\noom 2\noom_kill 1\noom_group_kill 0\n"),
            ("a/b/memory.max", "max\n"),
            ("a/memory.max", "1048576\n"),
        ]);
        let group = MemoryGroup::find(root.path(), "0::/a/b\n").unwrap();
        assert_eq!((group.oom_kills(), group.limit()), (Some(1), Some(1 << 20)));
        assert_eq!(MemoryGroup::find(root.path(), "0::/../other\n"), None);
        assert_eq!(MemoryGroup::find(root.path(), "0::/gone\n"), None);
    }

    #[test]
    fn the_memory_controller_of_version_1_goes_before_an_empty_tree_of_version_2() {
        let root = tree(&[
            ("memory/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
            ("memory/x/memory.limit_in_bytes", "67108864\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        let group = MemoryGroup::find(root.path(), "0::/\n4:cpu,memory:/x\n1:name=systemd:/\n").unwrap();
        assert_eq!((group.oom_kills(), group.limit()), (Some(3), Some(64 << 20)));
    }
}
