//! `collect[]=` and `exclude[]=`, as node_exporter takes them.

use vigie_pipeline::snapshot::Selection;

/// Why a query is refused, in node_exporter's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    /// Both parameters at once.
    #[error("Combined collect and exclude queries are not allowed.")]
    Combined,
    /// There is no such collector, or it is not enabled.
    #[error("Couldn't create filtered metrics handler: missing collector: {0}")]
    Missing(String),
}

/// What a query selects. A name to exclude that nobody knows excludes nothing; other parameters are left to
/// others.
pub(super) fn selection(query: &str, known: &[&str]) -> Result<Selection, Refusal> {
    let mut selection = Selection::default();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match decode(key).as_str() {
            "collect[]" => selection.collect.push(decode(value)),
            "exclude[]" => selection.exclude.push(decode(value)),
            _ => {}
        }
    }
    if !selection.collect.is_empty() && !selection.exclude.is_empty() {
        return Err(Refusal::Combined);
    }
    match selection.collect.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Refusal::Missing(name.clone())),
        None => Ok(selection),
    }
}

/// Undoes percent-encoding and `+`. What is not UTF-8 then becomes U+FFFD and matches nothing.
fn decode(text: &str) -> String {
    let hex = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match (first, tail) {
            (b'+', _) => b' ',
            (b'%', [high, low, tail @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    rest = tail;
                    high << 4 | low
                }
                _ => b'%',
            },
            _ => first,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const KNOWN: [&str; 3] = ["cpu", "meminfo", "probes"];

    #[test]
    fn names_are_taken_in_both_spellings_of_the_brackets() {
        let selected = selection("collect[]=cpu&collect%5B%5D=mem%69nfo&x=1", &KNOWN).unwrap();
        assert_eq!(selected.collect, ["cpu", "meminfo"]);
        let selected = selection("exclude[]=cpu&exclude[]=nobody", &KNOWN).unwrap();
        assert_eq!(selected.exclude, ["cpu", "nobody"]);
        assert_eq!(selection("", &KNOWN).unwrap(), Selection::default());
    }

    #[test]
    fn an_unknown_collector_and_a_combination_are_refused() {
        let refused = selection("collect[]=cpu&collect[]=nobody", &KNOWN).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "Couldn't create filtered metrics handler: missing collector: nobody"
        );
        assert_eq!(selection("collect[]=cpu&exclude[]=meminfo", &KNOWN), Err(Refusal::Combined));
        assert!(selection("collect[]=", &KNOWN).is_err());
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(text in "\\PC{0,20}") {
            let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decode(&encoded), text);
        }

        #[test]
        fn any_query_is_read_or_refused_never_a_panic(query in ".{0,40}|[%+&=a-f0-9\\[\\]]{0,40}") {
            let _ = selection(&query, &KNOWN);
        }
    }
}
