//! By what an error is known again.
//!
//! The rule, version 1. It is part of what users save and alert on: a change makes all errors new, so it gets a new
//! version and a note to users. These texts, each closed by a NUL byte, are hashed with FNV-1a of 64 bits (offset basis
//! `cbf29ce484222325`, prime `100000001b3`), which is written as 16 hexadecimal digits:
//!
//! 1. `v1`.
//! 2. The type of the outermost exception: what the language reports last.
//! 3. Its place: the innermost call of the application, and if there is none, the innermost of all: the function, the
//!    name of the file without directories and without a bundler's hash, and the text of the line where the language
//!    prints it (Python).
//! 4. The functions that it called in libraries and the runtime, from the outside to the inside, each once, eight at
//!    most: the same call fails in different ways.
//! 5. Instead of 3 and 4, where there is no call, and besides 3 where its function is not known: the first line of the
//!    message, of which quoted text, numbers and identifiers are left out.
//! 6. For each cause, from the immediate one to the root: `cause` and its 2, 3 and 5. Those that were raised together
//!    (exception groups, aggregates) are sorted, and each counts once.
//!
//! So line numbers, addresses, directories, and the values in messages are no part of it, nor is what called the
//! application's innermost function, nor what a compiler numbers ([`super::normal`]).

use std::fmt;

use super::normal;
use super::trace::{Raised, Trace};

/// So many calls of libraries take part.
const BENEATH: usize = 8;

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    /// Of a traceback.
    pub(crate) fn of(trace: &Trace<'_>) -> Self {
        let mut hash = Fnv::default();
        hash.add("v1");
        for text in parts(&trace.outermost, true) {
            hash.add(&text);
        }
        let causes = |is_member| trace.causes.iter().filter(move |cause| cause.is_member == is_member);
        let mut members: Vec<Vec<String>> = causes(true).map(|cause| parts(cause, false)).collect();
        members.sort_unstable();
        members.dedup();
        for cause in causes(false).map(|cause| parts(cause, false)).chain(members) {
            hash.add("cause");
            cause.iter().for_each(|text| hash.add(text));
        }
        Self(hash.0)
    }

    /// From 16 hexadecimal digits.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let is_one = text.len() == 16 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_one.then(|| u64::from_str_radix(text, 16).ok().map(Self))?
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What of an exception takes part.
fn parts(raised: &Raised<'_>, with_beneath: bool) -> Vec<String> {
    let mut parts = vec![raised.name.to_owned()];
    let place = raised.place();
    let is_known =
        place.as_ref().is_some_and(|(frame, _)| !frame.function.is_empty() || !frame.source.is_empty());
    if let Some((frame, beneath)) = place {
        parts.extend([frame.function.to_string(), normal::file_name(frame.file), frame.source.to_owned()]);
        if with_beneath {
            let before = parts.len();
            for called in beneath {
                if parts.len() < before + BENEATH
                    && !parts[before..].iter().any(|other| *other == *called.function)
                {
                    parts.push(called.function.to_string());
                }
            }
        }
    }
    if !is_known {
        parts.push(normal::message(raised.message));
    }
    parts
}

/// Of one text.
pub(super) fn fnv(text: &str) -> u64 {
    let mut hash = Fnv::default();
    hash.add(text);
    hash.0
}

/// The hash of Fowler, Noll and Vo.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Fnv {
    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests;
