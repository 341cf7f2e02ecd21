//! What the tests of this module stand on: a source, a queue, a receiver that records what it gets.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use vigie_pipeline::batch::{Batch, Envelope, Signal};
use vigie_pipeline::budget::Budget;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::ledger::Ledger;
use vigie_pipeline::otlp::{envelope, log::LogRecord};
use vigie_pipeline::outlet::{Offer, Outlet, Switch, Trunk};
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::{Error, Intake, Part, Surroundings};
use vigie_pipeline::queue::Queue;
use vigie_pipeline::snapshot::Snapshot;
use vigie_pipeline::stop::{Stopper, stop};

use super::config::{Compression, Config, Retry};
use super::recipe;
use vigie_pipeline::units::HumanDuration;

/// A source whose events go to one queue for each signal.
pub(crate) struct Rig {
    pub(crate) outlet: Outlet,
    pub(crate) surroundings: Surroundings,
    pub(crate) snapshot: Snapshot,
    pub(crate) queues: Vec<(Signal, Arc<Queue>)>,
    envelope: Arc<Envelope>,
    pub(crate) state: TempDir,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let state = tempfile::tempdir().expect("a directory");
        let envelope = Envelope {
            resource: envelope::resource([("host.name", "h")]),
            scope: envelope::scope("vigie", "1"),
        };
        let budget = Budget::new(64 << 20);
        let surroundings = Surroundings {
            resource: envelope.resource.clone(),
            scope: envelope.scope.clone(),
            ..Surroundings::new(state.path(), Clock::system(), budget.clone())
        };
        let ledger = Ledger::new(&surroundings.instruments);
        let trunk = Trunk { switch: Switch::default(), budget, ledger };
        let queues: Vec<_> = [Signal::Logs, Signal::Traces].map(|s| (s, Arc::new(Queue::new("sink")))).into();
        trunk.switch.set(queues.clone());
        let (snapshot, _) = Snapshot::new();
        Self {
            outlet: Outlet::new("app", trunk, snapshot.slot("app")),
            surroundings,
            snapshot,
            queues,
            envelope: Arc::new(envelope),
            state,
        }
    }

    /// Offers one batch of records with these bodies.
    pub(crate) async fn offer(&self, token: u64, bodies: &[&str]) {
        let batch = Batch {
            signal: Signal::Logs,
            envelope: Arc::clone(&self.envelope),
            records: records(bodies).into(),
            count: bodies.len() as u32,
        };
        let events = &self.outlet.events;
        let among = events.destinations(Signal::Logs);
        let mut room =
            events.room(Signal::Logs, &among, batch.bytes()).await.expect("there is room for one batch");
        events.offer(Offer { batch, token, to: None }, &mut room, false).await;
    }

    /// Runs the exporter that `config` describes.
    pub(crate) fn run(&self, config: &Config) -> (Stopper, JoinHandle<Result<(), Error>>) {
        let Ok(Part::Exporter(exporter)) = recipe(config).build(&self.surroundings) else {
            panic!("an exporter that can be built");
        };
        let (stopper, stop) = stop();
        let intake = Intake { queues: self.queues.clone(), snapshot: self.snapshot.clone() };
        (stopper, tokio::spawn(exporter.run(intake, stop)))
    }

    pub(crate) fn close(&self) {
        for (_, queue) in &self.queues {
            queue.close();
        }
    }

    /// The value of a series, by name and labels as they are exposed.
    pub(crate) fn metric(&self, name: &str, labels: &str) -> f64 {
        let mut page = Page::default();
        self.surroundings.instruments.write(&mut page);
        let mut rows = page.families().filter(|(family, _)| family.name == name).flat_map(|(_, rows)| rows);
        rows.find(|row| row.labels == labels).map(|row| row.value).expect("a series of that name and labels")
    }

    /// How many requests failed in this phase.
    pub(crate) fn connection_errors(&self, phase: &str) -> f64 {
        let labels = format!("exporter=\"default\",phase=\"{phase}\",signal=\"logs\"");
        self.metric("vigie_export_connection_errors_total", &labels)
    }

    /// How many events had this outcome at the destination.
    pub(crate) fn events(&self, outcome: &str) -> f64 {
        let labels = exported("logs", outcome);
        self.metric("vigie_export_events_total", &labels)
    }
}

/// The labels of `vigie_export_events_total` for an outcome at the destination.
pub(crate) fn exported(signal: &str, outcome: &str) -> String {
    let reason = if outcome == "dropped" { ",reason=\"rejected\"" } else { "" };
    format!("exporter=\"default\",outcome=\"{outcome}\"{reason},signal=\"{signal}\"")
}

/// Log records with these bodies, one behind the other.
pub(crate) fn records(bodies: &[&str]) -> Vec<u8> {
    let mut records = Vec::new();
    for body in bodies {
        LogRecord { body, observed: 1, ..LogRecord::default() }.encode(&mut records);
    }
    records
}

