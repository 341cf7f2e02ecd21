//! Directories whose files hold one number each, as devices have them in sysfs: a table says which file is which
//! metric.

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};

use super::file::SmallFile;

/// One file: its name, what it is, and what one of its units is in the unit of the metric.
#[derive(Debug)]
pub(super) struct Attribute {
    pub(super) file: &'static str,
    pub(super) family: Family,
    pub(super) unit: f64,
}

impl Attribute {
    /// A file whose number is exposed as it is.
    pub(super) const fn plain(file: &'static str, family: Family) -> Self {
        Self { file, family, unit: 1.0 }
    }

    /// A file whose number is multiplied.
    pub(super) const fn scaled(file: &'static str, family: Family, unit: f64) -> Self {
        Self { file, family, unit }
    }
}

/// A number of things that are `unit` each. A thousandth is divided by 1000: 0.001 itself is no exact number.
pub(super) fn in_unit(value: f64, unit: f64) -> f64 {
    if unit < 1.0 { value / unit.recip().round() } else { value * unit }
}

/// The files of one directory.
#[derive(Debug)]
pub(super) struct Attributes {
    table: &'static [Attribute],
    files: Vec<SmallFile>,
}

impl Attributes {
    pub(super) fn new(dir: &Path, table: &'static [Attribute]) -> Self {
        let files = table.iter().map(|attribute| SmallFile::new(dir.join(attribute.file))).collect();
        Self { table, files }
    }

    /// Writes those that are there and hold a number, and says how many those were: drivers have some of them each.
    pub(super) fn write(&mut self, page: &mut Page, labels: Labels, buffer: &mut Vec<u8>) -> usize {
        let mut written = 0;
        for (attribute, file) in self.table.iter().zip(&mut self.files) {
            if let Some(value) = file.number(buffer) {
                page.set(&attribute.family, labels, in_unit(value, attribute.unit));
                written += 1;
            }
        }
        written
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{Fixture, lines};
    use super::*;

    static TABLE: [Attribute; 3] = [
        Attribute::plain("capacity", Family::gauge("capacity", "C.")),
        Attribute::scaled("temp", Family::gauge("temp_celsius", "T."), 1e-3),
        Attribute::plain("status", Family::gauge("status", "S.")),
    ];

    #[test]
    fn a_part_of_a_unit_is_as_exact_as_it_can_be() {
        assert_eq!(in_unit(47_520_000.0, 1e-6), 47.52);
        assert_eq!(in_unit(2_045_936_778_163_039.0, 1e-9), 2_045_936.778_163_039);
        assert_eq!(in_unit(298.0, 1e-1), 29.8);
        assert_eq!(in_unit(3.0, 512.0), 1536.0);
    }

    #[test]
    fn what_holds_a_number_is_exposed_in_its_unit() {
        let host = Fixture::new().with("bat/temp", "-1500\n").with("bat/status", "full\n");
        let mut files = Attributes::new(&host.path().join("bat"), &TABLE);
        let mut page = Page::default();
        assert_eq!(files.write(&mut page, Labels::NONE, &mut Vec::new()), 1);
        assert_eq!(lines(&page), ["temp_celsius -1.5"]);
    }
}
