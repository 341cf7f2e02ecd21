//! `container`: what containers use of CPU, memory, disks and threads, and what they are limited to, under cAdvisor's names.
//!
//! In a container it is the agent's own; on a host, and where a container was given the host's tree, all that run there,
//! and the units of systemd on demand ([`place`]). All of it is in the file systems of control groups, version 1
//! ([`legacy`]) and version 2 ([`unified`]); no runtime is asked, so a container is known by its ID ([`identity`]).
//!
//! The tree is looked through when the kernel's count of control groups changes ([`changes`]); a scrape in between reads
//! the files of those that are exposed, and on a host without containers that count alone.

mod changes;
mod devices;
mod identity;
mod legacy;
mod member;
mod mounts;
mod own;
mod place;
mod series;
pub(in crate::system) mod settings;
mod source;
mod start;
#[cfg(test)]
mod tests;
mod tree;
mod unified;

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, NoData, Sampler};

use self::changes::{Changes, Due};
use self::devices::DeviceNames;
use self::member::{Member, Reader};
use self::place::Place;
use self::series::Reading;
use self::settings::ContainerSettings;
use self::tree::{Found, Wanted};
use super::file::read_once;
use crate::system::config::Roots;
use crate::system::filter::Filter;
use crate::system::group::Around;

static LEFT_OUT: Family = Family::gauge(
    "vigie_container_left_out",
    "Control groups that are not exposed because there are more than the setting max.",
);

pub(super) struct Container {
    roots: Roots,
    around: Around,
    wanted: Wanted,
    max: usize,
    place: Option<(Place, Changes)>,
    members: Vec<Member>,
    left_out: usize,
    /// What went wrong when the tree was last looked through: it counts until the next time.
    problem: Option<String>,
    reader: Reader,
}

impl Container {
    pub(super) fn new(roots: &Roots, settings: &ContainerSettings, around: &Around) -> Result<Self, Error> {
        Ok(Self {
            roots: roots.clone(),
            around: around.clone(),
            wanted: Wanted { units: settings.units, ids: Filter::new(settings.ids())? },
            max: settings.max as usize,
            place: None,
            members: Vec::new(),
            left_out: 0,
            problem: None,
            reader: Reader {
                reading: Reading::default(),
                buffer: Vec::new(),
                devices: DeviceNames::new(roots.sysfs.join("dev/block")),
            },
        })
    }

    /// Brings `members` up to date.
    fn look(&mut self) -> Result<(), Error> {
        let (place, mut changes) = match self.place.take() {
            Some(known) => known,
            None => {
                let place = Place::find(&self.roots)?
                    .ok_or_else(|| NoData("no control groups are mounted".into()))?;
                let changes = Changes::new(&place, &self.roots.procfs);
                (place, changes)
            }
        };
        let Some(due) = changes.due(self.around.clock.monotonic()) else {
            self.place = Some((place, changes));
            return Ok(());
        };
        // If this fails, the place is looked for anew the next time.
        let mut found = tree::look(&place, &self.wanted)?;
        if place.is_container {
            self.add_own(&place, &mut found);
        }
        if due == Due::Everything {
            self.problem = None;
            self.members.iter_mut().for_each(Member::forget);
            self.reader.devices.forget();
        }
        self.keep(&place, found);
        self.read_limits(&place);
        self.place = Some((place, changes));
        Ok(())
    }

    /// The container that the tree begins with.
    fn add_own(&mut self, place: &Place, found: &mut BTreeMap<String, Found>) {
        let id = place.id(Path::new(""));
        let Some(meta) = place.hierarchies.first().and_then(|(_, dir)| std::fs::metadata(dir).ok()) else {
            return;
        };
        let by_path = identity::container(&id);
        let by_mounts = || {
            let mountinfo = read_once(&self.roots.procfs.join("self/mountinfo"), &mut self.reader.buffer);
            own::identity(mountinfo.unwrap_or_default())
        };
        let identity = by_path.unwrap_or_else(by_mounts);
        let is_leaf = meta.nlink() == 2;
        let own = Found { below: PathBuf::new(), identity, is_unit: false, inode: meta.ino(), is_leaf };
        if self.wanted.ids.wants(&id) {
            found.insert(id, own);
        }
    }

    /// Keeps what was exposed before and is still there, then takes containers, then units, as long as there is room.
    /// Only a unit makes room for a container.
    fn keep(&mut self, place: &Place, mut found: BTreeMap<String, Found>) {
        self.members.retain_mut(|member| match found.remove(&member.id) {
            Some(found) if found.inode == member.found.inode => {
                member.found = found;
                true
            }
            Some(other) => {
                found.insert(member.id.clone(), other);
                false
            }
            None => false,
        });
        let (units, containers): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, found)| found.is_unit);
        let mut lacking = (self.members.len() + containers.len()).saturating_sub(self.max);
        let mut left_out = 0;
        self.members.retain(|member| {
            let makes_room = lacking > 0 && member.found.is_unit;
            lacking -= usize::from(makes_room);
            left_out += usize::from(makes_room);
            !makes_room
        });
        for (id, found) in containers.into_iter().chain(units) {
            if self.members.len() < self.max {
                self.members.extend(Member::new(place, id, found, &self.around));
            } else {
                left_out += 1;
            }
        }
        self.tell_left_out(left_out);
    }

    fn read_limits(&mut self, place: &Place) {
        for member in &mut self.members {
            let read = member.read_limits(place, &self.roots.procfs, &mut self.reader.buffer);
            if let (Err(problem), None) = (read, &self.problem) {
                self.problem = Some(problem.to_string());
            }
        }
    }

    fn tell_left_out(&mut self, count: usize) {
        if count > 0 && self.left_out == 0 {
            tracing::warn!(
                collector = "container",
                left_out = count,
                max = self.max,
                "not all control groups are exposed: raise container.max, or choose with container.include"
            );
        }
        self.left_out = count;
    }
}

impl Sampler for Container {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut result = self.look();
        if let (Ok(()), Some(problem)) = (&result, &self.problem) {
            result = Err(problem.clone().into());
        }
        let now = self.around.clock.wall().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as f64;
        let mut any_gone = false;
        for member in &mut self.members {
            let (is_there, read) = member.sample(page, &mut self.reader, now);
            any_gone |= !is_there;
            result = result.and(read.map_err(Error::from));
        }
        if let (Some((_, changes)), true) = (&mut self.place, any_gone) {
            changes.one_has_gone();
        }
        if self.place.is_some() {
            page.set(&LEFT_OUT, Labels::NONE, self.left_out as f64);
        }
        result
    }
}
