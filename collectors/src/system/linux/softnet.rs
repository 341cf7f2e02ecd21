//! `softnet`: packets that each CPU has taken from the network, and what stopped it.
//!
//! Each line of `/proc/net/softnet_stat` is a CPU, its columns are hexadecimal (the kernel's
//! `softnet_seq_show`): processed, dropped, squeezed, five that are always 0, collisions, woken by RPS, flow limit,
//! then since Linux 5.14 backlog, and the number of the CPU. Before that the line's own number stands for it.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

/// The column of each family.
#[rustfmt::skip] // one line each, however long
static COLUMNS: [(usize, Family); 7] = [
    (0, Family::counter("node_softnet_processed_total", "Number of processed packets")),
    (1, Family::counter("node_softnet_dropped_total", "Number of dropped packets")),
    (2, Family::counter("node_softnet_times_squeezed_total", "Number of times processing packets ran out of quota")),
    (8, Family::counter("node_softnet_cpu_collision_total", "Number of collision occur while obtaining device lock while transmitting")),
    (9, Family::counter("node_softnet_received_rps_total", "Number of times cpu woken up received_rps")),
    (10, Family::counter("node_softnet_flow_limit_count_total", "Number of times flow limit has been reached")),
    (11, Family::gauge("node_softnet_backlog_len", "Softnet backlog status")),
];

const CPU: usize = 12;
const MOST: usize = CPU + 1;

pub(super) struct SoftNet {
    file: KeptFile,
}

impl SoftNet {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("net/softnet_stat")) }
    }
}

impl Sampler for SoftNet {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut lines = 0..;
        self.file.each_line("a line without its columns", |line| {
            let number = lines.next();
            let columns = parse(line)?;
            let cpu = columns[CPU].or(number)?;
            let labels = page.labels(&[("cpu", itoa::Buffer::new().format(cpu))]);
            for (column, family) in &COLUMNS {
                page.set(family, labels, columns[*column].unwrap_or(0) as f64);
            }
            Some(())
        })
    }
}

/// The columns that there are; the first three are in every kernel.
fn parse(line: &[u8]) -> Option<[Option<u64>; MOST]> {
    let mut columns = [None; MOST];
    for (column, word) in columns.iter_mut().zip(parse::words(line)) {
        *column = Some(parse::hex(word)?);
    }
    columns[2].is_some().then_some(columns)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    const TEXT: &str = "0000000a 00000001 00000002 0 0 0 0 0 00000003 00000004 00000005 00000006 00000000\n\
                        0000000b 00000000 00000000 0 0 0 0 0 00000000 00000000 00000000 00000000 00000007\n";

    fn series(text: &str) -> Vec<String> {
        let host = Fixture::new().with("proc/net/softnet_stat", text);
        let (series, result) = host.sample(&mut SoftNet::new(host.roots()));
        result.unwrap();
        series
    }

    #[test]
    fn the_last_column_names_the_cpu() {
        let series = series(TEXT);
        assert_eq!(series[0], "node_softnet_processed_total{cpu=\"0\"} 10");
        assert_eq!(series[1], "node_softnet_processed_total{cpu=\"7\"} 11");
        assert!(series.contains(&"node_softnet_backlog_len{cpu=\"0\"} 6".to_owned()));
        assert_eq!(series.len(), 14);
    }

    #[test]
    fn in_older_kernels_the_line_does() {
        let series = series("1 0 0 0 0 0 0 0 0\n2 0 0 0 0 0 0 0 0\n");
        assert_eq!(series[1], "node_softnet_processed_total{cpu=\"1\"} 2");
    }

    survives_any_bytes!("proc/net/softnet_stat", TEXT, host => SoftNet::new(host.roots()));
}
