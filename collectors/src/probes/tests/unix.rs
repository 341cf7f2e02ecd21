//! Probes of sockets of this host.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener as Listener};
use std::path::Path;
use std::sync::Arc;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio_rustls::TlsAcceptor;

use super::certificates::Authority;
use super::rig::{assert_failed, assert_succeeded, first_run, soon};
use crate::probes::{Config, unix};

fn probing(path: &Path, json: &str) -> Config {
    let config: unix::Config = serde_json::from_str(json).unwrap();
    Config { unix: Some(unix::Config { path: path.to_str().unwrap().into(), ..config }), ..soon() }
}

/// Hands every connection to `serve`.
fn serving<F>(listener: UnixListener, serve: impl Fn(UnixStream) -> F + Send + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream));
        }
    });
}

#[tokio::test]
async fn a_socket_is_connected_to_and_talked_to() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("app.sock");
    serving(UnixListener::bind(&path).unwrap(), |stream| async move {
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        stream.write_all(format!("echo {line}").as_bytes()).await.unwrap();
    });
    assert_succeeded(&first_run(&probing(&path, "{}")).await);
    let json = r#"{"query_response": [{"send": "hello"}, {"expect": "^echo hello$"}]}"#;
    let series = first_run(&probing(&path, json)).await;
    assert_succeeded(&series);
    assert!(series["probe_unix_duration_seconds{phase=query}"] > 0.0);
    let json = r#"{"query_response": [{"send": "hello"}, {"expect": "^hello$"}]}"#;
    let series = first_run(&probing(&path, json)).await;
    assert_failed(&series, "expect_mismatch", "query");
    assert_eq!(series["probe_failed_due_to_regex"], 1.0);
}

#[tokio::test]
async fn each_way_of_not_connecting_has_its_reason() {
    let directory = TempDir::new().unwrap();
    let path = |name| directory.path().join(name);
    assert_failed(&first_run(&probing(&path("none"), "{}")).await, "unix_missing", "connect");
    drop(Listener::bind(path("left")).unwrap());
    assert_failed(&first_run(&probing(&path("left"), "{}")).await, "unix_refused", "connect");
    let datagrams = std::os::unix::net::UnixDatagram::bind(path("more")).unwrap();
    assert_failed(&first_run(&probing(&path("more"), "{}")).await, "unix_error", "connect");
    drop(datagrams);
    let _closed = Listener::bind(path("closed")).unwrap();
    std::fs::set_permissions(path("closed"), PermissionsExt::from_mode(0o000)).unwrap();
    // Whoever may do all may connect as well.
    if !rustix::process::geteuid().is_root() {
        assert_failed(&first_run(&probing(&path("closed"), "{}")).await, "unix_denied", "connect");
    }
}

#[tokio::test]
async fn a_peer_that_hangs_up_is_told() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("app.sock");
    serving(UnixListener::bind(&path).unwrap(), |stream| async move {
        // What is left unread tells the other side that it was not wanted.
        stream.readable().await.unwrap();
    });
    let json = r#"{"tls": true, "tls_config": {"insecure_skip_verify": true}}"#;
    assert_failed(&first_run(&probing(&path, json)).await, "closed", "tls");
}

#[tokio::test]
async fn names_in_the_abstract_namespace_are_reached_too() {
    let name = format!("vigie-test-{}", std::process::id());
    let _listener = Listener::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
    assert_succeeded(&first_run(&probing(Path::new(&format!("@{name}")), "{}")).await);
}

#[tokio::test]
async fn tls_needs_a_name_or_none_at_all() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("app.sock");
    let authority = Authority::new();
    let acceptor = TlsAcceptor::from(Arc::new(authority.issue(&["app.example"], 2020, 2070).server(&[])));
    serving(UnixListener::bind(&path).unwrap(), move |stream| {
        let acceptor = acceptor.clone();
        async move {
            if let Ok(mut tls) = acceptor.accept(stream).await {
                let name = tls.get_ref().1.server_name().unwrap_or("nobody").to_owned();
                let _ = tls.write_all(format!("for {name}\n").as_bytes()).await;
                let _ = tls.shutdown().await;
            }
        }
    });
    let json = r#"{"tls": true, "tls_config": {"insecure_skip_verify": true},
        "query_response": [{"expect": "^for nobody"}]}"#;
    assert_succeeded(&first_run(&probing(&path, json)).await);
    let json = r#"{"tls": true, "tls_config": {"server_name": "app.example"},
        "query_response": [{"expect": "^for app.example"}]}"#;
    let mut config = probing(&path, json);
    config.unix.as_mut().unwrap().tls_config.ca_file = Some(authority.file.path().into());
    assert_succeeded(&first_run(&config).await);
}
