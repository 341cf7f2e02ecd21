//! The series that one kind of probe has beside those that all have: what a run has found out so far.
//!
//! A prober declares at the beginning of each run every series that does not depend on what the peer sends, as 0,
//! and sets them as it learns their values. So a run that is cut off in the middle leaves behind what it
//! had, and before the first run all of them are there.

use std::borrow::Cow;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};

/// More series than this are not kept of one run, whatever a peer makes of them.
const MOST: usize = 1_000;

/// The name of a label and its value.
type Label = (Cow<'static, str>, String);

#[derive(Debug, Clone, PartialEq)]
struct Series {
    family: &'static Family,
    labels: Vec<Label>,
    value: f64,
}

/// See the module.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Findings {
    series: Vec<Series>,
}

impl Findings {
    /// The one series of a family without labels of its own.
    pub(super) fn set(&mut self, family: &'static Family, value: f64) {
        self.set_with(family, &[], value);
    }

    /// A truth as 1 or 0.
    pub(super) fn set_bool(&mut self, family: &'static Family, value: bool) {
        self.set(family, f64::from(value));
    }

    /// One series of a family, told from the others by its labels.
    pub(super) fn set_with(&mut self, family: &'static Family, labels: &[(&'static str, &str)], value: f64) {
        let same = |series: &&mut Series| {
            std::ptr::eq(series.family, family)
                && series.labels.len() == labels.len()
                && series.labels.iter().zip(labels).all(|(own, other)| own.0 == other.0 && own.1 == other.1)
        };
        match self.series.iter_mut().find(same) {
            Some(series) => series.value = value,
            None => {
                let labels = labels.iter().map(|(name, value)| ((*name).into(), (*value).to_owned()));
                self.push(family, labels.collect(), value);
            }
        }
    }

    /// Makes this the only series of its family: for `…_info`, whose labels change.
    pub(super) fn set_only(&mut self, family: &'static Family, labels: &[(&'static str, &str)], value: f64) {
        self.remove(family);
        self.set_with(family, labels, value);
    }

    /// The same with labels whose names the configuration makes up.
    pub(super) fn set_named(&mut self, family: &'static Family, labels: Vec<(String, String)>, value: f64) {
        self.remove(family);
        let labels = labels.into_iter().map(|(name, value)| (name.into(), value)).collect();
        self.push(family, labels, value);
    }

    /// Takes all series of a family away.
    pub(super) fn remove(&mut self, family: &'static Family) {
        self.series.retain(|series| !std::ptr::eq(series.family, family));
    }

    fn push(&mut self, family: &'static Family, labels: Vec<Label>, value: f64) {
        if self.series.len() < MOST {
            self.series.push(Series { family, labels, value });
        }
    }

    /// The value of a series without labels, if it is there.
    pub(super) fn get(&self, family: &'static Family) -> Option<f64> {
        let same = |series: &&Series| std::ptr::eq(series.family, family) && series.labels.is_empty();
        self.series.iter().find(same).map(|series| series.value)
    }

    /// Writes all of them, each with the labels of `base` before its own.
    pub(super) fn write(&self, page: &mut Page, base: Labels) {
        for series in &self.series {
            let labels = if series.labels.is_empty() {
                base
            } else {
                let own: Vec<(&str, &str)> =
                    series.labels.iter().map(|(name, value)| (name.as_ref(), value.as_str())).collect();
                page.labels_after(base, &own)
            };
            page.set(series.family, labels, series.value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static STATUS: Family = Family::gauge("probe_status", "Status.");
    static INFO: Family = Family::gauge("probe_info", "Info.");

    fn rows(findings: &Findings) -> Vec<(String, f64)> {
        let mut page = Page::default();
        let base = page.labels(&[("probe", "x")]);
        findings.write(&mut page, base);
        let rows = page.families().flat_map(|(family, rows)| {
            rows.map(|row| (format!("{}{{{}}}", family.name, row.labels), row.value)).collect::<Vec<_>>()
        });
        rows.collect()
    }

    #[test]
    fn a_value_takes_the_place_of_the_one_before() {
        let mut findings = Findings::default();
        findings.set(&STATUS, 0.0);
        findings.set_with(&INFO, &[("version", "1")], 1.0);
        findings.set(&STATUS, 200.0);
        findings.set_only(&INFO, &[("version", "2")], 1.0);
        assert_eq!(findings.get(&STATUS), Some(200.0));
        let expected = [("probe_status{probe=\"x\"}", 200.0), ("probe_info{probe=\"x\",version=\"2\"}", 1.0)];
        assert_eq!(rows(&findings), expected.map(|(name, value)| (name.to_owned(), value)));
    }

    #[test]
    fn a_peer_cannot_make_series_without_end() {
        let mut findings = Findings::default();
        for i in 0..2 * MOST {
            findings.set_with(&INFO, &[("name", &i.to_string())], 1.0);
        }
        assert_eq!(rows(&findings).len(), MOST);
    }
}
