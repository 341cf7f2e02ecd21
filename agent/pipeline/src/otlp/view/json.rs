//! Values as a person would write them: texts as they are, what is nested as JSON.

use std::fmt::Write;

use super::{Attributes, Value};

impl<'a> Value<'a> {
    /// As a person would write it; a text as it is, lists and nested objects as JSON. `scratch` is written over.
    #[must_use]
    pub fn text<'t>(&self, scratch: &'t mut String) -> &'t str
    where
        'a: 't,
    {
        if let Self::Text(text) = self {
            return text;
        }
        scratch.clear();
        self.write(scratch, false);
        scratch
    }

    /// Appends it, as JSON if texts are to be `quoted`.
    fn write(&self, out: &mut String, quoted: bool) {
        // Writing to a string cannot fail.
        let _ = match self {
            Self::Empty if quoted => write!(out, "null"),
            Self::Empty => Ok(()),
            Self::Text(text) if quoted => return write_quoted(text, out),
            Self::Text(text) => write!(out, "{text}"),
            Self::Bool(value) => write!(out, "{value}"),
            Self::Int(value) => write!(out, "{value}"),
            Self::Double(value) if quoted && !value.is_finite() => write!(out, "\"{value}\""),
            Self::Double(value) => write!(out, "{value}"),
            Self::Bytes(bytes) => {
                let quote = if quoted { "\"" } else { "" };
                out.push_str(quote);
                let written = bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"));
                out.push_str(quote);
                written
            }
            Self::List(list) => {
                out.push('[');
                for (number, value) in list.iter().enumerate() {
                    if number > 0 {
                        out.push(',');
                    }
                    value.write(out, true);
                }
                return out.push(']');
            }
            Self::Map(attributes) => return attributes.write_json(out),
        };
    }
}

impl Attributes<'_> {
    /// Appends them as a JSON object.
    pub fn write_json(&self, out: &mut String) {
        out.push('{');
        for (number, pair) in self.iter().enumerate() {
            if number > 0 {
                out.push(',');
            }
            write_quoted(pair.key, out);
            out.push(':');
            pair.value.write(out, true);
        }
        out.push('}');
    }
}

/// As a string of JSON.
fn write_quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control.is_ascii_control() => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}
