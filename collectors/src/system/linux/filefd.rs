//! `filefd`: the kernel's table of open files.
//!
//! `/proc/sys/fs/file-nr` has three numbers: handles in use, handles free (0 since Linux 2.6), and the
//! limit (proc_sys_fs(5)).

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::exhaustion::Forecast;
use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;
use crate::system::group::Around;

static ALLOCATED: Family = Family::gauge("node_filefd_allocated", "File descriptor statistics: allocated.");
static MAXIMUM: Family = Family::gauge("node_filefd_maximum", "File descriptor statistics: maximum.");

pub(super) struct FileFd {
    file: KeptFile,
    forecast: Forecast,
}

impl FileFd {
    pub(super) fn new(roots: &Roots, around: &Around) -> Self {
        let file = KeptFile::new(roots.procfs.join("sys/fs/file-nr"));
        Self { file, forecast: Forecast::new("file_descriptors", around) }
    }
}

impl Sampler for FileFd {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let read = parse(self.file.read()?);
        let (allocated, maximum) = read.ok_or_else(|| self.file.malformed("not three whole numbers"))?;
        page.set(&ALLOCATED, Labels::NONE, allocated as f64);
        page.set(&MAXIMUM, Labels::NONE, maximum as f64);
        self.forecast.tell(maximum.saturating_sub(allocated) as f64);
        self.forecast.write(page, "host");
        Ok(())
    }
}

/// The first and the third number.
fn parse(text: &[u8]) -> Option<(u64, u64)> {
    let mut words = parse::words(text).map(parse::whole);
    let mut next = || words.next().flatten();
    let (allocated, _free, maximum) = (next()?, next()?, next()?);
    Some((allocated, maximum))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_first_and_the_last_number_are_exposed() {
        let host = Fixture::new().with("proc/sys/fs/file-nr", "1024\t0\t9223372036854775807\n");
        let (series, result) = host.sample(&mut FileFd::new(host.roots(), &host.around()));
        result.unwrap();
        assert_eq!(series, ["node_filefd_allocated 1024", "node_filefd_maximum 9.223372036854776e18"]);
    }

    #[test]
    fn fewer_numbers_are_an_error() {
        let host = Fixture::new().with("proc/sys/fs/file-nr", "1024\t0");
        let (series, result) = host.sample(&mut FileFd::new(host.roots(), &host.around()));
        assert!(series.is_empty() && result.is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = parse(&text);
        }
    }
}
