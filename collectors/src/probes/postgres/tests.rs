//! Whole probes against peers that say what a server would. The logins with a password are tested against a real one.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vigie_pipeline::check::{KeyPath, problems};
use vigie_pipeline::secret::Secret;

use super::{Config, address};
use crate::probes;
use crate::probes::address::Address;
use crate::probes::database::TlsMode;
use crate::probes::tests::rig::{Series, assert_failed, assert_succeeded, first_run};
use crate::probes::tests::servers::raw;

/// What a peer was sent, in one piece.
type Asked = Arc<Mutex<Vec<u8>>>;

/// A message of the server's.
fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    [&[tag], &(body.len() as u32 + 4).to_be_bytes()[..], body].concat()
}

fn error(sqlstate: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0C{sqlstate}\0Mit is so\0\0").as_bytes())
}

/// Lets anybody in.
fn welcome() -> Vec<u8> {
    let version = message(b'S', b"server_version\x0016.3 (Debian)\0");
    [message(b'R', &[0; 4]), version, message(b'K', &[0; 8]), ready()].concat()
}

fn ready() -> Vec<u8> {
    message(b'Z', b"I")
}

/// Answers the statement with these messages.
fn answered(messages: &[Vec<u8>]) -> Vec<u8> {
    let done = |tag: &[u8]| [message(b'1', b""), message(b'2', b""), message(b'C', tag)].concat();
    let statement = [message(b'1', b""), message(b'2', b""), messages.concat(), ready()].concat();
    [done(b"BEGIN\0"), done(b"SET\0"), statement, message(b'C', b"ROLLBACK\0"), ready()].concat()
}

fn row(value: &[u8]) -> Vec<u8> {
    message(b'D', &[&[0, 1][..], &(value.len() as u32).to_be_bytes(), value].concat())
}

/// Says these one after another, each when something has come.
async fn peer(answers: Vec<Vec<u8>>) -> (String, Asked) {
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let at = raw(move |mut tcp| {
        let (seen, answers) = (Arc::clone(&seen), answers.clone());
        async move {
            for answer in answers {
                let mut bytes = vec![0; 4_096];
                let Ok(read @ 1..) = tcp.read(&mut bytes).await else { return };
                seen.lock().unwrap().extend_from_slice(&bytes[..read]);
                let _ = tcp.write_all(&answer).await;
            }
        }
    })
    .await;
    (at.to_string(), asked)
}

fn config(address: &str, change: impl FnOnce(&mut Config)) -> probes::Config {
    let mut postgres = Config {
        address: address.to_owned(),
        user: "me".to_owned(),
        tls: TlsMode::Disable,
        ..Config::default()
    };
    change(&mut postgres);
    probes::Config { postgres: Some(postgres), http: None, ..probes::tests::rig::config("") }
}

async fn run(answers: Vec<Vec<u8>>) -> Series {
    let (address, _) = peer(answers).await;
    first_run(&config(&address, |_| {})).await
}

#[tokio::test]
async fn a_statement_is_asked_in_a_transaction_that_only_reads_and_the_session_is_ended() {
    let (address, asked) =
        peer(vec![welcome(), answered(&[row(b"12.5"), row(b"3"), message(b'C', b"SELECT 2\0")])]).await;
    let series = first_run(&config(&address, |postgres| postgres.query = "SELECT x FROM y".into())).await;
    assert_succeeded(&series);
    assert_eq!(series["probe_postgres_value"], 12.5);
    assert_eq!(series["probe_postgres_rows"], 2.0);
    assert_eq!(series["probe_postgres_info{version=16.3 (Debian)}"], 1.0);
    let asked = String::from_utf8_lossy(&asked.lock().unwrap()).into_owned();
    let at = |what: &str| asked.find(what).unwrap_or_else(|| panic!("{what}: {asked:?}"));
    let order = [
        "user\0me\0database\0me\0",
        "BEGIN READ ONLY\0",
        "SET LOCAL statement_timeout = ",
        "SELECT x FROM y\0",
        "S\0\0\0\x04",
        "ROLLBACK\0",
        "X\0\0\0\x04",
    ];
    assert!(order.is_sorted_by_key(|what| at(what)), "{asked:?}");
}

#[tokio::test]
async fn a_truth_is_a_number_and_null_is_none() {
    let series = run(vec![welcome(), answered(&[row(b"t")])]).await;
    assert_eq!(series["probe_postgres_value"], 1.0);
    let null = message(b'D', &[0, 1, 0xff, 0xff, 0xff, 0xff]);
    let series = run(vec![welcome(), answered(&[null])]).await;
    assert_succeeded(&series);
    assert_eq!((series.get("probe_postgres_value"), series["probe_postgres_rows"]), (None, 1.0));
}

