//! Any files of processes: the groups and the largest programs are sampled of some looks, one after the other, and what
//! they tell can be told: numbers that are some, no series twice, and counters that never go back.
//!
//! An input is looks with `\x1d` between them, each of them files with `\x1e` between them; the first line of a file is
//! its path, from the PID on. A file stays as it is until it is written again; one without a content and a newline goes.

#![cfg_attr(fuzzing, no_main)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use vigie_collectors::processes::{Config, recipes};
use vigie_collectors::system::Roots;
use vigie_pipeline::budget::Budget;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::metric::Kind;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Part, Surroundings};

/// Groups of all kinds of match that read files of the process.
const CONFIG: &str = r#"{
    "groups": [
        {"name": "comm", "match": {"comm": ["a"]}},
        {"name": "childless", "match": {"exe": ["b"]}, "children": false},
        {"name": "cmdline", "match": {"cmdline": ["c+ d"]}},
        {"name": "parent", "match": {"parent": ["e"]}},
        {"name": "cgroup", "match": {"cgroup": ["/f/**"]}},
        {"name": "unit", "match": {"unit": ["g"]}},
        {"name": "user", "match": {"user": ["h", "7"]}},
        {"name": "port", "match": {"port": [80]}}
    ],
    "smaps": {"enabled": true},
    "top": 2,
    "max_groups": 3
}"#;

/// The rest is called what it is.
const NAME_RULES: &str = r#"{"process_names": [
    {"name": "{{.Matches.x}} {{.Comm}}", "cmdline": ["i(?P<x>.*)"]},
    {"name": "{{.ExeBase}} {{.ExeFull}} {{.Username}} {{.PID}} {{.StartTime}} {{.Cgroups}}", "cmdline": [".+"]}
]}"#;

/// The most looks of an input, and the most files of a look.
const MOST: (usize, usize) = (4, 40);

/// Whether a path is one that the kernel could have.
fn is_sound(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    let sound = |part: &&str| {
        let plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        plain && !part.is_empty() && part.len() < 16
    };
    parts.len() < 5 && parts.iter().all(sound)
}

/// Writes the files; those whose path is none, or is in the way of another, are left out.
fn write(root: &Path, look: &[u8]) {
    for file in look.split(|byte| *byte == 0x1e).take(MOST.1) {
        let end = file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len());
        let (path, content) = file.split_at(end);
        let Some(path) = std::str::from_utf8(path).ok().filter(|path| is_sound(path)) else { continue };
        let path = root.join(path);
        match content.get(1..) {
            None => {
                let _ = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
            }
            Some(content) => {
                if path.parent().is_some_and(|directory| fs::create_dir_all(directory).is_ok()) {
                    let _ = fs::write(path, content);
                }
            }
        }
    }
}

fn surroundings(clock: Clock) -> Surroundings {
    Surroundings::new(std::env::temp_dir(), clock, Budget::new(1 << 20))
}

/// What counters told at the last look.
type Counted = BTreeMap<String, f64>;

fn check(page: &Page, counted: &mut Counted) {
    let mut told = BTreeSet::new();
    for (family, rows) in page.families() {
        for row in rows {
            let series = format!("{}{{{}}}", family.name, row.labels);
            assert!(row.value.is_finite() && row.value >= 0.0, "{series} {}", row.value);
            assert!(told.insert(series.clone()), "{series} twice");
            if family.kind == Kind::Counter {
                let before = counted.insert(series.clone(), row.value).unwrap_or(0.0);
                assert!(row.value >= before, "{series} goes from {before} to {}", row.value);
            }
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let host = tempfile::tempdir().expect("a directory");
    let procfs = host.path().join("proc");
    fs::create_dir(&procfs).expect("a directory");
    let _ = fs::write(procfs.join("stat"), "btime 1700000000\n");
    let roots = Roots { procfs: procfs.as_path().into(), rootfs: host.path().into(), ..Roots::default() };
    let config: Config = serde_json::from_str(CONFIG).expect("a configuration");
    let config = Config { name_rules: serde_json::from_str(NAME_RULES).expect("rules"), ..config };
    let (clock, hand) = Clock::manual(UNIX_EPOCH);
    let surroundings = surroundings(clock);
    let mut samplers = Vec::new();
    for recipe in recipes(&config, &roots).iter().filter(|recipe| *recipe.name != *"own") {
        match recipe.build(&surroundings) {
            Ok(Part::Sampler(sampling)) => samplers.push(sampling.sampler),
            _ => panic!("{} is not built", recipe.name),
        }
    }
    let mut counted = Counted::new();
    for look in data.split(|byte| *byte == 0x1d).take(MOST.0) {
        write(&procfs, look);
        hand.advance(Duration::from_secs(15));
        for sampler in &mut samplers {
            let mut page = Page::default();
            let _ = sampler.sample(&mut page);
            check(&page, &mut counted);
        }
    }
});
