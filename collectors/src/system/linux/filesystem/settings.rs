//! What can be set for `filesystem`, on any operating system.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::units::HumanDuration;

use crate::system::filter::{Patterns, pair};

const MOUNT_POINTS_EXCLUDED: &str =
    "^/(dev|proc|run/credentials/.+|sys|var/lib/docker/.+|var/lib/containers/storage/.+)($|/)";
const FS_TYPES_EXCLUDED: &str = "^(autofs|binfmt_misc|bpf|cgroup2?|configfs|debugfs|devpts|devtmpfs|fusectl|\
    hugetlbfs|iso9660|mqueue|nsfs|overlay|proc|procfs|pstore|rpc_pipefs|securityfs|selinuxfs|squashfs|erofs|\
    sysfs|tracefs)$";

/// Settings of the group `filesystem`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FileSystemSettings {
    /// Mount points to leave out; by default those of the kernel, of containers and of credentials.
    #[schemars(extend("x-old-flag" = "collector.filesystem.ignored-mount-points"))]
    pub mount_points_exclude: String,
    /// Mount points to expose; excludes `mount_points_exclude`.
    pub mount_points_include: String,
    /// Types of file systems to leave out; by default those that hold no files of their own.
    #[schemars(extend("x-old-flag" = "collector.filesystem.ignored-fs-types"))]
    pub fs_types_exclude: String,
    /// Types of file systems to expose; excludes `fs_types_exclude`.
    pub fs_types_include: String,
    /// How long a mount may take to answer before it is marked and left alone until it does; at most a quarter of
    /// the deadline counts.
    pub mount_timeout: HumanDuration,
    /// How many mounts are asked at a time while one of them hangs.
    pub stat_workers: usize,
}

impl Default for FileSystemSettings {
    fn default() -> Self {
        Self {
            mount_points_exclude: String::new(),
            mount_points_include: String::new(),
            fs_types_exclude: String::new(),
            fs_types_include: String::new(),
            mount_timeout: HumanDuration::secs(5),
            stat_workers: 4,
        }
    }
}

impl FileSystemSettings {
    pub(in crate::system) fn mount_points(&self) -> Patterns<'_> {
        Patterns::new(&self.mount_points_include, &self.mount_points_exclude, MOUNT_POINTS_EXCLUDED)
    }

    pub(in crate::system) fn fs_types(&self) -> Patterns<'_> {
        Patterns::new(&self.fs_types_include, &self.fs_types_exclude, FS_TYPES_EXCLUDED)
    }
}

impl Check for FileSystemSettings {
    fn check(&self, at: &mut Place<'_>) {
        let include = ("mount_points_include", self.mount_points_include.as_str());
        pair(at, include, ("mount_points_exclude", &self.mount_points_exclude));
        let include = ("fs_types_include", self.fs_types_include.as_str());
        pair(at, include, ("fs_types_exclude", &self.fs_types_exclude));
    }
}
