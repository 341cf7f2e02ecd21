//! `!!binary`: bytes in base64, where a text is wanted. What is sent to a server over TCP is often no text.
//!
//! The parser reads the tag and tells nobody. So where the file has the word at all, each text is looked up in it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use vigie_pipeline::check::{KeyPath, Step};

use crate::decode::Spot;
use crate::foreign::Wrong;
use crate::position;
use crate::tree::{Node, Value};

const TAG: &str = "!!binary";

/// The keys whose bytes may be no text, and those of ours that take them in base64.
const OF_BYTES: [(&str, &str); 2] = [("send", "send_base64"), ("expect_bytes", "expect_base64")];

/// Decodes what is marked with it in `text`, which `tree` was read from.
pub(super) fn decode(tree: &mut Node, text: &str, wrong: &mut Wrong) {
    if text.contains(TAG) {
        below(tree, text, &mut KeyPath::default(), wrong);
    }
}

fn below(node: &mut Node, text: &str, at: &mut KeyPath, wrong: &mut Wrong) {
    match &mut node.value {
        Value::List(elements) => {
            for (index, element) in elements.iter_mut().enumerate() {
                at.0.push(Step::Index(index));
                below(element, text, at, wrong);
                at.0.pop();
            }
        }
        Value::Map(members) => {
            for (key, member) in members {
                at.0.push(Step::Key(key.clone()));
                match &mut member.value {
                    Value::Text(encoded) if is_tagged(text, at) => match plain(&encoded.value) {
                        Ok(Plain::Text(text)) => encoded.value = text,
                        Ok(Plain::Base64(base64)) => {
                            match OF_BYTES.iter().find(|(theirs, _)| theirs == key) {
                                Some((_, ours)) => (*key, encoded.value) = ((*ours).to_owned(), base64),
                                None => {
                                    wrong.push((at.clone(), Spot::Value, "these bytes are no text".into()))
                                }
                            }
                        }
                        Err(error) => wrong.push((at.clone(), Spot::Value, format!("not base64: {error}"))),
                    },
                    _ => below(member, text, at, wrong),
                }
                at.0.pop();
            }
        }
        _ => {}
    }
}

enum Plain {
    Text(String),
    /// What is no text, without blank space.
    Base64(String),
}

fn plain(encoded: &str) -> Result<Plain, base64::DecodeError> {
    let dense: String = encoded.split_ascii_whitespace().collect();
    let bytes = BASE64_STANDARD.decode(&dense)?;
    Ok(String::from_utf8(bytes).map_or(Plain::Base64(dense), Plain::Text))
}

fn is_tagged(text: &str, at: &KeyPath) -> bool {
    let Some((line, column)) = position::of_value(text, &at.0) else { return false };
    let Some(line) = text.lines().nth(line - 1) else { return false };
    line.chars().skip(column - 1).collect::<String>().starts_with(TAG)
}
