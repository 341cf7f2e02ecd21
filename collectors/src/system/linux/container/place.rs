//! Where the control groups are that the agent looks at, and what they are of.
//!
//! - On a host it is the machine's whole tree: the containers are in it, the agent is none of them.
//! - In a container with a namespace of its own for control groups, the tree begins with the container, which is called `/`.
//! - In a container without one (usual with version 1), the agent is somewhere in the machine's tree, of which it sees only
//!   its own part, and its path has the container's name.
//! - In a container to which the host's tree was given below `sysfs` or `rootfs`, that tree counts.

use std::path::{Path, PathBuf};

use super::super::file::{FileError, read_once};
use super::identity;
use super::mounts::{Hierarchy, Mount, memberships, of_control_groups};
use crate::system::config::Roots;

/// The namespace that the machine starts with has this number in every kernel (`PROC_CGROUP_INIT_INO`).
const FIRST_NAMESPACE: &str = "cgroup:[4026531835]";

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Each hierarchy with the directory where its part of the tree begins.
    pub(super) hierarchies: Vec<(Hierarchy, PathBuf)>,
    /// The path of the control group that the tree begins with; empty for `/`.
    pub(super) base: String,
    /// Whether the tree begins with a container rather than with a machine.
    pub(super) is_container: bool,
}

impl Place {
    /// Finds it; `None` if no hierarchy is mounted where it can be seen.
    pub(super) fn find(roots: &Roots) -> Result<Option<Self>, FileError> {
        let own = roots.procfs.join("self");
        let mut buffer = Vec::new();
        let mounts = of_control_groups(read_once(&own.join("mountinfo"), &mut buffer)?);
        if let Some(given) = given(roots, &mounts) {
            return Ok(Some(given));
        }
        let paths = memberships(read_once(&own.join("cgroup"), &mut buffer)?);
        let namespace = std::fs::read_link(own.join("ns/cgroup")).ok();
        let is_namespaced = namespace.is_some_and(|namespace| namespace != Path::new(FIRST_NAMESPACE));
        let container = paths.iter().find_map(|(_, path)| container_in(path));
        let place = match container.filter(|_| !is_namespaced) {
            Some(base) => Self::around(base, &paths, &mounts),
            None => {
                let begin: Vec<&Mount> = mounts.iter().filter(|mount| mount.root == "/").collect();
                // A hierarchy that begins with the machine's own would be taken for the container's.
                let part = begin.iter().copied().filter(|mount| is_namespaced && !is_whole(mount));
                let part = Self::from_roots(part, true);
                if part.hierarchies.is_empty() { Self::from_roots(begin.into_iter(), false) } else { part }
            }
        };
        Ok(Some(place).filter(|place| !place.hierarchies.is_empty()))
    }

    /// The tree whose hierarchies begin at these mounts.
    fn from_roots<'m>(mounts: impl Iterator<Item = &'m Mount>, is_container: bool) -> Self {
        let mut place = Self { hierarchies: Vec::new(), base: String::new(), is_container };
        for mount in mounts {
            place.add(&mount.hierarchy, mount.point.clone());
        }
        place
    }

    /// The tree that begins with the agent's own container.
    fn around(base: &str, paths: &[(Hierarchy, String)], mounts: &[Mount]) -> Self {
        let mut place = Self { hierarchies: Vec::new(), base: base.to_owned(), is_container: true };
        for (hierarchy, path) in paths {
            // Where a hierarchy does not know the container, it would tell of the machine.
            let Some(own) = container_in(path) else { continue };
            for mount in mounts.iter().filter(|mount| mount.hierarchy.is_same(hierarchy)) {
                if let Ok(inside) = Path::new(own).strip_prefix(&mount.root) {
                    let dir = mount.point.join(inside);
                    if dir.is_dir() {
                        place.add(&mount.hierarchy, dir);
                    }
                }
            }
        }
        place
    }

    fn add(&mut self, hierarchy: &Hierarchy, dir: PathBuf) {
        if !self.hierarchies.iter().any(|(known, _)| known.is_same(hierarchy)) {
            self.hierarchies.push((hierarchy.clone(), dir));
        }
    }

    /// Where version 2 begins.
    pub(super) fn unified(&self) -> Option<&Path> {
        self.dir(&Hierarchy::Unified)
    }

    /// Where a controller of version 1 begins.
    pub(super) fn legacy(&self, controller: &str) -> Option<&Path> {
        self.dir(&Hierarchy::Legacy(vec![controller.to_owned()]))
    }

    fn dir(&self, hierarchy: &Hierarchy) -> Option<&Path> {
        self.hierarchies.iter().find(|(known, _)| known.is_same(hierarchy)).map(|(_, dir)| dir.as_path())
    }

    /// The path of a control group that is `below` the beginning of the tree.
    pub(super) fn id(&self, below: &Path) -> String {
        let below = below.to_string_lossy();
        match (self.base.as_str(), &*below) {
            ("", "") => "/".to_owned(),
            (base, "") => base.to_owned(),
            (base, below) => format!("{base}/{below}"),
        }
    }
}

