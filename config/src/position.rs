//! On which line and column a value stands.
//!
//! serde_yaml knows positions only in its errors. So the text is read once more, ignoring all but the way to
//! the value, and the reading *fails there on purpose*: the error then says where that was. This costs a parse per
//! mistake, and nothing at all when there is none; and it cannot disagree with the parser about what the text means.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use vigie_pipeline::check::Step;

/// Line and column, from 1, of the value at `path`; for a mapping or a list, of its first token.
pub(crate) fn of_value(text: &str, path: &[Step]) -> Option<(usize, usize)> {
    find(text, path, false)
}

/// Line and column of the key that names the value at `path`, which must end in a key.
pub(crate) fn of_key(text: &str, path: &[Step]) -> Option<(usize, usize)> {
    matches!(path.last(), Some(Step::Key(_))).then(|| find(text, path, true)).flatten()
}

/// Line and column of the key of the deepest mapping member, or of the element, that exists on the way to `path`.
pub(crate) fn nearest(text: &str, path: &[Step]) -> (usize, usize) {
    (0..=path.len())
        .rev()
        .find_map(|n| of_key(text, &path[..n]).or_else(|| of_value(text, &path[..n])))
        .unwrap_or((1, 1))
}

fn find(text: &str, path: &[Step], key: bool) -> Option<(usize, usize)> {
    let way = Way { path, key, arrived: &std::cell::Cell::new(false) };
    let error = way.deserialize(serde_yaml::Deserializer::from_str(text)).err()?;
    let location = error.location().filter(|_| way.arrived.get())?;
    Some((location.line(), location.column()))
}

#[derive(Clone, Copy)]
struct Way<'p> {
    path: &'p [Step],
    /// Whether to stop at the key of the last step, not at its value.
    key: bool,
    /// Tells our failure from those of the parser.
    arrived: &'p std::cell::Cell<bool>,
}

impl Way<'_> {
    fn stop<E: serde::de::Error>(self) -> E {
        self.arrived.set(true);
        E::custom("here")
    }

    /// At a scalar: arrived, or past it.
    fn scalar<E: serde::de::Error>(self) -> Result<(), E> {
        if self.path.is_empty() { Err(self.stop()) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Way<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Way<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<(), E> {
        self.scalar()
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<(), E> {
        self.scalar()
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<(), E> {
        self.scalar()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<(), E> {
        self.scalar()
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Some((step, rest)) = self.path.split_first() else { return Err(self.stop()) };
        let mut index = 0;
        loop {
            let more = if *step == Step::Index(index) {
                access.next_element_seed(Way { path: rest, ..self })?
            } else {
                access.next_element::<IgnoredAny>()?.map(|_| ())
            };
            if more.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let Some((step, rest)) = self.path.split_first() else { return Err(self.stop()) };
        let here = Way { key: self.key && rest.is_empty(), ..self };
        while let Some(on_the_way) = access.next_key_seed(KeyOf { step, way: here })? {
            if on_the_way {
                access.next_value_seed(Way { path: rest, ..self })?;
            } else {
                access.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Tells whether a key is the next step; stops at it when it is the last one and the key is wanted.
struct KeyOf<'p> {
    step: &'p Step,
    way: Way<'p>,
}

impl<'de> DeserializeSeed<'de> for KeyOf<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeyOf<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<bool, E> {
        let found = matches!(self.step, Step::Key(step) if step == key);
        if found && self.way.key { Err(self.way.stop()) } else { Ok(found) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const TEXT: &str = "# é\na:\n  b: 1\n  list:\n    - x\n    - { name: y, of: 'é', deep: [ 7 ] }\n\"q\": &anchor\n  z: 1\nr: *anchor\n5: six\n";

    fn path(steps: &[&str]) -> Vec<Step> {
        let step = |s: &&str| s.parse().map_or_else(|_| Step::Key((*s).to_owned()), Step::Index);
        steps.iter().map(step).collect()
    }

    #[test]
    fn keys_and_values_are_found_where_they_stand() {
        let value = |steps: &[&str]| of_value(TEXT, &path(steps));
        let key = |steps: &[&str]| of_key(TEXT, &path(steps));
        assert_eq!(key(&["a"]), Some((2, 1)));
        assert_eq!(value(&["a", "b"]), Some((3, 6)));
        assert_eq!(key(&["a", "b"]), Some((3, 3)));
        assert_eq!(value(&["a", "list", "0"]), Some((5, 7)));
        assert_eq!(value(&["a", "list", "1"]), Some((6, 7)));
        assert_eq!(key(&["a", "list", "1", "deep"]), Some((6, 27)));
        assert_eq!(value(&["a", "list", "1", "deep", "0"]), Some((6, 35)));
        assert_eq!(key(&["q"]), Some((7, 1)));
    }

    #[test]
    fn a_value_behind_an_alias_is_found_at_its_anchor() {
        assert_eq!(of_value(TEXT, &path(&["r", "z"])), Some((8, 6)));
    }

    #[test]
    fn what_is_not_there_is_found_at_its_nearest_ancestor() {
        assert_eq!(of_value(TEXT, &path(&["a", "none"])), None);
        assert_eq!(nearest(TEXT, &path(&["a", "list", "1", "none"])), (6, 7));
        assert_eq!(nearest(TEXT, &path(&["a", "none", "3"])), (2, 1));
        assert_eq!(nearest("", &path(&["a"])), (1, 1));
    }
}
