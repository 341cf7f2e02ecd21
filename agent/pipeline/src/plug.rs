//! The plugs: what a part has to be to fit in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::batch::Signal;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::commons::Commons;
use crate::dependencies::Dependencies;
use crate::instruments::Instruments;
use crate::legacy::Legacy;
use crate::outlet::Outlet;
use crate::page::Page;
use crate::queue::Queue;
use crate::readiness::Readiness;
use crate::snapshot::Snapshot;
use crate::stop::Stop;

/// What a part fails with. It is shown to a person: context first, then the cause.
pub type Error = Box<dyn std::error::Error + Send + Sync>;

/// The `tracing` target of the agent's own spans: `info_span!(target: SPANS, "export")`. They are made only
/// when somebody has asked for them.
pub const SPANS: &str = "vigie::spans";

/// State, sampled when somebody asks. The driver decides when, measures, and cuts it off at its deadline.
///
/// It is not async: what it reads (`/proc`, `statfs`) blocks in the kernel and cannot be waited for in
/// any other way. Samplers share one thread of the driver; one that hangs keeps that thread, and the
/// others go on with a new one.
pub trait Sampler: Send {
    /// Writes the present values. On error, what is already in `page` is kept and served.
    ///
    /// # Errors
    /// When a source of the values could not be read or understood. [`NoData`] if there is nothing here
    /// to measure, which is no failure.
    fn sample(&mut self, page: &mut Page) -> Result<(), Error>;
}

/// There is nothing of this kind on this host: the sampler did not fail, it just has no values.
#[derive(Debug, thiserror::Error)]
#[error("no data: {0}")]
pub struct NoData(pub String);

/// A sampler with what the driver needs to know.
pub struct Sampling {
    /// The sampler.
    pub sampler: Box<dyn Sampler>,
    /// How long it may take before it counts as hung.
    pub deadline: Duration,
}

/// Events, and state of its own pace. Runs until stopped; offers batches and learns what became of them.
#[async_trait]
pub trait Source: Send {
    /// # Errors
    /// What made it end early; the supervisor builds it again after a back-off.
    async fn run(self: Box<Self>, outlet: Outlet, stop: Stop) -> Result<(), Error>;
}

/// Delivers, until stopped or until its queues are closed and empty.
///
/// Closed queues mean that the agent is ending: what they hold is still delivered, as long as it takes.
/// A stop means now: what is being sent may finish, the rest stays in the queues.
#[async_trait]
pub trait Exporter: Send {
    /// # Errors
    /// What made it end early; the supervisor builds it again after a back-off.
    async fn run(self: Box<Self>, intake: Intake, stop: Stop) -> Result<(), Error>;
}

/// What an exporter is given.
#[derive(Debug, Clone)]
pub struct Intake {
    /// One queue for each signal that it takes.
    pub queues: Vec<(Signal, Arc<Queue>)>,
    /// The present values, for those who send metrics.
    pub snapshot: Snapshot,
}

/// A part, built.
pub enum Part {
    /// State on demand.
    Sampler(Sampling),
    /// Events, and state of its own pace.
    Source(Box<dyn Source>),
    /// Delivery.
    Exporter(Box<dyn Exporter>),
}

/// What every part may use when it is built. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// `agent.state_dir`: the only place to write.
    pub state_dir: PathBuf,
    /// Field 1 of `ResourceLogs` with tag and length: the host and what the configuration adds to it.
    pub resource: Bytes,
    /// Field 1 of `ScopeLogs` with tag and length: vigie and its version.
    pub scope: Bytes,
    /// Both clocks.
    pub clock: Clock,
    /// The agent's own instruments.
    pub instruments: Instruments,
    /// The memory that may be used.
    pub budget: Budget,
    /// Where a part says that it cannot keep what it promises.
    pub readiness: Readiness,
    /// Where a part says whether what the application depends on is there.
    pub dependencies: Dependencies,
    /// What it shares with other parts.
    pub commons: Commons,
    /// What the part before it has left to it, and what it leaves itself.
    pub legacy: Legacy,
}

impl Surroundings {
    /// Those of parts that share what is shared with nobody yet: it is made for them, and nothing is said of the host.
    #[must_use]
    pub fn new(state_dir: impl Into<PathBuf>, clock: Clock, budget: Budget) -> Self {
        Self {
            state_dir: state_dir.into(),
            resource: Bytes::new(),
            scope: Bytes::new(),
            clock,
            instruments: Instruments::default(),
            budget,
            readiness: Readiness::default(),
            dependencies: Dependencies::default(),
            commons: Commons::default(),
            legacy: Legacy::default(),
        }
    }
}
