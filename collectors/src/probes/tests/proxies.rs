//! Through a proxy of our own: what it is asked, and how it may fail.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;
use vigie_pipeline::secret::Secret;

use super::certificates::Authority;
use super::rig::{assert_failed, assert_succeeded, first_run, with};
use super::servers::{answer, canned, raw, secure, web};
use crate::probes::Config;
use crate::probes::http;

/// The heads of requests that a proxy was sent.
type Heads = Arc<Mutex<Vec<String>>>;

/// A proxy that leads everybody to `to`.
async fn proxy(to: SocketAddr) -> (SocketAddr, Heads) {
    let heads = Heads::default();
    let noted = Arc::clone(&heads);
    let at = raw(move |mut tcp| {
        let noted = Arc::clone(&noted);
        async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let Ok(byte) = tcp.read_u8().await else { return };
                head.push(byte);
            }
            let text = String::from_utf8(head.clone()).unwrap();
            let tunnel = text.starts_with("CONNECT ");
            noted.lock().unwrap().push(text);
            let mut on = TcpStream::connect(to).await.unwrap();
            if tunnel {
                tcp.write_all(b"HTTP/1.1 200 Connected\r\nvia: us\r\n\r\n").await.unwrap();
            } else {
                on.write_all(&head).await.unwrap();
            }
            // Whoever hangs up first ends it.
            let _ = copy_bidirectional(&mut tcp, &mut on).await;
        }
    })
    .await;
    (at, heads)
}

fn through(at: SocketAddr, url: &str, change: impl FnOnce(&mut http::Config)) -> Config {
    with(url, |http| {
        http.proxy_url = Some(Secret::new(format!("http://me:pa%73s@{at}")));
        http.proxy_connect_header = [("x-team".to_owned(), vec![Secret::new("a"), Secret::new("b")])].into();
        change(http);
    })
}

#[tokio::test]
async fn a_plain_request_is_handed_to_the_proxy_whole() {
    let (to, seen) = web(|_| answer(200, "")).await;
    let (at, heads) = proxy(to).await;
    let config = through(at, "http://127.0.0.7:81/path?q", |_| {});
    assert_succeeded(&first_run(&config).await);
    let head = heads.lock().unwrap()[0].to_ascii_lowercase();
    assert!(head.starts_with("get http://127.0.0.7:81/path?q http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\nproxy-authorization: basic bwu6cgfzcw==\r\n"), "{head}");
    assert!(!head.contains("x-team"), "{head}");
    assert_eq!(seen.all()[0].headers()["host"], "127.0.0.7:81");
}

#[tokio::test]
async fn tls_goes_through_a_tunnel_and_a_name_may_be_left_to_the_proxy() {
    let authority = Authority::new();
    let leaf = authority.issue(&["nowhere.invalid"], 2020, 2070);
    let (to, _) = secure(leaf.server(&[b"http/1.1"]), |_| answer(200, "")).await;
    let (at, heads) = proxy(to).await;
    let config = through(at, "https://nowhere.invalid/", |http| {
        http.skip_resolve_phase_with_proxy = true;
        http.tls_config.ca_file = Some(authority.file.path().into());
    });
    let series = first_run(&config).await;
    assert_succeeded(&series);
    assert_eq!(series["probe_http_ssl"], 1.0);
    let head = heads.lock().unwrap()[0].clone();
    assert!(
        head.starts_with("CONNECT nowhere.invalid:443 HTTP/1.1\r\nHost: nowhere.invalid:443\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nx-team: a\r\nx-team: b\r\n"), "{head}");
    let resolved = through(at, "https://nowhere.invalid/", |_| {});
    assert_failed(&first_run(&resolved).await, "dns_nxdomain", "resolve");
}

#[tokio::test]
async fn whom_the_proxy_is_not_for_is_reached_without() {
    let (to, seen) = web(|_| answer(200, "")).await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{to}/");
    assert_failed(&first_run(&through(closed, &url, |_| {})).await, "proxy_unreachable", "connect");
    assert_succeeded(&first_run(&through(closed, &url, |http| http.no_proxy = "10.0.0.0/8".into())).await);
    assert!(!seen.all()[0].headers().contains_key("proxy-authorization"));
}

#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_is_named() {
    let at = canned(b"HTTP/1.1 403 Not here\r\ncontent-length: 0\r\n\r\n").await;
    assert_failed(&first_run(&through(at, "https://127.0.0.1:1/", |_| {})).await, "proxy_refused", "connect");
    let at = canned(b"SSH-2.0-x\r\n\r\n").await;
    assert_failed(&first_run(&through(at, "https://127.0.0.1:1/", |_| {})).await, "proxy_refused", "connect");
    let gone = raw(|tcp| async move { drop(tcp) }).await;
    let config = through(gone, "https://127.0.0.1:1/", |_| {});
    assert_failed(&first_run(&config).await, "proxy_unreachable", "connect");
}
