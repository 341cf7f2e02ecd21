//! `edac`: errors of memory that were corrected and that were not.
//!
//! `/sys/devices/system/edac/mc/mc<N>` (the kernel's driver-api/edac.rst): counts of the controller, of each row of
//! chips, and of each channel of a row with the label of its module.

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::class::{Class, is_numbered, or_nothing, text};
use super::file::{SmallFile, names_in};
use crate::system::config::Roots;

static CORRECTABLE: Family =
    Family::counter("node_edac_correctable_errors_total", "Total correctable memory errors.");
static UNCORRECTABLE: Family =
    Family::counter("node_edac_uncorrectable_errors_total", "Total uncorrectable memory errors.");
static ROW_CORRECTABLE: Family = Family::counter(
    "node_edac_csrow_correctable_errors_total",
    "Total correctable memory errors for this csrow.",
);
static ROW_UNCORRECTABLE: Family = Family::counter(
    "node_edac_csrow_uncorrectable_errors_total",
    "Total uncorrectable memory errors for this csrow.",
);
static CHANNEL_CORRECTABLE: Family = Family::counter(
    "node_edac_channel_correctable_errors_total",
    "Total correctable memory errors for this channel.",
);
static CHANNEL_UNCORRECTABLE: Family = Family::counter(
    "node_edac_channel_uncorrectable_errors_total",
    "Total uncorrectable memory errors for this channel.",
);

/// What the row of an error is called when it is not known.
const UNKNOWN: &str = "unknown";

pub(super) struct Edac {
    controllers: Class<Controller>,
}

/// A memory controller; modules do not change while the machine runs, so they are looked for once.
struct Controller {
    number: String,
    counts: [SmallFile; 2],
    counts_of_no_row: [SmallFile; 2],
    rows: Vec<Row>,
}

struct Row {
    number: String,
    counts: [SmallFile; 2],
    channels: Vec<Channel>,
}

struct Channel {
    number: String,
    module: String,
    counts: [SmallFile; 2],
}

impl Edac {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { controllers: Class::new(roots.sysfs.join("devices/system/edac/mc")) }
    }
}

impl Controller {
    fn new(name: &str, dir: &Path) -> Self {
        let rows = names_in(dir).unwrap_or_default();
        let rows = rows.iter().filter(|name| is_numbered(name, "csrow"));
        Self {
            number: name.trim_start_matches("mc").to_owned(),
            counts: counts(dir, ""),
            counts_of_no_row: ["ce_noinfo_count", "ue_noinfo_count"]
                .map(|file| SmallFile::new(dir.join(file))),
            rows: rows.map(|row| Row::new(row, &dir.join(row))).collect(),
        }
    }
}

impl Row {
    fn new(name: &str, dir: &Path) -> Self {
        let mut buffer = Vec::new();
        let mut channels = Vec::new();
        for file in names_in(dir).unwrap_or_default() {
            let Some(channel) = file.strip_suffix("_dimm_label").filter(|name| is_numbered(name, "ch"))
            else {
                continue;
            };
            let module = text(&mut SmallFile::new(dir.join(&file)), &mut buffer).unwrap_or_default();
            channels.push(Channel {
                number: channel.trim_start_matches("ch").to_owned(),
                module: module_label(&module),
                counts: counts(dir, &format!("{channel}_")),
            });
        }
        Self { number: name.trim_start_matches("csrow").to_owned(), counts: counts(dir, ""), channels }
    }
}

/// The files of corrected and of other errors.
fn counts(dir: &Path, prefix: &str) -> [SmallFile; 2] {
    ["ce_count", "ue_count"].map(|file| SmallFile::new(dir.join(format!("{prefix}{file}"))))
}

/// Some drivers give `mc0csrow0channel0` as the label, which upstream takes apart for people.
fn module_label(label: &str) -> String {
    let parts = label.strip_prefix("mc").and_then(|rest| {
        let (controller, rest) = rest.split_once("csrow")?;
        let (row, channel) = rest.split_once("channel")?;
        let number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        [controller, row, channel]
            .into_iter()
            .all(number)
            .then(|| format!("mc{controller}_csrow{row}_channel{channel}"))
    });
    parts.unwrap_or_else(|| label.to_owned())
}

impl Sampler for Edac {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        or_nothing(self.controllers.each(
            |name| is_numbered(name, "mc"),
            Controller::new,
            |_, controller, buffer| controller.write(page, buffer),
        ))
    }
}

impl Controller {
    fn write(&mut self, page: &mut Page, buffer: &mut Vec<u8>) {
        let mut write =
            |families: [&'static Family; 2], files: &mut [SmallFile; 2], labels: &[(&str, &str)]| {
                let labels = page.labels(labels);
                for (family, file) in families.into_iter().zip(files) {
                    if let Some(count) = file.number(buffer) {
                        page.set(family, labels, count);
                    }
                }
            };
        let controller = ("controller", self.number.as_str());
        write([&CORRECTABLE, &UNCORRECTABLE], &mut self.counts, &[controller]);
        let rows = [&ROW_CORRECTABLE, &ROW_UNCORRECTABLE];
        write(rows, &mut self.counts_of_no_row, &[controller, ("csrow", UNKNOWN)]);
        for row in &mut self.rows {
            let csrow = ("csrow", row.number.as_str());
            write(rows, &mut row.counts, &[controller, csrow]);
            for channel in &mut row.channels {
                let labels = [
                    ("channel", channel.number.as_str()),
                    controller,
                    csrow,
                    ("dimm_label", &channel.module),
                ];
                write([&CHANNEL_CORRECTABLE, &CHANNEL_UNCORRECTABLE], &mut channel.counts, &labels);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn errors_are_counted_by_controller_row_and_channel() {
        let mc = |file: &str| format!("sys/devices/system/edac/mc/mc0/{file}");
        let host = Fixture::new()
            .with(&mc("ce_count"), "1\n")
            .with(&mc("ue_noinfo_count"), "6\n")
            .with(&mc("csrow1/ce_count"), "3\n")
            .with(&mc("csrow1/ch0_dimm_label"), "mc0csrow1channel0\n")
            .with(&mc("csrow1/ch0_ue_count"), "2\n");
        let (series, result) = host.sample(&mut Edac::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_edac_correctable_errors_total{controller=\"0\"} 1",
                "node_edac_csrow_uncorrectable_errors_total{controller=\"0\",csrow=\"unknown\"} 6",
                "node_edac_csrow_correctable_errors_total{controller=\"0\",csrow=\"1\"} 3",
                "node_edac_channel_uncorrectable_errors_total{channel=\"0\",controller=\"0\",csrow=\"1\",\
                 dimm_label=\"mc0_csrow1_channel0\"} 2"
            ]
        );
    }

    #[test]
    fn a_label_of_its_own_stays() {
        assert_eq!(module_label("CPU_SrcID#0_Ha#0_Chan#1_DIMM#0"), "CPU_SrcID#0_Ha#0_Chan#1_DIMM#0");
        assert_eq!(module_label("mc1csrow0channelA"), "mc1csrow0channelA");
    }

    survives_any_bytes!("sys/devices/system/edac/mc/mc0/ce_count", "1\n", host => Edac::new(host.roots()));
}
