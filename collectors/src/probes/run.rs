//! A probe as a part: runs on its schedule until it is stopped, and tells what it finds.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use vigie_pipeline::batch::Envelope;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::outlet::Outlet;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Source, Surroundings};
use vigie_pipeline::stop::Stop;

use super::failure::{Failure, Phase};
use super::http::Prober;
use super::metrics::{self, Identity, Last, Tally};
use super::record::Record;
use super::schedule::Schedule;
use super::telemetry::{Run, Telemetry, Trace};
use super::{Config, Shared};

/// The pause before a re-check, unless a quarter of the interval is shorter.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// See the module.
pub(super) struct Probe {
    name: String,
    instance: String,
    prober: Prober,
    interval: Duration,
    timeout: Duration,
    retries: u32,
    trace: bool,
    clock: Clock,
    envelope: Arc<Envelope>,
}

/// An attempt that has ended, well or badly.
struct Attempt {
    record: Record,
    ended: Instant,
    started_at: u64,
    verdict: Result<(), Failure>,
    trace: Option<Trace>,
}

impl Probe {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(super) fn new(
        config: &Config,
        shared: Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let http = config.http.as_ref().ok_or("no kind of probe given")?;
        Ok(Self {
            name: config.name.clone(),
            instance: http.url.trim().to_owned(),
            prober: Prober::new(http, shared, surroundings)?,
            interval: config.interval.0,
            timeout: config.timeout.0,
            retries: config.retries,
            trace: config.trace,
            clock: surroundings.clock.clone(),
            envelope: Arc::new(Envelope {
                resource: surroundings.resource.clone(),
                scope: surroundings.scope.clone(),
            }),
        })
    }

    fn identity(&self) -> Identity<'_> {
        Identity { probe: &self.name, instance: &self.instance, timeout: self.timeout }
    }

    /// Probes once, within the deadline.
    async fn attempt(&self) -> Attempt {
        let trace = self.trace.then(Trace::random);
        let traceparent = trace.as_ref().map(Trace::traceparent);
        let started_at = self.clock.unix_nanos();
        let mut record = Record::new(self.clock.monotonic());
        let probing = self.prober.probe(&mut record, traceparent.as_ref());
        let verdict = tokio::time::timeout(self.timeout, probing).await;
        let ended = self.clock.monotonic();
        let verdict = verdict
            .unwrap_or_else(|_| Err(Failure::timeout(record.timeline.phase().unwrap_or(Phase::Processing))));
        record.timeline.close(ended);
        Attempt { record, ended, started_at, verdict, trace }
    }

    /// Probes, and again after failures, as often as `retries` says. Each attempt is told to `traced`.
    async fn check(&self, tally: &mut Tally, telemetry: &mut Telemetry) -> Attempt {
        let mut left = self.retries;
        loop {
            let attempt = self.attempt().await;
            telemetry.spans(&self.told(&attempt));
            if attempt.verdict.is_ok() || left == 0 {
                return attempt;
            }
            left -= 1;
            tally.retries += 1;
            tokio::time::sleep(RETRY_PAUSE.min(self.interval / 4)).await;
        }
    }

    fn told<'a>(&'a self, attempt: &'a Attempt) -> Run<'a> {
        Run {
            name: &self.name,
            target: self.prober.target(),
            method: self.prober.method().as_str(),
            record: &attempt.record,
            ended: attempt.ended,
            started_at: attempt.started_at,
            failure: attempt.verdict.as_ref().err(),
            trace: attempt.trace,
        }
    }

    fn write(&self, page: &mut Page, attempt: &Attempt, tally: &Tally) {
        let last = Last {
            record: &attempt.record,
            duration: attempt.ended.saturating_duration_since(attempt.record.started),
            failure: attempt.verdict.as_ref().err(),
        };
        metrics::write(page, &self.identity(), Some(&last), tally);
    }

    fn log_change(&self, attempt: &Attempt) {
        match &attempt.verdict {
            Ok(()) => tracing::info!(probe = %self.name, "probe is up"),
            Err(failure) => tracing::warn!(probe = %self.name, %failure, "probe is down"),
        }
    }

    async fn keep_probing(&self, outlet: Outlet) -> Infallible {
        // Nobody waits here for what becomes of the events; the ledger knows.
        let Outlet { events, slot, settled } = outlet;
        drop(settled);
        let mut telemetry = Telemetry::new(events, Arc::clone(&self.envelope), self.trace);
        let mut tally = Tally::default();
        let mut page = Page::default();
        metrics::write(&mut page, &self.identity(), None, &tally);
        page = slot.publish(page);

        let (mut intended, mut schedule) = Schedule::new(&self.name, self.interval, self.clock.monotonic());
        let mut up = None;
        loop {
            let wait = intended.saturating_duration_since(self.clock.monotonic());
            tokio::time::sleep(wait).await;
            tally.lag = self.clock.monotonic().saturating_duration_since(intended);

            let attempt = self.check(&mut tally, &mut telemetry).await;

            tally.runs += 1;
            tally.skipped += schedule.skip(self.clock.monotonic());
            let is_up = attempt.verdict.is_ok();
            // A target that is up at first sight is no news.
            if up.replace(is_up).unwrap_or(true) != is_up {
                self.log_change(&attempt);
                telemetry.changed(&self.told(&attempt));
            }
            self.write(&mut page, &attempt, &tally);
            page = slot.publish(page);
            intended = schedule.take();
        }
    }
}

#[async_trait]
impl Source for Probe {
    async fn run(self: Box<Self>, outlet: Outlet, mut stop: Stop) -> Result<(), Error> {
        tokio::select! {
            () = stop.stopped() => Ok(()),
            never = self.keep_probing(outlet) => match never {},
        }
    }
}
