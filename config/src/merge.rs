//! Several files, one configuration.
//!
//! Mappings merge, lists join, and a scalar may be set in one file only: no file silently wins over another,
//! whatever order they are read in. (Names that two lists both use are found later, where names are known.)

use vigie_pipeline::check::{KeyPath, Step};

use crate::tree::{Node, Value};

/// Two nodes at `path` that cannot both stand.
#[derive(Debug)]
pub(crate) struct Conflict {
    pub path: KeyPath,
    pub first: Node,
    pub second: Node,
}

/// Adds `second` to `first`, both at `path`.
pub(crate) fn merge(first: &mut Node, second: Node, path: &mut KeyPath, conflicts: &mut Vec<Conflict>) {
    match (&mut first.value, second.value) {
        (_, Value::Null) => {}
        (value @ Value::Null, given) => {
            *value = given;
            first.origin.source = second.origin.source;
        }
        (Value::List(elements), Value::List(more)) => elements.extend(more),
        (Value::Map(members), Value::Map(more)) => {
            for (key, member) in more {
                match members.iter_mut().find(|(k, _)| *k == key) {
                    Some((_, present)) => {
                        path.0.push(Step::Key(key));
                        merge(present, member, path, conflicts);
                        path.0.pop();
                    }
                    None => members.push((key, member)),
                }
            }
        }
        (_, value) => {
            let second = Node { value, origin: second.origin };
            conflicts.push(Conflict { path: path.clone(), first: first.clone(), second });
        }
    }
}
