//! What the agent's own container is called where its control groups do not tell: by the files that runtimes mount into it.

use super::super::parse;
use super::identity::{Identity, is_hex};
use super::mounts;

/// Mount points of what runtimes write for one container.
const WRITTEN: [&str; 4] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/dev/termination-log"];

/// Docker mounts `…/docker/containers/<id>/hostname`, podman `…/overlay-containers/<id>/userdata/hostname`, and Kubernetes
/// `…/pods/<uid>/etc-hosts` and `…/pods/<uid>/containers/<name>/<number>`, whatever the file system is that they are on.
pub(super) fn identity(mountinfo: &[u8]) -> Identity {
    let mut identity = Identity::default();
    for line in parse::lines(mountinfo).filter_map(mounts::line) {
        let Ok(root) = String::from_utf8(line.root) else { continue };
        if !WRITTEN.iter().any(|point| line.point.as_os_str() == *point) {
            continue;
        }
        let parts: Vec<&str> = root.split('/').collect();
        for (at, pair) in parts.windows(2).enumerate() {
            match pair {
                ["containers", id] if is_id(id) => {
                    identity.name = (*id).to_owned();
                    identity.runtime = "docker".to_owned();
                }
                ["overlay-containers", id] if is_id(id) => {
                    identity.name = (*id).to_owned();
                    identity.runtime = "libpod".to_owned();
                }
                ["pods", uid] => {
                    identity.pod_uid = (*uid).to_owned();
                    if let Some(["containers", name]) = parts.get(at + 2..at + 4) {
                        identity.name = (*name).to_owned();
                    }
                }
                _ => {}
            }
        }
    }
    identity
}

fn is_id(text: &str) -> bool {
    text.len() == 64 && is_hex(text)
}

#[cfg(test)]
mod tests {
    use super::super::super::fixture::mangled;
    use super::*;
    use proptest::prelude::*;

    const ID: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const KUBERNETES: &str = "\
1 2 8:1 /var/lib/kubelet/pods/2f6a1c9e-1d2b-4f3c-9a8b-0123456789ab/etc-hosts /etc/hosts rw - ext4 /dev/sda1 rw
2 2 8:1 /var/lib/kubelet/pods/2f6a1c9e-1d2b-4f3c-9a8b-0123456789ab/containers/app/9d /dev/termination-log rw - ext4 /dev/sda1 rw
3 2 8:1 /sandboxes/1/hostname /etc/hostname rw - ext4 /dev/sda1 rw
";

    #[test]
    fn kubernetes_mounts_tell_pod_and_container() {
        let told = identity(KUBERNETES.as_bytes());
        let expected = ("app", "2f6a1c9e-1d2b-4f3c-9a8b-0123456789ab", "");
        assert_eq!((told.name.as_str(), told.pod_uid.as_str(), told.runtime.as_str()), expected);
    }

    #[test]
    fn docker_and_podman_mounts_tell_the_id() {
        for (root, runtime) in [
            (format!("/docker/containers/{ID}/hostname"), "docker"),
            (format!("/containers/storage/overlay-containers/{ID}/userdata/hostname"), "libpod"),
        ] {
            let told = identity(format!("1 2 8:1 {root} /etc/hostname rw - ext4 /dev/sda1 rw\n").as_bytes());
            assert_eq!((told.name.as_str(), told.runtime.as_str()), (ID, runtime));
        }
        let elsewhere = format!("1 2 8:1 /docker/containers/{ID}/hostname /mnt rw - ext4 /dev/sda1 rw\n");
        assert_eq!(identity(elsewhere.as_bytes()), Identity::default());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in mangled(KUBERNETES)) {
            let _ = identity(&text);
        }
    }
}