/// The host's tree, where it was mounted for the agent: below a root that is not the agent's own.
fn given(roots: &Roots, mounts: &[Mount]) -> Option<Place> {
    let own = Roots::default();
    let sysfs = (roots.sysfs != own.sysfs).then(|| roots.sysfs.join("fs/cgroup"));
    let rootfs = (roots.rootfs != own.rootfs).then(|| roots.rootfs.join("sys/fs/cgroup"));
    [sysfs, rootfs].into_iter().flatten().find_map(|dir| {
        let below: Vec<&Mount> = mounts.iter().filter(|mount| mount.point.starts_with(&dir)).collect();
        let begins_above = |mount: &&Mount| mount.root.starts_with("/..") || is_whole(mount);
        let begins_above: Vec<&Mount> = below.into_iter().filter(begins_above).collect();
        // A machine in a container (a node of a cluster for tests): what is given is the whole of that container.
        let is_container = !begins_above.iter().any(|mount| is_whole(mount));
        (!begins_above.is_empty()).then(|| Place::from_roots(begins_above.into_iter(), is_container))
    })
}

/// Whether the mount begins with the control group of the whole machine: the kernel gives that one files
/// which no other has, and others only to those below it.
fn is_whole(mount: &Mount) -> bool {
    match mount.hierarchy {
        Hierarchy::Unified => {
            mount.point.join("cgroup.controllers").exists() && !mount.point.join("cgroup.events").exists()
        }
        Hierarchy::Legacy(_) => mount.point.join("cgroup.sane_behavior").exists(),
    }
}

