//! Who the host is, as OpenTelemetry's semantic conventions say it: the resource of all that is sent.

use std::path::Path;

use sysinfo::System;

use super::os_release::{FILES, OsRelease};

/// `host.*` and `os.*` of the machine whose root is at `rootfs`; what cannot be found out is left out.
///
/// Names come from sysinfo, on any system; where there are `os-release` and `machine-id` below the root,
/// those count, so that in a container it is the host that is named.
#[must_use]
pub fn identity(rootfs: &Path) -> Vec<(&'static str, String)> {
    let release = FILES.iter().find_map(|file| std::fs::read(rootfs.join(file)).ok());
    let release = OsRelease::parse(&release.unwrap_or_default());
    let told = |name: &str| Some(release.get(name).to_owned()).filter(|value| !value.is_empty());
    let found = [
        ("host.name", System::host_name().ok()),
        ("host.id", machine_id(rootfs)),
        ("host.arch", Some(arch(std::env::consts::ARCH).to_owned())),
        ("os.type", Some(os_type(std::env::consts::OS).to_owned())),
        ("os.name", told("NAME").or_else(|| System::name().ok())),
        ("os.version", told("VERSION_ID").or_else(|| System::os_version().ok())),
        ("os.description", told("PRETTY_NAME").or_else(|| System::long_os_version().ok())),
    ];
    found.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// machine-id(5): made once when the system was installed; 32 hexadecimal digits. An image that is not
/// booted yet has none, or the word `uninitialized`.
fn machine_id(rootfs: &Path) -> Option<String> {
    ["etc/machine-id", "var/lib/dbus/machine-id"].iter().find_map(|file| {
        let text = std::fs::read_to_string(rootfs.join(file)).ok()?;
        let id = text.trim();
        (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
    })
}

/// Rust's name of an architecture in the words of the convention.
fn arch(arch: &str) -> &str {
    match arch {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "arm" => "arm32",
        "powerpc" => "ppc32",
        "powerpc64" => "ppc64",
        other => other,
    }
}

/// Rust's name of an operating system in the words of the convention.
fn os_type(os: &str) -> &str {
    match os {
        "macos" => "darwin",
        "dragonfly" => "dragonflybsd",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn get<'i>(identity: &'i [(&str, String)], key: &str) -> Option<&'i str> {
        identity.iter().find(|(known, _)| *known == key).map(|(_, value)| value.as_str())
    }

    #[test]
    fn the_host_below_the_root_is_the_one_that_is_named() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
        let release = "NAME=Fedora\nVERSION_ID=44\nPRETTY_NAME=\"Fedora Linux 44\"\n";
        std::fs::write(root.path().join("etc/os-release"), release).unwrap();
        let identity = identity(root.path());
        assert_eq!(get(&identity, "host.id"), Some("0123456789abcdef0123456789abcdef"));
        assert_eq!(get(&identity, "os.name"), Some("Fedora"));
        assert_eq!(get(&identity, "os.version"), Some("44"));
        assert_eq!(get(&identity, "os.description"), Some("Fedora Linux 44"));
        assert_eq!(get(&identity, "os.type"), Some(os_type(std::env::consts::OS)));
        assert!(get(&identity, "host.name").is_some_and(|name| !name.is_empty()));
    }

    #[test]
    fn an_id_that_is_none_is_left_out() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("etc")).unwrap();
        std::fs::write(root.path().join("etc/machine-id"), "uninitialized\n").unwrap();
        let identity = identity(root.path());
        assert_eq!(get(&identity, "host.id"), None);
        assert!(identity.iter().all(|(_, value)| !value.is_empty()));
    }
}
