//! `node_cpu_info` and its kin, from `/proc/cpuinfo`: off by default, as the kernel takes its time to write
//! that file.
//!
//! Which lines there are depends on the architecture; a label whose line is missing is empty.

use regex::Regex;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::Error;

use super::super::file::KeptFile;
use super::super::parse;
use super::settings::CpuSettings;
use crate::system::config::Roots;

static INFO: Family = Family::gauge("node_cpu_info", "CPU information from /proc/cpuinfo.");
static FREQUENCY: Family =
    Family::gauge("node_cpu_frequency_hertz", "CPU frequency in hertz from /proc/cpuinfo.");
static FLAGS: Family = Family::gauge(
    "node_cpu_flag_info",
    "The `flags` field of CPU information from /proc/cpuinfo taken from the first core.",
);
static BUGS: Family = Family::gauge(
    "node_cpu_bug_info",
    "The `bugs` field of CPU information from /proc/cpuinfo taken from the first core.",
);

#[derive(Debug)]
pub(super) struct Info {
    file: KeptFile,
    flags: Option<Regex>,
    bugs: Option<Regex>,
}

impl Info {
    pub(super) fn new(roots: &Roots, settings: &CpuSettings) -> Result<Self, Error> {
        let compile = |pattern: &str| (!pattern.is_empty()).then(|| Regex::new(pattern)).transpose();
        Ok(Self {
            file: KeptFile::new(roots.procfs.join("cpuinfo")),
            flags: compile(&settings.info_flags_include)?,
            bugs: compile(&settings.info_bugs_include)?,
        })
    }

    pub(super) fn write(&mut self, page: &mut Page) -> Result<(), Error> {
        let text = self.file.read()?;
        for (index, cpu) in cpus(text).enumerate() {
            cpu.write(page);
            if index == 0 {
                write_words(page, &FLAGS, "flag", cpu.flags, self.flags.as_ref());
                write_words(page, &BUGS, "bug", cpu.bugs, self.bugs.as_ref());
            }
        }
        if page.is_empty() { Err(self.file.malformed("no processor").into()) } else { Ok(()) }
    }
}

/// One word of a list is one series.
fn write_words(page: &mut Page, family: &'static Family, label: &str, list: &[u8], wanted: Option<&Regex>) {
    let Some(wanted) = wanted else { return };
    for word in parse::words(list).map(parse::label).filter(|word| wanted.is_match(word)) {
        let labels = page.labels(&[(label, &word)]);
        page.set(family, labels, 1.0);
    }
}

/// One processor's lines.
#[derive(Debug, Default)]
struct Processor<'t> {
    number: &'t [u8],
    vendor: &'t [u8],
    family: &'t [u8],
    model: &'t [u8],
    model_name: &'t [u8],
    stepping: &'t [u8],
    microcode: &'t [u8],
    cache_size: &'t [u8],
    package: &'t [u8],
    core: &'t [u8],
    megahertz: Option<f64>,
    flags: &'t [u8],
    bugs: &'t [u8],
}

impl<'t> Processor<'t> {
    fn take(&mut self, key: &[u8], value: &'t [u8]) {
        match key {
            b"vendor_id" | b"vendor" => self.vendor = value,
            b"cpu family" => self.family = value,
            b"model" => self.model = value,
            b"model name" => self.model_name = value,
            b"stepping" => self.stepping = value,
            b"microcode" => self.microcode = value,
            b"cache size" => self.cache_size = value,
            b"physical id" => self.package = value,
            b"core id" | b"hart" => self.core = value,
            b"cpu MHz" => self.megahertz = parse::number(value),
            b"flags" | b"Features" => self.flags = value,
            b"bugs" => self.bugs = value,
            _ => {}
        }
    }

    fn write(&self, page: &mut Page) {
        let [cachesize, core, cpu, family, microcode, model, model_name, package, stepping, vendor] = [
            self.cache_size,
            self.core,
            self.number,
            self.family,
            self.microcode,
            self.model,
            self.model_name,
            self.package,
            self.stepping,
            self.vendor,
        ]
        .map(parse::label);
        let labels = page.full_labels(&[
            ("cachesize", &cachesize),
            ("core", &core),
            ("cpu", &cpu),
            ("family", &family),
            ("microcode", &microcode),
            ("model", &model),
            ("model_name", &model_name),
            ("package", &package),
            ("stepping", &stepping),
            ("vendor", &vendor),
        ]);
        page.set(&INFO, labels, 1.0);
        if let Some(megahertz) = self.megahertz {
            let labels = page.full_labels(&[("core", &core), ("cpu", &cpu), ("package", &package)]);
            page.set(&FREQUENCY, labels, megahertz * 1e6);
        }
    }
}

/// The processors, each of which begins with a line `processor : <number>`.
fn cpus(text: &[u8]) -> impl Iterator<Item = Processor<'_>> {
    let mut lines = parse::lines(text).filter_map(|line| {
        let colon = memchr::memchr(b':', line)?;
        Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()))
    });
    let mut next: Option<Processor<'_>> = None;
    std::iter::from_fn(move || {
        for (key, value) in lines.by_ref() {
            if key == b"processor" && parse::whole(value).is_some() {
                let started = Processor { number: value, ..Processor::default() };
                if let Some(complete) = next.replace(started) {
                    return Some(complete);
                }
            } else if let Some(cpu) = &mut next {
                cpu.take(key, value);
            }
        }
        next.take()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::super::fixture::{Fixture, lines};
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel\t\t: 142\ncpu MHz\t\t: 799.998\n\
                        physical id\t: 0\ncore id\t\t: 1\nflags\t\t: fpu aes avx2\nbugs\t\t: mds\n\n\
                        processor\t: 1\ncpu MHz\t\t: 800\nflags\t\t: other\n";

    fn series(settings: &CpuSettings) -> Vec<String> {
        let host = Fixture::new().with("proc/cpuinfo", TEXT);
        let mut page = Page::default();
        Info::new(host.roots(), settings).unwrap().write(&mut page).unwrap();
        lines(&page)
    }

    #[test]
    fn each_processor_is_described_and_missing_lines_are_empty_labels() {
        let series = series(&CpuSettings::default());
        assert_eq!(
            series[0],
            "node_cpu_info{cachesize=\"\",core=\"1\",cpu=\"0\",family=\"\",microcode=\"\",model=\"142\",\
             model_name=\"\",package=\"0\",stepping=\"\",vendor=\"GenuineIntel\"} 1"
        );
        assert_eq!(series[2], "node_cpu_frequency_hertz{core=\"1\",cpu=\"0\",package=\"0\"} 799998000");
        assert_eq!(series.len(), 4);
    }

    #[test]
    fn flags_and_bugs_of_the_first_processor_come_when_they_match() {
        let settings = CpuSettings {
            info_flags_include: "^(aes|other)$".into(),
            info_bugs_include: ".".into(),
            ..CpuSettings::default()
        };
        let series = series(&settings);
        assert!(series.contains(&"node_cpu_flag_info{flag=\"aes\"} 1".to_owned()));
        assert!(series.contains(&"node_cpu_bug_info{bug=\"mds\"} 1".to_owned()));
        assert!(!series.iter().any(|line| line.contains("other")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0..TEXT.len()) {
            let text = [&TEXT.as_bytes()[..cut], &bytes[..]].concat();
            let mut page = Page::default();
            for cpu in cpus(&text) {
                cpu.write(&mut page);
            }
        }
    }
}
