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
