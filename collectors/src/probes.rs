//! Endpoints, probed on the agent's own schedule, under blackbox_exporter's names.
//!
//! Each entry of the configuration is a part of its own ([`entry`]): it runs its targets ([`targets`]) at fixed times
//! ([`schedule`]), keeps how each stands with the page of its last run ([`station`], [`metrics`]), and emits a log record when
//! one goes down or comes back, and its spans if asked for ([`telemetry`]). What a kind of probe is stands apart from that
//! ([`prober`]). A run makes the connection itself, phase by phase, and notes in a record outside of itself how far it
//! came, so that a run that is cut at its deadline still says which phase it was in ([`record`], [`timeline`]). Why
//! it failed is one of a closed set of reasons ([`failure`]).
//!
//! Every series is labelled with `instance`, the target, and `probe`, its name, and is there with the value 0 from
//! the first scrape on, before the first run has ended.

mod about;
mod address;
mod attempt;
pub mod blackbox;
pub mod certificates;
pub mod command;
mod connection;
mod database;
mod dial;
pub mod disk;
pub mod dns;
mod entry;
mod excerpt;
mod failure;
mod findings;
pub mod flow;
pub mod grpc;
mod guard;
mod histogram;
mod host_port;
pub mod http;
pub mod icmp;
mod lines;
mod metrics;
pub mod mysql;
mod numeral;
mod password;
pub mod postgres;
mod prober;
pub mod query_response;
mod record;
pub mod redis;
mod reply;
mod resolve;
mod schedule;
pub mod smtp;
mod socket;
mod station;
mod stream;
mod targets;
pub mod tcp;
mod telemetry;
mod timeline;
mod tls;
pub mod unix;
pub mod websocket;

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::plug::Part;
use vigie_pipeline::recipe::Recipe;
use vigie_pipeline::units::HumanDuration;

use self::prober::Kind;
pub use self::targets::TargetGroup;
pub use self::targets::files::{FileGroup, ReadTargets};
pub(crate) use self::telemetry::Trace;

/// One entry of `collectors.probes`. Exactly one kind of probe must be given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// (required) Unique; the `probe` label.
    pub name: String,
    /// Probe an HTTP or HTTPS endpoint.
    pub http: Option<http::Config>,
    /// Connect to a TCP port, and talk to who is there.
    pub tcp: Option<tcp::Config>,
    /// Look at certificates: those that a server shows in a TLS handshake, or in files.
    pub tls: Option<certificates::Config>,
    /// Ask a name server.
    pub dns: Option<dns::Config>,
    /// Ping a host.
    pub icmp: Option<icmp::Config>,
    /// Ask a gRPC server how it is.
    pub grpc: Option<grpc::Config>,
    /// Log in to a PostgreSQL and ask it something.
    pub postgres: Option<postgres::Config>,
    /// Log in to a Redis and ask it something.
    pub redis: Option<redis::Config>,
    /// Log in to a MySQL or MariaDB and ask it something.
    pub mysql: Option<mysql::Config>,
    /// Talk to a mail server, up to where it would take mail.
    pub smtp: Option<smtp::Config>,
    /// Upgrade to a websocket and talk over it.
    pub websocket: Option<websocket::Config>,
    /// Connect to a Unix domain socket, and talk to who is there.
    pub unix: Option<unix::Config>,
    /// Look how much room a file system has left.
    pub disk: Option<disk::Config>,
    /// Run a command of the host, if `agent.allow_commands` has it.
    pub command: Option<command::Config>,
    /// Make HTTP requests one after the other, each with what those before it have answered.
    pub flow: Option<flow::Config>,
    /// More targets, with labels and settings of their own.
    pub targets: Vec<TargetGroup>,
    /// Files with more targets, in the form of Prometheus' service discovery by files, read again when they change.
    /// The last part of a path may be a glob.
    pub target_files: Vec<FilePath>,
    /// Labels of all series of this probe.
    pub labels: BTreeMap<String, String>,
    /// The time from the beginning of one run to that of the next.
    pub interval: HumanDuration,
    /// How long an attempt may take as a whole.
    pub timeout: HumanDuration,
    /// Re-checks before a failure counts as down.
    pub retries: u32,
    /// Emit a span for each attempt, and send `traceparent` to the target.
    pub trace: bool,
    /// The application depends on it: `/-/ready/dependencies` says whether it is there.
    pub required: bool,
    /// Probe every address of a target's name apart, told by the label `address`.
    pub all_addresses: bool,
    /// As many targets are probed at the same time.
    pub concurrency: usize,
    /// Upper bounds of `vigie_probe_duration_seconds`, in seconds, ascending; none for no histogram.
    pub buckets: Vec<f64>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            name: String::new(),
            http: None,
            tcp: None,
            tls: None,
            dns: None,
            icmp: None,
            grpc: None,
            postgres: None,
            redis: None,
            mysql: None,
            smtp: None,
            websocket: None,
            unix: None,
            disk: None,
            command: None,
            flow: None,
            targets: Vec::new(),
            target_files: Vec::new(),
            labels: BTreeMap::new(),
            interval: HumanDuration::secs(15),
            timeout: HumanDuration::secs(5),
            retries: 0,
            trace: false,
            required: false,
            all_addresses: false,
            concurrency: 100,
            buckets: vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0],
        }
    }
}

