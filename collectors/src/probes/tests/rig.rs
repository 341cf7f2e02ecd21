//! A pipeline around one probe: what it publishes, and what it emits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
use prost::Message;
use tokio::task::JoinHandle;
use vigie_pipeline::batch::Signal;
use vigie_pipeline::budget::Budget;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::ledger::Ledger;
use vigie_pipeline::outlet::{Outlet, Switch, Trunk};
use vigie_pipeline::page::pairs;
use vigie_pipeline::plug::{Part, Surroundings};
use vigie_pipeline::queue::Queue;
use vigie_pipeline::receipt::Fate;
use vigie_pipeline::snapshot::{Selection, Snapshot};
use vigie_pipeline::stop::{Stopper, stop};
use vigie_pipeline::units::HumanDuration;

use crate::probes::command::Allowed;
use crate::probes::{Config, http, recipes};

/// Series as `name{label=value,…}`, without the labels that all have.
pub(in crate::probes) type Series = BTreeMap<String, f64>;

/// A probe that runs.
pub(in crate::probes) struct Running {
    snapshot: Snapshot,
    logs: Arc<Queue>,
    traces: Arc<Queue>,
    stopper: Stopper,
    part: JoinHandle<()>,
}

/// A probe that runs soon and then often, of a kind that is still to be said.
pub(in crate::probes) fn soon() -> Config {
    Config {
        name: "test".into(),
        interval: HumanDuration::millis(50),
        timeout: HumanDuration::secs(5),
        ..Config::default()
    }
}

/// Such a probe of `url`.
pub(in crate::probes) fn config(url: impl Into<String>) -> Config {
    Config { http: Some(http::Config { url: url.into(), ..http::Config::default() }), ..soon() }
}

/// The same with other settings of HTTP.
pub(in crate::probes) fn with(url: impl Into<String>, change: impl FnOnce(&mut http::Config)) -> Config {
    let mut config = config(url);
    change(config.http.as_mut().unwrap());
    config
}

impl Running {
    pub(in crate::probes) fn new(config: &Config) -> Self {
        Self::at(config, Clock::system())
    }

    /// By a clock of the test's own.
    pub(in crate::probes) fn at(config: &Config, clock: Clock) -> Self {
        let budget = Budget::new(64 << 20);
        let surroundings = Surroundings::new(std::env::temp_dir(), clock, budget.clone());
        // /bin is another name of it.
        let allowed = Allowed::new(&["/usr/bin/*".to_owned()]).unwrap();
        let recipes = recipes(std::slice::from_ref(config), |_| Ok(Vec::new()), &allowed);
        let Part::Source(source) = recipes[0].build(&surroundings).unwrap() else { panic!("a source") };
        let (logs, traces) = (Arc::new(Queue::new("sink")), Arc::new(Queue::new("sink")));
        let trunk =
            Trunk { switch: Switch::default(), budget, ledger: Ledger::new(&surroundings.instruments) };
        trunk.switch.set(vec![(Signal::Logs, Arc::clone(&logs)), (Signal::Traces, Arc::clone(&traces))]);
        let (snapshot, _) = Snapshot::new();
        let outlet = Outlet::new("probes/test", trunk, snapshot.slot("probes"));
        let (stopper, stop) = stop();
        let part = tokio::spawn(async move { source.run(outlet, stop).await.unwrap() });
        Self { snapshot, logs, traces, stopper, part }
    }

    /// The series as they are now.
    pub(in crate::probes) fn series(&self) -> Series {
        let mut series = Series::new();
        for published in self.snapshot.read(&Selection::default()) {
            for (family, rows) in published.page.families() {
                for row in rows {
                    let labels: Vec<String> = pairs(row.labels)
                        .filter(|(name, _)| !matches!(*name, "instance" | "probe"))
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    let name = format!("{}{}", family.name, row.suffix.as_str());
                    let name = match labels.as_slice() {
                        [] => name,
                        labels => format!("{name}{{{}}}", labels.join(",")),
                    };
                    assert!(series.insert(name.clone(), row.value).is_none(), "{name} twice");
                }
            }
        }
        series
    }

    /// The series after this many runs.
    pub(in crate::probes) async fn after_runs(&self, runs: f64) -> Series {
        let begun = Instant::now();
        loop {
            let series = self.series();
            if series.get("vigie_probe_runs_total").is_some_and(|n| *n >= runs) {
                return series;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no {runs} runs: {series:#?}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// The log records emitted until now.
    pub(in crate::probes) fn records(&self) -> Vec<LogRecord> {
        taken(&self.logs).iter().flat_map(|b| ScopeLogs::decode(&b[..]).unwrap().log_records).collect()
    }

    /// The spans emitted until now.
    pub(in crate::probes) fn spans(&self) -> Vec<Span> {
        taken(&self.traces).iter().flat_map(|b| ScopeSpans::decode(&b[..]).unwrap().spans).collect()
    }

    /// Asks it to stop and says how long that took.
    pub(in crate::probes) async fn stop(self) -> Duration {
        let begun = Instant::now();
        self.stopper.stop();
        self.part.await.unwrap();
        begun.elapsed()
    }
}

fn taken(queue: &Arc<Queue>) -> Vec<Bytes> {
    let mut all = Vec::new();
    while let Some(delivery) = queue.try_next(|_| true) {
        all.push(delivery.batch().records.clone());
        delivery.settle(Fate::DELIVERED);
    }
    all
}

/// The series of the first run of a probe.
pub(in crate::probes) async fn first_run(config: &Config) -> Series {
    Running::new(config).after_runs(1.0).await
}

/// Asserts that it failed, and why.
#[track_caller]
pub(in crate::probes) fn assert_failed(series: &Series, reason: &str, phase: &str) {
    let failures: Vec<&String> =
        series.keys().filter(|name| name.starts_with("probe_failure_info")).collect();
    assert_eq!(failures, [&format!("probe_failure_info{{reason={reason},phase={phase}}}")]);
    assert_eq!(series["probe_success"], 0.0);
}

/// Asserts that it succeeded.
#[track_caller]
pub(in crate::probes) fn assert_succeeded(series: &Series) {
    let failure = series.keys().find(|name| name.starts_with("probe_failure_info"));
    assert_eq!((failure, series["probe_success"]), (None, 1.0));
}

/// Seconds spent in a phase.
pub(in crate::probes) fn phase(series: &Series, phase: &str) -> f64 {
    series[&format!("probe_http_duration_seconds{{phase={phase}}}")]
}
