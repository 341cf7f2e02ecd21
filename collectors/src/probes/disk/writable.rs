//! Whether a file system takes no writes any more, whoever looks at it.
//!
//! The flag that `statvfs` has is of the agent's own view, and services and containers are often given views that are
//! read-only of what is not. The list of mounts tells the two apart.

use std::path::Path;

/// Whether the file system of `path` is read-only; `view` is what the flag says, which counts where nothing else is known.
#[cfg(target_os = "linux")]
pub(super) fn is_read_only(path: &Path, view: bool) -> bool {
    mount_id(path)
        .and_then(|id| find(&std::fs::read_to_string("/proc/self/mountinfo").ok()?, id))
        .unwrap_or(view)
}

/// See above: there is only the flag.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_read_only(_path: &Path, view: bool) -> bool {
    view
}

/// The number of the mount, the 1st field of `mountinfo`; `None` before Linux 5.8.
#[cfg(target_os = "linux")]
fn mount_id(path: &Path) -> Option<u64> {
    use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
    let stat = statx(CWD, path, AtFlags::empty(), StatxFlags::MNT_ID).ok()?;
    StatxFlags::from_bits_retain(stat.stx_mask).contains(StatxFlags::MNT_ID).then_some(stat.stx_mnt_id)
}

/// What the options of the file system itself say, the 3rd field after the dash in its line.
#[cfg(any(test, target_os = "linux"))]
fn find(mountinfo: &str, id: u64) -> Option<bool> {
    let id = id.to_string();
    let line = mountinfo.lines().find(|line| line.split(' ').next() == Some(&id))?;
    let options = line.split(' ').skip_while(|field| *field != "-").nth(3)?;
    // ext4 adds `emergency_ro` when it has given up on the disk.
    Some(options.split(',').any(|option| matches!(option, "ro" | "emergency_ro")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
36 35 98:0 / /mnt1 ro,noatime shared:2 master:1 - ext4 /dev/root rw,errors=remount-ro
37 36 98:1 / /mnt2 rw,noatime - ext4 /dev/sdb ro,errors=remount-ro
38 36 98:2 / /mnt3 rw - ext4 /dev/sdc rw,emergency_ro
";

    #[test]
    fn a_view_that_is_read_only_is_told_from_a_file_system_that_is() {
        assert_eq!([36, 37, 38, 3].map(|id| find(MOUNTS, id)), [Some(false), Some(true), Some(true), None]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_kernel_knows_the_mount_of_a_path() {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        // Before Linux 5.8 there is none.
        if let Some(id) = mount_id(Path::new("/proc/self")) {
            let line = mounts.lines().find(|line| line.starts_with(&format!("{id} ")));
            assert!(line.is_some_and(|line| line.contains(" /proc ")), "{line:?}");
        }
    }
}