impl Config {
    /// Every kind with its key, given or not.
    fn kinds(&self) -> Vec<(&'static str, Option<&dyn Kind>)> {
        fn of<K: Kind>(kind: &Option<K>) -> Option<&dyn Kind> {
            kind.as_ref().map(|kind| kind as _)
        }
        vec![
            ("http", of(&self.http)),
            ("tcp", of(&self.tcp)),
            ("tls", of(&self.tls)),
            ("dns", of(&self.dns)),
            ("icmp", of(&self.icmp)),
            ("grpc", of(&self.grpc)),
            ("postgres", of(&self.postgres)),
            ("redis", of(&self.redis)),
            ("mysql", of(&self.mysql)),
            ("smtp", of(&self.smtp)),
            ("websocket", of(&self.websocket)),
            ("unix", of(&self.unix)),
            ("disk", of(&self.disk)),
            ("command", of(&self.command)),
            ("flow", of(&self.flow)),
        ]
    }

    /// The kind that is given.
    fn kind(&self) -> Option<&dyn Kind> {
        self.kinds().into_iter().find_map(|(_, kind)| kind)
    }
}

/// More re-checks than this are a mistake.
const MAX_RETRIES: u32 = 100;

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if self.name.is_empty() {
            at.key("name").wrong("required");
        }
        self.check_kind(at);
        for (mut at, group) in at.key("targets").each(&self.targets) {
            group.check(&mut at);
        }
        for (at, path) in at.key("target_files").each(&self.target_files) {
            at.ok(targets::files::pattern(path));
        }
        for name in self.labels.keys() {
            if let Err(what) = targets::check_label(name) {
                at.key("labels").key(name).wrong(what);
            }
        }
        if self.concurrency == 0 || self.concurrency > MAX_CONCURRENCY {
            at.key("concurrency").wrong(format_args!("not between 1 and {MAX_CONCURRENCY}"));
        }
        if self.buckets.iter().any(|bound| !bound.is_finite()) || !self.buckets.is_sorted_by(|a, b| a < b) {
            at.key("buckets").wrong("must be finite and ascend");
        }
        for (key, duration) in [("interval", self.interval), ("timeout", self.timeout)] {
            if duration.0.is_zero() {
                at.key(key).wrong("must be longer than 0");
            }
        }
        if self.retries > MAX_RETRIES {
            at.key("retries").wrong(format_args!("more than {MAX_RETRIES}"));
        }
    }
}

/// More runs at a time are a mistake: each takes a descriptor.
const MAX_CONCURRENCY: usize = 10_000;

impl Config {
    /// One kind, and something to probe.
    fn check_kind(&self, at: &mut Place<'_>) {
        let given: Vec<_> = self.kinds().into_iter().filter_map(|(key, kind)| Some((key, kind?))).collect();
        for (key, kind) in &given {
            kind.check(&mut at.key(key));
        }
        let [(key, kind)] = given.as_slice() else {
            match given.as_slice() {
                [] => at.wrong("no kind of probe given: write for example `http: { url: … }`"),
                [(first, _), (second, _), ..] => {
                    at.key(second).wrong(format_args!("{first} is given as well"))
                }
                [_] => {}
            }
            return;
        };
        let (target, text) = kind.target();
        if text.trim().is_empty()
            && kind.more_targets().is_empty()
            && self.targets.is_empty()
            && self.target_files.is_empty()
        {
            at.key(key).key(target).wrong("required, or `targets`");
        }
        for (at, group) in at.key("targets").each(&self.targets) {
            for (at, target) in at.key("targets").each(&group.targets) {
                at.ok(kind.check_target(target));
            }
        }
    }
}

/// What all probes use together.
#[derive(Debug)]
struct Shared {
    resolver: resolve::Resolver,
    trust: tls::Trust,
    guard: guard::Guard,
    allowed: command::Allowed,
}

impl Shared {
    fn new(guard: guard::Guard, allowed: command::Allowed) -> Arc<Self> {
        Arc::new(Self { resolver: resolve::Resolver::system(), trust: tls::Trust::default(), guard, allowed })
    }
}

/// How the parts are built. `read` reads files with targets; `allowed` are the programs that commands may be.
#[must_use]
pub fn recipes(configs: &[Config], read: ReadTargets, allowed: &command::Allowed) -> Vec<Recipe> {
    let shared = Shared::new(guard::Guard::open(), allowed.clone());
    let recipe = |config: &Config| {
        let shared = Arc::clone(&shared);
        // A command is another part once others are allowed.
        let whole = (config.clone(), config.command.as_ref().map(|_| allowed.clone()));
        Recipe::new("probes", config.name.as_str(), &whole, move |(config, _), surroundings| {
            let entry = entry::Entry::new(config, Arc::clone(&shared), read, surroundings)?;
            Ok(Part::Source(Box::new(entry)))
        })
    };
    configs.iter().map(recipe).collect()
}

#[cfg(test)]
mod tests;
