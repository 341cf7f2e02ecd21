//! Pages as text.
//!
//! All families of all pages are sorted by name, as node_exporter's output is; those of one name share one
//! head. What would make the output invalid as a whole is left out instead and told to the caller: a series
//! that an earlier page has, a family of another type than its namesake, a name that is none. Within one page
//! series are unique by contract, so only families that stand in several pages pay for the comparison.

mod exemplar;
mod label;
mod name;

use std::borrow::Cow;
use std::collections::HashMap;

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Rows, Sample, Suffix, write_number};
use vigie_pipeline::snapshot::Published;

use super::negotiation::Format;
use name::Names;

/// Why something was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Omission {
    /// A series that an earlier page has.
    Duplicate,
    /// A family of the same name and another type.
    Type,
    /// A family whose name is not a metric name, or whose samples' names are another family's.
    Name,
    /// A value that the format forbids for the type, such as a negative counter in OpenMetrics.
    Value,
}

impl Omission {
    pub(super) const ALL: [Self; 4] = [Self::Duplicate, Self::Type, Self::Name, Self::Value];

    /// As the `reason` label says it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Type => "type",
            Self::Name => "name",
            Self::Value => "value",
        }
    }

    /// As the log says it.
    pub(super) const fn explanation(self) -> &'static str {
        match self {
            Self::Duplicate => "two parts have the same series",
            Self::Type => "two parts disagree about the type",
            Self::Name => "the name is not a metric name, or is taken by the samples of another family",
            Self::Value => "the format does not allow the value for this type",
        }
    }
}

/// What came out.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) text: String,
    /// By family: why and how many series were left out.
    pub(super) omitted: Vec<(String, Omission, u64)>,
}

/// Renders `pages`. `capacity` is how long the text will be, as far as one knows.
pub(super) fn render(pages: &[Published], format: Format, capacity: usize) -> Rendered {
    let mut sections: Vec<(&Family, Rows<'_>)> =
        pages.iter().flat_map(|published| published.page.families()).collect();
    // Stable: of two namesakes the one of the earlier page stays the first.
    sections.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let mut writer = Writer { text: String::with_capacity(capacity), format, omitted: Vec::new() };
    let mut names = Names::new(format);
    for namesakes in sections.chunk_by(|(a, _), (b, _)| a.name == b.name) {
        let family = namesakes[0].0;
        match names.claim(family) {
            Some(head) => {
                writer.head(head.name, head.kind, &family.help);
                writer.namesakes(family, namesakes);
            }
            None => {
                let count = namesakes.iter().map(|(_, rows)| rows.clone().count() as u64).sum();
                writer.omit(family, Omission::Name, count);
            }
        }
    }
    if format == Format::OpenMetrics {
        writer.text.push_str("# EOF\n");
    }
    Rendered { text: writer.text, omitted: writer.omitted }
}

struct Writer {
    text: String,
    format: Format,
    omitted: Vec<(String, Omission, u64)>,
}

impl Writer {
    fn omit(&mut self, family: &Family, omission: Omission, count: u64) {
        if count > 0 {
            self.omitted.push((family.name.clone().into_owned(), omission, count));
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        if !help.is_empty() {
            self.text.extend(["# HELP ", name, " "]);
            self.help(help);
            self.text.push('\n');
        }
        self.text.extend(["# TYPE ", name, " ", kind, "\n"]);
    }

    fn help(&mut self, help: &str) {
        let quotes = self.format == Format::OpenMetrics;
        if !help.bytes().any(|byte| matches!(byte, b'\\' | b'\n') || quotes && byte == b'"') {
            self.text.push_str(help);
            return;
        }
        for c in help.chars() {
            match c {
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '"' if quotes => self.text.push_str("\\\""),
                _ => self.text.push(c),
            }
        }
    }

    /// The rows of all families of one name.
    fn namesakes(&mut self, family: &Family, namesakes: &[(&Family, Rows<'_>)]) {
        let (mut forbidden, mut duplicates) = (0, 0);
        if let [(_, rows)] = namesakes {
            for sample in rows.clone() {
                forbidden += u64::from(!self.row(family, &sample));
            }
        } else {
            // Whose a label set is, without `le` and `quantile`: a histogram is taken from one page only.
            let mut owners: HashMap<Cow<'_, str>, usize> = HashMap::new();
            for (at, (namesake, rows)) in namesakes.iter().enumerate() {
                if namesake.kind != family.kind {
                    self.omit(family, Omission::Type, rows.clone().count() as u64);
                    continue;
                }
                for sample in rows.clone() {
                    let owner = owners.entry(label::metric(sample.labels, family.kind)).or_insert(at);
                    if *owner == at {
                        forbidden += u64::from(!self.row(family, &sample));
                    } else {
                        duplicates += 1;
                    }
                }
            }
        }
        self.omit(family, Omission::Value, forbidden);
        self.omit(family, Omission::Duplicate, duplicates);
    }

    /// Writes one row; false if the format does not allow it.
    fn row(&mut self, family: &Family, sample: &Sample<'_>) -> bool {
        if !allowed(family.kind, sample, self.format) {
            return false;
        }
        self.text.push_str(&family.name);
        self.text.push_str(sample.suffix.as_str());
        if !sample.labels.is_empty() {
            self.text.push('{');
            if self.format == Format::OpenMetrics && matches!(family.kind, Kind::Histogram | Kind::Summary) {
                label::write_canonical(&mut self.text, sample.labels);
            } else {
                self.text.push_str(sample.labels);
            }
            self.text.push('}');
        }
        self.text.push(' ');
        write_number(&mut self.text, sample.value);
        if self.format == Format::OpenMetrics
            && let Some(exemplar) = sample.exemplar
        {
            exemplar::write(&mut self.text, exemplar);
        }
        self.text.push('\n');
        true
    }
}

/// Whether a family of this kind may have this row. OpenMetrics knows no negative and no unknown count.
fn allowed(kind: Kind, sample: &Sample<'_>, format: Format) -> bool {
    let counts = match (kind, sample.suffix) {
        (Kind::Counter, Suffix::None) => true,
        (Kind::Gauge | Kind::Untyped, Suffix::None) => false,
        (Kind::Histogram, Suffix::Bucket | Suffix::Sum | Suffix::Count) => true,
        (Kind::Summary, Suffix::Sum | Suffix::Count) => true,
        (Kind::Summary, Suffix::None) => false,
        _ => return false,
    };
    format == Format::Text || !counts || sample.value >= 0.0
}

#[cfg(test)]
mod tests;
