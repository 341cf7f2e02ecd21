//! What a control group is of, by its path: runtimes and systemd name them so that it can be told.
//!
//! | path ends with | made by |
//! |---|---|
//! | `docker-<id>.scope`, `cri-containerd-<id>.scope`, `crio-<id>.scope`, `libpod-<id>.scope`, `nerdctl-<id>.scope` | a runtime that asks systemd |
//! | `docker/<id>`, `pod<uid>/<id>`, `libpod_parent/libpod-<id>`, `…:cri-containerd:<id>` | a runtime that makes them itself |
//! | `ecs/<task>/<id>-<number>` | Amazon's ECS |
//! | `lxc/<name>`, `lxc.payload.<name>` | LXC |
//! | `machine-<name>.scope`, `systemd-nspawn@<name>.service` | systemd-machined, systemd-nspawn |
//!
//! An `<id>` has 64 hexadecimal digits. A runtime's monitor (`libpod-conmon-<id>.scope`) is not the container.

/// What is known of a container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Identity {
    /// Its ID or its name; for a unit, the unit's.
    pub(super) name: String,
    /// Who runs it; empty if that cannot be told.
    pub(super) runtime: String,
    /// The Kubernetes pod that it is in; empty if it is in none.
    pub(super) pod_uid: String,
}

/// The container that a path is the control group of.
pub(super) fn container(path: &str) -> Option<Identity> {
    let mut parts = path.rsplit('/');
    let (last, parent) = (parts.next()?, parts.next().unwrap_or_default());
    let grandparent = parts.next().unwrap_or_default();
    let (runtime, name) = by_id(last, parent).or_else(|| by_name(last, parent, grandparent))?;
    Some(Identity { name, runtime, pod_uid: pod_uid(path) })
}

/// The unit of the system's manager that a path is the control group of; not those of users' managers,
/// which are in a unit themselves.
pub(super) fn unit(path: &str) -> Option<Identity> {
    let (above, last) = path.rsplit_once('/')?;
    let is_in_another = above.split('/').any(is_unit);
    (is_unit(last) && !is_in_another).then(|| Identity { name: last.to_owned(), ..Identity::default() })
}

fn is_unit(part: &str) -> bool {
    part.ends_with(".service") || part.ends_with(".scope")
}

fn by_id(last: &str, parent: &str) -> Option<(String, String)> {
    let name = last.strip_suffix(".scope").unwrap_or(last);
    let (before, id) = name.split_at(name.len().checked_sub(64).filter(|at| name.is_char_boundary(*at))?);
    if !is_hex(id) {
        return None;
    }
    let runtime = match before.strip_suffix(['-', ':']) {
        Some(before) => before.rsplit(':').next().unwrap_or_default(),
        // `docker/<id>`; a pod says nothing of who runs it.
        None if before.is_empty() && !parent.starts_with("pod") => parent,
        None if before.is_empty() => "",
        None => return None,
    };
    let is_monitor = runtime.ends_with("conmon");
    (!is_monitor).then(|| (runtime.to_owned(), id.to_owned()))
}

fn by_name(last: &str, parent: &str, grandparent: &str) -> Option<(String, String)> {
    let named = |runtime: &str, name: &str| (!name.is_empty()).then(|| (runtime.to_owned(), unescape(name)));
    if grandparent == "ecs" {
        let (id, number) = last.split_once('-')?;
        let is_container = id.len() == 32 && is_hex(id) && number.bytes().all(|byte| byte.is_ascii_digit());
        return is_container.then(|| ("ecs".to_owned(), last.to_owned()));
    }
    if let Some(name) = last.strip_prefix("lxc.payload.") {
        return named("lxc", name);
    }
    if parent == "lxc" || parent == "lxc.payload" {
        return named("lxc", last);
    }
    if let Some(name) = last.strip_prefix("machine-").and_then(|rest| rest.strip_suffix(".scope")) {
        return named("machined", name);
    }
    let name = last.strip_prefix("systemd-nspawn@").and_then(|rest| rest.strip_suffix(".service"))?;
    named("systemd-nspawn", name)
}

/// The pod in `kubepods-burstable-pod<uid>.slice` or `kubepods/burstable/pod<uid>`; for systemd its dashes are underscores.
/// What a node's own manifests start has 32 hexadecimal digits instead.
fn pod_uid(path: &str) -> String {
    let mut uids = path.split(['/', ':']).filter_map(|part| {
        let part = part.strip_suffix(".slice").unwrap_or(part);
        let uid = part.rsplit_once("-pod").map_or_else(|| part.strip_prefix("pod"), |(_, uid)| Some(uid))?;
        let digits = uid.bytes().filter(u8::is_ascii_hexdigit).count();
        (digits == 32 && matches!(uid.len(), 32 | 36)).then(|| uid.replace('_', "-"))
    });
    uids.next_back().unwrap_or_default()
}

pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'))
}

/// A name as systemd writes it in a unit's: `\x2d` is a dash (systemd-escape(1)).
fn unescape(name: &str) -> String {
    let mut parts = name.split("\\x");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let byte = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).filter(u8::is_ascii);
        match byte {
            Some(byte) => {
                text.push(char::from(byte));
                text.push_str(&part[2..]);
            }
            None => {
                text.push_str("\\x");
                text.push_str(part);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const UID: &str = "2f6a1c9e-1d2b-4f3c-9a8b-0123456789ab";

    fn told(path: &str) -> Option<(String, String, String)> {
        let path = path.replace("<id>", ID).replace("<uid>", UID).replace("<u_id>", &UID.replace('-', "_"));
        container(&path).map(|found| (found.runtime, found.name.replace(ID, "<id>"), found.pod_uid))
    }

    #[test]
    fn containers_are_known_by_the_names_that_runtimes_give() {
        for (path, runtime, name, pod) in [
            ("/system.slice/docker-<id>.scope", "docker", "<id>", ""),
            ("/docker/<id>", "docker", "<id>", ""),
            ("/machine.slice/libpod-<id>.scope", "libpod", "<id>", ""),
            ("/libpod_parent/libpod-<id>", "libpod", "<id>", ""),
            ("/system.slice/nerdctl-<id>.scope", "nerdctl", "<id>", ""),
            (
                "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<u_id>.slice/cri-containerd-<id>.scope",
                "cri-containerd",
                "<id>",
                UID,
            ),
            ("/kubepods.slice/kubepods-pod<u_id>.slice/crio-<id>.scope", "crio", "<id>", UID),
            ("/kubepods/besteffort/pod<uid>/<id>", "", "<id>", UID),
            (
                "/system.slice/containerd.service/kubepods-pod<u_id>.slice:cri-containerd:<id>",
                "cri-containerd",
                "<id>",
                UID,
            ),
            (
                "/kubepods/burstable/pod0123456789abcdef0123456789abcdef/<id>",
                "",
                "<id>",
                "0123456789abcdef0123456789abcdef",
            ),
            (
                "/ecs/0123/0123456789abcdef0123456789abcdef-42",
                "ecs",
                "0123456789abcdef0123456789abcdef-42",
                "",
            ),
            ("/lxc/web", "lxc", "web", ""),
            ("/lxc.payload.web", "lxc", "web", ""),
            ("/machine.slice/machine-deb\\x2d13.scope", "machined", "deb-13", ""),
            ("/machine.slice/systemd-nspawn@web.service", "systemd-nspawn", "web", ""),
        ] {
            let expected = (runtime.to_owned(), name.to_owned(), pod.to_owned());
            assert_eq!(told(path), Some(expected), "{path}");
        }
    }

    #[test]
    fn what_is_around_and_in_containers_is_none() {
        for path in [
            "",
            "/",
            "/docker",
            "/system.slice/docker.service",
            "/machine.slice/libpod-conmon-<id>.scope",
            "/system.slice/crio-conmon-<id>.scope",
            "/docker/<id>/init",
            "/kubepods.slice/kubepods-pod<u_id>.slice",
            "/docker/X<id>",
            "/é<id>",
            "/machine-.scope",
            "/lxc",
            "/user.slice/session-3.scope",
        ] {
            assert_eq!(told(path), None, "{path}");
        }
    }

    #[test]
    fn units_are_those_of_the_systems_manager() {
        let name = |path: &str| unit(path).map(|unit| unit.name);
        assert_eq!(name("/system.slice/nginx.service"), Some("nginx.service".into()));
        assert_eq!(name("/init.scope"), Some("init.scope".into()));
        assert_eq!(
            name("/system.slice/system-getty.slice/getty@tty1.service"),
            Some("getty@tty1.service".into())
        );
        assert_eq!(name("/user.slice/user-0.slice/user@0.service/app.slice/x.service"), None);
        assert_eq!(name("/system.slice"), None);
        assert_eq!(name("/system.slice/nginx.service/worker"), None);
    }

    #[test]
    fn escapes_that_are_none_stay() {
        assert_eq!(unescape("a\\x2db\\x2Fc\\x2"), "a-b/c\\x2");
        assert_eq!(unescape("\\xff\\x"), "\\xff\\x");
    }

    proptest! {
        #[test]
        fn any_path_is_told_or_is_none(path in ".{0,120}", cut in 0_usize..64) {
            let _ = (container(&path), unit(&path), unescape(&path));
            let _ = container(&format!("{path}/pod{path}/{}{path}", &ID[cut..]));
        }
    }
}
