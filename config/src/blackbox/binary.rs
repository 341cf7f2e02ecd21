//! `!!binary`: bytes in base64, where a text is wanted. What is sent to a server over TCP is often no text.
//!
//! The parser reads the tag and tells nobody. So where the file has the word at all, each text is looked up in it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use vigie_pipeline::check::{KeyPath, Step};

use super::terms::Wrong;
use crate::decode::Spot;
use crate::position;
use crate::tree::{Node, Value};

const TAG: &str = "!!binary";

/// Decodes what is marked with it in `text`, which `tree` was read from.
pub(super) fn decode(tree: &mut Node, text: &str, wrong: &mut Wrong) {
    if text.contains(TAG) {
        below(tree, text, &mut KeyPath::default(), wrong);
    }
}

fn below(node: &mut Node, text: &str, at: &mut KeyPath, wrong: &mut Wrong) {
    let mut step = |step, node: &mut Node| {
        at.0.push(step);
        below(node, text, at, wrong);
        at.0.pop();
    };
    match &mut node.value {
        Value::List(elements) => {
            elements.iter_mut().enumerate().for_each(|(i, node)| step(Step::Index(i), node))
        }
        Value::Map(members) => members.iter_mut().for_each(|(key, node)| step(Step::Key(key.clone()), node)),
        Value::Text(encoded) if is_tagged(text, at) => {
            let plain: String = encoded.value.split_ascii_whitespace().collect();
            match BASE64_STANDARD.decode(plain) {
                Ok(bytes) => node.value = bytes_or_text(bytes),
                Err(error) => wrong.push((at.clone(), Spot::Value, format!("not base64: {error}"))),
            }
        }
        _ => {}
    }
}

fn bytes_or_text(bytes: Vec<u8>) -> Value {
    match String::from_utf8(bytes) {
        Ok(text) => Value::text(text),
        Err(error) => Value::Bytes(error.into_bytes()),
    }
}

fn is_tagged(text: &str, at: &KeyPath) -> bool {
    let Some((line, column)) = position::of_value(text, &at.0) else { return false };
    let Some(line) = text.lines().nth(line - 1) else { return false };
    line.chars().skip(column - 1).collect::<String>().starts_with(TAG)
}
