//! Tree → types, by serde.
//!
//! Errors carry the way to the node that they are about. Unknown keys do not end the decoding: they are
//! noted and skipped. What else is wrong ends it; [`decode`] then leaves the node out and decodes the rest, so
//! that one run tells all that is wrong.
//!
//! A few leniencies towards people: a member of a struct without a value counts as absent (`logs:` with everything
//! below it commented out), and a string that was expanded from a variable may become a number or a boolean.

mod access;
mod decoder;
mod error;

use std::cell::RefCell;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use vigie_pipeline::check::{KeyPath, Step};

use self::decoder::Decoder;
pub(crate) use self::error::{Spot, Wrong, unknown_key};
use crate::tree::Node;

/// The most mistakes that are told at once.
pub(crate) const MAX_MISTAKES: usize = 100;

/// What the decoding of one tree shares.
struct Context<'c> {
    /// The directory of each source, where its relative paths start.
    directories: &'c [PathBuf],
    /// Where the decoding is.
    at: RefCell<KeyPath>,
    /// The nodes that were found wrong before, and are not to be decoded again.
    left_out: RefCell<Vec<KeyPath>>,
    /// Unknown keys.
    noted: RefCell<Vec<Wrong>>,
    /// Values that no message may show, and what to show instead.
    secrets: RefCell<Vec<(String, String)>>,
}

impl Context<'_> {
    /// Leaves out the node at `path`, or its closest ancestor that is not left out yet; false if there is none.
    fn leave_out(&self, mut path: KeyPath) -> bool {
        let mut left_out = self.left_out.borrow_mut();
        while left_out.contains(&path) {
            path.0.pop();
        }
        let more = !path.0.is_empty();
        if more {
            left_out.push(path);
        }
        more
    }

    fn is_left_out(&self, step: impl FnOnce() -> Step) -> bool {
        let left_out = self.left_out.borrow();
        !left_out.is_empty() && {
            let mut path = self.at.borrow().clone();
            path.0.push(step());
            left_out.contains(&path)
        }
    }
}

/// What came of it.
pub(crate) struct Decoded<T> {
    /// The value, or all that is wrong.
    pub result: Result<T, Vec<Wrong>>,
    /// Values that no message may show, and what to show instead.
    pub secrets: Vec<(String, String)>,
}

/// Decodes `root`.
pub(crate) fn decode<T: DeserializeOwned>(root: &Node, directories: &[PathBuf]) -> Decoded<T> {
    let context = Context {
        directories,
        at: RefCell::default(),
        left_out: RefCell::default(),
        noted: RefCell::default(),
        secrets: RefCell::default(),
    };
    let once = || T::deserialize(Decoder::new(root, &context));
    let mut wrong = Vec::new();
    let mut more = true;
    while more && wrong.len() < MAX_MISTAKES {
        let outcome = once();
        for noted in context.noted.take() {
            if !wrong.contains(&noted) {
                wrong.push(noted);
            }
        }
        match outcome {
            Ok(value) if wrong.is_empty() => {
                return Decoded { result: Ok(value), secrets: context.secrets.take() };
            }
            Ok(_) => more = false,
            Err(error) => {
                let error = error.into_wrong();
                more = context.leave_out(error.path.clone());
                wrong.push(error);
            }
        }
    }
    let left_out = context.left_out.take();
    let told = wrong.iter().filter(|this| !this.is_consequence_of(&left_out, &wrong)).cloned().collect();
    Decoded { result: Err(told), secrets: context.secrets.take() }
}
