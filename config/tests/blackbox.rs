//! Files of blackbox_exporter's format that are accepted, and those that are refused, with what is said of them.
//!
//! `refused/` is as `invalid/` is: each file begins with `# expect:` lines, with `FILE` for its own path; a line that ends
//! in `…` says only how it begins. tests/probes compares the verdicts with blackbox_exporter's own.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use vigie_config::{Loaded, Mistakes, Origin};

fn files(directory: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/blackbox").join(directory);
    let mut files: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Loads a configuration that names this file.
fn load(file: &Path) -> Result<Loaded, Mistakes> {
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("vigie.yaml");
    std::fs::write(&config, format!("collectors: {{ blackbox: {} }}\n", file.display())).unwrap();
    Origin { files: vec![config], ..Origin::default() }.load()
}

#[test]
fn what_blackbox_exporter_reads_is_accepted_and_watched() {
    let files = files("accepted");
    assert!(files.len() >= 3);
    for file in files {
        let loaded = load(&file).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert!(loaded.config.collectors.blackbox_modules.is_some());
        assert!(format!("{:?}", loaded.watched).contains(file.to_str().unwrap()));
    }
}

#[test]
fn what_is_refused_is_told_with_its_place() {
    let mut failures = Vec::new();
    for file in files("refused") {
        let text = std::fs::read_to_string(&file).unwrap();
        let expected: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# expect: "))
            .map(|line| line.replace("FILE", file.to_str().unwrap()))
            .collect();
        let told = load(&file).err().map(|mistakes| mistakes.to_string()).unwrap_or_default();
        let told: Vec<&str> = told.lines().collect();
        let same = |(told, expected): (&&str, &String)| match expected.strip_suffix('…') {
            Some(beginning) => told.starts_with(beginning),
            None => told == expected,
        };
        if expected.is_empty() || told.len() != expected.len() || !told.iter().zip(&expected).all(same) {
            failures.push(format!(
                "--- {}\nexpected:\n{}\ntold:\n{}",
                file.display(),
                expected.join("\n"),
                told.join("\n")
            ));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
