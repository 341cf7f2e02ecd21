//! `meminfo_numa`: where the memory of each NUMA node is, and how often a page was had from the node it was wanted from.
//!
//! `/sys/devices/system/node/node<N>/meminfo`: `Node 0 Active(anon): 691324 kB`; `numastat` beside it: `numa_hit 12`
//! (the kernel's admin-guide/numastat.rst).

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::file::{FileError, KeptFile, names_in};
use super::names::Names;
use super::parse;
use super::roster::Roster;
use crate::system::config::Roots;

pub(super) struct MemInfoNuma {
    roots: Roots,
    nodes: Roster<Node>,
    /// Of all nodes, so that they share families.
    names: Names,
}

struct Node {
    number: String,
    memory: KeptFile,
    statistics: KeptFile,
}

impl MemInfoNuma {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone(), nodes: Roster::default(), names: Names::default() }
    }
}

impl Sampler for MemInfoNuma {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let dir = self.roots.sysfs.join("devices/system/node");
        let mut wrong = None;
        self.names.rewind();
        self.nodes.begin();
        for name in names_in(&dir).map_err(FileError::or_no_data)? {
            let number = name.strip_prefix("node").filter(|number| parse::whole(number.as_bytes()).is_some());
            let Some(number) = number else { continue };
            let new = || Node {
                number: number.to_owned(),
                memory: KeptFile::new(dir.join(&name).join("meminfo")),
                statistics: KeptFile::new(dir.join(&name).join("numastat")),
            };
            let node = self.nodes.meet(|node| node.number == number, new);
            if let Err(error) = node.write(page, &mut self.names) {
                wrong = wrong.or(Some(error));
            }
        }
        self.nodes.end();
        wrong.map_or(Ok(()), |error| Err(error.into()))
    }
}

impl Node {
    fn write(&mut self, page: &mut Page, names: &mut Names) -> Result<(), FileError> {
        let labels = page.labels(&[("node", &self.number)]);
        let mut understood = true;
        for line in parse::lines(self.memory.read()?) {
            let Some((name, value)) = memory_field(line) else {
                understood = false;
                continue;
            };
            if let Some(family) = names.family(name, |name| Some(family(&field_name(name), Kind::Gauge))) {
                page.set(family, labels, value);
            }
        }
        if !understood {
            return Err(self.memory.malformed("a field without a number"));
        }
        for line in parse::lines(self.statistics.read()?) {
            let (name, count) = parse::first_word(line);
            let Some(count) = parse::whole_file(count) else {
                understood = false;
                continue;
            };
            let counter = |name: &str| Some(family(&format!("{name}_total"), Kind::Counter));
            if let Some(family) = names.family(name, counter) {
                page.set(family, labels, count as f64);
            }
        }
        if understood { Ok(()) } else { Err(self.statistics.malformed("a name without a number")) }
    }
}

/// `Node 0 MemTotal:       134182340 kB`: name, and value in bytes where it has a unit.
fn memory_field(line: &[u8]) -> Option<(&[u8], f64)> {
    let mut words = parse::words(line).skip(2);
    let (name, value) = (words.next()?.strip_suffix(b":")?, parse::whole(words.next()?)?);
    match words.next() {
        None => Some((name, value as f64)),
        Some(b"kB") => Some((name, value as f64 * 1024.0)),
        Some(_) => None,
    }
}

/// `Active(anon)` → `Active_anon`
fn field_name(name: &str) -> String {
    name.replace('(', "_").replace(')', "")
}

fn family(name: &str, kind: Kind) -> Family {
    Family::met(format!("node_memory_numa_{name}"), kind, format!("Memory information field {name}."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const DIR: &str = "sys/devices/system/node";
    const MEMORY: &str =
        "Node 0 MemTotal:       8 kB\nNode 0 Active(anon):  3 kB\nNode 0 HugePages_Free:     7\n";

    #[test]
    fn each_node_has_its_fields_and_counts() {
        let host = Fixture::new();
        for node in ["node0", "node1"] {
            host.write(&format!("{DIR}/{node}/meminfo"), MEMORY);
            host.write(&format!("{DIR}/{node}/numastat"), "numa_hit 5\n");
        }
        host.write(&format!("{DIR}/possible"), "0-1\n");
        let (series, result) = host.sample(&mut MemInfoNuma::new(host.roots()));
        result.unwrap();
        let of =
            |name: &str, node: u8, value: u64| format!("node_memory_numa_{name}{{node=\"{node}\"}} {value}");
        assert_eq!(series[..2], [of("MemTotal", 0, 8192), of("MemTotal", 1, 8192)]);
        assert_eq!(series[2], of("Active_anon", 0, 3072));
        assert_eq!(series[5..7], [of("HugePages_Free", 1, 7), of("numa_hit_total", 0, 5)]);
        assert_eq!(series.len(), 8);
    }

    survives_any_bytes!("sys/devices/system/node/node0/meminfo", MEMORY, host => {
        host.write("sys/devices/system/node/node0/numastat", "numa_hit 5\n");
        MemInfoNuma::new(host.roots())
    });
}
