//! `lnstat`: the kernel's network caches.
//!
//! Each file in `/proc/net/stat` is a cache: a line of names, then a line of hexadecimal numbers for each CPU, as
//! lnstat(8) shows them.

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::file::{FileError, KeptFile, names_in};
use super::names::Names;
use super::parse;
use super::roster::Roster;
use crate::system::config::Roots;

pub(super) struct LnStat {
    roots: Roots,
    caches: Roster<Cache>,
    names: Names,
}

struct Cache {
    name: String,
    file: KeptFile,
}

impl LnStat {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone(), caches: Roster::default(), names: Names::default() }
    }
}

impl Sampler for LnStat {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let dir = self.roots.procfs.join("net/stat");
        let mut wrong = None;
        self.names.rewind();
        self.caches.begin();
        for name in names_in(&dir).map_err(FileError::or_no_data)? {
            let new = || Cache { file: KeptFile::new(dir.join(&name)), name: name.clone() };
            let cache = self.caches.meet(|cache| cache.name == name, new);
            if let Err(error) = cache.write(page, &mut self.names) {
                wrong = wrong.or(Some(error));
            }
        }
        self.caches.end();
        wrong.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl Cache {
    fn write(&mut self, page: &mut Page, names: &mut Names) -> Result<(), FileError> {
        let mut understood = true;
        let mut lines = parse::lines(self.file.read()?);
        let header = lines.next().unwrap_or_default();
        for (cpu, line) in lines.enumerate() {
            let labels = page.labels(&[("cpu", itoa::Buffer::new().format(cpu)), ("subsystem", &self.name)]);
            for (name, word) in parse::words(header).zip(parse::words(line)) {
                let Some(family) = names.family(name, family) else { continue };
                match parse::hex(word) {
                    Some(count) => page.set(family, labels, count as f64),
                    None => understood = false,
                }
            }
        }
        if understood { Ok(()) } else { Err(self.file.malformed("a number that is none")) }
    }
}

fn family(name: &str) -> Option<Family> {
    let help = "linux network cache stats".to_owned();
    Some(Family::met(format!("node_lnstat_{name}_total"), Kind::Counter, help))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "entries  allocs destroys\n00000014  00000001 00000002\n00000014  0000000d 0000000e\n";

    #[test]
    fn each_cache_has_a_line_for_each_cpu() {
        let host =
            Fixture::new().with("proc/net/stat/arp_cache", TEXT).with("proc/net/stat/ndisc_cache", TEXT);
        let mut lnstat = LnStat::new(host.roots());
        for _ in 0..2 {
            let (series, result) = host.sample(&mut lnstat);
            result.unwrap();
            assert_eq!(series.len(), 12);
            assert_eq!(series[0], "node_lnstat_entries_total{cpu=\"0\",subsystem=\"arp_cache\"} 20");
            assert_eq!(series[11], "node_lnstat_destroys_total{cpu=\"1\",subsystem=\"ndisc_cache\"} 14");
        }
    }

    survives_any_bytes!("proc/net/stat/arp_cache", TEXT, host => LnStat::new(host.roots()));
}
