//! How formats are written: those that need nothing more as a name, the others as a key with a text.

use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{LineFormat, Parse};

/// The formats that are a name.
static NAMED: [(&str, LineFormat); 20] = [
    ("none", LineFormat::None),
    ("auto", LineFormat::Auto),
    ("json", LineFormat::Json),
    ("logfmt", LineFormat::Logfmt),
    ("nginx_combined", LineFormat::NginxCombined),
    ("nginx_error", LineFormat::NginxError),
    ("apache_combined", LineFormat::ApacheCombined),
    ("apache_common", LineFormat::ApacheCommon),
    ("apache_error", LineFormat::ApacheError),
    ("gunicorn", LineFormat::Gunicorn),
    ("uvicorn", LineFormat::Uvicorn),
    ("syslog", LineFormat::Syslog),
    ("postgres", LineFormat::Postgres),
    ("redis", LineFormat::Redis),
    ("klog", LineFormat::Klog),
    ("python", LineFormat::Python),
    ("django", LineFormat::Django),
    ("loguru", LineFormat::Loguru),
    ("cri", LineFormat::Cri),
    ("docker", LineFormat::Docker),
];

/// Their names.
const NAMES: [&str; NAMED.len()] = {
    let mut names = [""; NAMED.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = NAMED[at].0;
        at += 1;
    }
    names
};

/// A format that is a key with a text.
struct Keyed {
    key: &'static str,
    /// What the text is, for the schema.
    text: &'static str,
    format: fn(String) -> LineFormat,
}

static KEYED: [Keyed; 4] = [
    Keyed {
        key: "regex",
        text: "An expression whose named groups become fields.",
        format: LineFormat::Regex,
    },
    Keyed {
        key: "grok",
        text: "An expression of named patterns, as Logstash has them; definitions may stand in lines before it.",
        format: LineFormat::Grok,
    },
    Keyed {
        key: "nginx",
        text: "nginx's `log_format`, as it stands in its configuration.",
        format: LineFormat::Nginx,
    },
    Keyed {
        key: "apache",
        text: "Apache's `LogFormat`, as it stands in its configuration, or the name of a well-known one.",
        format: LineFormat::Apache,
    },
];

/// Their keys.
const KEYS: [&str; KEYED.len()] = [KEYED[0].key, KEYED[1].key, KEYED[2].key, KEYED[3].key];

impl LineFormat {
    /// As the configuration calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Regex(_) => "regex",
            Self::Grok(_) => "grok",
            Self::Nginx(_) => "nginx",
            Self::Apache(_) => "apache",
            named => NAMED.iter().find(|(_, format)| format == named).map_or("", |(name, _)| name),
        }
    }

    /// What stands behind its key, if it has one.
    fn text(&self) -> Option<&str> {
        match self {
            Self::Regex(text) | Self::Grok(text) | Self::Nginx(text) | Self::Apache(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads one format.
struct Reader;

impl Reader {
    fn named<E: Error>(name: &str) -> Result<LineFormat, E> {
        let named = NAMED.iter().find(|(known, _)| *known == name);
        named.map(|(_, format)| format.clone()).ok_or_else(|| E::unknown_variant(name, &NAMES))
    }

    fn keyed<'de, A: MapAccess<'de>>(mut map: A) -> Result<LineFormat, A::Error> {
        let Some((key, text)) = map.next_entry::<String, String>()? else {
            return Err(A::Error::custom(format_args!("one of {} is required", KEYS.join(", "))));
        };
        let keyed = KEYED.iter().find(|keyed| keyed.key == key);
        let format = keyed.ok_or_else(|| A::Error::unknown_variant(&key, &KEYS))?.format;
        match map.next_key::<String>()? {
            None => Ok(format(text)),
            Some(other) => Err(A::Error::custom(format_args!(
                "`{key}` and `{other}` are two formats: write each as an element of a list"
            ))),
        }
    }
}

impl<'de> Visitor<'de> for Reader {
    type Value = LineFormat;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a format")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<LineFormat, E> {
        Self::named(name)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<LineFormat, A::Error> {
        Self::keyed(map)
    }
}

impl<'de> Deserialize<'de> for LineFormat {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Reader)
    }
}

struct ListReader;

impl<'de> Visitor<'de> for ListReader {
    type Value = Parse;

    fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("a format, or a list of formats")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Parse, E> {
        Reader::named(name).map(Parse::from)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Parse, A::Error> {
        Reader::keyed(map).map(Parse::from)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Parse, A::Error> {
        let mut formats = Vec::new();
        while let Some(format) = list.next_element()? {
            formats.push(format);
        }
        Ok(Parse(formats))
    }
}

impl<'de> Deserialize<'de> for Parse {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ListReader)
    }
}

impl Serialize for LineFormat {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.text() {
            None => to.serialize_str(self.name()),
            Some(text) => {
                let mut map = to.serialize_map(Some(1))?;
                map.serialize_entry(self.name(), text)?;
                map.end()
            }
        }
    }
}

impl Serialize for Parse {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if let [format] = self.0.as_slice() {
            return format.serialize(to);
        }
        let mut list = to.serialize_seq(Some(self.0.len()))?;
        for format in &self.0 {
            list.serialize_element(format)?;
        }
        list.end()
    }
}

impl JsonSchema for LineFormat {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LineFormat".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let mut choices = vec![serde_json::json!({ "type": "string", "enum": NAMES })];
        choices.extend(KEYED.iter().map(|Keyed { key, text, .. }| {
            serde_json::json!({
                "type": "object",
                "properties": { *key: { "type": "string", "description": text } },
                "required": [key],
                "additionalProperties": false,
            })
        }));
        json_schema!({ "description": "The format of a line.", "oneOf": choices })
    }
}

impl JsonSchema for Parse {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Parse".into()
    }

    fn json_schema(schemas: &mut SchemaGenerator) -> Schema {
        let one = schemas.subschema_for::<LineFormat>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one, "minItems": 1 }] })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_read_is_written_so_again() {
        let formats = NAMES.map(serde_json::Value::from).into_iter();
        let keyed = KEYS.map(|key| serde_json::json!({ key: "(?P<a>x)" }));
        for json in formats.chain(keyed) {
            let format: LineFormat = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(serde_json::to_value(&format).unwrap(), json);
            let alone: Parse = serde_json::from_value(json.clone()).unwrap();
            assert_eq!(alone, format.clone().into());
            assert_eq!(serde_json::to_value(&alone).unwrap(), json);
            let list: Parse = serde_json::from_value(serde_json::json!(["cri", json])).unwrap();
            assert_eq!(list, Parse(vec![LineFormat::Cri, format]));
            assert_eq!(serde_json::to_value(&list).unwrap(), serde_json::json!(["cri", json]));
        }
    }

    #[test]
    fn what_is_no_format_is_told_what_is() {
        let error = |json: serde_json::Value| serde_json::from_value::<Parse>(json).unwrap_err().to_string();
        assert!(
            error("jsonl".into())
                .starts_with("unknown variant `jsonl`, expected one of `none`, `auto`, `json`")
        );
        assert!(
            error(serde_json::json!({ "regexp": "x" }))
                .starts_with("unknown variant `regexp`, expected one of `regex`")
        );
        assert!(error(serde_json::json!({})).starts_with("one of regex"));
        assert!(
            error(serde_json::json!({ "regex": "x", "text": "y" })).starts_with("`regex` and `text` are two")
        );
        assert!(error(5.into()).contains("expected a format, or a list of formats"));
    }
}
