//! What a family is called, and that no two are called alike.
//!
//! In text 0.0.4 a counter is called as its samples are. In OpenMetrics its family lacks the `_total` that its
//! samples end with, so a gauge `x` beside a counter `x_total` would be the same family twice; and a histogram
//! owns the names of its parts.

use std::borrow::Cow;
use std::collections::HashSet;

use vigie_pipeline::metric::{Family, Kind};

use crate::prometheus::negotiation::Format;

/// What `# HELP` and `# TYPE` say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) name: &'a str,
    pub(super) kind: &'static str,
}

/// The names that are in use. Families must come sorted by name.
pub(super) struct Names<'a> {
    format: Format,
    taken: HashSet<Cow<'a, str>>,
    scratch: String,
}

impl<'a> Names<'a> {
    pub(super) fn new(format: Format) -> Self {
        Self { format, taken: HashSet::new(), scratch: String::new() }
    }

    /// Takes the names that `family` needs; `None` if it cannot be named.
    pub(super) fn claim(&mut self, family: &'a Family) -> Option<Head<'a>> {
        let name: &'a str = &family.name;
        if !is_metric_name(name) {
            return None;
        }
        let openmetrics = self.format == Format::OpenMetrics;
        if openmetrics && family.kind == Kind::Counter {
            return self.claim_counter(name).or_else(|| {
                // Its samples must keep their name, so it is no counter to OpenMetrics.
                self.taken.insert(Cow::Borrowed(name)).then_some(Head { name, kind: "unknown" })
            });
        }
        let (kind, parts): (_, &[&str]) = match family.kind {
            Kind::Counter => ("counter", &[]),
            Kind::Gauge => ("gauge", &[]),
            Kind::Histogram => ("histogram", &["_bucket", "_count", "_created", "_sum"]),
            Kind::Summary => ("summary", &["_count", "_created", "_sum"]),
            Kind::Untyped if openmetrics => ("unknown", &[]),
            Kind::Untyped => ("untyped", &[]),
        };
        if self.taken.contains(name) || parts.iter().any(|part| self.is_taken(name, part)) {
            return None;
        }
        self.taken.insert(Cow::Borrowed(name));
        self.taken.extend(parts.iter().map(|part| Cow::Owned(format!("{name}{part}"))));
        Some(Head { name, kind })
    }

    fn claim_counter(&mut self, name: &'a str) -> Option<Head<'a>> {
        let base = name.strip_suffix("_total").filter(|base| is_metric_name(base))?;
        // `_created` need not be taken: it sorts before `_total`, so whoever has it has it already.
        if self.taken.contains(base) || self.taken.contains(name) || self.is_taken(base, "_created") {
            return None;
        }
        self.taken.extend([Cow::Borrowed(base), Cow::Borrowed(name)]);
        Some(Head { name: base, kind: "counter" })
    }

    fn is_taken(&mut self, name: &str, part: &str) -> bool {
        self.scratch.clear();
        self.scratch.extend([name, part]);
        self.taken.contains(self.scratch.as_str())
    }
}

/// `[a-zA-Z_:][a-zA-Z0-9_:]*`
fn is_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let letter = |byte: u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b':');
    bytes.next().is_some_and(letter) && bytes.all(|byte| letter(byte) || byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heads(format: Format, families: &[(&'static str, Kind)]) -> Vec<Option<(String, &'static str)>> {
        let families: Vec<Family> = families
            .iter()
            .map(|(name, kind)| Family::met((*name).to_owned(), *kind, String::new()))
            .collect();
        let mut names = Names::new(format);
        families
            .iter()
            .map(|family| names.claim(family).map(|head| (head.name.to_owned(), head.kind)))
            .collect()
    }

    fn head(name: &str, kind: &'static str) -> Option<(String, &'static str)> {
        Some((name.to_owned(), kind))
    }

    #[test]
    fn openmetrics_calls_a_counter_by_its_name_without_total() {
        let families = [("a_total", Kind::Counter), ("b", Kind::Counter), ("c", Kind::Untyped)];
        assert_eq!(
            heads(Format::OpenMetrics, &families),
            [head("a", "counter"), head("b", "unknown"), head("c", "unknown")]
        );
        assert_eq!(
            heads(Format::Text, &families),
            [head("a_total", "counter"), head("b", "counter"), head("c", "untyped")]
        );
    }

    #[test]
    fn a_counter_whose_short_name_is_taken_is_unknown() {
        let families =
            [("tasks", Kind::Gauge), ("tasks_total", Kind::Counter), ("tasks_total_total", Kind::Counter)];
        assert_eq!(
            heads(Format::OpenMetrics, &families),
            [head("tasks", "gauge"), head("tasks_total", "unknown"), head("tasks_total_total", "unknown")]
        );
    }

    #[test]
    fn what_is_called_as_a_part_of_a_histogram_cannot_be_named() {
        let families = [("h", Kind::Histogram), ("h_bucketful", Kind::Gauge), ("h_count", Kind::Gauge)];
        for format in [Format::Text, Format::OpenMetrics] {
            assert_eq!(heads(format, &families)[1..], [head("h_bucketful", "gauge"), None]);
        }
    }

    #[test]
    fn what_is_no_metric_name_cannot_be_named() {
        for name in ["", "1a", "a b", "a\nb", "é", "a{", "_total"] {
            let claimed = heads(Format::OpenMetrics, &[(name, Kind::Counter)]);
            assert_eq!(claimed, [(name == "_total").then(|| ("_total".to_owned(), "unknown"))], "{name:?}");
        }
    }
}
