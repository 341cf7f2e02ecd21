//! Files that users of other programs have written, read as those programs read them.
//!
//! They are in Go and so is what they make of YAML: no variable is expanded (`${1}` is a group of a regular expression),
//! merge keys are followed, `yes` is true, a number may stand for a text. A table of [`Keys`] tells what stands at each
//! key and what it means here; by it the tree of a file is put into our terms, to be decoded into our types. Nothing
//! moves on the way, so what is wrong is told where it stands in the file.

mod meaning;
mod regex;
mod translator;
mod units;

use vigie_pipeline::check::KeyPath;

pub(crate) use self::meaning::{HEADER_VALUES, Keys, Meaning};
use crate::decode::Spot;
use crate::tree::Node;

/// What is wrong, and where.
pub(crate) type Wrong = Vec<(KeyPath, Spot, String)>;

/// Puts a tree whose top level has these keys into our terms; tells what has no place there.
pub(crate) fn translate(tree: &mut Node, keys: Keys) -> Wrong {
    translator::translate(tree, keys)
}
