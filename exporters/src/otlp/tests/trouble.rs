use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use vigie_pipeline::batch::Signal;
use vigie_pipeline::budget::{Part, Share};
use vigie_pipeline::receipt::Fate;
use vigie_pipeline::units::HumanDuration;

use crate::otlp::answer::Answer;
use crate::otlp::body::Chunks;
use crate::otlp::config::{Compression, Config};
use crate::otlp::connect::Connector;
use crate::otlp::destination::Destination;
use crate::otlp::failure::Phase;
use crate::otlp::http::Client;
use crate::otlp::progress::Progress;
use crate::otlp::rig::{Receiver, Rig, config};

#[tokio::test]
async fn bodies_are_compressed_as_the_header_says() {
    for (compression, name) in [(Compression::Gzip, "gzip"), (Compression::Zstd, "zstd")] {
        let mut rig = Rig::new();
        let mut receiver = Receiver::start([]).await;
        let mut config = config(&receiver.endpoint());
        config.compression = compression;
        let (_stopper, _running) = rig.run(&config);
        let long = "x".repeat(50_000);
        rig.offer(1, &[&long]).await;
        let mut got = receiver.next().await;
        assert_eq!(got.headers.get("content-encoding").unwrap(), name);
        assert!(got.body.len() < 1_000);
        got.expand();
        assert_eq!(got.lines(), [long]);
        assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::DELIVERED);
        assert_eq!(rig.surroundings.budget.export.held(), 0);
    }
}

#[tokio::test]
async fn a_receiver_that_comes_back_gets_everything_in_order() {
    let mut rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut config = config(&format!("http://{address}"));
    // So that each offer is a request of its own.
    config.batch.max_bytes = vigie_pipeline::units::ByteSize(1);
    let (_stopper, _running) = rig.run(&config);
    for (token, body) in ["a", "b", "c", "d", "e", "f"].iter().enumerate() {
        rig.offer(token as u64, &[body]).await;
    }
    while rig.connection_errors("connect") < 3.0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.events("delivered"), 0.0);
    let mut receiver = Receiver::on(TcpListener::bind(address).await.unwrap(), []);
    let mut lines = Vec::new();
    while lines.len() < 6 {
        lines.extend(receiver.next().await.lines());
    }
    assert_eq!(lines[0], "a");
    lines.sort();
    assert_eq!(lines, ["a", "b", "c", "d", "e", "f"]);
    for _ in 0..6 {
        assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::DELIVERED);
    }
}

#[tokio::test]
async fn a_receiver_that_never_answers_is_given_up_after_the_timeout() {
    let rig = Rig::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = config(&format!("http://{}", listener.local_addr().unwrap()));
    config.timeout = HumanDuration(Duration::from_millis(20));
    let (_stopper, _running) = rig.run(&config);
    rig.offer(1, &["x"]).await;
    let first = listener.accept().await.unwrap();
    // It is tried again, on another connection.
    let second = listener.accept().await.unwrap();
    assert_eq!(rig.connection_errors("wait"), 1.0);
    drop((first, second));
}

#[tokio::test]
async fn a_connection_that_the_receiver_closed_while_idle_costs_no_retry() {
    let mut rig = Rig::new();
    let mut receiver = Receiver::start([]).await;
    let (_stopper, _running) = rig.run(&config(&receiver.endpoint()));
    rig.offer(1, &["x"]).await;
    receiver.next().await;
    rig.outlet.settled.recv().await.unwrap();
    receiver.hang_up().await;
    rig.offer(2, &["y"]).await;
    assert_eq!(receiver.next().await.lines(), ["y"]);
    assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::DELIVERED);
    assert_eq!(rig.events("retried"), 0.0);
}

#[tokio::test]
async fn a_name_that_moved_is_followed_when_the_connection_is_old() {
    for (longest_use, follows) in [(Duration::from_secs(300), false), (Duration::ZERO, true)] {
        let rig = Rig::new();
        let (mut old, mut new) = (Receiver::start([]).await, Receiver::start([]).await);
        let at = |receiver: &Receiver| format!("127.0.0.1:{}", receiver.port).parse().unwrap();
        let place = Arc::new(Mutex::new(at(&old)));
        let config = config("http://otlp.example");
        let target = config.target(Signal::Logs).unwrap();
        let connector = Connector::new(target, &config, &rig.surroundings).unwrap();
        let connector = connector.played(Arc::clone(&place), longest_use);
        let client =
            Client::new(connector, http::HeaderMap::new(), None, rig.surroundings.clock.clone()).unwrap();
        let send = async || client.send(Chunks::default(), &Progress::new(Phase::Connect)).await.unwrap();
        assert!(matches!(send().await, Answer::Accepted { .. }));
        assert_eq!(old.next().await.headers.get("host").unwrap(), "otlp.example");
        *place.lock().unwrap() = at(&new);
        send().await;
        if follows {
            new.next().await;
        } else {
            old.next().await;
        }
        // A connection that breaks is opened where the name is now, whatever its age.
        old.hang_up().await;
        send().await;
        new.next().await;
    }
}

#[tokio::test]
async fn bodies_that_wait_for_a_dead_destination_keep_no_other_from_sending() {
    let mut rig = Rig::new();
    rig.surroundings.budget.export = Share::new("test", 64 << 10);
    let memory = || rig.surroundings.budget.export.part();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut living = Receiver::start([]).await;
    let destination = |endpoint: &str, memory: &Part| {
        let config = Config { compression: Compression::Gzip, ..config(endpoint) };
        Arc::new(Destination::new(&config, Signal::Logs, &rig.surroundings, memory).unwrap())
    };
    let (its_memory, other_memory) = (memory(), memory());
    let dead = destination(&format!("http://{}", silent.local_addr().unwrap()), &its_memory);
    let alive = destination(&living.endpoint(), &other_memory);
    // Nothing that compression makes smaller.
    let body: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(12 << 10).collect();
    let mut waiting = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (dead, body) = (Arc::clone(&dead), body.clone());
        waiting.spawn(async move { dead.send(vec![body.into()]).await });
    }
    // Two of them fill the part; the others wait for them.
    while rig.surroundings.budget.export.held() < 24 << 10 {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        let sent = alive.send(vec![vec![7; 28 << 10].into()]);
        let sent =
            tokio::time::timeout(Duration::from_secs(5), sent).await.expect("no wait for the dead one");
        assert!(matches!(sent.answer, Ok(Answer::Accepted { .. })));
        living.next().await;
    }
    assert!(waiting.try_join_next().is_none());
}
