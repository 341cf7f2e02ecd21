//! Whole probes against peers that say what a server would. The logins with a password are tested against a real one
//! as well.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vigie_pipeline::check::{KeyPath, problems};
use vigie_pipeline::secret::Secret;

use super::{Config, converse};
use crate::probes;
use crate::probes::database::TlsMode;
use crate::probes::tests::rig::{Series, assert_failed, assert_succeeded, first_run};
use crate::probes::tests::servers::raw;

/// What a peer was sent, packet by packet, without their headers.
type Asked = Arc<Mutex<Vec<Vec<u8>>>>;

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
const END: &[u8] = &[0xfe, 0, 0, 2, 0];

fn packets(number: u8, payloads: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, payload) in payloads.iter().enumerate() {
        out.extend_from_slice(&(payload.len() as u32).to_le_bytes()[..3]);
        out.push(number.wrapping_add(at as u8));
        out.extend_from_slice(payload);
    }
    out
}

fn greeting(version: &str, plugin: &str, can: u32) -> Vec<u8> {
    let (low, high) = ((can as u16).to_le_bytes(), ((can >> 16) as u16).to_le_bytes());
    let parts: [&[u8]; 10] = [
        &[10],
        version.as_bytes(),
        b"\0\x01\0\0\0abcdefgh\0",
        &low,
        &[45, 2, 0],
        &high,
        &[21],
        &[0; 10],
        b"ijklmnopqrst\0",
        &[plugin.as_bytes(), &[0]].concat(),
    ];
    packets(0, &[&parts.concat()])
}

fn native() -> Vec<u8> {
    greeting("8.0.36", "mysql_native_password", 0xffff_f7ff)
}

fn error(code: u16) -> Vec<u8> {
    [&[0xff][..], &code.to_le_bytes(), b"#HY000it is so"].concat()
}

/// A result with one column and these rows.
fn rows(rows: &[&[u8]]) -> Vec<u8> {
    let mut payloads: Vec<&[u8]> = vec![&[1], b"a column", END];
    payloads.extend_from_slice(rows);
    payloads.push(END);
    packets(1, &payloads)
}

fn done() -> Vec<u8> {
    packets(1, &[OK])
}

/// What a server says from the first packet on, to a client with a password and a query.
fn session(last: Vec<u8>) -> Vec<Vec<u8>> {
    vec![native(), packets(2, &[OK]), done(), done(), last]
}

/// Says the first of these at once, each further one when a packet has come.
async fn peer(answers: Vec<Vec<u8>>) -> (String, Asked) {
    let asked = Asked::default();
    let seen = Arc::clone(&asked);
    let at = raw(move |mut tcp| {
        let (seen, answers) = (Arc::clone(&seen), answers.clone());
        async move {
            for (number, answer) in answers.into_iter().enumerate() {
                if number > 0 && !take(&mut tcp, &seen).await {
                    return;
                }
                let _ = tcp.write_all(&answer).await;
            }
            while take(&mut tcp, &seen).await {}
        }
    })
    .await;
    (at.to_string(), asked)
}

async fn take(tcp: &mut tokio::net::TcpStream, seen: &Asked) -> bool {
    let mut header = [0; 4];
    if tcp.read_exact(&mut header).await.is_err() {
        return false;
    }
    let mut payload = vec![0; usize::from(header[0]) | usize::from(header[1]) << 8];
    if tcp.read_exact(&mut payload).await.is_err() {
        return false;
    }
    seen.lock().unwrap().push(payload);
    true
}

fn config(address: &str, change: impl FnOnce(&mut Config)) -> probes::Config {
    let mut mysql = Config {
        address: address.to_owned(),
        user: "me".to_owned(),
        password: Some(Secret::new("hush")),
        tls: TlsMode::Disable,
        ..Config::default()
    };
    change(&mut mysql);
    probes::Config { mysql: Some(mysql), http: None, ..probes::tests::rig::config("") }
}

async fn run(answers: Vec<Vec<u8>>) -> Series {
    let (address, _) = peer(answers).await;
    first_run(&config(&address, |_| {})).await
}

#[tokio::test]
async fn a_statement_is_asked_in_a_transaction_that_only_reads_and_the_session_is_ended() {
    let (address, asked) = peer(session(rows(&[b"\x0412.5", b"\x013"]))).await;
    let series = first_run(&config(&address, |mysql| mysql.query = "SELECT x FROM y".into())).await;
    assert_succeeded(&series);
    assert_eq!(series["probe_mysql_value"], 12.5);
    assert_eq!(series["probe_mysql_rows"], 2.0);
    assert_eq!(series["probe_mysql_info{version=8.0.36}"], 1.0);
    let asked: Vec<String> = asked
        .lock()
        .unwrap()
        .iter()
        .skip(1)
        .take(4)
        .map(|p| String::from_utf8_lossy(p).into_owned())
        .collect();
    assert!(asked[0].starts_with("\u{3}SET SESSION max_execution_time = "), "{asked:?}");
    assert_eq!(asked[1..], ["\u{3}START TRANSACTION READ ONLY", "\u{3}SELECT x FROM y", "\u{1}"]);
}

#[tokio::test]
async fn a_server_that_knows_no_limit_is_asked_without_one() {
    let unknown = packets(1, &[&error(1193)]);
    let series = run(vec![native(), packets(2, &[OK]), unknown, done(), rows(&[b"\xfb"])]).await;
    assert_succeeded(&series);
    assert_eq!((series.get("probe_mysql_value"), series["probe_mysql_rows"]), (None, 1.0));
}

