//! `interrupts`: hardware interrupts by CPU, source and driver; off by default, as it has a series for each CPU.
//!
//! `/proc/interrupts` (proc_interrupts(5)): a line of CPUs, then for each interrupt its number or name, a count for
//! each CPU, and behind those, for a number the chip and the devices, for a name what it means.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::file::{FileError, KeptFile};
use super::parse;
use crate::system::config::Roots;
use crate::system::filter::{Filter, Patterns, pair};

static INTERRUPTS: Family = Family::counter("node_interrupts_total", "Interrupt details.");

/// Settings of the group `interrupts`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InterruptsSettings {
    /// Interrupts to expose, as `<name>;<info>;<devices>`; excludes `name_exclude`.
    pub name_include: String,
    /// Interrupts to leave out, as `<name>;<info>;<devices>`.
    pub name_exclude: String,
    /// Expose those that a CPU has not had yet, too.
    pub include_zeros: bool,
}

impl Default for InterruptsSettings {
    fn default() -> Self {
        Self { name_include: String::new(), name_exclude: String::new(), include_zeros: true }
    }
}

impl Check for InterruptsSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("name_include", &self.name_include), ("name_exclude", &self.name_exclude));
    }
}

pub(super) struct Interrupts {
    file: KeptFile,
    filter: Filter,
    zeros: bool,
}

impl Interrupts {
    pub(super) fn new(roots: &Roots, settings: &InterruptsSettings) -> Result<Self, Error> {
        Ok(Self {
            file: KeptFile::new(roots.procfs.join("interrupts")),
            filter: Filter::new(Patterns::new(&settings.name_include, &settings.name_exclude, ""))?,
            zeros: settings.include_zeros,
        })
    }
}

impl Sampler for Interrupts {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut lines = parse::lines(self.file.read().map_err(FileError::or_no_data)?);
        let cpus = lines.next().unwrap_or_default();
        let count = parse::words(cpus).count();
        for line in lines.filter_map(|line| parse(line, count)) {
            let name = parse::label(line.name);
            let (info, devices) = (joined(line.info), joined(line.devices));
            if !self.filter.wants(&format!("{name};{info};{devices}")) {
                continue;
            }
            for (cpu, count) in parse::words(cpus).zip(parse::words(line.counts)) {
                let Some(count) = parse::whole(count).filter(|count| self.zeros || *count > 0) else {
                    continue;
                };
                let cpu = parse::label(cpu.strip_prefix(b"CPU").unwrap_or(cpu));
                let labels = page.full_labels(&[
                    ("cpu", &cpu),
                    ("devices", &devices),
                    ("info", &info),
                    ("type", &name),
                ]);
                page.set(&INTERRUPTS, labels, count as f64);
            }
        }
        Ok(())
    }
}

/// One line.
struct Line<'t> {
    name: &'t [u8],
    counts: &'t [u8],
    info: &'t [u8],
    devices: &'t [u8],
}

/// A line that has a count for each CPU and says what it is; `ERR` and `MIS` have one count in all.
fn parse(line: &[u8], cpus: usize) -> Option<Line<'_>> {
    let (name, mut rest) = parse::first_word(line);
    let name = name.strip_suffix(b":")?;
    let counts = rest;
    for _ in 0..cpus {
        let (count, behind) = parse::first_word(rest);
        parse::whole(count)?;
        rest = behind;
    }
    let rest = rest.trim_ascii();
    if rest.is_empty() {
        return None;
    }
    // A number's chip is one word; a name's meaning is all there is.
    let (info, devices) =
        if parse::whole(name).is_some() { parse::first_word(rest) } else { (rest, &b""[..]) };
    Some(Line { name, counts, info, devices })
}

/// The words with one space between them.
fn joined(text: &[u8]) -> String {
    parse::words(text).map(parse::label).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "           CPU0       CPU1\n  9:     398553       2320  IR-IO-APIC-fasteoi   acpi\n\
                        \x2016:     328511          0  IR-IO-APIC   2-edge   ehci_hcd:usb1, mmc0\n\
                        LOC:          5          6   Local timer interrupts\nERR:          0\n";

    fn series(settings: &InterruptsSettings) -> Vec<String> {
        let host = Fixture::new().with("proc/interrupts", TEXT);
        let (series, result) = host.sample(&mut Interrupts::new(host.roots(), settings).unwrap());
        result.unwrap();
        series
    }

    #[test]
    fn numbers_have_a_chip_and_devices_and_names_have_a_meaning() {
        let series = series(&InterruptsSettings::default());
        assert_eq!(
            series[1],
            "node_interrupts_total{cpu=\"1\",devices=\"acpi\",info=\"IR-IO-APIC-fasteoi\",type=\"9\"} 2320"
        );
        assert_eq!(
            series[2],
            "node_interrupts_total{cpu=\"0\",devices=\"2-edge ehci_hcd:usb1, mmc0\",info=\"IR-IO-APIC\",type=\"16\"} 328511"
        );
        assert_eq!(
            series[4],
            "node_interrupts_total{cpu=\"0\",devices=\"\",info=\"Local timer interrupts\",type=\"LOC\"} 5"
        );
        assert_eq!(series.len(), 6);
    }

    #[test]
    fn they_can_be_chosen_by_name_info_and_devices() {
        let chosen =
            InterruptsSettings { name_include: "usb1".into(), include_zeros: false, ..Default::default() };
        assert_eq!(series(&chosen).len(), 1);
        let others = InterruptsSettings { name_exclude: "^LOC;".into(), ..Default::default() };
        assert_eq!(series(&others).len(), 4);
    }

    survives_any_bytes!("proc/interrupts", TEXT, host => {
        Interrupts::new(host.roots(), &InterruptsSettings::default()).unwrap()
    });
}
