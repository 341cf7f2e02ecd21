//! `qdisc`: the queueing discipline of each network interface.
//!
//! rtnetlink(7), `RTM_GETQDISC`: each answer is a `tcmsg` and attributes (linux/rtnetlink.h, linux/gen_stats.h). Only the
//! one at the root is told: those below it count the same packets again. With `qdisc.fixtures` the answers are read from
//! a file.

use std::collections::BTreeSet;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::file::FileError;
use super::netlink::{Netlink, NetlinkError, Subject, attributes, u32_at, u64_at};
use super::{answers, parse};
use crate::system::filter::{Filter, Patterns, pair};

#[rustfmt::skip] // one line each, however long
static FAMILIES: [Family; 7] = [
    Family::counter("node_qdisc_bytes_total", "Number of bytes sent."),
    Family::counter("node_qdisc_packets_total", "Number of packets sent."),
    Family::gauge("node_qdisc_current_queue_length", "Number of packets currently in queue to be sent."),
    Family::gauge("node_qdisc_backlog", "Number of bytes currently in queue to be sent."),
    Family::counter("node_qdisc_drops_total", "Number of packets dropped."),
    Family::counter("node_qdisc_requeues_total", "Number of packets dequeued, not transmitted, and requeued."),
    Family::counter("node_qdisc_overlimits_total", "Number of overlimit packets."),
];

const RTM_NEWQDISC: u16 = 36;
const RTM_GETQDISC: u16 = 38;
const TCMSG: usize = 20;
const TCA_KIND: u16 = 1;
const TCA_STATS2: u16 = 7;
const TCA_STATS_BASIC: u16 = 1;
const TCA_STATS_QUEUE: u16 = 3;
/// The parent of the one at the root.
const TC_H_ROOT: u32 = u32::MAX;

/// Settings of the group `qdisc`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QdiscSettings {
    /// Interfaces to expose; excludes `device_exclude`.
    #[schemars(extend("x-old-flag" = "collector.qdisk.device-include"))]
    pub device_include: String,
    /// Interfaces to leave out.
    #[schemars(extend("x-old-flag" = "collector.qdisk.device-exclude"))]
    pub device_exclude: String,
    /// Directory whose `results.json` stands for the kernel's answers, to try dashboards and rules without a queue.
    pub fixtures: FilePath,
}

impl Check for QdiscSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("device_include", &self.device_include), ("device_exclude", &self.device_exclude));
    }
}

pub(super) struct Qdisc {
    source: Source,
    filter: Filter,
}

enum Source {
    Kernel(Netlink),
    Fixtures(FilePath),
}

/// What the kernel says of one.
#[derive(Debug, PartialEq, Eq)]
struct Discipline {
    interface: u32,
    kind: String,
    numbers: Numbers,
}

/// In the order of the families.
type Numbers = [u64; FAMILIES.len()];

/// One of a file, in the form of upstream's own; the parent of the one at the root is 0 there.
#[derive(Default, Deserialize)]
#[serde(default)]
struct DisciplineJson {
    ifacename: String,
    kind: String,
    parent: u32,
    bytes: u64,
    packets: u64,
    qlen: u64,
    backlog: u64,
    drops: u64,
    requeues: u64,
    overlimits: u64,
}

impl Qdisc {
    pub(super) fn new(settings: &QdiscSettings) -> Result<Self, Error> {
        let filter = Filter::new(Patterns::new(&settings.device_include, &settings.device_exclude, ""))?;
        let source = match settings.fixtures.as_os_str().is_empty() {
            true => Source::Kernel(Netlink::new(Subject::Route)),
            false => Source::Fixtures(settings.fixtures.clone()),
        };
        Ok(Self { source, filter })
    }
}

impl Sampler for Qdisc {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let write = |device: &str, kind: &str, numbers: Numbers| {
            if !self.filter.wants(device) {
                return;
            }
            let labels = page.labels(&[("device", device), ("kind", kind)]);
            for (family, number) in FAMILIES.iter().zip(numbers) {
                page.set(family, labels, number as f64);
            }
        };
        match &mut self.source {
            Source::Kernel(netlink) => ask(netlink, write)?,
            Source::Fixtures(dir) => read_fixtures(dir, write)?,
        }
        Ok(())
    }
}

/// Calls `write` with interface, kind and numbers of each that the kernel has.
fn ask(netlink: &mut Netlink, mut write: impl FnMut(&str, &str, Numbers)) -> Result<(), NetlinkError> {
    let mut found = Vec::new();
    netlink.dump(RTM_GETQDISC, &[0; TCMSG], |kind, body| {
        found.extend((kind == RTM_NEWQDISC).then(|| Discipline::parse(body)).flatten());
    })?;
    netlink.interfaces(|number, name| {
        if let Some(discipline) = found.iter().find(|discipline| discipline.interface == number) {
            write(&parse::label(name), &discipline.kind, discipline.numbers);
        }
    })
}

