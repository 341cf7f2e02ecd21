//! The JSON Schema of the configuration, for editors and for checks in a pipeline.

use schemars::transform::{Transform, transform_subschemas};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::load::Config;

/// The schema of the whole file, in draft 2020-12. It accepts what the loader reads, except for what only a
/// look at the machine can tell.
#[must_use]
pub fn schema() -> Value {
    let mut schema = SchemaGenerator::default().into_root_schema_for::<Config>();
    schema.insert("title".to_owned(), json!("vigie.yaml"));
    Expandable.transform(&mut schema);
    schema.into()
}

/// Lets `${VAR}` stand where a number, a boolean or one of several words is expected.
#[derive(Clone)]
struct Expandable;

impl Transform for Expandable {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else { return };
        let scalar = match object.get("type") {
            Some(Value::String(name)) => matches!(name.as_str(), "integer" | "number" | "boolean"),
            Some(Value::Array(names)) => names
                .iter()
                .all(|name| matches!(name.as_str(), Some("integer" | "number" | "boolean" | "null"))),
            _ => false,
        };
        if scalar {
            let described = ["description", "default", "title"].map(|key| object.remove_entry(key));
            let plain = Value::Object(std::mem::take(object));
            object.insert("anyOf".to_owned(), json!([plain, { "type": "string", "pattern": r"\$\{" }]));
            object.extend(described.into_iter().flatten());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Every schema of the tree, with the way to it.
    fn each(schema: &Value, path: &str, f: &mut dyn FnMut(&str, &serde_json::Map<String, Value>)) {
        match schema {
            Value::Object(members) => {
                f(path, members);
                for (key, member) in members.iter().filter(|(key, _)| *key != "default" && *key != "examples")
                {
                    each(member, &format!("{path}/{key}"), f);
                }
            }
            Value::Array(elements) => elements.iter().for_each(|element| each(element, path, f)),
            _ => {}
        }
    }

    #[test]
    fn unknown_keys_are_refused_everywhere() {
        let mut objects = 0;
        each(&schema(), "", &mut |path, members| {
            if members.get("properties").is_some_and(Value::is_object) && members.contains_key("type") {
                assert_eq!(members.get("additionalProperties"), Some(&json!(false)), "{path}");
                objects += 1;
            }
        });
        assert!(objects > 10, "{objects}");
    }

    #[test]
    fn every_key_is_described() {
        each(&schema(), "", &mut |path, members| {
            let Some(Value::Object(properties)) = members.get("properties") else { return };
            for (key, property) in properties.iter().filter(|(_, property)| property.is_object()) {
                assert!(property.get("description").is_some(), "{path}/{key}");
            }
        });
    }

    #[test]
    fn a_variable_may_stand_for_a_number() {
        let schema = schema();
        let connections = &schema["$defs"]["Server"]["properties"]["max_connections"];
        assert_eq!(connections["anyOf"][0]["type"], "integer");
        assert_eq!(connections["anyOf"][1]["type"], "string");
        assert_eq!(connections["default"], 64);
    }
}
