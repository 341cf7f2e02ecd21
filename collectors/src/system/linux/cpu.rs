//! `cpu`: how the CPUs spend their time, and which are throttled, isolated or online.
//!
//! Times come from the `cpu<N>` lines of `/proc/stat` (proc_stat(5)), in ticks of 1/100 s. Some kernels let
//! `idle` and `iowait` step back a little; a counter that does would look like a restart, so the highest
//! value is kept, as node_exporter does, unless `idle` falls so far that the CPU must have been unplugged.

mod info;
mod settings;
mod sysfs;

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Sampler};

use self::info::Info;
pub(super) use self::settings::CpuSettings;
use self::sysfs::SysFs;
use super::file::KeptFile;
use super::parse;
use super::roster::Roster;
use crate::system::config::Roots;

static SECONDS: Family = Family::counter("node_cpu_seconds_total", "Seconds the CPUs spent in each mode.");
static GUEST: Family =
    Family::counter("node_cpu_guest_seconds_total", "Seconds the CPUs spent in guests (VMs) for each mode.");

/// The columns of a `cpu<N>` line, in their order; the last two are guests.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal"];
const GUEST_MODES: [&str; 2] = ["user", "nice"];
const COLUMNS: usize = MODES.len() + GUEST_MODES.len();
const IDLE: usize = 3;

/// USER_HZ, which Linux has fixed at 100 on every architecture that is left.
const TICKS_PER_SECOND: f64 = 100.0;

/// An `idle` that falls by this much, 3 s, is that of another CPU in the same place.
const UNPLUGGED: u64 = 300;

type Ticks = [u64; COLUMNS];

pub(super) struct Cpu {
    stat: KeptFile,
    cpus: Cpus,
    guest: bool,
    sysfs: SysFs,
    info: Option<Info>,
}

impl Cpu {
    pub(super) fn new(roots: &Roots, settings: &CpuSettings) -> Result<Self, Error> {
        Ok(Self {
            stat: KeptFile::new(roots.procfs.join("stat")),
            cpus: Cpus::default(),
            guest: settings.guest,
            sysfs: SysFs::new(roots),
            info: settings.wants_info().then(|| Info::new(roots, settings)).transpose()?,
        })
    }
}

impl Sampler for Cpu {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let read = self.cpus.update(self.stat.read()?);
        for cpu in self.cpus.online.iter() {
            cpu.write(page, self.guest);
        }
        self.sysfs.write(page, read.changed);
        if let Some(info) = &mut self.info {
            info.write(page)?;
        }
        if read.malformed {
            return Err(self.stat.malformed("a line of a CPU without its numbers").into());
        }
        Ok(())
    }
}

/// The CPUs that are online, in the order of the file.
#[derive(Debug, Default)]
struct Cpus {
    online: Roster<CpuTimes>,
}

/// One CPU.
#[derive(Debug)]
struct CpuTimes {
    number: u32,
    label: String,
    ticks: Ticks,
}

/// What an update has met.
#[derive(Debug, PartialEq, Eq)]
struct Update {
    /// CPUs came or went.
    changed: bool,
    malformed: bool,
}

impl Cpus {
    fn update(&mut self, text: &[u8]) -> Update {
        let mut malformed = false;
        self.online.begin();
        for line in parse::lines(text) {
            let Some(line) = line.strip_prefix(b"cpu") else { continue };
            if line.first().is_none_or(u8::is_ascii_whitespace) {
                continue; // the sum of them all
            }
            let Some((number, ticks)) = parse(line) else {
                malformed = true;
                continue;
            };
            let is = |cpu: &CpuTimes| cpu.number == number;
            let new = || CpuTimes { number, label: number.to_string(), ticks };
            self.online.meet(is, new).advance(&ticks);
        }
        Update { changed: self.online.end(), malformed }
    }
}

impl CpuTimes {
    fn advance(&mut self, now: &Ticks) {
        if self.ticks[IDLE].saturating_sub(now[IDLE]) >= UNPLUGGED {
            self.ticks = *now;
            return;
        }
        for (known, now) in self.ticks.iter_mut().zip(now) {
            *known = (*known).max(*now);
        }
    }

    fn write(&self, page: &mut Page, guest: bool) {
        let (times, guests) = self.ticks.split_at(MODES.len());
        let mut write = |family, modes: &[&str], ticks: &[u64]| {
            for (mode, ticks) in modes.iter().zip(ticks) {
                let labels = page.labels(&[("cpu", &self.label), ("mode", mode)]);
                page.set(family, labels, *ticks as f64 / TICKS_PER_SECOND);
            }
        };
        write(&SECONDS, &MODES, times);
        if guest {
            write(&GUEST, &GUEST_MODES, guests);
        }
    }
}

