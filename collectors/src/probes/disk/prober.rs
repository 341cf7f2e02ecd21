//! One run of a disk probe.

use std::path::Path;

use async_trait::async_trait;
use rustix::io::Errno;
use vigie_pipeline::plug::Error;

use super::Config;
use super::asking::DISKS;
use super::floor::Floor;
use super::metrics::{self, Usage};
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::prober::{self, Aim, Phases};
use crate::probes::record::Record;

/// A disk probe, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    min_free: Floor,
    min_free_inodes: Floor,
    fail_if_read_only: bool,
}

impl Prober {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        Ok(Self {
            min_free: Floor::bytes(&config.min_free)?,
            min_free_inodes: Floor::inodes(&config.min_free_inodes)?,
            fail_if_read_only: config.fail_if_read_only,
        })
    }

    fn judge(&self, usage: &Usage) -> Result<(), Failure> {
        let failed = |reason, what: String| Err(Failure::new(reason, Phase::Stat, what));
        if usage.read_only && self.fail_if_read_only {
            return failed(Reason::DiskReadOnly, "the file system is read-only".to_owned());
        }
        if !self.min_free.holds(usage.free, usage.ratio) {
            let what = format!("{} bytes are free, {:.1} %", usage.free, usage.ratio * 100.0);
            return failed(Reason::DiskLow, what);
        }
        if !self.min_free_inodes.holds(usage.inodes, usage.inodes_ratio) {
            let what = format!("{} inodes are free, {:.1} %", usage.inodes, usage.inodes_ratio * 100.0);
            return failed(Reason::DiskInodesLow, what);
        }
        Ok(())
    }
}

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        None
    }

    fn declare(&self, findings: &mut Findings) {
        metrics::declare(findings);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        record.enter(Phase::Stat);
        let failed = |reason, error: &dyn std::fmt::Display| Failure::new(reason, Phase::Stat, error);
        let asked = DISKS.of(Path::new(aim.target)).map_err(|error| failed(Reason::DiskError, &error))?;
        let answer = asked.await.map_err(|error| failed(Reason::DiskError, &error))?;
        let usage = answer.map_err(|error| {
            let reason = match error {
                Errno::NOENT | Errno::NOTDIR => Reason::DiskMissing,
                Errno::ACCESS => Reason::DiskDenied,
                _ => Reason::DiskError,
            };
            failed(reason, &error)
        })?;
        usage.set(&mut record.findings);
        record.about.text("system.filesystem.mode", if usage.read_only { "ro" } else { "rw" });
        record.note(|| format!("{} of {} bytes are free", usage.free, usage.size));
        self.judge(&usage)
    }

    fn timed_out(&self, _phase: Phase) -> Reason {
        Reason::DiskHung
    }

    fn span_name(&self) -> &str {
        "disk"
    }
}