#[tokio::test]
async fn each_state_has_its_reason() {
    for (sqlstate, reason) in [
        ("28P01", "postgres_login"),
        ("28000", "postgres_login"),
        ("3D000", "postgres_database"),
        ("42501", "postgres_permission"),
        ("53300", "postgres_too_many_connections"),
        ("53200", "postgres_resources"),
        ("57P03", "postgres_starting_up"),
        ("57P01", "postgres_shutting_down"),
        ("XX000", "postgres_login"),
    ] {
        assert_failed(&run(vec![error(sqlstate)]).await, reason, "login");
    }
    for (sqlstate, reason) in [
        ("42P01", "postgres_query"),
        ("25006", "postgres_read_only"),
        ("57014", "timeout"),
        ("42501", "postgres_permission"),
    ] {
        assert_failed(&run(vec![welcome(), answered(&[error(sqlstate)])]).await, reason, "query");
    }
    // One that ends the session before anything is answered.
    assert_failed(&run(vec![welcome(), error("57P01")]).await, "postgres_shutting_down", "query");
}

#[tokio::test]
async fn a_password_is_not_shown_to_who_may_read_along() {
    let (address, asked) = peer(vec![message(b'R', &[0, 0, 0, 3]), welcome()]).await;
    let config = config(&address, |postgres| postgres.password = Some(Secret::new("hush")));
    assert_failed(&first_run(&config).await, "postgres_login", "login");
    assert!(!String::from_utf8_lossy(&asked.lock().unwrap()).contains("hush"));
}

#[tokio::test]
async fn a_login_that_the_server_does_not_end_by_its_proof_is_none() {
    let sasl = message(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0");
    let (address, _) = peer(vec![sasl, welcome()]).await;
    let config = config(&address, |postgres| postgres.password = Some(Secret::new("hush")));
    assert_failed(&first_run(&config).await, "postgres_protocol", "login");
}

#[tokio::test]
async fn what_is_not_the_protocol_is_told_from_an_end_and_from_too_much() {
    assert_failed(&run(vec![b"HTTP/1.1 400 Bad Request\r\n".to_vec()]).await, "postgres_protocol", "login");
    assert_failed(&run(vec![vec![]]).await, "closed", "login");
    assert_failed(&run(vec![welcome(), vec![]]).await, "closed", "query");
    assert_failed(&run(vec![welcome(), row(&[b'x'; 300 << 10])]).await, "postgres_protocol", "query");
    let many = row(&[b'x'; 100 << 10]).repeat(60);
    assert_failed(&run(vec![welcome(), answered(&[many])]).await, "postgres_too_large", "query");
}

#[tokio::test]
async fn tls_that_is_not_offered_is_done_without_or_missed() {
    let answers = || vec![b"N".to_vec(), welcome(), answered(&[row(b"1")])];
    let run = async |mode, answers| {
        let (address, _) = peer(answers).await;
        let insecure = |postgres: &mut Config| {
            postgres.tls = mode;
            postgres.tls_config.insecure_skip_verify = true;
        };
        first_run(&config(&address, insecure)).await
    };
    assert_succeeded(&run(TlsMode::Prefer, answers()).await);
    assert_failed(&run(TlsMode::Require, answers()).await, "tls_missing", "tls");
    let full = run(TlsMode::Require, vec![error("53300")]).await;
    assert_failed(&full, "postgres_too_many_connections", "login");
    assert_failed(&run(TlsMode::Prefer, vec![b"?".to_vec()]).await, "postgres_protocol", "tls");
}

#[test]
fn a_directory_stands_for_the_socket_in_it() {
    let unix = |path: &str| Ok(Address::Unix(path.into()));
    assert_eq!(address("unix:/run/postgresql"), unix("/run/postgresql/.s.PGSQL.5432"));
    assert_eq!(address("unix:/run/postgresql/.s.PGSQL.5433"), unix("/run/postgresql/.s.PGSQL.5433"));
    assert_eq!(address("db"), Ok(Address::Tcp { host: "db".into(), port: 5432 }));
}

#[test]
fn mistakes_are_told_at_their_place() {
    let config = Config { query: " ".into(), database: "a\0b".into(), ..Config::default() };
    let told: Vec<String> = problems(KeyPath::default().key("postgres"), &config)
        .iter()
        .map(|problem| format!("{}: {}", problem.path, problem.what))
        .collect();
    assert_eq!(
        told,
        [
            "postgres.user: required",
            "postgres.query: empty",
            "postgres.database: has a character that cannot be sent",
        ]
    );
}
