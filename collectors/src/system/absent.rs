//! Hardware and kernel modules that a host has not got.
//!
//! A third of the groups find nothing on most hosts, and finding that out costs about as much as reading something.
//! Such a group looks again once a minute until it has found something; from then on it looks each time, so that
//! what comes and goes is told as it comes and goes.

use std::time::{Duration, Instant};

use vigie_pipeline::clock::Clock;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, NoData, Sampler};

const LOOK_AGAIN: Duration = Duration::from_secs(60);

/// The groups of which that is true.
const GROUPS: [&str; 26] = [
    "bcache",
    "bcachefs",
    "bonding",
    "btrfs",
    "cpufreq",
    "dmi",
    "dmmultipath",
    "drbd",
    "edac",
    "fibrechannel",
    "hwmon",
    "infiniband",
    "ipvs",
    "mdadm",
    "nfs",
    "nfsd",
    "nvme",
    "powersupplyclass",
    "rapl",
    "schedstat",
    "selinux",
    "tapestats",
    "thermal_zone",
    "watchdog",
    "xfs",
    "zfs",
];

/// Whether most hosts have nothing for the group of that name.
pub(super) fn is_likely(group: &str) -> bool {
    GROUPS.contains(&group)
}

/// A sampler that is asked once a minute until it has found something.
pub(super) struct UntilFound<S> {
    sampler: S,
    clock: Clock,
    found: bool,
    /// When it was asked last, and why it had nothing, if it said.
    nothing: Option<(Instant, Option<String>)>,
}

impl<S: Sampler> UntilFound<S> {
    pub(super) fn new(sampler: S, clock: Clock) -> Self {
        Self { sampler, clock, found: false, nothing: None }
    }
}

impl<S: Sampler> Sampler for UntilFound<S> {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        if self.found {
            return self.sampler.sample(page);
        }
        let now = self.clock.monotonic();
        if let Some((asked, why)) = &self.nothing
            && now.saturating_duration_since(*asked) < LOOK_AGAIN
        {
            return why.clone().map_or(Ok(()), |why| Err(NoData(why).into()));
        }
        let sampled = self.sampler.sample(page);
        match sampled.as_ref().map_err(|error| error.downcast_ref()) {
            Ok(()) if page.is_empty() => self.nothing = Some((now, None)),
            Err(Some(NoData(why))) => self.nothing = Some((now, Some(why.clone()))),
            _ => self.found = true,
        }
        sampled
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
    use std::time::SystemTime;

    use super::*;
    use vigie_pipeline::metric::Family;
    use vigie_pipeline::page::Labels;

    static FANS: Family = Family::gauge("fans", "Fans.");

    /// Finds as many fans as it is told; with none, it says so or not.
    struct Fans {
        there: Arc<AtomicU8>,
        asked: Arc<AtomicUsize>,
        says_so: bool,
    }

    impl Sampler for Fans {
        fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            match self.there.load(Ordering::Relaxed) {
                0 if self.says_so => Err(NoData("no fans".to_owned()).into()),
                0 => Ok(()),
                fans => {
                    page.set(&FANS, Labels::NONE, f64::from(fans));
                    Ok(())
                }
            }
        }
    }

    #[test]
    fn what_is_not_there_is_looked_for_once_a_minute_until_it_is_found() {
        for says_so in [false, true] {
            let (clock, hand) = Clock::manual(SystemTime::UNIX_EPOCH);
            let (there, asked) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicUsize::new(0)));
            let fans = Fans { there: Arc::clone(&there), asked: Arc::clone(&asked), says_so };
            let mut fans = UntilFound::new(fans, clock);
            let mut sample = || {
                let mut page = Page::default();
                (fans.sample(&mut page).map_err(|error| error.to_string()), page.is_empty())
            };
            let nothing = (if says_so { Err("no data: no fans".to_owned()) } else { Ok(()) }, true);
            for _ in 0..4 {
                assert_eq!(sample(), nothing);
                hand.advance(Duration::from_secs(15));
            }
            assert_eq!(asked.load(Ordering::Relaxed), 1);
            assert_eq!(sample(), nothing);
            there.store(2, Ordering::Relaxed);
            assert_eq!((sample(), asked.load(Ordering::Relaxed)), (nothing.clone(), 2));
            hand.advance(LOOK_AGAIN);
            assert_eq!(sample(), (Ok(()), false));
            // From now on it is asked each time.
            there.store(0, Ordering::Relaxed);
            assert_eq!(sample(), nothing);
            there.store(1, Ordering::Relaxed);
            assert_eq!(sample(), (Ok(()), false));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_names_are_those_of_groups() {
        let groups = crate::system::registry::groups();
        for name in GROUPS {
            assert!(groups.iter().any(|group| group.name == name), "{name}");
        }
    }
}
