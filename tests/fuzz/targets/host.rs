//! Any files of a host: all groups that read procfs and sysfs sample it twice, and what they tell can be told: numbers
//! that are some, names that metrics can have, no series twice.
//!
//! An input is files one behind the other, with a zero byte between them; the first line of each is its path.

#![cfg_attr(fuzzing, no_main)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use vigie_collectors::system::{Config, groups, recipes};
use vigie_pipeline::budget::Budget;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::page::{Page, Repeats};
use vigie_pipeline::plug::{Part, Surroundings};

/// They ask the kernel or a service of the real host, or they ask file systems.
#[rustfmt::skip]
const ELSEWHERE: [&str; 11] = [
    "container", "ethtool", "filesystem", "logind", "network_route", "selinux", "systemd", "tcpstat", "time", "timex",
    "uname",
];

/// The most files of an input: one of a thousand would be slow and tell nothing more.
const MOST: usize = 40;

/// Whether a path stays within the host and is one that a kernel could have.
fn is_sound(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let sound = |part: &&str| {
        let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte));
        plain && !part.is_empty() && part.len() < 64 && !matches!(*part, "." | "..")
    };
    parts.len() < 20 && parts.iter().all(sound)
}

/// Writes the files; those whose path is none, or is in the way of another, are left out.
fn write(root: &Path, data: &[u8]) {
    for file in data.split(|byte| *byte == 0).take(MOST) {
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        let (path, content) = file.split_at(end);
        let Some(path) = std::str::from_utf8(path).ok().filter(|path| is_sound(path)) else { continue };
        let path = root.join(path);
        if let Some(directory) = path.parent()
            && fs::create_dir_all(directory).is_ok()
        {
            let _ = fs::write(path, content.get(1..).unwrap_or_default());
        }
    }
}

fn config(root: &Path) -> Config {
    let named = |on: fn(&str) -> bool| {
        groups().iter().map(|group| group.name.to_owned()).filter(move |name| on(name))
    };
    let mut config = Config {
        procfs: root.join("proc").into(),
        sysfs: root.join("sys").into(),
        rootfs: root.into(),
        udev_data: root.join("udev/data").into(),
        enable: named(|name| !ELSEWHERE.contains(&name)).collect(),
        disable: named(|name| ELSEWHERE.contains(&name)).collect(),
        ..Config::default()
    };
    config.arp.netlink = false;
    config.netdev.netlink = false;
    config.netdev.label_ifalias = true;
    config.bcache.priority_stats = true;
    config.cpu.info = true;
    config.stat.softirq = true;
    config.rapl.enable_zone_label = true;
    config.sysctl.include = vec!["fs.file-nr:total,current,max".into(), "kernel.threads-max".into()];
    config.qdisc.fixtures = root.join("qdisc").into();
    config.wifi.fixtures = root.join("wifi").into();
    config.pcidevice.names = true;
    config.textfile.directory = vec![root.join("textfile").into()];
    config
}

fn surroundings() -> Surroundings {
    Surroundings::new(std::env::temp_dir(), Clock::system(), Budget::new(1 << 20))
}

fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':';
    name.bytes().all(plain) && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}

fn check(group: &str, page: &Page) {
    let mut told = BTreeSet::new();
    for (family, rows) in page.families() {
        assert!(is_name(&family.name), "{group}: {}", family.name);
        for row in rows {
            // What others write into files may be no number.
            let finite = row.value.is_finite() || group == "textfile";
            assert!(finite, "{group}: {}{{{}}} {}", family.name, row.labels, row.value);
            let new = told.insert((family.name.clone(), row.suffix.as_str(), row.labels));
            assert!(new, "{group}: {}{{{}}} twice", family.name, row.labels);
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let host = tempfile::tempdir().expect("a directory");
    write(host.path(), data);
    let mut repeats = Repeats::default();
    for recipe in recipes(&config(host.path())) {
        let Ok(Part::Sampler(mut sampling)) = recipe.build(&surroundings()) else {
            panic!("{} is not built", recipe.name)
        };
        for _ in 0..2 {
            let mut page = Page::default();
            let _ = sampling.sampler.sample(&mut page);
            repeats.drop_from(&mut page);
            check(&recipe.name, &page);
        }
    }
});
