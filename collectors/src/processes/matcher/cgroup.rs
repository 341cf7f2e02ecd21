//! `/proc/PID/cgroup`: where a process is in each hierarchy of cgroups.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// The kinds of units that have cgroups.
const UNITS: [&str; 6] = [".service", ".scope", ".slice", ".socket", ".mount", ".swap"];

/// One line for each hierarchy, `number:controllers:path`; that of version 2 is number 0 and has no controllers.
#[derive(Debug, Default)]
pub(super) struct Cgroups(String);

impl Cgroups {
    pub(super) fn parse(content: &[u8]) -> Self {
        Self(String::from_utf8_lossy(content).into_owned())
    }

    fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.lines().filter_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            Some((fields.next()?, fields.next()?))
        })
    }

    /// The path in each hierarchy.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.lines().map(|(_, path)| path)
    }

    /// The units of systemd that a process is in: its service, the slices around it, and for a user's own service that
    /// of his manager as well. They are in systemd's hierarchy, which is its own one or that of version 2.
    fn units(&self) -> impl Iterator<Item = &str> {
        let of_systemd = |(controllers, _): &(&str, &str)| matches!(*controllers, "" | "name=systemd");
        let parts = self.lines().filter(of_systemd).flat_map(|(_, path)| path.split('/'));
        parts.filter(|part| UNITS.iter().any(|kind| part.ends_with(kind)))
    }
}

/// Names of units, in which `*` and `?` stand for others. One without a kind is that of a service.
#[derive(Debug)]
pub(super) struct Units(GlobSet);

impl Units {
    pub(super) fn new(names: &[String]) -> Result<Self, globset::Error> {
        let full = |name: &String| match UNITS.iter().any(|kind| name.ends_with(kind)) {
            true => name.clone(),
            false => format!("{name}.service"),
        };
        compile(names.iter().map(full)).map(Self)
    }

    pub(super) fn hold(&self, cgroups: &Cgroups) -> bool {
        cgroups.units().any(|unit| self.0.is_match(unit))
    }
}

/// Paths of cgroups, each with all that is below it. In them `*` and `?` stand for characters of one component, and `**`
/// for any components.
#[derive(Debug)]
pub(super) struct Paths(GlobSet);

impl Paths {
    pub(super) fn new(paths: &[String]) -> Result<Self, globset::Error> {
        let itself_and_below = |path: &String| {
            let path = path.trim_end_matches('/');
            [if path.is_empty() { "/".to_owned() } else { path.to_owned() }, format!("{path}/**")]
        };
        compile(paths.iter().flat_map(itself_and_below)).map(Self)
    }

    pub(super) fn hold(&self, cgroups: &Cgroups) -> bool {
        cgroups.paths().any(|path| self.0.is_match(path))
    }
}

/// A backslash is one: systemd writes `\x2d` for a dash in a name.
fn compile(globs: impl Iterator<Item = String>) -> Result<GlobSet, globset::Error> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        set.add(GlobBuilder::new(&glob).literal_separator(true).backslash_escape(false).build()?);
    }
    set.build()
}

/// Whether such a pattern can be understood.
///
/// # Errors
/// Why not.
pub(crate) fn check_pattern(pattern: &str) -> Result<(), globset::Error> {
    compile(std::iter::once(pattern.to_owned())).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const V1: &[u8] = b"12:pids:/system.slice/nginx.service\n4:memory:/docker/abc.service\n\
                        1:name=systemd:/system.slice/nginx.service\n0::/\n";
    const V2: &[u8] = b"0::/user.slice/user-1000.slice/user@1000.service/app.slice/shop.service\n";
    const CONTAINER: &[u8] = b"0::/system.slice/docker-4f\\x2d1.scope/init:x\n";

    fn in_unit(content: &[u8], unit: &str) -> bool {
        Units::new(&[unit.to_owned()]).unwrap().hold(&Cgroups::parse(content))
    }

    fn in_cgroup(content: &[u8], path: &str) -> bool {
        Paths::new(&["/none".to_owned(), path.to_owned()]).unwrap().hold(&Cgroups::parse(content))
    }

    #[test]
    fn a_unit_is_found_in_the_hierarchy_of_systemd_whatever_its_version() {
        assert!(in_unit(V1, "nginx.service") && in_unit(V1, "nginx") && in_unit(V1, "system.slice"));
        assert!(!in_unit(V1, "abc.service"), "not systemd's");
        for unit in ["shop.service", "user@1000.service", "user@*", "s?op", "app.slice"] {
            assert!(in_unit(V2, unit), "{unit}");
        }
        assert!(in_unit(CONTAINER, "docker-*.scope") && in_unit(CONTAINER, r"docker-4f\x2d1.scope"));
        for unit in ["init:x", "docker", "*.service", "shop"] {
            assert!(!in_unit(CONTAINER, unit), "{unit}");
        }
        assert!(!in_unit(b"", "*") && !in_unit(b"rubbish\n0:\n", "*"));
    }

    #[test]
    fn a_cgroup_holds_what_is_below_it_in_any_hierarchy() {
        for path in ["/docker", "/docker/", "/docker/abc.service", "/docker/*", "/sys*/nginx.service", "/"] {
            assert!(in_cgroup(V1, path), "{path}");
        }
        for path in ["/dock", "/abc.service", "/*.service", "/docker/abc.service/x"] {
            assert!(!in_cgroup(V1, path), "{path}");
        }
        assert!(in_cgroup(V2, "/**/shop.service") && in_cgroup(V2, "/user.slice/*/user@1000.service"));
        assert!(in_cgroup(CONTAINER, "/system.slice/*/init:x"));
        assert!(!in_cgroup(b"", "/"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read(content in proptest::collection::vec(any::<u8>(), 0..100), text in "[0-9:/a.service\n]{0,60}") {
            for content in [content.as_slice(), text.as_bytes()] {
                let cgroups = Cgroups::parse(content);
                prop_assert!(cgroups.units().count() <= content.len() + 1);
                prop_assert!(cgroups.paths().count() <= content.len() + 1);
            }
        }
    }
}
