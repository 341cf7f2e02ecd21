//! `uname`: the kernel and the name of the machine, as uname(2) tells them.

use rustix::system::Uname;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

static INFO: Family =
    Family::gauge("node_uname_info", "Labeled system information as provided by the uname system call.");

/// Asks each time: a machine may be renamed while the agent runs.
pub(super) struct UnameInfo;

impl Sampler for UnameInfo {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        write(page, &rustix::system::uname());
        Ok(())
    }
}

fn write(page: &mut Page, uname: &Uname) {
    let labels = page.labels(&[
        ("domainname", &uname.domainname().to_string_lossy()),
        ("machine", &uname.machine().to_string_lossy()),
        ("nodename", &uname.nodename().to_string_lossy()),
        ("release", &uname.release().to_string_lossy()),
        ("sysname", &uname.sysname().to_string_lossy()),
        ("version", &uname.version().to_string_lossy()),
    ]);
    page.set(&INFO, labels, 1.0);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture;
    use super::*;

    #[test]
    fn the_machine_is_named_as_the_kernel_names_it() {
        let mut page = Page::default();
        UnameInfo.sample(&mut page).unwrap();
        let series = fixture::lines(&page);
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        assert_eq!(series.len(), 1);
        assert!(series[0].contains(&format!("nodename=\"{}\"", name.trim())), "{series:?}");
        assert!(series[0].contains("sysname=\"Linux\""), "{series:?}");
    }
}
