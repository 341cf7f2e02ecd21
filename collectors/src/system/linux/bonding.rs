//! `bonding`: how many of the interfaces that are bonded together work.
//!
//! `/sys/class/net/bonding_masters` lists the bonds, `<bond>/bonding/slaves` the interfaces of each, and
//! `<bond>/lower_<interface>/bonding_slave/mii_status` says `up` for one that works (the kernel's
//! networking/bonding.rst; before Linux 3.9 the link was `slave_<interface>`).

use std::path::{Path, PathBuf};

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::file::{FileError, KeptFile, read_once};
use super::parse;
use crate::system::config::Roots;

static SLAVES: Family =
    Family::gauge("node_bonding_slaves", "Number of configured slaves per bonding interface.");
static ACTIVE: Family =
    Family::gauge("node_bonding_active", "Number of active slaves per bonding interface.");

pub(super) struct Bonding {
    dir: PathBuf,
    masters: KeptFile,
    buffer: Vec<u8>,
}

impl Bonding {
    pub(super) fn new(roots: &Roots) -> Self {
        let dir = roots.sysfs.join("class/net");
        Self { masters: KeptFile::new(dir.join("bonding_masters")), dir, buffer: Vec::new() }
    }
}

impl Sampler for Bonding {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let masters = self.masters.read().map_err(FileError::or_no_data)?;
        for master in parse::words(masters).filter_map(step) {
            let dir = self.dir.join(master);
            let slaves = read_once(&dir.join("bonding/slaves"), &mut self.buffer)?;
            let slaves: Vec<String> = parse::words(slaves).filter_map(step).map(str::to_owned).collect();
            let active = slaves.iter().filter(|slave| is_up(&dir, slave, &mut self.buffer)).count();
            let labels = page.labels(&[("master", master)]);
            page.set(&SLAVES, labels, slaves.len() as f64);
            page.set(&ACTIVE, labels, active as f64);
        }
        Ok(())
    }
}

/// A name that is one step of a path: it leads nowhere else.
fn step(name: &[u8]) -> Option<&str> {
    let name = std::str::from_utf8(name).ok()?;
    (!name.contains('/') && name != "." && name != "..").then_some(name)
}

fn is_up(master: &Path, slave: &str, buffer: &mut Vec<u8>) -> bool {
    ["lower_", "slave_"].iter().any(|link| {
        let status = master.join(format!("{link}{slave}")).join("bonding_slave/mii_status");
        read_once(&status, buffer).is_ok_and(|status| status.trim_ascii() == b"up")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn interfaces_that_are_up_are_active() {
        let net = |file: &str| format!("sys/class/net/{file}");
        let host = Fixture::new()
            .with(&net("bonding_masters"), "bond0 bond1\n")
            .with(&net("bond0/bonding/slaves"), "eth0 eth1\n")
            .with(&net("bond0/lower_eth0/bonding_slave/mii_status"), "up\n")
            .with(&net("bond0/slave_eth1/bonding_slave/mii_status"), "down\n")
            .with(&net("bond1/bonding/slaves"), "\n");
        let (series, result) = host.sample(&mut Bonding::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_bonding_slaves{master=\"bond0\"} 2",
                "node_bonding_slaves{master=\"bond1\"} 0",
                "node_bonding_active{master=\"bond0\"} 1",
                "node_bonding_active{master=\"bond1\"} 0"
            ]
        );
    }

    survives_any_bytes!("sys/class/net/bonding_masters", "bond0 bond1\n", host => Bonding::new(host.roots()));
}
