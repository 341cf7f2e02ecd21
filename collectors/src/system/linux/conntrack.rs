//! `conntrack`: the table of tracked connections.
//!
//! `nf_conntrack_count` and `nf_conntrack_max` in `/proc/sys/net/netfilter`, and the sum over all CPUs of what
//! `/proc/net/stat/nf_conntrack` counts: a line of names, then a line of hexadecimal numbers for each CPU.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::exhaustion::Forecast;
use super::file::{FileError, KeptFile};
use super::parse;
use crate::system::config::Roots;
use crate::system::group::Around;

static ENTRIES: Family = Family::gauge(
    "node_nf_conntrack_entries",
    "Number of currently allocated flow entries for connection tracking.",
);
static LIMIT: Family =
    Family::gauge("node_nf_conntrack_entries_limit", "Maximum size of connection tracking table.");

#[rustfmt::skip] // one line each, however long
static STATISTICS: [(&[u8], Family); 8] = [
    (b"found", Family::gauge("node_nf_conntrack_stat_found", "Number of searched entries which were successful.")),
    (b"invalid", Family::gauge("node_nf_conntrack_stat_invalid", "Number of packets seen which can not be tracked.")),
    (b"ignore", Family::gauge("node_nf_conntrack_stat_ignore", "Number of packets seen which are already connected to a conntrack entry.")),
    (b"insert", Family::gauge("node_nf_conntrack_stat_insert", "Number of entries inserted into the list.")),
    (b"insert_failed", Family::gauge("node_nf_conntrack_stat_insert_failed", "Number of entries for which list insertion was attempted but failed.")),
    (b"drop", Family::gauge("node_nf_conntrack_stat_drop", "Number of packets dropped due to conntrack failure.")),
    (b"early_drop", Family::gauge("node_nf_conntrack_stat_early_drop", "Number of dropped conntrack entries to make room for new ones, if maximum table size was reached.")),
    (b"search_restart", Family::gauge("node_nf_conntrack_stat_search_restart", "Number of conntrack table lookups which had to be restarted due to hashtable resizes.")),
];

pub(super) struct ConnTrack {
    count: KeptFile,
    limit: KeptFile,
    statistics: KeptFile,
    forecast: Forecast,
}

impl ConnTrack {
    pub(super) fn new(roots: &Roots, around: &Around) -> Self {
        let file = |name: &str| KeptFile::new(roots.procfs.join(name));
        Self {
            count: file("sys/net/netfilter/nf_conntrack_count"),
            limit: file("sys/net/netfilter/nf_conntrack_max"),
            statistics: file("net/stat/nf_conntrack"),
            forecast: Forecast::new("conntrack", around),
        }
    }
}

impl Sampler for ConnTrack {
    /// A host that tracks no connections has none of the files.
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut numbers = [0; 2];
        let files = [(&mut self.count, &ENTRIES), (&mut self.limit, &LIMIT)];
        for ((file, family), known) in files.into_iter().zip(&mut numbers) {
            let number = parse::whole_file(file.read().map_err(FileError::or_no_data)?);
            let number = number.ok_or_else(|| file.malformed("not a whole number"))?;
            page.set(family, Labels::NONE, number as f64);
            *known = number;
        }
        self.forecast.tell(numbers[1].saturating_sub(numbers[0]) as f64);
        self.forecast.write(page, "host");
        let sums = sums(self.statistics.read().map_err(FileError::or_no_data)?);
        let sums = sums.ok_or_else(|| self.statistics.malformed("a column that is no number"))?;
        for ((_, family), sum) in STATISTICS.iter().zip(sums) {
            page.set(family, Labels::NONE, sum as f64);
        }
        Ok(())
    }
}

/// The sums over all CPUs; a column that a kernel does not have counts as 0.
fn sums(text: &[u8]) -> Option<[u64; STATISTICS.len()]> {
    let mut sums = [0_u64; STATISTICS.len()];
    let mut lines = parse::lines(text);
    let names = lines.next()?;
    for line in lines {
        for (name, word) in parse::words(names).zip(parse::words(line)) {
            if let Some(at) = STATISTICS.iter().position(|(known, _)| *known == name) {
                sums[at] = sums[at].wrapping_add(parse::hex(word)?);
            }
        }
    }
    Some(sums)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;
    use vigie_pipeline::plug::NoData;

    const TEXT: &str = "entries  searched found new invalid\n00000021 00000000 0000000a 00000000 00000003\n\
                        00000021 00000000 00000001 00000000 00000002\n";

    fn host() -> Fixture {
        Fixture::new()
            .with("proc/sys/net/netfilter/nf_conntrack_count", "123\n")
            .with("proc/sys/net/netfilter/nf_conntrack_max", "65536\n")
            .with("proc/net/stat/nf_conntrack", TEXT)
    }

    #[test]
    fn what_the_cpus_count_is_summed_up() {
        let host = host();
        let (series, result) = host.sample(&mut ConnTrack::new(host.roots(), &host.around()));
        result.unwrap();
        assert_eq!(
            series[..4],
            [
                "node_nf_conntrack_entries 123",
                "node_nf_conntrack_entries_limit 65536",
                "node_nf_conntrack_stat_found 11",
                "node_nf_conntrack_stat_invalid 5"
            ]
        );
    }

    #[test]
    fn a_host_that_tracks_nothing_has_no_data() {
        let host = Fixture::new();
        let (_, result) = host.sample(&mut ConnTrack::new(host.roots(), &host.around()));
        assert!(result.unwrap_err().is::<NoData>());
    }

    survives_any_bytes!("proc/net/stat/nf_conntrack", TEXT, host => {
        host.write("proc/sys/net/netfilter/nf_conntrack_count", "123");
        host.write("proc/sys/net/netfilter/nf_conntrack_max", "65536");
        ConnTrack::new(host.roots(), &host.around())
    });
}
