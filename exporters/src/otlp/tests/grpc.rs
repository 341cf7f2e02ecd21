use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use prost::Message;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tonic::codec::CompressionEncoding;
use tonic::{Request, Response, Status};
use vigie_pipeline::receipt::{DropReason, Fate};
use vigie_pipeline::secret::Secret;

use crate::otlp::config::{Compression, Config, Protocol};
use crate::otlp::rig::{self, Rig};

type Answer = Result<Response<ExportLogsServiceResponse>, Status>;

/// A receiver that gives the answers that were put down, one after the other, and then takes everything.
struct Collector {
    answers: Mutex<VecDeque<Answer>>,
    got: mpsc::UnboundedSender<Request<ExportLogsServiceRequest>>,
}

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(&self, request: Request<ExportLogsServiceRequest>) -> Answer {
        self.got.send(request).unwrap();
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Ok(Response::new(ExportLogsServiceResponse::default())))
    }
}

struct Receiver {
    endpoint: String,
    got: mpsc::UnboundedReceiver<Request<ExportLogsServiceRequest>>,
    task: JoinHandle<()>,
}

impl Receiver {
    async fn start(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), answers)
    }

    fn on(listener: TcpListener, answers: impl IntoIterator<Item = Answer>) -> Self {
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (tell, got) = mpsc::unbounded_channel();
        let collector = Arc::new(Collector { answers: Mutex::new(answers.into_iter().collect()), got: tell });
        let service = LogsServiceServer::from_arc(collector)
            .accept_compressed(CompressionEncoding::Gzip)
            .accept_compressed(CompressionEncoding::Zstd);
        let task = tokio::spawn(async move {
            let mut served = tokio::task::JoinSet::new();
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(service.clone());
                served.spawn(async move {
                    let io = TokioIo::new(tcp);
                    let http = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
                    let _ = http.serve_connection(io, service).await;
                });
            }
        });
        Self { endpoint, got, task }
    }

    fn config(&self) -> Config {
        Config { protocol: Protocol::Grpc, ..rig::config(&self.endpoint) }
    }

    async fn next(&mut self) -> (Vec<String>, Request<()>) {
        let (metadata, extensions, message) = self.got.recv().await.unwrap().into_parts();
        (rig::lines(&message.encode_to_vec()), Request::from_parts(metadata, extensions, ()))
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[tokio::test]
async fn what_is_offered_arrives_over_grpc_however_it_is_compressed() {
    for compression in [Compression::None, Compression::Gzip, Compression::Zstd] {
        let mut rig = Rig::new();
        let mut receiver = Receiver::start([]).await;
        let mut config = Config { compression, ..receiver.config() };
        config.headers.insert("x-token".into(), Secret::new("hunter2"));
        let (_stopper, running) = rig.run(&config);
        let long = "x".repeat(50_000);
        rig.offer(1, &["one", &long]).await;
        let (lines, request) = receiver.next().await;
        assert_eq!(lines, ["one", &long]);
        assert_eq!(request.metadata().get("x-token").unwrap(), "hunter2");
        assert_eq!(request.metadata().get("grpc-timeout").unwrap(), "120000m");
        assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::DELIVERED);
        rig.offer(2, &["two"]).await;
        assert_eq!(receiver.next().await.0, ["two"]);
        rig.close();
        running.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_may_pass_is_called_again_and_what_may_not_is_dropped() {
    let mut rig = Rig::new();
    let answers = [Status::unavailable("busy"), Status::aborted(""), Status::invalid_argument("odd")];
    let mut receiver = Receiver::start(answers.map(Err)).await;
    let (_stopper, _running) = rig.run(&receiver.config());
    rig.offer(1, &["x"]).await;
    for _ in 0..3 {
        assert_eq!(receiver.next().await.0, ["x"]);
    }
    assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::dropped(1, DropReason::Rejected));
    assert_eq!((rig.events("retried"), rig.events("dropped")), (2.0, 1.0));
}

#[tokio::test]
async fn a_partial_success_over_grpc_is_neither_all_nor_nothing() {
    let mut rig = Rig::new();
    let partial = ExportLogsPartialSuccess { rejected_log_records: 2, error_message: "too old".into() };
    let answer = ExportLogsServiceResponse { partial_success: Some(partial) };
    let receiver = Receiver::start([Ok(Response::new(answer))]).await;
    let (_stopper, _running) = rig.run(&receiver.config());
    rig.offer(1, &["x", "y", "z"]).await;
    assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::dropped(2, DropReason::Rejected));
    assert_eq!((rig.events("dropped"), rig.events("delivered")), (2.0, 1.0));
}

#[tokio::test]
async fn a_receiver_that_went_away_is_connected_to_again() {
    let mut rig = Rig::new();
    let mut first = Receiver::start([]).await;
    let config = first.config();
    let (_stopper, _running) = rig.run(&config);
    rig.offer(1, &["x"]).await;
    first.next().await;
    rig.outlet.settled.recv().await.unwrap();
    let address = first.endpoint.trim_start_matches("http://").to_owned();
    first.task.abort();
    let _ = (&mut first.task).await;
    rig.offer(2, &["y"]).await;
    let listener = TcpListener::bind(&address).await.unwrap();
    // One that takes the connection and closes it, and then one that answers.
    drop(listener.accept().await.unwrap());
    let mut second = Receiver::on(listener, []);
    assert_eq!(second.next().await.0, ["y"]);
    assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::DELIVERED);
    assert!(rig.events("retried") >= 1.0);
}
