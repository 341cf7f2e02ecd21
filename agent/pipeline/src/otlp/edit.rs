//! Attributes, changed where they are encoded.

use std::ops::Range;

use super::view::{Attributes, Value, Way};
use super::wire::{put_bytes, put_message};

/// Takes these pieces out, which are in ascending order and apart.
pub fn cut(bytes: &mut Vec<u8>, pieces: &[Range<usize>]) {
    let Some(first) = pieces.first() else { return };
    let mut kept = first.start;
    for (number, piece) in pieces.iter().enumerate() {
        let next = pieces.get(number + 1).map_or(bytes.len(), |next| next.start);
        bytes.copy_within(piece.end..next, kept);
        kept += next - piece.end;
    }
    bytes.truncate(kept);
}

/// Takes out what is called `name` under the number `field`; a dot in it may be part of a key, or lead into a nested
/// object. Whether there was any.
pub fn remove(bytes: &mut Vec<u8>, field: u32, name: &str) -> bool {
    remove_all(bytes, field, std::iter::once(name), &mut Vec::new())
}

/// As [`remove`], for several names at once. `pieces` is written over.
pub fn remove_all<'n>(
    bytes: &mut Vec<u8>,
    field: u32,
    names: impl Iterator<Item = &'n str> + Clone,
    pieces: &mut Vec<Range<usize>>,
) -> bool {
    // Most stand at the top, if at all: they are cut out where they are.
    pieces.clear();
    let mut may_be_nested = false;
    for pair in Attributes::new(bytes, field).pairs() {
        let mut is_named = false;
        for name in names.clone() {
            match pair.way_to(name) {
                Some(Way::Here) => is_named = true,
                Some(Way::Inside(_)) => may_be_nested |= matches!(pair.value(), Some(Value::Map(_))),
                None => {}
            }
        }
        if is_named {
            pieces.push(pair.span);
        }
    }
    cut(bytes, pieces);
    let mut found = !pieces.is_empty();
    if may_be_nested {
        for name in names {
            found |= remove_anywhere(bytes, field, name);
        }
    }
    found
}

fn remove_anywhere(bytes: &mut Vec<u8>, field: u32, name: &str) -> bool {
    let mut rest = Vec::with_capacity(bytes.len());
    let found = without(Attributes::new(bytes, field), bytes, field, name, &mut rest);
    if found {
        *bytes = rest;
    }
    found
}

/// Appends all of `attributes`, which stand in `bytes`, but `name`.
fn without(attributes: Attributes<'_>, bytes: &[u8], field: u32, name: &str, out: &mut Vec<u8>) -> bool {
    let mut found = false;
    for pair in attributes.pairs() {
        let way = pair.way_to(name);
        if way == Some(Way::Here) {
            found = true;
            continue;
        }
        let before = out.len();
        if let Some(Way::Inside(rest)) = way
            && let Some(Value::Map(nested)) = pair.value()
        {
            let mut found_inside = false;
            put_message(out, field, |kv| {
                put_bytes(kv, 1, pair.key);
                put_message(kv, 2, |any| {
                    put_message(any, 6, |map| found_inside = without(nested, nested.bytes(), 1, rest, map));
                });
            });
            if found_inside {
                found = true;
                continue;
            }
            out.truncate(before);
        }
        out.extend_from_slice(&bytes[pair.span]);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::otlp::attributes::field::LOG;
    use crate::otlp::attributes::{put_int, put_key_value, put_str};

    fn shown(bytes: &[u8]) -> String {
        let mut out = String::new();
        Attributes::new(bytes, LOG).write_json(&mut out);
        out
    }

    fn sample() -> Vec<u8> {
        let mut bytes = Vec::new();
        put_str(&mut bytes, LOG, "a", "x");
        put_key_value(&mut bytes, LOG, "b", |any| {
            put_message(any, 6, |map| {
                put_int(map, 1, "c", 1);
                put_int(map, 1, "d.e", 2);
            });
        });
        put_int(&mut bytes, LOG, "b.c", 3);
        bytes
    }

    #[test]
    fn what_is_removed_is_gone_wherever_it_stood_and_the_rest_is_as_it_was() {
        for (name, left) in [
            ("a", r#"{"b":{"c":1,"d.e":2},"b.c":3}"#),
            ("b", r#"{"a":"x","b.c":3}"#),
            ("b.c", r#"{"a":"x","b":{"d.e":2}}"#),
            ("b.d.e", r#"{"a":"x","b":{"c":1},"b.c":3}"#),
        ] {
            let mut bytes = sample();
            assert!(remove(&mut bytes, LOG, name));
            assert_eq!(shown(&bytes), left, "{name}");
        }
        let mut bytes = sample();
        for name in ["", "b.", "b.x", "a.x", "c"] {
            assert!(!remove(&mut bytes, LOG, name), "{name}");
        }
        assert_eq!(bytes, sample());
    }

    #[test]
    fn several_are_removed_as_one_after_the_other() {
        let names = ["a", "b", "b.c", "b.d.e", "a.x", "nobody"];
        for first in names {
            for second in names {
                let (mut at_once, mut in_turn) = (sample(), sample());
                let found = remove_all(&mut at_once, LOG, [first, second].into_iter(), &mut Vec::new());
                let found_first = remove(&mut in_turn, LOG, first);
                let found_second = remove(&mut in_turn, LOG, second);
                assert_eq!(shown(&at_once), shown(&in_turn), "{first}, {second}");
                assert_eq!(found, found_first || found_second);
            }
        }
    }

    #[test]
    fn pieces_are_cut_out() {
        let all = 0..10;
        for (pieces, left) in [
            (&[][..], "0123456789"),
            (&[1..3, 3..4, 9..10], "045678"),
            (&[0..2, 4..5], "2356789"),
            (std::slice::from_ref(&all), ""),
        ] {
            let mut bytes = b"0123456789".to_vec();
            cut(&mut bytes, pieces);
            assert_eq!(String::from_utf8_lossy(&bytes), left);
        }
    }
}