#[tokio::test]
async fn a_server_whose_transactions_cannot_be_read_only_is_not_asked() {
    let (address, asked) = peer(vec![native(), packets(2, &[OK]), done(), packets(1, &[&error(1064)])]).await;
    assert_failed(&first_run(&config(&address, |_| {})).await, "mysql_query", "query");
    assert!(!asked.lock().unwrap().iter().any(|packet| packet.starts_with(b"\x03SELECT")));
}

#[tokio::test]
async fn each_error_has_its_reason() {
    for (code, reason) in [
        (1040, "mysql_too_many_connections"),
        (1044, "mysql_permission"),
        (1045, "mysql_login"),
        (1049, "mysql_database"),
        (1129, "mysql_host_blocked"),
        (1130, "mysql_login"),
    ] {
        assert_failed(&run(vec![native(), packets(2, &[&error(code)])]).await, reason, "login");
    }
    // Before the greeting there is no state.
    let full = [&[0xff][..], &1040_u16.to_le_bytes(), b"Too many connections"].concat();
    assert_failed(&run(vec![packets(0, &[&full])]).await, "mysql_too_many_connections", "login");
    for (code, reason) in [
        (1146, "mysql_query"),
        (1142, "mysql_permission"),
        (1792, "mysql_read_only"),
        (1053, "mysql_shutting_down"),
        (3024, "timeout"),
        (1969, "timeout"),
    ] {
        assert_failed(&run(session(packets(1, &[&error(code)]))).await, reason, "query");
    }
}

#[tokio::test]
async fn a_password_that_a_server_remembers_is_proved_and_one_that_it_does_not_is_kept() {
    let greeting = || greeting("8.4.0", "caching_sha2_password", 0xffff_f7ff);
    let known = packets(2, &[&[1, 3], OK]);
    let series = run(vec![greeting(), known, done(), done(), rows(&[b"\x011"])]).await;
    assert_succeeded(&series);
    let (address, asked) = peer(vec![greeting(), packets(2, &[&[1, 4]])]).await;
    assert_failed(&first_run(&config(&address, |_| {})).await, "mysql_login", "login");
    assert!(!String::from_utf8_lossy(&asked.lock().unwrap().concat()).contains("hush"));
}

#[tokio::test]
async fn a_server_may_ask_for_another_proof() {
    let switch = |plugin: &str| [&[0xfe][..], plugin.as_bytes(), b"\0abcdefghijklmnopqrst\0"].concat();
    let other = packets(2, &[&switch("caching_sha2_password")]);
    let known = packets(4, &[&[1, 3], OK]);
    let series = run(vec![native(), other, known, done(), done(), rows(&[b"\x011"])]).await;
    assert_succeeded(&series);
    assert_failed(
        &run(vec![native(), packets(2, &[&switch("client_ed25519")])]).await,
        "mysql_login",
        "login",
    );
    // The password as it is.
    let clear = switch("mysql_clear_password");
    assert_failed(&run(vec![native(), packets(2, &[&clear])]).await, "mysql_login", "login");
}

#[tokio::test]
async fn what_is_not_the_protocol_is_told_from_an_end_and_from_too_much() {
    assert_failed(&run(vec![b"HTTP/1.1 400 Bad Request\r\n".to_vec()]).await, "mysql_protocol", "login");
    assert_failed(&run(vec![greeting("5.0", "", 0)]).await, "mysql_protocol", "login");
    assert_failed(&run(session(packets(1, &[&[0xfb, b'/']]))).await, "mysql_query", "query");
    let long = [&[0xfd, 0, 0, 4][..], &[b'x'; 300 << 10]].concat();
    assert_failed(&run(session(rows(&[&long]))).await, "mysql_protocol", "query");
    let many = [&[0xfd, 0, 0x90, 1][..], &[b'x'; 0x1_9000]].concat();
    let many: Vec<&[u8]> = std::iter::repeat_n(many.as_slice(), 60).collect();
    assert_failed(&run(session(rows(&many))).await, "mysql_too_large", "query");
}

#[tokio::test]
async fn tls_that_is_not_offered_is_done_without_or_missed() {
    let run = async |mode| {
        let (address, _) = peer(session(rows(&[b"\x011"]))).await;
        let insecure = |mysql: &mut Config| {
            mysql.tls = mode;
            mysql.tls_config.insecure_skip_verify = true;
        };
        first_run(&config(&address, insecure)).await
    };
    assert_succeeded(&run(TlsMode::Prefer).await);
    assert_failed(&run(TlsMode::Require).await, "tls_missing", "tls");
}

#[test]
fn mistakes_are_told_at_their_place() {
    let config = Config { query: "x".repeat(70_000), database: "a\0b".into(), ..Config::default() };
    let told: Vec<String> = problems(KeyPath::default().key("mysql"), &config)
        .iter()
        .map(|problem| format!("{}: {}", problem.path, problem.what))
        .collect();
    assert_eq!(
        told,
        [
            "mysql.user: required",
            "mysql.database: has a character that cannot be sent",
            "mysql.query: longer than 64 KiB",
        ]
    );
}

proptest! {
    #[test]
    fn any_bytes_end_a_session(
        bytes in prop::collection::vec(any::<u8>(), 0..100),
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..12),
        further in prop::collection::vec(prop::sample::select(vec![0, 1, 0xfb, 0xfe, 0xff_u8]), 12),
    ) {
        converse(&bytes);
        // Past the login, packets that begin as those that mean something.
        let mut said = [native(), packets(2, &[OK]), done()].concat();
        let payloads: Vec<Vec<u8>> =
            payloads.iter().zip(&further).map(|(payload, first)| [&[*first], &payload[1..]].concat()).collect();
        said.extend(packets(1, &payloads.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        converse(&said);
    }
}