/// The part of a path that ends with the innermost container in it.
fn container_in(path: &str) -> Option<&str> {
    let ends = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
    let mut parts = ends.filter(|end| *end > 0).map(|end| &path[..end]);
    parts.rfind(|part| identity::container(part).is_some())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::fixture::Fixture;
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// A host with these mounts (root, mount point, type, options) and memberships; it has the default roots but for procfs.
    fn host(mounts: &[(&str, &str, &str, &str)], paths: &str, namespace: &str) -> (Fixture, Roots) {
        let host = Fixture::new();
        let at = host.path().display().to_string();
        let line = |(root, point, kind, options): &(&str, &str, &str, &str)| {
            format!("1 1 0:2 {root} {at}{point} rw - {kind} {kind} rw,{options}\n")
        };
        host.write("proc/self/mountinfo", mounts.iter().map(line).collect::<String>());
        host.write("proc/self/cgroup", paths);
        std::fs::create_dir_all(host.path().join("proc/self/ns")).unwrap();
        std::os::unix::fs::symlink(namespace, host.path().join("proc/self/ns/cgroup")).unwrap();
        for (_, point, ..) in mounts {
            std::fs::create_dir_all(host.path().join(&point[1..])).unwrap();
        }
        let roots = Roots { procfs: host.roots().procfs.clone(), ..Roots::default() };
        (host, roots)
    }

    fn found(host: &Fixture, roots: &Roots) -> (String, bool, Vec<String>) {
        let place = Place::find(roots).unwrap().unwrap();
        let inside = |dir: &Path| dir.strip_prefix(host.path()).unwrap().to_str().unwrap().to_owned();
        let dirs = place.hierarchies.iter().map(|(_, dir)| inside(dir)).collect();
        (place.id(Path::new("")), place.is_container, dirs)
    }

    #[test]
    fn on_a_host_the_tree_is_the_machines() {
        let (host, roots) = host(
            &[("/", "/cg", "cgroup2", "nsdelegate"), ("/x", "/bound", "cgroup2", "")],
            "0::/system.slice/vigie.service\n",
            FIRST_NAMESPACE,
        );
        assert_eq!(found(&host, &roots), ("/".into(), false, vec!["cg".into()]));
    }

    #[test]
    fn in_a_namespace_the_tree_begins_with_the_container() {
        let (host, roots) = host(&[("/", "/cg", "cgroup2", "")], "0::/init.scope\n", "cgroup:[4026532400]");
        assert_eq!(found(&host, &roots), ("/".into(), true, vec!["cg".into()]));
    }

    #[test]
    fn a_hierarchy_that_is_the_machines_is_not_taken_for_the_containers() {
        let mounts = [("/", "/memory", "cgroup", "memory"), ("/", "/cpu", "cgroup", "cpu,cpuacct")];
        let (host, roots) = host(&mounts, "4:memory:/\n3:cpu,cpuacct:/\n", "cgroup:[4026532400]");
        host.write("cpu/cgroup.sane_behavior", "0\n");
        assert_eq!(found(&host, &roots), ("/".into(), true, vec!["memory".into()]));
        host.write("memory/cgroup.sane_behavior", "0\n");
        assert_eq!(found(&host, &roots), ("/".into(), false, vec!["memory".into(), "cpu".into()]));
    }

    #[test]
    fn without_a_namespace_the_path_has_the_container() {
        let docker = format!("/docker/{ID}");
        let (host, roots) = host(
            &[
                (&docker, "/memory", "cgroup", "memory"),
                (&docker, "/cpu", "cgroup", "cpu,cpuacct"),
                ("/", "/pids", "cgroup", "pids"),
            ],
            &format!("4:memory:{docker}\n3:cpu,cpuacct:{docker}/sub\n2:pids:/\n"),
            FIRST_NAMESPACE,
        );
        assert_eq!(found(&host, &roots), (docker.clone(), true, vec!["memory".into(), "cpu".into()]));
        let place = Place::find(&roots).unwrap().unwrap();
        assert_eq!(place.id(Path::new("inner/most")), format!("{docker}/inner/most"));
        assert!(place.legacy("cpuacct").is_some() && place.legacy("pids").is_none());
    }

    #[test]
    fn the_hosts_tree_counts_where_it_was_given() {
        let mounts = [("/", "/own", "cgroup2", ""), ("/../..", "/host/sys/fs/cgroup", "cgroup2", "")];
        let (host, roots) = host(&mounts, "0::/\n", "cgroup:[4026532400]");
        let given = Roots { sysfs: host.path().join("host/sys").into(), ..roots.clone() };
        host.write("host/sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
        assert_eq!(found(&host, &given), ("/".into(), false, vec!["host/sys/fs/cgroup".into()]));
        let below_root = Roots { rootfs: host.path().join("host").into(), ..roots.clone() };
        assert_eq!(found(&host, &below_root), found(&host, &given));
        host.write("host/sys/fs/cgroup/cgroup.events", "populated 1\n");
        assert_eq!(found(&host, &given), ("/".into(), true, vec!["host/sys/fs/cgroup".into()]));
        assert_eq!(found(&host, &roots), ("/".into(), true, vec!["own".into()]));
    }

    #[test]
    fn without_a_hierarchy_there_is_no_place() {
        let (_host, roots) = host(&[], "0::/\n", FIRST_NAMESPACE);
        assert_eq!(Place::find(&roots).unwrap(), None);
    }
}
