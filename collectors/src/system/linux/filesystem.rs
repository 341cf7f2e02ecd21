//! `filesystem`: how full the file systems are.
//!
//! Which there are is told by `/proc/1/mountinfo`, the mounts of the host's first process ([`mounts`]); how
//! full each is, by statfs(2) on its mount point below `rootfs`. The list is parsed and filtered anew only
//! when it has changed. Mounts that depend on somebody else to answer are asked by [`askers`].

mod askers;
mod mounts;
pub(in crate::system) mod settings;
mod watched;

pub(super) use self::mounts::parse as parse_mount;

use std::path::Path;

use rustix::fs::statfs;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::askers::{Answer, Askers};
use self::settings::FileSystemSettings;
use self::watched::Watched;
use super::file::{FileError, KeptFile};
use super::parse;
use crate::system::config::Roots;
use crate::system::filter::Filter;
use crate::system::group::Around;

pub(super) struct FileSystem {
    of_init: KeptFile,
    of_self: KeptFile,
    rootfs: Box<Path>,
    mount_points: Filter,
    fs_types: Filter,
    /// The list that `mounts` was made of, and whether all of it was understood.
    listed: Vec<u8>,
    understood: bool,
    mounts: Vec<Watched>,
    around: Around,
    askers: Askers,
}

impl FileSystem {
    pub(super) fn new(roots: &Roots, settings: &FileSystemSettings, around: &Around) -> Result<Self, Error> {
        Ok(Self {
            of_init: KeptFile::new(roots.procfs.join("1/mountinfo")),
            of_self: KeptFile::new(roots.procfs.join("self/mountinfo")),
            rootfs: roots.rootfs.0.as_path().into(),
            mount_points: Filter::new(settings.mount_points())?,
            fs_types: Filter::new(settings.fs_types())?,
            listed: Vec::new(),
            understood: true,
            mounts: Vec::new(),
            around: around.clone(),
            askers: Askers::new(
                settings.mount_timeout.0.min(around.deadline / 4),
                settings.stat_workers,
                |path| statfs(path),
            ),
        })
    }

    /// Brings `mounts` up to date.
    fn list(&mut self) -> Result<(), FileError> {
        // Other users' processes may be hidden (hidepid): then the mounts that the agent itself sees count.
        let text = match self.of_init.read() {
            Ok(text) => text,
            Err(_) => self.of_self.read()?,
        };
        if text == self.listed {
            return Ok(());
        }
        self.listed.clear();
        self.listed.extend_from_slice(text);
        let mut before = std::mem::take(&mut self.mounts);
        self.understood = true;
        for line in parse::lines(text) {
            let Some(mount) = mounts::parse(line, &self.rootfs) else {
                self.understood = false;
                continue;
            };
            let is_wanted =
                self.mount_points.wants(&mount.mount_point) && self.fs_types.wants(&mount.fs_type);
            if !is_wanted || self.mounts.iter().any(|known| known.mount.is_same(&mount)) {
                continue;
            }
            // What is mounted over something else answers for that too: one forecast is enough.
            let is_first = !self.mounts.iter().any(|known| known.mount.mount_point == mount.mount_point);
            let known = before.iter().position(|known| known.mount.is_same(&mount));
            let known = known.map(|at| before.swap_remove(at));
            self.mounts.push(Watched::new(mount, known, is_first, &self.around));
        }
        Ok(())
    }
}

