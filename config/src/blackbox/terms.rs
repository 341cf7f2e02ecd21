//! A tree in blackbox_exporter's terms, put into vigie's.

use super::binary;
use super::keys::FILE;
use crate::foreign::{self, Wrong};
use crate::tree::{Node, Value};

/// Puts all of a file's tree into vigie's terms; tells what has no place there. `text` is what the tree was read from.
pub(super) fn translate(tree: &mut Node, text: &str) -> Wrong {
    let mut wrong = foreign::translate(tree, FILE);
    binary::decode(tree, text, &mut wrong);
    if let Some(Node { value: Value::Map(modules), .. }) = tree.get_mut(&["modules"]) {
        for (_, module) in modules {
            default(module);
        }
    }
    wrong
}

/// What blackbox_exporter takes where nothing is said, and vigie does not.
fn default(module: &mut Node) {
    let limit = ["http", "body_size_limit"];
    let is_null = |node: &Node| node.value == Value::Null;
    if module.get(&limit).is_none_or(is_null) {
        let none = Node { value: Value::Integer(0), origin: module.origin };
        module.set(&limit, none);
    }
}
