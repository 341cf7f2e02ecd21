//! The examples load, and the reference among them tells all there is.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vigie_config::{Config, Origin, Variables, schema};

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// With every variable that the example needs.
fn load(file: &Path) -> Config {
    let text = std::fs::read_to_string(file).unwrap();
    let needed =
        text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| (name, "x"));
    let origin =
        Origin { files: vec![file.to_owned()], variables: Variables::from_iter(needed), ..Origin::default() };
    origin.load().unwrap_or_else(|mistakes| panic!("{mistakes}")).config
}

#[test]
fn every_example_loads() {
    let entries = std::fs::read_dir(example("")).unwrap().map(|entry| entry.unwrap().path());
    let files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        load(&file);
    }
}

#[test]
fn the_reference_shows_the_defaults() {
    let shown = load(&example("vigie.yaml"));
    let default = Config::default();
    assert_eq!(shown.agent, default.agent);
    assert_eq!(shown.server, default.server);
    assert_eq!(shown.collectors.system, default.collectors.system);
    assert_eq!(shown.exporters.prometheus, default.exporters.prometheus);
    let otlp = shown.exporters.otlp[0].clone();
    let default = vigie_exporters::otlp::Config { endpoint: otlp.endpoint.clone(), ..Default::default() };
    assert_eq!(otlp, default);
}

/// The paths of all keys that the schema knows: `collectors.logs.name`.
/// What contains its own kind is looked into once.
fn keys(schema: &Value, at: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Some(reference) = at.get("$ref").and_then(Value::as_str) {
        let recursive = reference.ends_with("/Condition")
            && [".all", ".any", ".not"].iter().any(|end| path.ends_with(end));
        if !recursive {
            keys(schema, schema.pointer(reference.trim_start_matches('#')).unwrap(), path, found);
        }
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        for one in at.get(several).and_then(Value::as_array).into_iter().flatten() {
            keys(schema, one, path, found);
        }
    }
    if let Some(items) = at.get("items") {
        keys(schema, items, path, found);
    }
    for (key, member) in at.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}.{key}");
        keys(schema, member, &path, found);
        found.insert(path);
    }
}

/// The paths of all keys of a YAML text whose comments that look like keys are uncommented.
fn shown(text: &str) -> BTreeSet<String> {
    let mut lines = Vec::new();
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let commented = line.trim_start().strip_prefix("# ").filter(|rest| {
            indent > 0
                && rest.split_once(':').is_some_and(|(key, _)| {
                    key.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
                })
        });
        match commented {
            Some(rest) => lines.push(format!("{}{rest}", " ".repeat(indent))),
            None => lines.push(line.to_owned()),
        }
    }
    let value: serde_yaml::Value = serde_yaml::from_str(&lines.join("\n")).unwrap();
    let mut found = BTreeSet::new();
    collect(&value, "", &mut found);
    found
}

fn collect(value: &serde_yaml::Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        serde_yaml::Value::Mapping(members) => {
            for (key, member) in members {
                let path = format!("{path}.{}", key.as_str().unwrap());
                collect(member, &path, found);
                found.insert(path);
            }
        }
        serde_yaml::Value::Sequence(elements) => {
            elements.iter().for_each(|element| collect(element, path, found))
        }
        _ => {}
    }
}

#[test]
fn the_reference_shows_every_key() {
    let schema = schema();
    let mut known = BTreeSet::new();
    keys(&schema, &schema, "", &mut known);
    let shown = shown(&std::fs::read_to_string(example("vigie.yaml")).unwrap());
    // What is the same in two places is shown in one of them.
    let elsewhere = [
        ".logs.drop.",
        ".logs.transforms.keep.",
        ".logs.transforms.drop.",
        ".when.",
        ".flow.steps.http.",
        ".units.actions.",
        ".ports.actions.",
        ".files.actions.",
    ];
    let filters = |path: &&String| !elsewhere.iter().any(|part| path.contains(part));
    let missing: Vec<_> = known.difference(&shown).filter(filters).collect();
    assert!(known.len() > 80, "{known:?}");
    assert_eq!(missing, [] as [&String; 0]);
    // What is commented out is not loaded, so it is compared here.
    // The names of values are the configuration's own.
    let own_names = [
        ".flow.steps.extract.",
        ".headers.",
        ".counter.labels.",
        ".counter.start.",
        ".transforms.rename.",
        ".transforms.add.",
        // What contains its own kind.
        ".keep.all.",
        ".keep.any.",
        ".keep.not.",
    ];
    let named = |path: &&String| !own_names.iter().any(|part| path.contains(part));
    let unknown: Vec<_> = shown.difference(&known).filter(named).collect();
    assert_eq!(unknown, [] as [&String; 0]);
}
