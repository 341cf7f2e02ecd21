//! The agent's own process: the `process_*` series that every exporter has.

use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::group::TICKS_PER_SECOND;
use super::procfs::{Buffer, Procfs};
use super::stat;
use super::usage::{self, Depth};

static CPU: Family =
    Family::counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.");
static OPEN_FILES: Family = Family::gauge("process_open_fds", "Number of open file descriptors.");
static MOST_FILES: Family = Family::gauge("process_max_fds", "Maximum number of open file descriptors.");
static VIRTUAL: Family = Family::gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.");
static MOST_VIRTUAL: Family =
    Family::gauge("process_virtual_memory_max_bytes", "Maximum amount of virtual memory available in bytes.");
static RESIDENT: Family = Family::gauge("process_resident_memory_bytes", "Resident memory size in bytes.");
static START: Family =
    Family::gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.");
static THREADS: Family = Family::gauge("process_threads", "Number of OS threads in the process.");

/// Where the agent finds itself: not in the proc file system of the configuration, which may be that of a host
/// around its container.
const PROCFS: &str = "/proc";

/// See the module.
pub(super) struct OwnProcess {
    procfs: Procfs,
    buffer: Buffer,
}

impl OwnProcess {
    /// # Errors
    /// When there is no proc file system.
    pub(super) fn new() -> Result<Self, Error> {
        let procfs = Procfs::open(PROCFS.as_ref()).map_err(|error| format!("open {PROCFS}: {error}"))?;
        Ok(Self { procfs, buffer: Buffer::default() })
    }
}

impl Sampler for OwnProcess {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let pid = std::process::id();
        let boot_time = self
            .procfs
            .boot_time(&mut self.buffer)
            .map_err(|error| format!("read {PROCFS}/stat: {error}"))?;
        let content = self.procfs.read(pid, "stat", &mut self.buffer);
        let content = content.map_err(|error| format!("read {PROCFS}/{pid}/stat: {error}"))?;
        let (_, stat) = stat::parse(content).ok_or("parse stat of the own process")?;
        let usage = usage::read(&self.procfs, pid, &stat, Depth::Scraped, None, &mut self.buffer);
        let seconds = |ticks: u64| ticks as f64 / TICKS_PER_SECOND as f64;
        let address_space = rustix::process::getrlimit(rustix::process::Resource::As).current;
        for (family, value) in [
            (&CPU, Some(seconds(stat.user + stat.system))),
            (&OPEN_FILES, usage.open_files.map(|count| count as f64)),
            (&MOST_FILES, usage.open_files_limit.map(|limit| limit as f64)),
            (&VIRTUAL, Some(stat.virtual_bytes as f64)),
            (&MOST_VIRTUAL, Some(address_space.unwrap_or(u64::MAX) as f64)),
            (&RESIDENT, Some((stat.resident_pages * rustix::param::page_size() as u64) as f64)),
            (&START, Some(boot_time as f64 + seconds(stat.start))),
            (&THREADS, Some(stat.threads as f64)),
        ] {
            if let Some(value) = value {
                page.set(family, Labels::NONE, value);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_own_process_is_measured() {
        let mut page = Page::default();
        OwnProcess::new().unwrap().sample(&mut page).unwrap();
        let value = |name: &str| {
            let (_, mut rows) = page.families().find(|(family, _)| family.name == name).unwrap();
            rows.next().unwrap().value
        };
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_open_fds") >= 3.0);
        assert!(value("process_threads") >= 1.0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let age = now - value("process_start_time_seconds");
        assert!((-2.0..3600.0).contains(&age), "{age}");
    }
}
