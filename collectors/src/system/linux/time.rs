//! `time`: the wall clock, its offset from UTC, and what the kernel keeps time with.
//!
//! Clock sources are the directories `clocksource<N>` below `/sys/devices/system/clocksource`; there are as
//! many as at boot, so they are looked for once.

use std::time::UNIX_EPOCH;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

static SECONDS: Family = Family::gauge("node_time_seconds", "System time in seconds since epoch (1970).");
static ZONE_OFFSET: Family =
    Family::gauge("node_time_zone_offset_seconds", "System time zone offset in seconds.");
static AVAILABLE: Family = Family::gauge(
    "node_time_clocksource_available_info",
    "Available clocksources read from '/sys/devices/system/clocksource'.",
);
static CURRENT: Family = Family::gauge(
    "node_time_clocksource_current_info",
    "Current clocksource read from '/sys/devices/system/clocksource'.",
);

pub(super) struct Time {
    clock: Clock,
    sources: Vec<Source>,
}

struct Source {
    device: String,
    available: KeptFile,
    current: KeptFile,
}

impl Time {
    pub(super) fn new(roots: &Roots, clock: Clock) -> Self {
        let dir = roots.sysfs.join("devices/system/clocksource");
        let mut names: Vec<_> =
            std::fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        names.retain(|path| {
            let name = path.file_name().unwrap_or_default().as_encoded_bytes();
            name.strip_prefix(b"clocksource").and_then(parse::whole).is_some()
        });
        names.sort_unstable();
        let source = |(index, dir): (usize, &std::path::PathBuf)| Source {
            device: index.to_string(),
            available: KeptFile::new(dir.join("available_clocksource")),
            current: KeptFile::new(dir.join("current_clocksource")),
        };
        Self { clock, sources: names.iter().enumerate().map(source).collect() }
    }
}

impl Sampler for Time {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let now = self.clock.wall();
        // Before 1970 the clock is not set: the offset is what it is at the epoch.
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        page.set(&SECONDS, Labels::NONE, since.as_nanos() as f64 / 1e9);
        let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
        let offset = zone.to_offset_info(Timestamp::try_from(now).unwrap_or_default());
        let labels = page.full_labels(&[("time_zone", offset.abbreviation())]);
        page.set(&ZONE_OFFSET, labels, f64::from(offset.offset().seconds()));
        for source in &mut self.sources {
            source.write(page)?;
        }
        Ok(())
    }
}

impl Source {
    fn write(&mut self, page: &mut Page) -> Result<(), Error> {
        for (file, family) in [(&mut self.available, &AVAILABLE), (&mut self.current, &CURRENT)] {
            for name in parse::words(file.read()?) {
                let name = parse::label(name);
                let labels = page.labels(&[("clocksource", &name), ("device", &self.device)]);
                page.set(family, labels, 1.0);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_clock_and_its_sources_are_exposed() {
        let dir = "sys/devices/system/clocksource/clocksource0";
        let host = Fixture::new()
            .with(&format!("{dir}/available_clocksource"), "tsc hpet \n")
            .with(&format!("{dir}/current_clocksource"), "tsc\n")
            .with("sys/devices/system/clocksource/power/control", "auto\n");
        let (clock, _hand) = Clock::manual(UNIX_EPOCH + Duration::from_millis(1500));
        let (series, result) = host.sample(&mut Time::new(host.roots(), clock));
        result.unwrap();
        assert_eq!(series[0], "node_time_seconds 1.5");
        assert!(series[1].starts_with("node_time_zone_offset_seconds{time_zone=\""), "{series:?}");
        assert_eq!(
            series[2..],
            [
                "node_time_clocksource_available_info{clocksource=\"tsc\",device=\"0\"} 1",
                "node_time_clocksource_available_info{clocksource=\"hpet\",device=\"0\"} 1",
                "node_time_clocksource_current_info{clocksource=\"tsc\",device=\"0\"} 1"
            ]
        );
    }

    #[test]
    fn a_clock_that_was_never_set_is_zero() {
        let host = Fixture::new();
        let (clock, _hand) = Clock::manual(UNIX_EPOCH - Duration::from_secs(1));
        let (series, result) = host.sample(&mut Time::new(host.roots(), clock));
        result.unwrap();
        assert_eq!(series[0], "node_time_seconds 0");
    }
}
