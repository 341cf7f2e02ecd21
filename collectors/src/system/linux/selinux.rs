//! `selinux`: whether SELinux enforces its policy, and whether it shall at the next boot.
//!
//! The present mode is `/sys/fs/selinux/enforce`, the configured one `SELINUX=` in `/etc/selinux/config` (selinux(8)).

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::{CachedFile, KeptFile};
use super::parse;
use crate::system::config::Roots;

static ENABLED: Family = Family::gauge("node_selinux_enabled", "SELinux is enabled, 1 is true, 0 is false");
static CONFIGURED: Family = Family::gauge("node_selinux_config_mode", "Configured SELinux enforcement mode");
static CURRENT: Family = Family::gauge("node_selinux_current_mode", "Current SELinux enforcement mode");

pub(super) struct SeLinux {
    enforce: KeptFile,
    config: CachedFile<f64>,
}

impl SeLinux {
    pub(super) fn new(roots: &Roots) -> Self {
        Self {
            enforce: KeptFile::new(roots.sysfs.join("fs/selinux/enforce")),
            config: CachedFile::new(roots.rootfs.join("etc/selinux/config")),
        }
    }
}

impl Sampler for SeLinux {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let enforcing = match self.enforce.read() {
            Ok(text) => parse::whole_file(text),
            Err(error) if error.is_absent() => {
                page.set(&ENABLED, Labels::NONE, 0.0);
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        };
        let enforcing = enforcing.ok_or_else(|| self.enforce.malformed("not a whole number"))?;
        page.set(&ENABLED, Labels::NONE, 1.0);
        let configured = self.config.get(configured_mode).copied().unwrap_or(DISABLED);
        page.set(&CONFIGURED, Labels::NONE, configured);
        page.set(&CURRENT, Labels::NONE, enforcing as f64);
        Ok(())
    }
}

/// What libselinux calls the mode of a system that shall not use it.
const DISABLED: f64 = -1.0;

/// `SELINUX=enforcing` is 1, `permissive` 0.
fn configured_mode(text: &[u8]) -> f64 {
    let mode = parse::lines(text).find_map(|line| line.trim_ascii().strip_prefix(b"SELINUX="));
    match mode.map(|mode| mode.trim_ascii().to_ascii_lowercase()).as_deref() {
        Some(b"enforcing") => 1.0,
        Some(b"permissive") => 0.0,
        _ => DISABLED,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn the_present_and_the_configured_mode_are_told() {
        let host = Fixture::new()
            .with("sys/fs/selinux/enforce", "0")
            .with("etc/selinux/config", "# SELINUX= can be\nSELINUX=enforcing\nSELINUXTYPE=targeted\n");
        let (series, result) = host.sample(&mut SeLinux::new(host.roots()));
        result.unwrap();
        assert_eq!(
            series,
            ["node_selinux_enabled 1", "node_selinux_config_mode 1", "node_selinux_current_mode 0"]
        );
        assert_eq!(configured_mode(b"SELINUX=disabled"), -1.0);
        assert_eq!(configured_mode(b""), -1.0);
    }

    #[test]
    fn a_host_without_it_says_so() {
        let host = Fixture::new();
        let (series, result) = host.sample(&mut SeLinux::new(host.roots()));
        result.unwrap();
        assert_eq!(series, ["node_selinux_enabled 0"]);
    }

    survives_any_bytes!("etc/selinux/config", "SELINUX=enforcing\n", host => {
        host.write("sys/fs/selinux/enforce", "1");
        SeLinux::new(host.roots())
    });
}