/// The same of a file; an interface has one root.
fn read_fixtures(dir: &Path, mut write: impl FnMut(&str, &str, Numbers)) -> Result<(), FileError> {
    let all: Vec<DisciplineJson> = answers::read(&dir.join("results.json"))?;
    let mut interfaces = BTreeSet::new();
    for one in all.iter().filter(|one| one.parent == 0) {
        if interfaces.insert(&one.ifacename) {
            let DisciplineJson { bytes, packets, qlen, backlog, drops, requeues, overlimits, .. } = *one;
            let numbers = [bytes, packets, qlen, backlog, drops, requeues, overlimits];
            write(&one.ifacename, &one.kind, numbers);
        }
    }
    Ok(())
}

impl Discipline {
    /// `None` for one that is not at the root.
    fn parse(body: &[u8]) -> Option<Self> {
        let message = body.get(..TCMSG)?;
        if u32_at(&message[12..]) != TC_H_ROOT {
            return None;
        }
        let (mut kind, mut numbers) = (String::new(), [0; FAMILIES.len()]);
        for (attribute, value) in attributes(&body[TCMSG..]) {
            match attribute {
                TCA_KIND => kind = parse::label(value.strip_suffix(b"\0").unwrap_or(value)).into_owned(),
                TCA_STATS2 => read(value, &mut numbers),
                _ => {}
            }
        }
        Some(Self { interface: u32_at(&message[4..]), kind, numbers })
    }
}

/// Bytes and packets of `gnet_stats_basic`, and the five members of `gnet_stats_queue`.
fn read(statistics: &[u8], numbers: &mut Numbers) {
    let number = |value: &[u8], at: usize| value.get(at..).map_or(0, |rest| u64::from(u32_at(rest)));
    for (attribute, value) in attributes(statistics) {
        match attribute {
            TCA_STATS_BASIC => {
                numbers[0] = u64_at(value);
                numbers[1] = number(value, 8);
            }
            TCA_STATS_QUEUE => {
                for (at, slot) in numbers[2..].iter_mut().enumerate() {
                    *slot = number(value, 4 * at);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::super::netlink::attribute;
    use super::*;
    use proptest::prelude::*;

    fn discipline(parent: u32) -> Vec<u8> {
        let mut body = vec![0; TCMSG];
        body[4..8].copy_from_slice(&2_u32.to_ne_bytes());
        body[12..16].copy_from_slice(&parent.to_ne_bytes());
        let basic = [&83_u64.to_ne_bytes()[..], &7_u32.to_ne_bytes(), &[0; 4]].concat();
        let queue: Vec<u8> = [1_u32, 2, 3, 4, 5].iter().flat_map(|number| number.to_ne_bytes()).collect();
        let both = [attribute(TCA_STATS_BASIC, &basic), attribute(TCA_STATS_QUEUE, &queue)].concat();
        [body, attribute(TCA_KIND, b"fq\0"), attribute(TCA_STATS2, &both)].concat()
    }

    #[test]
    fn the_one_at_the_root_is_told() {
        let found = Discipline::parse(&discipline(TC_H_ROOT)).unwrap();
        assert_eq!(
            found,
            Discipline { interface: 2, kind: "fq".to_owned(), numbers: [83, 7, 1, 2, 3, 4, 5] }
        );
        assert_eq!(Discipline::parse(&discipline(0x8001_0000)), None);
    }

    #[test]
    fn the_kernel_answers() {
        let host = Fixture::new();
        let (series, result) = host.sample(&mut Qdisc::new(&QdiscSettings::default()).unwrap());
        result.unwrap();
        assert_eq!(series.len() % FAMILIES.len(), 0);
        let none = QdiscSettings { device_exclude: ".".into(), ..Default::default() };
        assert!(host.sample(&mut Qdisc::new(&none).unwrap()).0.is_empty());
    }

    #[test]
    fn a_file_stands_for_the_kernel() {
        let answers = r#"[{"IfaceName": "eth0", "Kind": "fq", "Bytes": 83, "Drops": 1},
            {"IfaceName": "eth0", "Kind": "fq", "Parent": 7, "Bytes": 84}, {"IfaceName": "dmz"}]"#;
        let host = Fixture::new().with("qdisc/results.json", answers);
        let fixtures = host.path().join("qdisc").into();
        let settings = QdiscSettings { device_exclude: "dmz".into(), fixtures, ..Default::default() };
        let (series, result) = host.sample(&mut Qdisc::new(&settings).unwrap());
        result.unwrap();
        assert_eq!(series.len(), FAMILIES.len());
        assert_eq!(series[0], "node_qdisc_bytes_total{device=\"eth0\",kind=\"fq\"} 83");
        assert_eq!(series[4], "node_qdisc_drops_total{device=\"eth0\",kind=\"fq\"} 1");
        std::fs::remove_file(host.path().join("qdisc/results.json")).unwrap();
        assert!(host.sample(&mut Qdisc::new(&settings).unwrap()).1.is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            flip in any::<proptest::sample::Index>(),
            to in any::<u8>(),
        ) {
            let _ = Discipline::parse(&bytes);
            let mut body = discipline(TC_H_ROOT);
            let at = flip.index(body.len());
            body[at] = to;
            let _ = Discipline::parse(&body);
        }
    }
}
