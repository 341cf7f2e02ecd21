//! What several files say of one family, brought together.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;

use super::exposition::{Described, Pairs, Row};

/// More rows than a directory of hand-made metrics has; bounds what the files can take of memory.
const MOST_ROWS: usize = 100_000;

/// The rows of all files, and what had to be left out.
#[derive(Debug, Default)]
pub(super) struct Merged {
    families: Vec<(Arc<Family>, Vec<Row>)>,
    problems: Vec<String>,
}

/// What the files before have said of a family.
struct Known<'f> {
    first: &'f Described,
    help: Option<&'f str>,
    files: Vec<&'f Path>,
    rows: Vec<&'f Row>,
}

impl Merged {
    /// Merges the files, each with its families.
    pub(super) fn new<'f>(files: impl Iterator<Item = (&'f Path, &'f [Described])>) -> Self {
        let mut known: Vec<Known<'f>> = Vec::new();
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut seen = HashSet::new();
        let mut problems = Vec::new();
        for (file, families) in files {
            for family in families {
                let at = *places.entry(&family.name).or_insert_with(|| {
                    known.push(Known { first: family, help: None, files: Vec::new(), rows: Vec::new() });
                    known.len() - 1
                });
                let known = &mut known[at];
                if let Some(why) = known.contradiction(family) {
                    problems.push(format!("{}: {} {why}", file.display(), family.name));
                    continue;
                }
                known.help = known.help.or(family.help.as_deref());
                known.files.push(file);
                for row in &family.rows {
                    if seen.len() >= MOST_ROWS {
                        problems
                            .push(format!("{}: more than {MOST_ROWS} series in all files", file.display()));
                        break;
                    }
                    if seen.insert(key(&family.name, row)) {
                        known.rows.push(row);
                    } else {
                        problems.push(format!("{}: {} has a series twice", file.display(), family.name));
                    }
                }
            }
        }
        let families = known.into_iter().map(|known| (Arc::new(known.family()), known.rows())).collect();
        Self { families, problems }
    }

    pub(super) fn problems(&self) -> &[String] {
        &self.problems
    }

    pub(super) fn write(&self, page: &mut Page) {
        for (family, rows) in &self.families {
            for row in rows {
                let pairs: Vec<(&str, &str)> =
                    row.labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let labels = page.labels(&pairs);
                page.set_part(family, row.suffix, labels, row.value);
            }
        }
    }
}

impl Known<'_> {
    fn contradiction(&self, other: &Described) -> Option<&'static str> {
        if self.first.kind != other.kind {
            return Some("has another type elsewhere");
        }
        let differs = matches!((self.help, &other.help), (Some(known), Some(help)) if known != help);
        differs.then_some("has another help elsewhere")
    }

    fn family(&self) -> Family {
        let help = match self.help {
            Some(help) => help.to_owned(),
            None => {
                let files: Vec<String> = self.files.iter().map(|file| file.display().to_string()).collect();
                format!("Metric read from {}", files.join(", "))
            }
        };
        Family::met(self.first.name.clone(), self.first.kind, help)
    }

    fn rows(&self) -> Vec<Row> {
        self.rows.iter().copied().cloned().collect()
    }
}

/// What makes a series the same as another: its name and its labels, whatever their order.
fn key(name: &str, row: &Row) -> (String, Pairs) {
    let mut labels: Vec<_> = row.labels.iter().filter(|(_, value)| !value.is_empty()).cloned().collect();
    labels.sort_unstable();
    (format!("{name}{}", row.suffix.as_str()), labels)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::fixture::lines;
    use super::super::exposition::parse;
    use super::*;

    fn merge(files: &[&str]) -> Merged {
        let files: Vec<_> = files.iter().map(|text| parse(text.as_bytes()).unwrap()).collect();
        let names = ["a.prom", "b.prom"].map(Path::new);
        Merged::new(names.into_iter().zip(files.iter().map(Vec::as_slice)))
    }

    fn series(merged: &Merged) -> Vec<String> {
        let mut page = Page::default();
        merged.write(&mut page);
        lines(&page)
    }

    #[test]
    fn one_family_in_two_files_is_one_family() {
        let merged =
            merge(&["# HELP x The x.\n# TYPE x gauge\nx{a=\"1\"} 1\n", "# TYPE x gauge\nx{a=\"2\"} 2\n"]);
        assert_eq!(series(&merged), ["x{a=\"1\"} 1", "x{a=\"2\"} 2"]);
        assert_eq!(merged.families.len(), 1);
        assert_eq!(merged.families[0].0.help, "The x.");
        assert!(merged.problems().is_empty());
    }

    #[test]
    fn a_family_without_help_says_where_it_is_from() {
        let merged = merge(&["x{a=\"1\"} 1\n", "x{a=\"2\"} 2\n"]);
        assert_eq!(merged.families[0].0.help, "Metric read from a.prom, b.prom");
    }

    #[test]
    fn of_two_types_or_helps_the_first_counts() {
        let merged = merge(&["# TYPE x gauge\nx 1\n", "# TYPE x counter\nx{a=\"2\"} 2\n"]);
        assert_eq!(series(&merged), ["x 1"]);
        assert_eq!(merged.problems(), ["b.prom: x has another type elsewhere"]);
        let merged = merge(&["# HELP x A\nx 1\n", "# HELP x B\nx{a=\"2\"} 2\n"]);
        assert_eq!(series(&merged), ["x 1"]);
        assert_eq!(merged.problems(), ["b.prom: x has another help elsewhere"]);
    }

    #[test]
    fn a_series_is_exposed_once() {
        let merged = merge(&["x{a=\"1\",b=\"2\"} 1\n", "x{b=\"2\",a=\"1\",c=\"\"} 2\n"]);
        assert_eq!(series(&merged), ["x{a=\"1\",b=\"2\"} 1"]);
        assert_eq!(merged.problems(), ["b.prom: x has a series twice"]);
    }
}
