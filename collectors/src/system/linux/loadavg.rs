//! `loadavg`: how many threads run or wait to run, as the kernel averages them.
//!
//! The first three words of `/proc/loadavg` (proc_loadavg(5)).

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

static LOADS: [Family; 3] = [
    Family::gauge("node_load1", "1m load average."),
    Family::gauge("node_load5", "5m load average."),
    Family::gauge("node_load15", "15m load average."),
];

pub(super) struct LoadAvg {
    file: KeptFile,
}

impl LoadAvg {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { file: KeptFile::new(roots.procfs.join("loadavg")) }
    }
}

impl Sampler for LoadAvg {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let loads = parse(self.file.read()?);
        let loads = loads.ok_or_else(|| self.file.malformed("not three numbers"))?;
        for (family, load) in LOADS.iter().zip(loads) {
            page.set(family, Labels::NONE, load);
        }
        Ok(())
    }
}

/// The averages over 1, 5 and 15 minutes: `0.21 0.37 0.39 1/719 19737`.
fn parse(text: &[u8]) -> Option<[f64; 3]> {
    let mut words = parse::words(text);
    let mut next = || parse::number(words.next()?);
    Some([next()?, next()?, next()?])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_three_averages_are_the_first_three_words() {
        let host = Fixture::new().with("proc/loadavg", "0.21 0.37 0.39 1/719 19737\n");
        let (series, result) = host.sample(&mut LoadAvg::new(host.roots()));
        result.unwrap();
        assert_eq!(series, ["node_load1 0.21", "node_load5 0.37", "node_load15 0.39"]);
    }

    #[test]
    fn a_file_cut_short_is_an_error_that_names_it() {
        let host = Fixture::new().with("proc/loadavg", "0.21 0.3");
        let (series, result) = host.sample(&mut LoadAvg::new(host.roots()));
        assert!(series.is_empty());
        assert!(result.unwrap_err().to_string().ends_with("proc/loadavg: not three numbers"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&text);
        }
    }
}
