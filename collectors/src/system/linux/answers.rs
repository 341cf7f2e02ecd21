//! Answers in files, in place of those of the kernel: what a group's setting `fixtures` names.
//!
//! They make a host seem to have what it lacks, so that dashboards and rules can be tried without the hardware. Files
//! made for upstream serve as they are; those are read by Go, to which the case of a key means nothing.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::file::{FileError, read_once};

/// What the JSON in a file says.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, FileError> {
    let mut buffer = Vec::new();
    let text = read_once(path, &mut buffer)?;
    let value = serde_json::from_slice(text).map(lower_case_keys).and_then(serde_json::from_value);
    value.map_err(|error| FileError::Malformed { path: path.to_owned(), what: error.to_string() })
}

fn lower_case_keys(value: Value) -> Value {
    match value {
        Value::Array(values) => values.into_iter().map(lower_case_keys).collect(),
        Value::Object(members) => {
            let lower = |(key, value): (String, Value)| (key.to_ascii_lowercase(), lower_case_keys(value));
            Value::Object(members.into_iter().map(lower).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, mangled};
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Answer {
        name: String,
    }

    const ANSWERS: &str = r#"[{"Name": "eth0"}, {"NAME": "eth1", "Other": [1]}]"#;

    #[test]
    fn the_case_of_keys_means_nothing() {
        let host = Fixture::new().with("answers.json", ANSWERS);
        let found: Vec<Answer> = read(&host.path().join("answers.json")).unwrap();
        assert_eq!(found.iter().map(|answer| &*answer.name).collect::<Vec<_>>(), ["eth0", "eth1"]);
    }

    #[test]
    fn what_is_wrong_is_told_with_the_file() {
        let host = Fixture::new().with("answers.json", "[{}]");
        let wrong = |name: &str| read::<Vec<Answer>>(&host.path().join(name)).unwrap_err();
        assert!(wrong("none.json").is_absent());
        assert!(wrong("answers.json").to_string().ends_with("answers.json: missing field `name`"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in mangled(ANSWERS)) {
            let host = Fixture::new().with("answers.json", text);
            let _ = read::<Vec<Answer>>(&host.path().join("answers.json"));
        }
    }
}
