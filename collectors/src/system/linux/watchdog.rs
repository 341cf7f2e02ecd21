//! `watchdog`: timers that reset the machine when nobody feeds them.
//!
//! `/sys/class/watchdog/watchdog<N>` (the kernel's ABI/testing/sysfs-class-watchdog).

use std::path::Path;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use super::attributes::{Attribute, Attributes};
use super::class::{Class, Texts};
use crate::system::config::Roots;

static INFO: Family = Family::gauge("node_watchdog_info", "Info of /sys/class/watchdog/<watchdog>");

#[rustfmt::skip] // one line each, however long
static FILES: [Attribute; 7] = [
    Attribute::plain("access_cs0", Family::gauge("node_watchdog_access_cs0", "Value of /sys/class/watchdog/<watchdog>/access_cs0")),
    Attribute::plain("bootstatus", Family::gauge("node_watchdog_bootstatus", "Value of /sys/class/watchdog/<watchdog>/bootstatus")),
    Attribute::plain("fw_version", Family::gauge("node_watchdog_fw_version", "Value of /sys/class/watchdog/<watchdog>/fw_version")),
    Attribute::plain("nowayout", Family::gauge("node_watchdog_nowayout", "Value of /sys/class/watchdog/<watchdog>/nowayout")),
    Attribute::plain("pretimeout", Family::gauge("node_watchdog_pretimeout_seconds", "Value of /sys/class/watchdog/<watchdog>/pretimeout")),
    Attribute::plain("timeleft", Family::gauge("node_watchdog_timeleft_seconds", "Value of /sys/class/watchdog/<watchdog>/timeleft")),
    Attribute::plain("timeout", Family::gauge("node_watchdog_timeout_seconds", "Value of /sys/class/watchdog/<watchdog>/timeout")),
];

pub(super) struct Watchdog {
    timers: Class<Timer>,
}

struct Timer {
    numbers: Attributes,
    texts: Texts<5>,
}

impl Watchdog {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { timers: Class::new(roots.sysfs.join("class/watchdog")) }
    }
}

impl Timer {
    fn new(_: &str, dir: &Path) -> Self {
        let texts = ["identity", "options", "pretimeout_governor", "state", "status"];
        Self { numbers: Attributes::new(dir, &FILES), texts: Texts::new(dir, texts) }
    }
}

impl Sampler for Watchdog {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.timers.each(
            |_| true,
            Timer::new,
            |name, timer, buffer| {
                let labels = page.labels(&[("name", name)]);
                timer.numbers.write(page, labels, buffer);
                let [identity, options, governor, state, status] = timer.texts.read_or_empty(buffer);
                let labels = page.full_labels(&[
                    ("identity", &identity),
                    ("name", name),
                    ("options", &options),
                    ("pretimeout_governor", &governor),
                    ("state", &state),
                    ("status", &status),
                ]);
                page.set(&INFO, labels, 1.0);
            },
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;

    #[test]
    fn a_timer_has_numbers_and_words() {
        let host = Fixture::new()
            .with("sys/class/watchdog/watchdog0/timeout", "60\n")
            .with("sys/class/watchdog/watchdog0/state", "active\n");
        let (series, result) = host.sample(&mut Watchdog::new(host.roots()));
        result.unwrap();
        assert_eq!(series[0], "node_watchdog_timeout_seconds{name=\"watchdog0\"} 60");
        assert!(series[1].contains("pretimeout_governor=\"\",state=\"active\""), "{series:?}");
    }

    survives_any_bytes!("sys/class/watchdog/watchdog0/timeout", "60\n", host => Watchdog::new(host.roots()));
}
