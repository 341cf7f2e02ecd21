//! `system.filesystem.*`.
//!
//! What only root may take is reserved: free is what is available to everybody, and the three states make
//! up the whole.

use super::table::{As, Attributes, Convention, Mode, Source, gauge, of, up_down};

const SIZE: &str = "node_filesystem_size_bytes";
const ALL_FREE: &str = "node_filesystem_free_bytes";
const AVAILABLE: &str = "node_filesystem_avail_bytes";
const INODES: &str = "node_filesystem_files";
const INODES_FREE: &str = "node_filesystem_files_free";

const USED: Attributes = &[("system.filesystem.state", "used")];
const FREE: Attributes = &[("system.filesystem.state", "free")];
const RESERVED: Attributes = &[("system.filesystem.state", "reserved")];

const LABELS: &[(&str, As)] = &[
    ("device", As::Text("system.device")),
    ("fstype", As::Text("system.filesystem.type")),
    ("mountpoint", As::Text("system.filesystem.mountpoint")),
];

const MODE: Mode =
    Mode { family: "node_filesystem_readonly", key: "system.filesystem.mode", zero: "rw", other: "ro" };

const fn mounted(family: &'static str) -> Source {
    of(family).labels(LABELS).mode(MODE)
}

pub(super) static CONVENTIONS: &[Convention] = &[
    up_down("system.filesystem.usage", "By", "The space of each file system, by state.", SPACE).whole(),
    gauge("system.filesystem.utilization", "1", "The space by state, of all of it.", SHARES),
    up_down("system.filesystem.limit", "By", "The whole space of each file system.", &[mounted(SIZE)])
        .whole(),
    up_down(
        "system.filesystem.inodes.usage",
        "{inodes}",
        "Inodes of each file system, by state.",
        INODE_USAGE,
    )
    .whole(),
];

const SPACE_USED: Source = mounted(SIZE).less(&[ALL_FREE]).with(USED);
const SPACE_FREE: Source = mounted(AVAILABLE).with(FREE);
const SPACE_RESERVED: Source = mounted(ALL_FREE).less(&[AVAILABLE]).with(RESERVED);

const SPACE: &[Source] = &[SPACE_USED, SPACE_FREE, SPACE_RESERVED];
const SHARES: &[Source] =
    &[SPACE_USED.share_of(SIZE), SPACE_FREE.share_of(SIZE), SPACE_RESERVED.share_of(SIZE)];
const INODE_USAGE: &[Source] =
    &[mounted(INODES).less(&[INODES_FREE]).with(USED), mounted(INODES_FREE).with(FREE)];
