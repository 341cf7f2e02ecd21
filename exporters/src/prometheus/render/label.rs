//! Label sets as text: compared, and written as OpenMetrics wants them.

use vigie_pipeline::metric::Kind;

/// The pairs of a label set's text, still escaped: `name="value"`.
fn raw_pairs(labels: &str) -> impl Iterator<Item = &str> {
    let mut rest = labels;
    std::iter::from_fn(move || {
        let open = rest.find('"')? + 1;
        let mut close = open + rest[open..].find('"')?;
        while is_escaped(&rest[open..close]) {
            close += 1 + rest[close + 1..].find('"')?;
        }
        let (pair, tail) = rest.split_at(close + 1);
        rest = tail.strip_prefix(',').unwrap_or(tail);
        Some(pair)
    })
}

/// Whether the quote behind this part of a value belongs to it.
fn is_escaped(before: &str) -> bool {
    before.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// A metric among its siblings: a label set without what tells its parts apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Metric<'a> {
    labels: &'a str,
    /// How the pairs begin that do not count; none if empty.
    part: &'static str,
}

impl<'a> Metric<'a> {
    pub(super) fn new(labels: &'a str, kind: Kind) -> Self {
        let part = match kind {
            Kind::Histogram => "le=\"",
            Kind::Summary => "quantile=\"",
            Kind::Counter | Kind::Gauge | Kind::Untyped => "",
        };
        Self { labels, part }
    }

    /// Its pairs in the order in which they stand.
    pub(super) fn pairs(self) -> impl Iterator<Item = &'a str> {
        raw_pairs(self.labels).filter(move |pair| self.part.is_empty() || !pair.starts_with(self.part))
    }

    /// Whether both have the same pairs in the same order.
    pub(super) fn reads_as(&self, other: &Self) -> bool {
        self.pairs().eq(other.pairs())
    }

    /// Whether both have the same pairs, in whatever order.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.reads_as(other) || {
            let sorted = |metric: &Self| {
                let mut pairs: Vec<&str> = metric.pairs().collect();
                pairs.sort_unstable();
                pairs
            };
            sorted(self) == sorted(other)
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
        let same = |kind, one, other| Metric::new(one, kind).is(&Metric::new(other, kind));
        assert!(same(Kind::Gauge, r#"a="1",b="2""#, r#"b="2",a="1""#));
        assert!(!same(Kind::Gauge, r#"a="1",b="2""#, r#"a="2",b="1""#));
        assert!(!same(Kind::Gauge, r#"a="1",b="2""#, r#"a="1""#));
        assert!(same(Kind::Histogram, r#"a="1",le="0.5""#, r#"a="1""#));
        assert!(same(Kind::Histogram, r#"le="+Inf""#, ""));
        assert!(same(Kind::Summary, r#"quantile="0.5",a="1""#, r#"a="1",quantile="0.9""#));
        assert!(!same(Kind::Gauge, r#"le="x""#, ""));
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
