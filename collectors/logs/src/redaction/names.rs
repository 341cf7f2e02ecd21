//! What names of attributes say: the same few come with every record, so they are looked into once.

use super::engine::{Engine, Scratch};
use super::keys::{self, Kind};

/// What a name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    /// Nothing about its value.
    Plain,
    /// That its value is secret.
    Says(Kind),
    /// There is a secret in the name itself.
    Secret,
}

/// So many names are remembered.
const PLACES: usize = 128;
/// Longer ones are not.
const LONGEST: usize = 64;

/// See the module.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    known: Vec<(Vec<u8>, Name)>,
}

impl Names {
    /// What `name` says.
    pub(super) fn of(&mut self, name: &[u8], engine: &Engine, scratch: &mut Scratch) -> Name {
        if name.is_empty() || name.len() > LONGEST {
            return look(name, engine, scratch);
        }
        if self.known.is_empty() {
            self.known = vec![(Vec::new(), Name::Plain); PLACES];
        }
        let (first, middle, last) = (name[0], name[name.len() / 2], name[name.len() - 1]);
        let place = usize::from(first) + 3 * usize::from(middle) + 5 * usize::from(last) + 7 * name.len();
        let known = &mut self.known[place % PLACES];
        if known.0 != name {
            known.0.clear();
            known.0.extend_from_slice(name);
            known.1 = look(name, engine, scratch);
        }
        known.1
    }
}

fn look(name: &[u8], engine: &Engine, scratch: &mut Scratch) -> Name {
    // What is looked for in this record alone says nothing about a name, which is remembered.
    let needles = std::mem::take(&mut scratch.needles);
    engine.search(&String::from_utf8_lossy(name), scratch);
    scratch.needles = needles;
    if !scratch.spans.is_empty() {
        return Name::Secret;
    }
    match keys::kind(name) {
        Some(kind) if engine.rule_of(kind).is_some() => Name::Says(kind),
        _ => Name::Plain,
    }
}
