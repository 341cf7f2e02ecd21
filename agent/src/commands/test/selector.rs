//! `name{label="value",…}`: the series whose value a test expects.

use std::collections::BTreeMap;

use vigie_logs::Moved;
use vigie_pipeline::page::pairs;

/// See the module. Labels that it does not say may be any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selector {
    name: String,
    labels: BTreeMap<String, String>,
}

impl Selector {
    /// Reads one; `None` if its brace is not closed.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let Some((name, rest)) = text.split_once('{') else {
            return Some(Self { name: text.to_owned(), labels: BTreeMap::new() });
        };
        let inside = rest.strip_suffix('}')?;
        let labels = pairs(inside).map(|(key, value)| (key.trim().to_owned(), value.into_owned())).collect();
        Some(Self { name: name.trim().to_owned(), labels })
    }

    fn selects(&self, series: &Moved) -> bool {
        if series.name != self.name {
            return false;
        }
        let labels: BTreeMap<_, _> = pairs(&series.labels).collect();
        self.labels.iter().all(|(key, value)| labels.get(key.as_str()).is_some_and(|there| there == value))
    }

    /// The sum of all that it selects; 0 if there is none.
    pub(super) fn sum(&self, series: &[Moved]) -> f64 {
        series.iter().filter(|series| self.selects(series)).map(|series| series.to).sum()
    }

    /// The series of the same name.
    pub(super) fn akin<'s>(&self, series: &'s [Moved]) -> impl Iterator<Item = &'s Moved> {
        let name = self.name.clone();
        series.iter().filter(move |series| series.name == name)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn labels_that_are_not_said_may_be_any() {
        let moved =
            |labels: &str, to: f64| Moved { name: "a_total".into(), labels: labels.into(), by: to, to };
        let series = [
            moved(r#"source="x",route="/",status="200""#, 1.0),
            moved(r#"source="x",route="/{id}",status="200""#, 2.0),
        ];
        let sum = |text: &str| Selector::read(text).unwrap().sum(&series);
        assert_eq!(sum("a_total"), 3.0);
        assert_eq!(sum(r#"a_total{status="200"}"#), 3.0);
        assert_eq!(sum(r#"a_total{ status="200", route="/{id}" }"#), 2.0);
        assert_eq!(sum(r#"a_total{status="500"}"#), 0.0);
        assert_eq!(sum("b_total"), 0.0);
        assert_eq!(Selector::read("a_total{x"), None);
    }
}
