//! `sockstat`: sockets in use by protocol and state, and the memory they hold.
//!
//! `/proc/net/sockstat` and `sockstat6`: `TCP: inuse 4 orphan 0 tw 4 alloc 17 mem 1`, pairs of state and
//! number behind the protocol. `mem` counts pages; it is exposed in bytes besides.

use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::names::Names;
use super::parse;
use crate::system::config::Roots;

static USED: Family = Family::gauge("node_sockstat_sockets_used", "Number of IPv4 sockets in use.");

pub(super) struct SockStat {
    tables: [Table; 2],
    page_size: f64,
}

/// One file.
struct Table {
    file: KeptFile,
    names: Names,
    /// `<protocol>_<state>`, put together for each number.
    name: Vec<u8>,
}

impl SockStat {
    pub(super) fn new(roots: &Roots) -> Self {
        let table = |file: &str| Table {
            file: KeptFile::new(roots.procfs.join(file)),
            names: Names::default(),
            name: Vec::new(),
        };
        Self {
            tables: [table("net/sockstat"), table("net/sockstat6")],
            page_size: rustix::param::page_size() as f64,
        }
    }
}

impl Sampler for SockStat {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        for table in &mut self.tables {
            table.write(page, self.page_size)?;
        }
        Ok(())
    }
}

impl Table {
    fn write(&mut self, page: &mut Page, page_size: f64) -> Result<(), Error> {
        let text = match self.file.read() {
            Ok(text) => text,
            // A kernel without IPv4 or IPv6.
            Err(error) if error.is_absent() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.names.rewind();
        let (names, name) = (&mut self.names, &mut self.name);
        let mut understood = true;
        for line in parse::lines(text) {
            understood &= each(line, |protocol, state, number| {
                if protocol == b"sockets" {
                    return if state == b"used" {
                        page.set(&USED, Labels::NONE, number)
                    };
                }
                let mut write = |suffix: &[u8], number| {
                    name.clear();
                    for part in [protocol, b"_", state, suffix] {
                        name.extend_from_slice(part);
                    }
                    if let Some(family) = names.family(name, family) {
                        page.set(family, Labels::NONE, number);
                    }
                };
                write(b"", number);
                if state == b"mem" {
                    write(b"_bytes", number * page_size);
                }
            });
        }
        if understood { Ok(()) } else { Err(self.file.malformed("a state without a number").into()) }
    }
}

/// Calls `take` with protocol, state and number for each pair of a line, and says whether all were read.
fn each(line: &[u8], mut take: impl FnMut(&[u8], &[u8], f64)) -> bool {
    let (protocol, pairs) = parse::first_word(line);
    let Some(protocol) = protocol.strip_suffix(b":") else { return line.trim_ascii().is_empty() };
    let mut words = parse::words(pairs);
    while let Some(state) = words.next() {
        let Some(number) = words.next().and_then(parse::number) else { return false };
        take(protocol, state, number);
    }
    true
}

/// `TCP_inuse` → `node_sockstat_TCP_inuse`.
fn family(name: &str) -> Option<Family> {
    let (protocol, state) = name.split_once('_')?;
    let help = format!("Number of {protocol} sockets in state {state}.");
    Some(Family::met(format!("node_sockstat_{name}"), Kind::Gauge, help))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn states_come_by_protocol_and_pages_in_bytes_besides() {
        let host = Fixture::new()
            .with("proc/net/sockstat", "sockets: used 229\nTCP: inuse 4 mem 1\n")
            .with("proc/net/sockstat6", "FRAG6: inuse 0 memory 7\n");
        let mut sockstat = SockStat::new(host.roots());
        sockstat.page_size = 4096.0;
        for _ in 0..2 {
            let (series, result) = host.sample(&mut sockstat);
            result.unwrap();
            assert_eq!(
                series,
                [
                    "node_sockstat_sockets_used 229",
                    "node_sockstat_TCP_inuse 4",
                    "node_sockstat_TCP_mem 1",
                    "node_sockstat_TCP_mem_bytes 4096",
                    "node_sockstat_FRAG6_inuse 0",
                    "node_sockstat_FRAG6_memory 7"
                ]
            );
        }
    }

    #[test]
    fn a_kernel_without_ipv6_is_no_failure() {
        let host = Fixture::new().with("proc/net/sockstat", "sockets: used 1\n");
        let (series, result) = host.sample(&mut SockStat::new(host.roots()));
        result.unwrap();
        assert_eq!(series, ["node_sockstat_sockets_used 1"]);
    }

    #[test]
    fn a_state_without_a_number_is_an_error_that_keeps_the_rest() {
        let host = Fixture::new().with("proc/net/sockstat", "TCP: inuse\nUDP: inuse 2\n");
        let (series, result) = host.sample(&mut SockStat::new(host.roots()));
        assert_eq!(series, ["node_sockstat_UDP_inuse 2"]);
        assert!(result.is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(line in proptest::collection::vec(any::<u8>(), 0..60), text in "(\\PC{0,5}:( \\PC{1,4} [0-9-]{1,3}){0,3})?") {
            each(&line, |_, _, _| {});
            each(text.as_bytes(), |_, _, _| {});
        }
    }
}
