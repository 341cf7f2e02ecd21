//! Which fields of a record become labels.

use std::collections::BTreeMap;

use vigie_pipeline::page::{Labels, Page};

use super::table::Key;
use super::{Sighting, Tools};

/// The fields of labels, in the order of the labels' names. A field that is missing is an empty label.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelFields {
    /// Name and field.
    labels: Vec<(String, String)>,
    key: Key,
    scratch: String,
}

impl LabelFields {
    pub(super) fn new(labels: &BTreeMap<String, String>, tools: &Tools<'_>) -> Self {
        let labels = labels.iter().map(|(name, field)| (name.clone(), (tools.resolved)(field))).collect();
        Self { labels, ..Self::default() }
    }

    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    /// An empty key, for what comes before the fields.
    pub(crate) fn begin(&mut self) -> &mut Key {
        self.key.clear();
        &mut self.key
    }

    /// The key with the fields of this record.
    pub(crate) fn finish(&mut self, seen: &Sighting<'_>) -> &Key {
        for (_, field) in &self.labels {
            let value = seen.value(field);
            self.key.push(value.as_ref().map_or("", |value| value.text(&mut self.scratch)));
        }
        &self.key
    }

    /// The key of these values, by the labels' names.
    pub(crate) fn given(&mut self, values: &BTreeMap<String, String>) -> &Key {
        self.key.clear();
        for (name, _) in &self.labels {
            self.key.push(values.get(name).map_or("", String::as_str));
        }
        &self.key
    }

    /// Writes the labels of a series: the source, what comes `before`, and the fields, with these values.
    pub(crate) fn write(&self, source: &str, before: &[&str], values: &[&str], page: &mut Page) -> Labels {
        let names = before.iter().copied().chain(self.labels.iter().map(|(name, _)| name.as_str()));
        let pairs: Vec<(&str, &str)> =
            std::iter::once(("source", source)).chain(names.zip(values.iter().copied())).collect();
        page.labels(&pairs)
    }
}