impl Sampler for FileSystem {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.list()?;
        let far = self.mounts.iter().map(|watched| &watched.mount).filter(|mount| !mount.local);
        self.askers.ask(far.map(|mount| &*mount.path));
        for watched in &mut self.mounts {
            let path = &*watched.mount.path;
            let answer =
                if watched.mount.local { Answer::Told(statfs(path)) } else { self.askers.answer(path) };
            watched.write(page, answer);
        }
        if self.understood { Ok(()) } else { Err("parse mountinfo: a line that is no mount's".into()) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;

    fn sampler(host: &Fixture) -> FileSystem {
        FileSystem::new(host.roots(), &FileSystemSettings::default(), &host.around()).unwrap()
    }

    fn value(series: &[String], head: &str) -> f64 {
        let line = series.iter().find(|line| line.starts_with(head)).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    #[test]
    fn each_mount_is_asked_how_full_it_is() {
        let root = "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard\n";
        let host = Fixture::new().with("proc/1/mountinfo", root);
        let (series, result) = host.sample(&mut sampler(&host));
        result.unwrap();
        let truth = statfs(host.path()).unwrap();
        let labels = "{device=\"/dev/vda\",fstype=\"ext4\",mountpoint=\"/\"}";
        let size = value(&series, &format!("node_filesystem_size_bytes{labels}"));
        assert_eq!(size, truth.f_blocks as f64 * truth.f_bsize as f64);
        assert_eq!(value(&series, &format!("node_filesystem_device_error{labels}")), 0.0);
        assert_eq!(
            series.last().unwrap(),
            "node_filesystem_mount_info{device=\"/dev/vda\",major=\"254\",minor=\"0\",mountpoint=\"/\"} 1"
        );
        assert_eq!(series.len(), 8);
    }

    #[test]
    fn a_mount_that_cannot_be_asked_says_why_and_the_others_are_served() {
        let text = "1 1 8:1 / /gone rw - ext4 /dev/sda1 ro\n2 1 8:2 / / rw - ext4 /dev/sda2 rw\n";
        let host = Fixture::new().with("proc/1/mountinfo", text);
        let (series, result) = host.sample(&mut sampler(&host));
        result.unwrap();
        let labels = "device=\"/dev/sda1\",device_error=\"no such file or directory\",fstype=\"ext4\",\
                      mountpoint=\"/gone\"";
        assert_eq!(series[0], format!("node_filesystem_device_error{{{labels}}} 1"));
        assert!(series.contains(&format!("node_filesystem_readonly{{{labels}}} 1")));
        assert!(
            series.iter().any(|line| line.starts_with("node_filesystem_size_bytes{device=\"/dev/sda2\""))
        );
    }

    #[test]
    fn kernel_file_systems_are_left_out_and_a_mount_listed_twice_is_one() {
        let text = "1 1 0:5 / /proc rw - proc proc rw\n2 1 0:6 / /x rw - tmpfs tmpfs rw\n\
                    3 1 0:6 / /x rw,noatime - tmpfs tmpfs rw\n4 1 0:7 / /sys/x rw - ext4 /dev/x rw\n";
        let host = Fixture::new().with("proc/1/mountinfo", text).with("x/y", "");
        let (series, _) = host.sample(&mut sampler(&host));
        let sizes = series.iter().filter(|line| line.starts_with("node_filesystem_size_bytes")).count();
        assert_eq!(sizes, 1);
    }

    #[test]
    fn the_mounts_of_the_agent_count_where_those_of_init_are_hidden() {
        let host = Fixture::new().with("proc/self/mountinfo", "2 1 8:2 / / rw - ext4 /dev/sda2 rw\n");
        let mut filesystem = sampler(&host);
        assert_eq!(host.sample(&mut filesystem).0.len(), 8);
        host.write("proc/self/mountinfo", "");
        assert!(host.sample(&mut filesystem).0.is_empty());
    }

    #[test]
    fn a_line_that_is_not_understood_is_an_error_each_time_that_keeps_the_rest() {
        let host = Fixture::new().with("proc/1/mountinfo", "nonsense\n2 1 8:2 / / rw - ext4 /dev/sda2 rw\n");
        let mut filesystem = sampler(&host);
        for _ in 0..2 {
            let (series, result) = host.sample(&mut filesystem);
            assert_eq!(series.len(), 8);
            assert!(result.is_err());
        }
    }
}
