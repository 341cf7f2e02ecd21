//! A mount from scrape to scrape: its series, whether it hangs, and when it will be full.

use std::borrow::Cow;

use rustix::fs::StatFs;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::super::exhaustion::Forecast;
use super::askers::Answer;
use super::mounts::Mount;
use crate::system::group::Around;

static SIZE: Family = Family::gauge("node_filesystem_size_bytes", "Filesystem size in bytes.");
static FREE: Family = Family::gauge("node_filesystem_free_bytes", "Filesystem free space in bytes.");
static AVAIL: Family =
    Family::gauge("node_filesystem_avail_bytes", "Filesystem space available to non-root users in bytes.");
static FILES: Family = Family::gauge("node_filesystem_files", "Filesystem total file nodes.");
static FILES_FREE: Family = Family::gauge("node_filesystem_files_free", "Filesystem total free file nodes.");
static READ_ONLY: Family = Family::gauge("node_filesystem_readonly", "Filesystem read-only status.");
static DEVICE_ERROR: Family = Family::gauge(
    "node_filesystem_device_error",
    "Whether an error occurred while getting statistics for the given device.",
);
static MOUNT_INFO: Family = Family::gauge("node_filesystem_mount_info", "Filesystem mount information.");

pub(super) struct Watched {
    pub(super) mount: Mount,
    /// Whether it hung when it was asked last.
    hangs: bool,
    full: Option<Full>,
}

/// When there will be no room for another byte, or for another file.
struct Full {
    bytes: Forecast,
    files: Forecast,
}

impl Watched {
    /// A mount, as it was `before` the list changed if it was there. Nothing fills what is read-only.
    pub(super) fn new(mount: Mount, before: Option<Self>, with_forecast: bool, around: &Around) -> Self {
        let (hangs, full) = before.map_or((false, None), |before| (before.hangs, before.full));
        let new =
            || Full { bytes: Forecast::new("filesystem", around), files: Forecast::new("inodes", around) };
        let full = (with_forecast && !mount.read_only).then(|| full.unwrap_or_else(new));
        Self { mount, hangs, full }
    }

    pub(super) fn write(&mut self, page: &mut Page, answer: Answer) {
        self.note(&answer);
        let mount = &self.mount;
        let failed = !matches!(answer, Answer::Told(Ok(_)));
        let error = match answer {
            Answer::Told(Ok(_)) => Cow::Borrowed(""),
            Answer::Told(Err(errno)) => describe(errno).into(),
            Answer::Hangs => "mountpoint timeout".into(),
            Answer::NotAsked => "other mountpoints timed out".into(),
        };
        let labels = page.labels(&[
            ("device", &mount.device),
            ("device_error", &error),
            ("fstype", &mount.fs_type),
            ("mountpoint", &mount.mount_point),
        ]);
        page.set(&DEVICE_ERROR, labels, f64::from(failed));
        page.set(&READ_ONLY, labels, f64::from(mount.read_only));
        let Answer::Told(Ok(stat)) = answer else { return };
        let block = stat.f_bsize as f64;
        page.set(&SIZE, labels, stat.f_blocks as f64 * block);
        page.set(&FREE, labels, stat.f_bfree as f64 * block);
        page.set(&AVAIL, labels, stat.f_bavail as f64 * block);
        page.set(&FILES, labels, stat.f_files as f64);
        page.set(&FILES_FREE, labels, stat.f_ffree as f64);
        let labels = page.labels(&[
            ("device", &mount.device),
            ("major", &mount.major),
            ("minor", &mount.minor),
            ("mountpoint", &mount.mount_point),
        ]);
        page.set(&MOUNT_INFO, labels, 1.0);
        self.forecast(page, &stat);
    }

    fn forecast(&mut self, page: &mut Page, stat: &StatFs) {
        let Some(Full { bytes, files }) = &mut self.full else { return };
        bytes.tell(stat.f_bavail as f64 * stat.f_bsize as f64);
        bytes.write(page, &self.mount.mount_point);
        // A file system that makes room for inodes as it goes says that it has none at all.
        if stat.f_files > 0 {
            files.tell(stat.f_ffree as f64);
            files.write(page, &self.mount.mount_point);
        }
    }

    /// Tells when it begins to hang, and when it answers again.
    fn note(&mut self, answer: &Answer) {
        let (hangs, mount_point) = (matches!(answer, Answer::Hangs), &*self.mount.mount_point);
        if hangs && !self.hangs {
            tracing::warn!(collector = "filesystem", mount_point, "mount does not answer");
        } else if self.hangs && matches!(answer, Answer::Told(_)) {
            tracing::info!(collector = "filesystem", mount_point, "mount answers again");
        }
        self.hangs = hangs;
    }
}

/// The error's words alone, in lower case: `permission denied`.
fn describe(errno: rustix::io::Errno) -> String {
    let text = std::io::Error::from(errno).to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}
