//! `qdisc`: the queueing discipline of each network interface.
//!
//! rtnetlink(7), `RTM_GETQDISC`: each answer is a `tcmsg` and attributes (linux/rtnetlink.h, linux/gen_stats.h). Only the
//! one at the root is told: those below it count the same packets again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::netlink::{Netlink, Subject, attributes, u32_at, u64_at};
use super::parse;
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
    #[schemars(extend("x-flag" = "collector.qdisk.device-include"))]
    pub device_include: String,
    /// Interfaces to leave out.
    #[schemars(extend("x-flag" = "collector.qdisk.device-exclude"))]
    pub device_exclude: String,
}

impl Check for QdiscSettings {
    fn check(&self, at: &mut Place<'_>) {
        pair(at, ("device_include", &self.device_include), ("device_exclude", &self.device_exclude));
    }
}

pub(super) struct Qdisc {
    netlink: Netlink,
    filter: Filter,
}

/// What the kernel says of one.
#[derive(Debug, PartialEq, Eq)]
struct Discipline {
    interface: u32,
    kind: String,
    /// In the order of the families.
    numbers: [u64; FAMILIES.len()],
}

impl Qdisc {
    pub(super) fn new(settings: &QdiscSettings) -> Result<Self, Error> {
        let filter = Filter::new(Patterns::new(&settings.device_include, &settings.device_exclude, ""))?;
        Ok(Self { netlink: Netlink::new(Subject::Route), filter })
    }
}

impl Sampler for Qdisc {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut found = Vec::new();
        self.netlink.dump(RTM_GETQDISC, &[0; TCMSG], |kind, body| {
            found.extend((kind == RTM_NEWQDISC).then(|| Discipline::parse(body)).flatten());
        })?;
        self.netlink.interfaces(|number, name| {
            let name = parse::label(name);
            if !self.filter.wants(&name) {
                return;
            }
            if let Some(discipline) = found.iter().find(|discipline| discipline.interface == number) {
                let labels = page.labels(&[("device", &name), ("kind", &discipline.kind)]);
                for (family, number) in FAMILIES.iter().zip(discipline.numbers) {
                    page.set(family, labels, number as f64);
                }
            }
        })?;
        Ok(())
    }
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
fn read(statistics: &[u8], numbers: &mut [u64; FAMILIES.len()]) {
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
    use super::*;
    use proptest::prelude::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut attribute = ((4 + value.len()) as u16).to_ne_bytes().to_vec();
        attribute.extend(kind.to_ne_bytes());
        attribute.extend(value);
        attribute.resize(attribute.len().next_multiple_of(4), 0);
        attribute
    }

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