/// A line behind its `cpu`: number, then the columns. Kernels before 2.6.33 have fewer, which are 0.
fn parse(line: &[u8]) -> Option<(u32, Ticks)> {
    let mut words = parse::words(line).map(parse::whole);
    let number = u32::try_from(words.next()??).ok()?;
    let mut ticks = Ticks::default();
    ticks[0] = words.next()??;
    for (column, word) in ticks[1..].iter_mut().zip(words) {
        *column = word?;
    }
    Some((number, ticks))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    const STAT: &str = "cpu  301854 612 111922 8979004 3552 2 3944 0 44 36\n\
                        cpu0 44490 19 21045 1087069 220 1 3410 0 2 1\ncpu1 5 6 7 8\nintr 1\n";

    #[test]
    fn ticks_become_seconds_by_mode() {
        let host = Fixture::new().with("proc/stat", STAT);
        let mut cpu = Cpu::new(host.roots(), &CpuSettings::default()).unwrap();
        let (series, result) = host.sample(&mut cpu);
        result.unwrap();
        assert_eq!(series.len(), 20);
        assert_eq!(series[0], "node_cpu_seconds_total{cpu=\"0\",mode=\"user\"} 444.9");
        assert_eq!(series[3], "node_cpu_seconds_total{cpu=\"0\",mode=\"idle\"} 10870.69");
        assert_eq!(series[11], "node_cpu_seconds_total{cpu=\"1\",mode=\"idle\"} 0.08");
        assert_eq!(series[12], "node_cpu_seconds_total{cpu=\"1\",mode=\"iowait\"} 0");
        assert_eq!(series[16], "node_cpu_guest_seconds_total{cpu=\"0\",mode=\"user\"} 0.02");
    }

    #[test]
    fn guests_can_be_left_out() {
        let host = Fixture::new().with("proc/stat", STAT);
        let settings = CpuSettings { guest: false, ..Default::default() };
        let (series, _) = host.sample(&mut Cpu::new(host.roots(), &settings).unwrap());
        assert_eq!(series.len(), 16);
    }

    #[test]
    fn a_counter_that_steps_back_a_little_stays_and_one_that_falls_starts_again() {
        let mut cpus = Cpus::default();
        let ticks = |cpus: &Cpus| cpus.online.iter().next().unwrap().ticks[..5].to_vec();
        cpus.update(b"cpu0 10 0 0 1000 50\n");
        cpus.update(b"cpu0 11 0 0 999 40\n");
        assert_eq!(ticks(&cpus), [11, 0, 0, 1000, 50]);
        cpus.update(b"cpu0 1 0 0 2 3\n");
        assert_eq!(ticks(&cpus), [1, 0, 0, 2, 3]);
    }

    #[test]
    fn cpus_come_and_go() {
        let mut cpus = Cpus::default();
        let numbers = |cpus: &Cpus| cpus.online.iter().map(|cpu| cpu.number).collect::<Vec<_>>();
        assert!(cpus.update(b"cpu0 1\ncpu1 1\ncpu2 1\n").changed);
        assert!(!cpus.update(b"cpu0 1\ncpu1 1\ncpu2 1\n").changed);
        assert!(cpus.update(b"cpu0 1\ncpu2 1\n").changed);
        assert_eq!(numbers(&cpus), [0, 2]);
        assert!(cpus.update(b"cpu0 1\ncpu1 1\ncpu2 1\ncpu3 1\n").changed);
        assert_eq!(numbers(&cpus), [0, 1, 2, 3]);
        assert!(cpus.update(b"").changed);
        assert!(numbers(&cpus).is_empty());
    }

    #[test]
    fn a_line_that_is_not_understood_is_an_error_and_the_others_are_kept() {
        let host = Fixture::new().with("proc/stat", "cpu0 1 2\ncpu1 x\ncpu2 3\n");
        let mut cpu = Cpu::new(host.roots(), &CpuSettings { guest: false, ..Default::default() }).unwrap();
        let (series, result) = host.sample(&mut cpu);
        assert_eq!(series.len(), 16);
        assert!(result.is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            texts in proptest::collection::vec("(cpu[0-9]{0,3} ?[0-9 -]{0,30}\n|\\PC{0,10}\n){0,6}", 1..4),
            bytes in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            let mut cpus = Cpus::default();
            for text in texts {
                cpus.update(text.as_bytes());
            }
            cpus.update(&[b"cpu1", &bytes[..]].concat());
        }
    }
}
