//! Pages as text.
//!
//! All families of all pages are sorted by name, as node_exporter's output is; those of one name share one
//! head. What would make the output invalid as a whole is left out instead and told to the caller: a series
//! that an earlier page has, a family of another type than its namesake, a name that is none. Within one page
//! series are unique by contract, so only families that stand in several pages pay for the comparison.

mod exemplar;
mod label;
mod name;
mod owners;

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Rows, Sample, Suffix, write_number};
use vigie_pipeline::snapshot::Published;

use super::negotiation::Format;
use super::output::Output;
use name::Names;
use owners::Owners;

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

/// By family: why and how many series were left out.
pub(super) type Omitted = Vec<(String, Omission, u64)>;

/// Renders `pages` into `output`, and tells what it had to leave out.
pub(super) fn render(pages: &[Published], format: Format, output: &mut Output) -> Omitted {
    let mut sections: Vec<(&Family, Rows<'_>)> =
        pages.iter().flat_map(|published| published.page.families()).collect();
    // Stable: of two namesakes the one of the earlier page stays the first.
    sections.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    let mut writer = Writer { output, format, omitted: Vec::new() };
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
        writer.output.text().push_str("# EOF\n");
    }
    writer.omitted
}

struct Writer<'o> {
    output: &'o mut Output,
    format: Format,
    omitted: Omitted,
}

impl Writer<'_> {
    fn omit(&mut self, family: &Family, omission: Omission, count: u64) {
        if count > 0 {
            self.omitted.push((family.name.clone().into_owned(), omission, count));
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let text = self.output.text();
        if !help.is_empty() {
            text.extend(["# HELP ", name, " "]);
            write_help(text, help, self.format);
            text.push('\n');
        }
        text.extend(["# TYPE ", name, " ", kind, "\n"]);
    }

    /// The rows of all families of one name.
    fn namesakes(&mut self, family: &Family, namesakes: &[(&Family, Rows<'_>)]) {
        let (mut forbidden, mut duplicates) = (0, 0);
        if let [(_, rows)] = namesakes {
            for sample in rows.clone() {
                forbidden += u64::from(!self.row(family, &sample));
            }
        } else {
            let mut owners = Owners::new(family.kind, namesakes.len());
            for (at, (namesake, rows)) in namesakes.iter().enumerate() {
                if namesake.kind != family.kind {
                    self.omit(family, Omission::Type, rows.clone().count() as u64);
                    continue;
                }
                for sample in rows.clone() {
                    if owners.of(sample.labels, at) == at {
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
        let text = self.output.text();
        text.push_str(&family.name);
        text.push_str(sample.suffix.as_str());
        if !sample.labels.is_empty() {
            text.push('{');
            if self.format == Format::OpenMetrics && matches!(family.kind, Kind::Histogram | Kind::Summary) {
                label::write_canonical(text, sample.labels);
            } else {
                text.push_str(sample.labels);
            }
            text.push('}');
        }
        text.push(' ');
        write_number(text, sample.value);
        if self.format == Format::OpenMetrics
            && let Some(exemplar) = sample.exemplar
        {
            exemplar::write(text, exemplar);
        }
        text.push('\n');
        self.output.relieve();
        true
    }
}

fn write_help(text: &mut String, help: &str, format: Format) {
    let quotes = format == Format::OpenMetrics;
    if !help.bytes().any(|byte| matches!(byte, b'\\' | b'\n') || quotes && byte == b'"') {
        text.push_str(help);
        return;
    }
    for c in help.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quotes => text.push_str("\\\""),
            _ => text.push(c),
        }
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
