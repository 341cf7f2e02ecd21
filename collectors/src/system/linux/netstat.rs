//! `netstat`: what the network protocols have counted.
//!
//! `/proc/net/netstat` and `/proc/net/snmp` come in pairs of lines, names above and values below, both
//! behind the protocol: `Tcp: RtoAlgorithm … / Tcp: 1 …`. `/proc/net/snmp6` has a name and a value on each
//! line. The kernel writes hundreds; those that `netstat.fields` matches are exposed. A line of names is
//! matched when it is first seen and after that only compared.

use std::sync::Arc;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::names::Names;
use super::parse;
use crate::system::config::Roots;
use crate::system::filter::{or_default, pattern};

const FIELDS: &str = "^(.*_(InErrors|InErrs)|Ip_Forwarding|Ip(6|Ext)_(InOctets|OutOctets)|\
    Icmp6?_(InMsgs|OutMsgs)|TcpExt_(Listen.*|Syncookies.*|TCPSynRetrans|TCPTimeouts|TCPOFOQueue|TCPRcvQDrop)|\
    Tcp_(ActiveOpens|InSegs|OutSegs|OutRsts|PassiveOpens|RetransSegs|CurrEstab)|\
    Udp6?_(InDatagrams|OutDatagrams|NoPorts|RcvbufErrors|SndbufErrors))$";

/// Settings of the group `netstat`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetStatSettings {
    /// Fields to expose, as `<protocol>_<field>`.
    pub fields: String,
}

impl Check for NetStatSettings {
    fn check(&self, at: &mut Place<'_>) {
        pattern(at, "fields", &self.fields);
    }
}

pub(super) struct NetStat {
    fields: Regex,
    tables: [Table; 2],
    snmp6: KeptFile,
    snmp6_names: Names,
}

/// A file of pairs of lines.
struct Table {
    file: KeptFile,
    headers: Vec<Header>,
}

/// A line of names, and the families of those that are wanted, by column.
#[derive(Debug)]
struct Header {
    line: Box<[u8]>,
    wanted: Vec<Option<Arc<Family>>>,
}

/// More lines of names than any kernel writes; bounds what is remembered.
const MOST_HEADERS: usize = 64;

impl NetStat {
    pub(super) fn new(roots: &Roots, settings: &NetStatSettings) -> Result<Self, Error> {
        let file = |name: &str| KeptFile::new(roots.procfs.join(name));
        let table = |name: &str| Table { file: file(name), headers: Vec::new() };
        Ok(Self {
            fields: Regex::new(or_default(&settings.fields, FIELDS))?,
            tables: [table("net/netstat"), table("net/snmp")],
            snmp6: file("net/snmp6"),
            snmp6_names: Names::default(),
        })
    }

    fn write_snmp6(&mut self, page: &mut Page) -> Result<(), Error> {
        let text = match self.snmp6.read() {
            Ok(text) => text,
            // A kernel without IPv6.
            Err(error) if error.is_absent() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.snmp6_names.rewind();
        let mut understood = true;
        for line in parse::lines(text) {
            let (name, value) = parse::first_word(line);
            let Some(family) = self.snmp6_names.family(name, |name| family6(name, &self.fields)) else {
                continue;
            };
            match parse::number(value.trim_ascii()) {
                Some(value) => page.set(family, Labels::NONE, value),
                None => understood = false,
            }
        }
        if understood { Ok(()) } else { Err(self.snmp6.malformed("a name without a number").into()) }
    }
}

impl Sampler for NetStat {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        for table in &mut self.tables {
            table.write(page, &self.fields)?;
        }
        self.write_snmp6(page)
    }
}

impl Table {
    fn write(&mut self, page: &mut Page, fields: &Regex) -> Result<(), Error> {
        let understood = write_pairs(page, &mut self.headers, self.file.read()?, fields);
        if understood { Ok(()) } else { Err(self.file.malformed("names and values do not match").into()) }
    }
}

/// Whether every line of names had its values.
fn write_pairs(page: &mut Page, headers: &mut Vec<Header>, text: &[u8], fields: &Regex) -> bool {
    let mut understood = true;
    let mut lines = parse::lines(text);
    while let Some(names) = lines.next() {
        let Some(values) = lines.next() else { return false };
        understood &= write_values(page, header(headers, names, fields), values);
    }
    understood
}

fn header<'h>(known: &'h mut Vec<Header>, line: &[u8], fields: &Regex) -> &'h Header {
    let at = known.iter().position(|header| *header.line == *line).unwrap_or_else(|| {
        if known.len() >= MOST_HEADERS {
            known.clear();
        }
        known.push(Header::new(line, fields));
        known.len() - 1
    });
    &known[at]
}

