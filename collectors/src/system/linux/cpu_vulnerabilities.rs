//! `cpu_vulnerabilities`: which faults of CPUs this one has, and what the kernel does about them.
//!
//! Each file in `/sys/devices/system/cpu/vulnerabilities` (the kernel's admin-guide/hw-vuln) says `Not affected`,
//! `Vulnerable`, perhaps with more behind a colon, or `Mitigation: ` and what it is.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::class::{Class, text};
use super::file::SmallFile;
use crate::system::config::Roots;

static INFO: Family = Family::gauge(
    "node_cpu_vulnerabilities_info",
    "Details of each CPU vulnerability reported by sysfs. The value of the series is an int encoded state of the vulnerability. The same state is stored as a string in the label",
);

pub(super) struct CpuVulnerabilities {
    files: Class<SmallFile>,
}

impl CpuVulnerabilities {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { files: Class::new(roots.sysfs.join("devices/system/cpu/vulnerabilities")) }
    }
}

impl Sampler for CpuVulnerabilities {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.files.each(
            |_| true,
            |_, path| SmallFile::new(path),
            |name, file, buffer| {
                let Some(said) = text(file, buffer) else { return };
                let (state, mitigation) = parse(&said);
                let labels =
                    page.full_labels(&[("codename", name), ("mitigation", mitigation), ("state", state)]);
                page.set(&INFO, labels, 1.0);
            },
        )
    }
}

/// State and mitigation.
fn parse(said: &str) -> (&'static str, &str) {
    let behind = |prefix: &str| {
        let head = said.get(..prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then(|| said[prefix.len()..].trim_start_matches(':').trim())
    };
    if behind("not affected").is_some() {
        ("not affected", "")
    } else if let Some(more) = behind("vulnerable") {
        ("vulnerable", more)
    } else if let Some(mitigation) = behind("mitigation") {
        ("mitigation", mitigation)
    } else {
        ("unknown", said)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn state_and_mitigation_are_told_apart() {
        assert_eq!(parse("Not affected"), ("not affected", ""));
        assert_eq!(parse("Vulnerable"), ("vulnerable", ""));
        assert_eq!(parse("Vulnerable: No microcode"), ("vulnerable", "No microcode"));
        assert_eq!(parse("Mitigation: PTI; IBPB: off"), ("mitigation", "PTI; IBPB: off"));
        assert_eq!(parse("Unknown: No mitigations"), ("unknown", "Unknown: No mitigations"));
        assert_eq!(parse(""), ("unknown", ""));
    }

    #[test]
    fn each_file_is_a_fault() {
        let host = Fixture::new().with("sys/devices/system/cpu/vulnerabilities/mds", "Vulnerable\n");
        let (series, result) = host.sample(&mut CpuVulnerabilities::new(host.roots()));
        result.unwrap();
        let mds = "node_cpu_vulnerabilities_info{codename=\"mds\",mitigation=\"\",state=\"vulnerable\"} 1";
        assert_eq!(series, [mds]);
    }

    survives_any_bytes!("sys/devices/system/cpu/vulnerabilities/mds", "Mitigation: x\n", host => {
        CpuVulnerabilities::new(host.roots())
    });
}
