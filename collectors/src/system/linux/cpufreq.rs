//! `cpufreq`: how fast the CPUs run, may run, and who decides.
//!
//! `/sys/devices/system/cpu/cpu<N>/cpufreq` (the kernel's admin-guide/pm/cpufreq.rst), frequencies in kHz.

use std::path::{Path, PathBuf};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::attributes::{Attribute, Attributes};
use super::class::{Class, Texts, is_numbered, or_nothing};
use crate::system::config::Roots;

#[rustfmt::skip] // one line each, however long
static FILES: [Attribute; 6] = [
    Attribute::scaled("cpuinfo_cur_freq", Family::gauge("node_cpu_frequency_hertz", "Current CPU thread frequency in hertz."), 1e3),
    Attribute::scaled("cpuinfo_min_freq", Family::gauge("node_cpu_frequency_min_hertz", "Minimum CPU thread frequency in hertz."), 1e3),
    Attribute::scaled("cpuinfo_max_freq", Family::gauge("node_cpu_frequency_max_hertz", "Maximum CPU thread frequency in hertz."), 1e3),
    Attribute::scaled("scaling_cur_freq", Family::gauge("node_cpu_scaling_frequency_hertz", "Current scaled CPU thread frequency in hertz."), 1e3),
    Attribute::scaled("scaling_min_freq", Family::gauge("node_cpu_scaling_frequency_min_hertz", "Minimum scaled CPU thread frequency in hertz."), 1e3),
    Attribute::scaled("scaling_max_freq", Family::gauge("node_cpu_scaling_frequency_max_hertz", "Maximum scaled CPU thread frequency in hertz."), 1e3),
];

static GOVERNOR: Family =
    Family::gauge("node_cpu_scaling_governor", "Current enabled CPU frequency governor.");

pub(super) struct CpuFreq {
    cpus: Class<Cpu>,
}

struct Cpu {
    number: String,
    dir: PathBuf,
    /// Whether there was anything at the last reading: virtual machines have none of the files.
    any: bool,
    frequencies: Attributes,
    governor: Texts<2>,
}

impl CpuFreq {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { cpus: Class::new(roots.sysfs.join("devices/system/cpu")) }
    }
}

impl Cpu {
    fn new(name: &str, dir: &Path) -> Self {
        let dir = dir.join("cpufreq");
        Self {
            number: name.trim_start_matches("cpu").to_owned(),
            frequencies: Attributes::new(&dir, &FILES),
            governor: Texts::new(&dir, ["scaling_governor", "scaling_available_governors"]),
            any: false,
            dir,
        }
    }
}

impl Sampler for CpuFreq {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        or_nothing(self.cpus.each(
            |name| is_numbered(name, "cpu"),
            Cpu::new,
            |_, cpu, buffer| {
                if !cpu.any && !cpu.dir.is_dir() {
                    return;
                }
                let labels = page.labels(&[("cpu", &cpu.number)]);
                cpu.any = cpu.frequencies.write(page, labels, buffer) > 0;
                if !cpu.any {
                    return;
                }
                let [governor, available] = cpu.governor.read_or_empty(buffer);
                for known in available.split_ascii_whitespace() {
                    let labels = page.labels(&[("cpu", &cpu.number), ("governor", known)]);
                    page.set(&GOVERNOR, labels, f64::from(known == governor));
                }
            },
        ))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const DIR: &str = "sys/devices/system/cpu/cpu1/cpufreq";

    #[test]
    fn kilohertz_become_hertz_and_one_governor_rules() {
        let host = Fixture::new()
            .with(&format!("{DIR}/scaling_cur_freq"), "1699981\n")
            .with(&format!("{DIR}/scaling_governor"), "powersave\n")
            .with(&format!("{DIR}/scaling_available_governors"), "performance powersave\n");
        let (series, result) = host.sample(&mut CpuFreq::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_cpu_scaling_frequency_hertz{cpu=\"1\"} 1699981000",
                "node_cpu_scaling_governor{cpu=\"1\",governor=\"performance\"} 0",
                "node_cpu_scaling_governor{cpu=\"1\",governor=\"powersave\"} 1"
            ]
        );
    }

    #[test]
    fn a_virtual_machine_succeeds_with_nothing() {
        let host = Fixture::new().with("sys/devices/system/cpu/cpu0/online", "1\n");
        let (series, result) = host.sample(&mut CpuFreq::new(host.roots()));
        result.unwrap();
        assert!(series.is_empty());
    }

    survives_any_bytes!("sys/devices/system/cpu/cpu1/cpufreq/scaling_cur_freq", "1699981\n", host => {
        CpuFreq::new(host.roots())
    });
}
