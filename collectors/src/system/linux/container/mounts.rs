//! What `/proc/self/mountinfo` and `/proc/self/cgroup` say of control groups (cgroups(7), proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::super::parse;

/// A hierarchy: the one of version 2, or one of version 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hierarchy {
    /// Version 2.
    Unified,
    /// Version 1, with the controllers that it has; `name=systemd` for one that only groups.
    Legacy(Vec<String>),
}

impl Hierarchy {
    /// Whether both are one; controllers of version 1 are in one hierarchy each.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unified, Self::Unified) => true,
            (Self::Legacy(ours), Self::Legacy(theirs)) => ours.iter().any(|ours| theirs.contains(ours)),
            _ => false,
        }
    }
}

/// A place where a hierarchy, or a part of it, is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) hierarchy: Hierarchy,
    /// The control group that is at the mount point, as seen from the agent's namespace: `/..` and longer is above it.
    pub(super) root: String,
    pub(super) point: PathBuf,
}

/// A line of mountinfo: where what is mounted.
#[derive(Debug)]
pub(super) struct Line<'l> {
    /// The directory of the file system that is mounted.
    pub(super) root: Vec<u8>,
    pub(super) point: PathBuf,
    fs_type: &'l [u8],
    options: &'l [u8],
}

/// `31 23 0:26 /docker/1 /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct`.
pub(super) fn line(line: &[u8]) -> Option<Line<'_>> {
    let mut words = parse::words(line);
    let root = parse::unescape(words.nth(3)?);
    let point = PathBuf::from(OsString::from_vec(parse::unescape(words.next()?)));
    words.find(|word| *word == b"-")?;
    let fs_type = words.next()?;
    Some(Line { root, point, fs_type, options: words.nth(1).unwrap_or_default() })
}

/// The mounts of control groups in a list of all mounts; what is not understood is none of them.
pub(super) fn of_control_groups(mountinfo: &[u8]) -> Vec<Mount> {
    let mount = |text| {
        let line = line(text)?;
        let hierarchy = match line.fs_type {
            b"cgroup2" => Hierarchy::Unified,
            b"cgroup" => Hierarchy::Legacy(controllers(line.options)),
            _ => return None,
        };
        Some(Mount { hierarchy, root: String::from_utf8(line.root).ok()?, point: line.point })
    };
    parse::lines(mountinfo).filter_map(mount).collect()
}

/// The controllers in a list, among which there may be options of the mount: they are not asked for.
fn controllers(list: &[u8]) -> Vec<String> {
    let words = list.split(|byte| *byte == b',').filter(|word| !matches!(*word, b"rw" | b"ro" | b""));
    words.map(|word| parse::label(word).into_owned()).collect()
}

/// The control groups of a process: `4:memory:/user.slice`, and `0::/user.slice` in version 2.
pub(super) fn memberships(cgroup: &[u8]) -> Vec<(Hierarchy, String)> {
    let membership = |line: &[u8]| {
        let mut parts = line.splitn(3, |byte| *byte == b':');
        let (number, list, path) = (parts.next()?, parts.next()?, parts.next()?);
        let hierarchy = match (number, list) {
            (b"0", b"") => Hierarchy::Unified,
            _ => Hierarchy::Legacy(controllers(list)),
        };
        Some((hierarchy, std::str::from_utf8(path).ok()?.to_owned()))
    };
    parse::lines(cgroup).filter_map(membership).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::fixture::mangled;
    use super::*;
    use proptest::prelude::*;

    const MOUNTS: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
32 31 0:29 /docker/1 /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
40 31 0:37 /../.. /host/a\\040b rw,relatime - cgroup2 cgroup2 rw,nsdelegate
";

    #[test]
    fn mounts_of_both_versions_are_found_among_the_others() {
        let found = of_control_groups(MOUNTS.as_bytes());
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].root, "/docker/1");
        assert_eq!(found[0].hierarchy, Hierarchy::Legacy(vec!["cpu".into(), "cpuacct".into()]));
        assert_eq!(found[1].hierarchy, Hierarchy::Unified);
        assert_eq!((found[1].root.as_str(), found[1].point.to_str().unwrap()), ("/../..", "/host/a b"));
    }

    #[test]
    fn a_process_is_in_one_group_of_each_hierarchy() {
        let found = memberships(b"9:name=systemd:/a:b\n3:cpu,cpuacct:/x\n0::/y\nnonsense\n");
        assert_eq!(found.len(), 3);
        assert_eq!(found[0], (Hierarchy::Legacy(vec!["name=systemd".into()]), "/a:b".into()));
        assert!(found[1].0.is_same(&Hierarchy::Legacy(vec!["cpuacct".into()])));
        assert_eq!(found[2], (Hierarchy::Unified, "/y".into()));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(mounts in mangled(MOUNTS), groups in mangled("4:memory:/x\n0::/y\n")) {
            let _ = (of_control_groups(&mounts), memberships(&groups));
        }
    }
}