/// A destination without compression, without delay, and with short waits.
pub(crate) fn config(endpoint: &str) -> Config {
    let mut config =
        Config { endpoint: endpoint.into(), compression: Compression::None, ..Config::default() };
    config.batch.max_delay = HumanDuration(Duration::ZERO);
    config.retry = Retry {
        initial: HumanDuration(Duration::from_millis(1)),
        max: HumanDuration(Duration::from_millis(5)),
    };
    config
}

/// What a receiver got.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Got {
    /// The bodies of the log records in it.
    pub(crate) fn lines(&self) -> Vec<String> {
        lines(&self.body)
    }

    /// Takes back the compression that the headers tell.
    pub(crate) fn expand(&mut self) {
        let mut out = Vec::new();
        match self.headers.get("content-encoding").map(|encoding| encoding.as_bytes()) {
            None => return,
            Some(b"gzip") => flate2::read::GzDecoder::new(&*self.body).read_to_end(&mut out).map(drop),
            Some(b"zstd") => zstd::stream::copy_decode(&*self.body, &mut out),
            Some(other) => panic!("encoded as {other:?}"),
        }
        .expect("a body that can be expanded");
        self.body = out.into();
    }
}

pub(crate) fn lines(body: &[u8]) -> Vec<String> {
    let request = ExportLogsServiceRequest::decode(body).expect("a request for logs");
    let scopes = request.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
    let text = |body: Option<Value>| match body {
        Some(Value::StringValue(text)) => text,
        other => panic!("not a text: {other:?}"),
    };
    scopes.flat_map(|s| s.log_records).map(|r| text(r.body.and_then(|b| b.value))).collect()
}

/// An answer that a receiver gives.
pub(crate) type Reply = Response<Full<Bytes>>;

pub(crate) fn reply(status: u16, headers: &[(&'static str, &str)], body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Full::new(body.into()));
    *reply.status_mut() = StatusCode::from_u16(status).expect("a status");
    for (name, value) in headers {
        reply.headers_mut().insert(*name, value.parse().expect("a header value"));
    }
    reply
}

/// An HTTP receiver on loopback. It gives the replies that were put down, one after the other, and then 200.
pub(crate) struct Receiver {
    pub(crate) port: u16,
    pub(crate) got: mpsc::UnboundedReceiver<Got>,
    /// How many connections were opened.
    pub(crate) connections: Arc<Mutex<usize>>,
    served: Arc<tokio::sync::Mutex<JoinSet<()>>>,
    task: JoinHandle<()>,
}

impl Receiver {
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.expect("a free port"), replies)
    }

    pub(crate) fn on(listener: TcpListener, replies: impl IntoIterator<Item = Reply>) -> Self {
        Self::serve(listener, None, replies)
    }

    /// One that speaks TLS.
    pub(crate) async fn start_tls(tls: TlsAcceptor) -> Self {
        Self::serve(TcpListener::bind("127.0.0.1:0").await.expect("a free port"), Some(tls), [])
    }

    fn serve(
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        replies: impl IntoIterator<Item = Reply>,
    ) -> Self {
        let port = listener.local_addr().expect("a bound listener").port();
        let (tell, got) = mpsc::unbounded_channel();
        let replies = Arc::new(Mutex::new(replies.into_iter().collect::<VecDeque<_>>()));
        let connections = Arc::new(Mutex::new(0));
        let count = Arc::clone(&connections);
        let served = Arc::new(tokio::sync::Mutex::new(JoinSet::new()));
        let serving = Arc::clone(&served);
        let task = tokio::spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.expect("a connection");
                *count.lock().expect("not poisoned") += 1;
                let (tell, replies, tls) = (tell.clone(), Arc::clone(&replies), tls.clone());
                let service = service_fn(move |request| answer(request, tell.clone(), Arc::clone(&replies)));
                let http = hyper::server::conn::http1::Builder::new();
                serving.lock().await.spawn(async move {
                    match tls {
                        None => drop(http.serve_connection(TokioIo::new(tcp), service).await),
                        Some(tls) => {
                            if let Ok(tls) = tls.accept(tcp).await {
                                drop(http.serve_connection(TokioIo::new(tls), service).await);
                            }
                        }
                    }
                });
            }
        });
        Self { port, got, connections, served, task }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Closes every connection, and goes on listening.
    pub(crate) async fn hang_up(&self) {
        self.served.lock().await.shutdown().await;
    }

    pub(crate) async fn next(&mut self) -> Got {
        self.got.recv().await.expect("a request")
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    request: http::Request<Incoming>,
    tell: mpsc::UnboundedSender<Got>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
) -> Result<Reply, Infallible> {
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return Ok(reply(400, &[], "")) };
    let path = parts.uri.path().to_owned();
    let _ = tell.send(Got { path, headers: parts.headers, body: body.to_bytes() });
    Ok(replies.lock().expect("not poisoned").pop_front().unwrap_or_else(|| reply(200, &[], "")))
}
