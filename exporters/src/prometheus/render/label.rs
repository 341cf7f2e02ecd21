//! Label sets as text: compared, and written as OpenMetrics wants them.

use std::borrow::Cow;

use vigie_pipeline::metric::Kind;

/// The pairs of a label set's text, still escaped: `name="value"`.
fn raw_pairs(labels: &str) -> impl Iterator<Item = &str> {
    let mut rest = labels;
    std::iter::from_fn(move || {
        let mut escaped = false;
        let open = rest.find('"')? + 1;
        let close = rest[open..].find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        })?;
        let (pair, tail) = rest.split_at(open + close + 1);
        rest = tail.strip_prefix(',').unwrap_or(tail);
        Some(pair)
    })
}

/// What tells a metric from its siblings: its labels in one order, without those that tell its parts apart.
pub(super) fn metric(labels: &str, kind: Kind) -> Cow<'_, str> {
    let part = match kind {
        Kind::Histogram => "le=\"",
        Kind::Summary => "quantile=\"",
        Kind::Counter | Kind::Gauge | Kind::Untyped => "",
    };
    let mut pairs: Vec<&str> =
        raw_pairs(labels).filter(|pair| part.is_empty() || !pair.starts_with(part)).collect();
    match pairs.as_slice() {
        [] => Cow::Borrowed(""),
        [only] => Cow::Borrowed(only),
        _ => {
            pairs.sort_unstable();
            Cow::Owned(pairs.join(","))
        }
    }
}

/// Appends a label set with the numbers of `le` and `quantile` as OpenMetrics spells them: with a point.
pub(super) fn write_canonical(out: &mut String, labels: &str) {
    for (at, pair) in raw_pairs(labels).enumerate() {
        if at > 0 {
            out.push(',');
        }
        let number = pair.strip_prefix("le=\"").or_else(|| pair.strip_prefix("quantile=\""));
        match number.and_then(|number| number.strip_suffix('"')) {
            Some(whole) if whole.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') => {
                out.push_str(&pair[..pair.len() - 1]);
                out.push_str(".0\"");
            }
            _ => out.push_str(pair),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use vigie_pipeline::page::Page;

    #[test]
    fn a_metric_is_the_same_in_whatever_order_its_labels_stand() {
        let of = |labels| metric(labels, Kind::Gauge).into_owned();
        assert_eq!(of(r#"a="1",b="2""#), of(r#"b="2",a="1""#));
        assert_ne!(of(r#"a="1",b="2""#), of(r#"a="2",b="1""#));
        assert_eq!(metric(r#"a="1",le="0.5""#, Kind::Histogram), r#"a="1""#);
        assert_eq!(metric(r#"le="+Inf""#, Kind::Histogram), "");
        assert_eq!(metric(r#"le="x""#, Kind::Gauge), r#"le="x""#);
    }

    #[test]
    fn bounds_are_written_with_a_point() {
        let of = |labels| {
            let mut out = String::new();
            write_canonical(&mut out, labels);
            out
        };
        assert_eq!(of(r#"a="1",le="1""#), r#"a="1",le="1.0""#);
        assert_eq!(of(r#"le="0.5""#), r#"le="0.5""#);
        assert_eq!(of(r#"le="+Inf""#), r#"le="+Inf""#);
        assert_eq!(of(r#"quantile="0",a="\",\\""#), r#"quantile="0.0",a="\",\\""#);
    }

    proptest! {
        #[test]
        fn pairs_are_found_whatever_the_values_hold(values in proptest::collection::vec("[ab\\\\\",=\n{}]{1,5}", 0..5)) {
            let mut page = Page::default();
            let names: Vec<String> = (0..values.len()).map(|at| format!("l{at}")).collect();
            let pairs: Vec<(&str, &str)> =
                names.iter().zip(&values).map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let labels = page.labels(&pairs);
            static FAMILY: vigie_pipeline::metric::Family = vigie_pipeline::metric::Family::gauge("g", "G.");
            page.set(&FAMILY, labels, 1.0);
            let (_, mut rows) = page.families().next().expect("one family");
            let text = rows.next().expect("one row").labels;
            prop_assert_eq!(raw_pairs(text).count(), values.len());
            prop_assert_eq!(raw_pairs(text).collect::<Vec<_>>().join(","), text);
        }
    }
}
