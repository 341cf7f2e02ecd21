//! One file per way of being wrong, each with what is said about it.
//!
//! A file under `invalid/` begins with `# expect:` lines: the whole output, one mistake per line, with `FILE` for its own path
//! and `DIR` for its directory; a line that ends in `…` says only how it begins. `# set: NAME=value` sets an environment variable for it.

#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use vigie_config::{Origin, Variables};

fn files() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("invalid");
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|e| e == "yaml")).collect();
    files.sort();
    files
}

/// What follows `# key:` in the first lines, which are comments.
fn said<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
    let head = text.lines().take_while(|line| line.starts_with('#'));
    head.filter_map(|line| line.strip_prefix(key)).map(str::trim).collect()
}

#[test]
fn every_way_of_being_wrong_is_told_as_expected() {
    let mut failures = Vec::new();
    for file in files() {
        let bytes = std::fs::read(&file).unwrap();
        let text = String::from_utf8_lossy(&bytes).replace("\r\n", "\n");
        let expected = said(text.trim_start_matches('\u{feff}'), "# expect:").join("\n");
        let expected = expected
            .replace("FILE", file.to_str().unwrap())
            .replace("DIR", file.parent().unwrap().to_str().unwrap());
        let variables = said(&text, "# set:").into_iter().map(|set| set.split_once('=').unwrap());
        let variables = Variables::from_iter(variables);
        let origin = Origin { files: vec![file.clone()], variables, ..Origin::default() };
        let told = match origin.load() {
            Ok(_) => "nothing is wrong".to_owned(),
            Err(mistakes) => mistakes.to_string(),
        };
        let same = |(told, expected): (&str, &str)| match expected.strip_suffix('…') {
            Some(beginning) => told.starts_with(beginning),
            None => told == expected,
        };
        let as_many = told.lines().count() == expected.lines().count();
        if expected.is_empty() || !as_many || !told.lines().zip(expected.lines()).all(same) {
            failures.push(format!("--- {}\nexpected:\n{expected}\ntold:\n{told}", file.display()));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn there_is_a_file_for_every_way_of_being_wrong() {
    assert!(files().len() >= 40, "only {} files", files().len());
}
