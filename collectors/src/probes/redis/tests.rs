//! Whole probes against peers that say what a server would.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vigie_pipeline::check::{KeyPath, problems};
use vigie_pipeline::secret::Secret;

use super::{Config, Role};
use crate::probes;
use crate::probes::tests::rig::{Running, Series, assert_failed, assert_succeeded, first_run};
use crate::probes::tests::servers::raw;

const HELLO: &str = "*6\r\n$7\r\nversion\r\n$5\r\n7.0.1\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n\
                     $4\r\nrole\r\n$6\r\nmaster\r\n";

/// What a peer was sent, a command for each element.
type Asked = Arc<Mutex<Vec<String>>>;

/// Answers the commands of a connection one after another, then hangs up.
async fn peer(answers: &[&str]) -> (String, Asked) {
    let asked = Asked::default();
    let (seen, answers) = (Arc::clone(&asked), answers.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>());
    let at = raw(move |mut tcp| {
        let (seen, answers) = (Arc::clone(&seen), answers.clone());
        async move {
            for answer in answers {
                let mut bytes = vec![0; 4_096];
                let Ok(read @ 1..) = tcp.read(&mut bytes).await else { return };
                seen.lock().unwrap().push(String::from_utf8_lossy(&bytes[..read]).into_owned());
                let _ = tcp.write_all(answer.as_bytes()).await;
            }
        }
    })
    .await;
    (at.to_string(), asked)
}

fn config(address: &str, change: impl FnOnce(&mut Config)) -> probes::Config {
    let mut redis = Config { address: address.to_owned(), ..Config::default() };
    change(&mut redis);
    probes::Config { redis: Some(redis), http: None, ..probes::tests::rig::config("") }
}

async fn run(answers: &[&str], change: impl FnOnce(&mut Config)) -> Series {
    let (address, _) = peer(answers).await;
    first_run(&config(&address, change)).await
}

#[tokio::test]
async fn a_value_that_is_a_number_becomes_a_series() {
    let series = run(&[HELLO, "$2\r\n42\r\n"], |redis| redis.command = vec!["GET".into(), "x".into()]).await;
    assert_succeeded(&series);
    assert_eq!(series["probe_redis_value"], 42.0);
    assert_eq!(series["probe_redis_info{version=7.0.1,role=master,mode=standalone}"], 1.0);
    assert_eq!(series["probe_ip_protocol"], 4.0);
    for phase in ["resolve", "connect", "tls", "login", "query"] {
        assert!(series.contains_key(&format!("probe_redis_duration_seconds{{phase={phase}}}")), "{phase}");
    }
    let nil = run(&[HELLO, "$-1\r\n"], |_| {}).await;
    assert_succeeded(&nil);
    assert!(!nil.contains_key("probe_redis_value"));
}

#[tokio::test]
async fn a_server_that_does_not_know_hello_gets_auth_and_its_echo_tells_no_password() {
    let unknown =
        "-ERR unknown command `HELLO`, with args beginning with: `2`, `AUTH`, `default`, `hush`\r\n";
    let (address, asked) = peer(&[unknown, "+OK\r\n", "+OK\r\n", "-ERR you said hush\r\n"]).await;
    let config = config(&address, |redis| {
        redis.password = Some(Secret::new("hush"));
        redis.database = 3;
    });
    let running = Running::new(&config);
    assert_failed(&running.after_runs(1.0).await, "redis_error", "query");
    let commands: Vec<String> =
        asked.lock().unwrap().iter().take(4).map(|c| c.replace("\r\n", " ")).collect();
    assert_eq!(
        commands,
        [
            "*5 $5 HELLO $1 2 $4 AUTH $7 default $4 hush ",
            "*2 $4 AUTH $4 hush ",
            "*2 $6 SELECT $1 3 ",
            "*1 $4 PING "
        ]
    );
    let records = running.records();
    assert!(!records.is_empty() && !format!("{records:?}").contains("hush"), "{records:?}");
}

#[tokio::test]
async fn each_refusal_has_its_reason() {
    for (error, reason) in [
        ("NOAUTH Authentication required.", "redis_auth"),
        ("WRONGPASS invalid username-password pair or user is disabled.", "redis_auth"),
        ("DENIED Redis is running in protected mode", "redis_protected"),
        ("ERR max number of clients reached", "redis_too_many_connections"),
    ] {
        assert_failed(&run(&[&format!("-{error}\r\n")], |_| {}).await, reason, "login");
    }
    for (error, reason) in [
        ("NOPERM this user has no permissions", "redis_permission"),
        ("LOADING Redis is loading the dataset in memory", "redis_loading"),
        ("MASTERDOWN Link with MASTER is down", "redis_master_down"),
        ("CLUSTERDOWN Hash slot not served", "redis_cluster"),
        ("MOVED 3999 127.0.0.1:6381", "redis_cluster"),
        ("BUSY Redis is busy running a script", "redis_busy"),
        ("ERR something", "redis_error"),
    ] {
        assert_failed(&run(&[HELLO, &format!("-{error}\r\n")], |_| {}).await, reason, "query");
    }
}

#[tokio::test]
async fn a_peer_that_hangs_up_or_is_no_redis_is_told_apart() {
    assert_failed(&run(&[""], |_| {}).await, "closed", "login");
    assert_failed(&run(&[HELLO, ""], |_| {}).await, "closed", "query");
    assert_failed(&run(&["HTTP/1.1 400 Bad Request\r\n"], |_| {}).await, "redis_protocol", "login");
    assert_failed(&run(&[HELLO, "$999999999\r\n"], |_| {}).await, "redis_protocol", "query");
}

#[tokio::test]
async fn a_role_that_is_wanted_has_to_be_there() {
    assert_succeeded(&run(&[HELLO, "+PONG\r\n"], |redis| redis.role = Some(Role::Master)).await);
    let series = run(&[HELLO, "+PONG\r\n"], |redis| redis.role = Some(Role::Replica)).await;
    assert_failed(&series, "redis_role", "login");
}

#[tokio::test]
async fn a_socket_that_is_not_there_or_not_allowed_is_told_apart() {
    assert_failed(
        &first_run(&config("unix:/nonexistent/redis.sock", |_| {})).await,
        "unix_missing",
        "connect",
    );
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("redis.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let series = first_run(&config(&format!("unix:{}", path.display()), |_| {})).await;
    assert_failed(&series, "unix_refused", "connect");
}

#[test]
fn mistakes_are_told_at_their_place() {
    let config = Config {
        address: "redis://x".into(),
        username: "me".into(),
        command: vec!["SET".into(), "a".into(), "b".into()],
        ..Config::default()
    };
    let told: Vec<String> = problems(KeyPath::default().key("redis"), &config)
        .iter()
        .map(|problem| format!("{}: {}", problem.path, problem.what))
        .collect();
    assert_eq!(
        told,
        [
            "redis.address: not `host:port` but a URL",
            "redis.username: needs a password",
            "redis.command: `SET` is not one of the commands that only read",
        ]
    );
}
