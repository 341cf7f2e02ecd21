//! A line of `mountinfo` (proc_pid_mountinfo(5)):
//! `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::super::parse;

/// What is mounted where.
#[derive(Debug, PartialEq, Eq)]
pub(in super::super) struct Mount {
    /// Where to ask: the mount point below the agent's own root.
    pub(in super::super) path: PathBuf,
    /// The mount point as the host sees it.
    pub(super) mount_point: String,
    pub(super) device: String,
    pub(in super::super) fs_type: String,
    pub(super) major: String,
    pub(super) minor: String,
    pub(super) read_only: bool,
    /// Whether it answers whatever happens elsewhere.
    pub(super) local: bool,
}

/// File systems that answer from the kernel's own memory: nobody else has to do anything for that.
const LOCAL: [&str; 14] = [
    "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "ntfs3", "ramfs", "tmpfs", "vfat",
    "xfs", "zfs",
];

impl Mount {
    /// Whether both would be the same series.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.mount_point == other.mount_point && self.device == other.device && self.fs_type == other.fs_type
    }
}

/// Reads a line. Mount points in it may be below `rootfs` already, if it is the agent's own list in a
/// container.
pub(in super::super) fn parse(line: &[u8], rootfs: &Path) -> Option<Mount> {
    let mut words = parse::words(line);
    let number = words.nth(2)?;
    let colon = memchr::memchr(b':', number)?;
    let (major, minor) = (parse::whole(&number[..colon])?, parse::whole(&number[colon + 1..])?);
    let mount_point = PathBuf::from(OsString::from_vec(parse::unescape(words.nth(1)?)));
    let options = words.next()?;
    words.find(|word| *word == b"-")?;
    let (fs_type, device) = (words.next()?, words.next()?);
    let super_options = words.next().unwrap_or_default();
    let inside = mount_point.strip_prefix(rootfs).or_else(|_| mount_point.strip_prefix("/")).ok()?;
    Some(Mount {
        path: if inside.as_os_str().is_empty() { rootfs.to_owned() } else { rootfs.join(inside) },
        mount_point: parse::label(Path::new("/").join(inside).as_os_str().as_encoded_bytes()).into_owned(),
        device: parse::label(device).into_owned(),
        fs_type: parse::label(fs_type).into_owned(),
        major: major.to_string(),
        minor: minor.to_string(),
        // ext4 adds `emergency_ro` when it has given up on the disk.
        read_only: has(options, b"ro") || has(super_options, b"ro") || has(super_options, b"emergency_ro"),
        local: LOCAL.iter().any(|local| local.as_bytes() == fs_type),
    })
}

fn has(options: &[u8], option: &[u8]) -> bool {
    options.split(|byte| *byte == b',').any(|known| known == option)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";

    fn read(line: &str, rootfs: &str) -> Mount {
        parse(line.as_bytes(), Path::new(rootfs)).unwrap()
    }

    #[test]
    fn optional_fields_are_passed_over() {
        for line in [LINE, &LINE.replace("master:1 ", ""), &LINE.replace("master:1", "shared:2 master:1")] {
            let mount = read(line, "/");
            assert_eq!((mount.mount_point.as_str(), mount.device.as_str()), ("/mnt2", "/dev/root"));
            assert_eq!(
                (mount.fs_type.as_str(), mount.major.as_str(), mount.read_only),
                ("ext3", "98", false)
            );
        }
    }

    #[test]
    fn escaped_bytes_are_themselves_again() {
        let mount = read(&LINE.replace("/mnt2", r"/a\040b\011c\134d\x"), "/");
        assert_eq!(mount.mount_point, "/a b\tc\\d\\x");
        assert_eq!(mount.path, Path::new("/a b\tc\\d\\x"));
    }

    #[test]
    fn mount_points_are_asked_below_the_root_and_named_without_it() {
        let at = |mount_point: &str, rootfs: &str| {
            let mount = read(&LINE.replace("/mnt2", mount_point), rootfs);
            (mount.path.to_str().unwrap().to_owned(), mount.mount_point)
        };
        assert_eq!(at("/home", "/host"), ("/host/home".into(), "/home".into()));
        assert_eq!(at("/host/home", "/host"), ("/host/home".into(), "/home".into()));
        assert_eq!(at("/host", "/host"), ("/host".into(), "/".into()));
        assert_eq!(at("/hostile", "/host"), ("/host/hostile".into(), "/hostile".into()));
        assert_eq!(at("/", "/"), ("/".into(), "/".into()));
    }

    #[test]
    fn read_only_is_told_by_the_mount_or_by_the_file_system() {
        assert!(read(&LINE.replace("rw,noatime", "ro,noatime"), "/").read_only);
        assert!(read(&LINE.replace("rw,errors", "ro,errors"), "/").read_only);
        assert!(read(&LINE.replace("errors=continue", "emergency_ro"), "/").read_only);
        assert!(!read(&LINE.replace("errors=continue", "errors=remount-ro"), "/").read_only);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
            cut in 0..LINE.len(),
        ) {
            let root = Path::new("/host");
            let _ = parse(&bytes, root);
            let _ = parse(&LINE.as_bytes()[..cut], root);
            let _ = parse(&[&LINE.as_bytes()[..cut], &bytes[..]].concat(), root);
        }
    }
}
