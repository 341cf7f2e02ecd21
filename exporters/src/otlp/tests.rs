#![allow(clippy::unwrap_used)]

mod grpc;
mod lane;
mod metrics;
mod tls;
mod trouble;

use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
use prost::Message;
use vigie_pipeline::receipt::{DropReason, Fate};
use vigie_pipeline::secret::Secret;

use super::rig::{Receiver, Rig, config, reply};

#[tokio::test]
async fn what_is_offered_arrives_and_is_acknowledged() {
    let mut rig = Rig::new();
    let mut receiver = Receiver::start([]).await;
    let mut config = config(&receiver.endpoint());
    config.headers.insert("x-token".into(), Secret::new("hunter2"));
    let (_stopper, running) = rig.run(&config);
    rig.offer(7, &["one", "two"]).await;
    let got = receiver.next().await;
    assert_eq!((got.path.as_str(), got.lines()), ("/v1/logs", vec!["one".into(), "two".into()]));
    let header = |name: &str| got.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/x-protobuf");
    assert_eq!(header("content-length"), got.body.len().to_string());
    assert_eq!(header("host"), format!("127.0.0.1:{}", receiver.port));
    assert_eq!(header("x-token"), "hunter2");
    assert!(header("user-agent").starts_with("vigie/"));
    let settled = rig.outlet.settled.recv().await.unwrap();
    assert_eq!((settled.token, settled.fate), (7, Fate::DELIVERED));
    assert_eq!(rig.events("delivered"), 2.0);
    rig.close();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let mut rig = Rig::new();
    let mut receiver = Receiver::start([]).await;
    let (_stopper, _running) = rig.run(&config(&receiver.endpoint()));
    for token in 0..5 {
        rig.offer(token, &["x"]).await;
        receiver.next().await;
        assert_eq!(rig.outlet.settled.recv().await.unwrap().token, token);
    }
    assert_eq!(*receiver.connections.lock().unwrap(), 1);
}

#[tokio::test]
async fn what_may_pass_is_sent_again_until_it_does() {
    let mut rig = Rig::new();
    let mut receiver = Receiver::start([429, 502, 503, 504].map(|status| reply(status, &[], ""))).await;
    let (_stopper, _running) = rig.run(&config(&receiver.endpoint()));
    rig.offer(1, &["x"]).await;
    for _ in 0..5 {
        assert_eq!(receiver.next().await.lines(), ["x"]);
    }
    assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::DELIVERED);
    assert_eq!((rig.events("retried"), rig.events("delivered")), (4.0, 1.0));
}

#[tokio::test]
async fn what_is_refused_for_good_is_dropped_and_counted_and_set_aside_and_the_rest_arrives() {
    let mut rig = Rig::new();
    // The request, its first half, and then that half's first record.
    let mut receiver = Receiver::start([reply(400, &[], "bad"), reply(400, &[], "bad")]).await;
    let (_stopper, running) = rig.run(&config(&receiver.endpoint()));
    rig.offer(1, &["x", "y"]).await;
    assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::dropped(1, DropReason::Rejected));
    let sent: Vec<_> = [receiver.next().await, receiver.next().await, receiver.next().await]
        .iter()
        .flat_map(|got| got.lines())
        .collect();
    assert_eq!(sent, ["x", "y", "y", "x"]);
    assert_eq!((rig.events("dropped"), rig.events("delivered")), (1.0, 1.0));
    rig.offer(2, &["z"]).await;
    assert_eq!(receiver.next().await.lines(), ["z"]);
    rig.close();
    running.await.unwrap().unwrap();
    let directory = rig.state.path().join("rejected/default");
    let files: Vec<_> = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains("400 Bad Request: bad") && text.contains("\"stringValue\": \"y\""), "{text}");
}

#[tokio::test]
async fn a_refusal_that_is_not_about_the_records_is_not_searched() {
    let mut rig = Rig::new();
    let mut receiver = Receiver::start([reply(401, &[], "who")]).await;
    let (_stopper, _running) = rig.run(&config(&receiver.endpoint()));
    rig.offer(1, &["x", "y"]).await;
    assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::dropped(2, DropReason::Rejected));
    rig.offer(2, &["z"]).await;
    assert_eq!(receiver.next().await.lines(), ["x", "y"]);
    assert_eq!(receiver.next().await.lines(), ["z"]);
}

#[tokio::test]
async fn a_partial_success_is_neither_all_nor_nothing() {
    let mut rig = Rig::new();
    let partial = ExportLogsPartialSuccess { rejected_log_records: 1, error_message: "too old".into() };
    let body = ExportLogsServiceResponse { partial_success: Some(partial) }.encode_to_vec();
    let receiver = Receiver::start([reply(200, &[], body)]).await;
    let (_stopper, _running) = rig.run(&config(&receiver.endpoint()));
    rig.offer(1, &["x", "y", "z"]).await;
    assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::dropped(1, DropReason::Rejected));
    assert_eq!((rig.events("dropped"), rig.events("delivered")), (1.0, 2.0));
}
