//! Files with targets of probes, in the form of Prometheus' service discovery by files, YAML or JSON.

use std::path::Path;

use vigie_collectors::probes::FileGroup;

use crate::source::read_bounded;

/// The largest file of targets that is read: some hundred thousand of them.
const MAX_TARGETS: u64 = 16 << 20;

/// Reads such a file. Nothing in it is expanded.
///
/// # Errors
/// What is wrong with it, with the place; begins with the path.
pub fn read_targets(file: &Path) -> Result<Vec<FileGroup>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let bytes = read_bounded(file, MAX_TARGETS).map_err(|error| wrong(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| wrong(&error))?;
    if text.trim().is_empty() {
        return Err(wrong(&"empty: still being written, or write `[]` for no targets"));
    }
    // JSON is YAML as well.
    serde_yaml::from_str(&text).map_err(|error| wrong(&error))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use super::*;

    fn read(text: &str) -> Result<Vec<FileGroup>, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read_targets(file.path())
    }

    #[test]
    fn targets_are_read_from_yaml_and_from_json() {
        let yaml = "- targets: [a, b]\n  labels:\n    team: shop\n- targets: ['${x}']\n";
        let json = r#"[{"targets": ["a", "b"], "labels": {"team": "shop"}}, {"targets": ["${x}"]}]"#;
        let groups = read(yaml).unwrap();
        assert_eq!(groups, read(json).unwrap());
        assert_eq!((groups[0].targets.len(), groups[0].labels["team"].as_str()), (2, "shop"));
        assert_eq!(groups[1].targets, ["${x}"]);
        assert_eq!(read("[]").unwrap(), []);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let error = read("- targets: [a]\n- target: [b]\n").unwrap_err();
        assert!(error.contains("unknown field `target`") && error.contains("line 2"), "{error}");
        for wrong in ["", "targets: [a]", "- targets: [a", "[{\"targets\": 7}]"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read_targets(Path::new("/nowhere.yml")).unwrap_err().starts_with("/nowhere.yml: "));
    }
}
