//! Bytes that a text writes as `%XX`, as URLs and gRPC messages do.

/// The bytes that `text` stands for. What is no escape is taken as it is.
#[must_use]
pub fn decode(text: impl AsRef<[u8]>) -> Vec<u8> {
    let hex = |digit: u8| char::from(digit).to_digit(16).map(|digit| digit as u8);
    let mut rest = text.as_ref();
    let mut out = Vec::with_capacity(rest.len());
    while let [byte, after @ ..] = rest {
        let escaped = match after {
            [high, low, ..] if *byte == b'%' => hex(*high).zip(hex(*low)),
            _ => None,
        };
        out.push(escaped.map_or(*byte, |(high, low)| high << 4 | low));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_escape_is_taken_as_it_is() {
        assert_eq!(decode("50%25 of %C3%A9t%c3%a9 %zz %+1 %4"), "50% of \u{e9}t\u{e9} %zz %+1 %4".as_bytes());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_back(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let encoded: String = bytes.iter().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decode(encoded), bytes.clone());
            prop_assert!(decode(&bytes).len() <= bytes.len());
        }
    }
}
