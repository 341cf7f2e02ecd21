//! `entropy`: what the kernel's random number generator has gathered.
//!
//! `entropy_avail` and `poolsize` in `/proc/sys/kernel/random`, in bits (random(4)).

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

#[rustfmt::skip] // one line each, however long
static FILES: [(&str, Family); 2] = [
    ("entropy_avail", Family::gauge("node_entropy_available_bits", "Bits of available entropy.")),
    ("poolsize", Family::gauge("node_entropy_pool_size_bits", "Bits of entropy pool.")),
];

pub(super) struct Entropy {
    files: [KeptFile; 2],
}

impl Entropy {
    pub(super) fn new(roots: &Roots) -> Self {
        let dir = roots.procfs.join("sys/kernel/random");
        Self { files: FILES.each_ref().map(|(file, _)| KeptFile::new(dir.join(file))) }
    }
}

impl Sampler for Entropy {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        for (file, (_, family)) in self.files.iter_mut().zip(&FILES) {
            let bits = parse::whole_file(file.read()?);
            let bits = bits.ok_or_else(|| file.malformed("not a whole number"))?;
            page.set(family, Labels::NONE, bits as f64);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn both_numbers_are_in_bits() {
        let host = Fixture::new()
            .with("proc/sys/kernel/random/entropy_avail", "256\n")
            .with("proc/sys/kernel/random/poolsize", "4096\n");
        let (series, result) = host.sample(&mut Entropy::new(host.roots()));
        result.unwrap();
        assert_eq!(series, ["node_entropy_available_bits 256", "node_entropy_pool_size_bits 4096"]);
    }

    survives_any_bytes!("proc/sys/kernel/random/entropy_avail", "256\n", host => Entropy::new(host.roots()));
}