impl Header {
    fn new(line: &[u8], fields: &Regex) -> Self {
        let (protocol, names) = protocol(line);
        let protocol = parse::label(protocol);
        let wanted = parse::words(names)
            .map(|name| family(&protocol, &parse::label(name), fields).map(Arc::new))
            .collect();
        Self { line: line.into(), wanted }
    }
}

/// Whether there were as many values as names, of the same protocol, and all that are wanted were numbers.
fn write_values(page: &mut Page, header: &Header, values: &[u8]) -> bool {
    let (above, (below, values)) = (protocol(&header.line).0, protocol(values));
    let mut words = parse::words(values);
    let mut understood = above == below && !above.is_empty();
    if !understood {
        return false;
    }
    for family in &header.wanted {
        match (words.next(), family) {
            (Some(_), None) => {}
            (Some(word), Some(family)) => match parse::number(word) {
                Some(value) => page.set(family, Labels::NONE, value),
                None => understood = false,
            },
            (None, _) => return false,
        }
    }
    understood && words.next().is_none()
}

/// `Tcp: …` → `Tcp` and the rest.
fn protocol(line: &[u8]) -> (&[u8], &[u8]) {
    let (word, rest) = parse::first_word(line);
    (word.strip_suffix(b":").unwrap_or_default(), rest)
}

fn family(protocol: &str, name: &str, fields: &Regex) -> Option<Family> {
    let key = format!("{protocol}_{name}");
    let well_formed = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (well_formed && fields.is_match(&key)).then(|| {
        let help = format!("Statistic {protocol}{name}.");
        Family::met(format!("node_netstat_{key}"), Kind::Untyped, help)
    })
}

/// `Ip6InOctets`: the protocol ends with the first 6.
fn family6(name: &str, fields: &Regex) -> Option<Family> {
    let (protocol, name) = name.split_at(name.find('6')? + 1);
    family(protocol, name, fields)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    const SNMP: &str = "Ip: Forwarding DefaultTTL\nIp: 1 64\nTcp: MaxConn InSegs\nTcp: -1 57252008\n";

    fn all(host: &Fixture) -> NetStat {
        NetStat::new(host.roots(), &NetStatSettings { fields: ".".into() }).unwrap()
    }

    #[test]
    fn values_stand_below_their_names() {
        let host = Fixture::new()
            .with("proc/net/netstat", "TcpExt: SyncookiesSent Other\nTcpExt: 3 4\n")
            .with("proc/net/snmp", SNMP)
            .with("proc/net/snmp6", "Ip6InOctets                 \t460\nIcmp6OutType143 8\nnothing 1\n");
        let default = &NetStatSettings::default();
        let (series, result) = host.sample(&mut NetStat::new(host.roots(), default).unwrap());
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_netstat_TcpExt_SyncookiesSent 3",
                "node_netstat_Ip_Forwarding 1",
                "node_netstat_Tcp_InSegs 57252008",
                "node_netstat_Ip6_InOctets 460"
            ]
        );
        let (series, _) = host.sample(&mut all(&host));
        assert!(series.contains(&"node_netstat_Tcp_MaxConn -1".to_owned()));
        assert!(series.contains(&"node_netstat_Icmp6_OutType143 8".to_owned()));
    }

    #[test]
    fn a_kernel_that_learns_new_names_is_followed() {
        let host = Fixture::new().with("proc/net/netstat", "A: x\nA: 1\n").with("proc/net/snmp", "");
        let mut netstat = all(&host);
        host.sample(&mut netstat).1.unwrap();
        host.write("proc/net/netstat", "A: y x\nA: 2 3\n");
        let (series, result) = host.sample(&mut netstat);
        result.unwrap();
        assert_eq!(series, ["node_netstat_A_y 2", "node_netstat_A_x 3"]);
    }

    #[test]
    fn names_without_as_many_values_are_an_error() {
        for text in ["A: x y\nA: 1\n", "A: x\nA: 1 2\n", "A: x\n", "A: x\nB: 1\n", "x\n1\n"] {
            let host = Fixture::new().with("proc/net/netstat", text).with("proc/net/snmp", "");
            assert!(host.sample(&mut all(&host)).1.is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            names in proptest::collection::vec(any::<u8>(), 0..60),
            values in proptest::collection::vec(any::<u8>(), 0..60),
            name in "\\PC{0,10}",
        ) {
            let every = Regex::new(".").unwrap();
            let mut page = Page::default();
            write_values(&mut page, &Header::new(&names, &every), &values);
            let _ = family6(&name, &every);
        }
    }
}
