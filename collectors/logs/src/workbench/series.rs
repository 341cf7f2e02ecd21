//! Which series have changed, and by how much.

use std::collections::BTreeMap;

use vigie_pipeline::page::Page;

/// A series that has changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// The name of its family, with what a part of a histogram has behind it.
    pub name: String,
    /// `name="value",…`, as on a page of metrics.
    pub labels: String,
    /// By so much.
    pub by: f64,
    /// To so much.
    pub to: f64,
}

/// The values of all series at one time, by name and labels.
#[derive(Debug, Clone, Default)]
pub(super) struct Series(BTreeMap<(String, String), f64>);

impl Series {
    pub(super) fn of(page: &Page) -> Self {
        let mut series = BTreeMap::new();
        for (family, rows) in page.families() {
            for row in rows {
                let name = format!("{}{}", family.name, row.suffix.as_str());
                series.insert((name, row.labels.to_owned()), row.value);
            }
        }
        Self(series)
    }

    /// What has changed since it was as in `before`. A series that is new is told even if it is 0.
    pub(super) fn since(&self, before: &Self) -> Vec<Moved> {
        let moved = |(key, to): (&(String, String), &f64)| {
            let from = before.0.get(key);
            let by = to - from.copied().unwrap_or_default();
            let (name, labels) = key.clone();
            (by != 0.0 || from.is_none()).then_some(Moved { name, labels, by, to: *to })
        };
        self.0.iter().filter_map(moved).collect()
    }
}
