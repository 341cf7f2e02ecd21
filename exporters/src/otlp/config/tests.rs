#![allow(clippy::unwrap_used)]

use vigie_pipeline::check::{KeyPath, problems};

use super::*;

fn told(change: impl FnOnce(&mut Config)) -> Vec<String> {
    let mut config = Config { endpoint: "http://127.0.0.1:4318".to_owned(), ..Config::default() };
    change(&mut config);
    let found = problems(KeyPath::default().key("otlp").index(0), &config);
    found.iter().map(|problem| format!("{}: {}", problem.path, problem.what)).collect()
}

#[test]
fn an_endpoint_is_all_that_a_destination_needs() {
    assert_eq!(told(|_| {}), [] as [&str; 0]);
    let missing = "otlp[0].endpoint: required; for example `http://127.0.0.1:4318`";
    assert_eq!(told(|config| config.endpoint.clear()), [missing]);
}

#[test]
fn urls_of_all_signals_stand_in_for_the_endpoint() {
    let found = told(|config| {
        config.endpoint.clear();
        config.signal_endpoints.insert(Signal::Logs, "http://a/logs".to_owned());
        config.signal_endpoints.insert(Signal::Traces, "not a url".to_owned());
    });
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("otlp[0].endpoint: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: not an http"));
}

#[test]
fn every_mistake_is_told_with_its_key() {
    let found = told(|config| {
        config.name.clear();
        config.endpoint = "localhost:4318".to_owned();
        config.signals = vec![Signal::Logs, Signal::Logs];
        config.metric_names = MetricNames::Otel;
        config.headers.insert("a b".to_owned(), Secret::new("x"));
        config.headers.insert("content-type".to_owned(), Secret::new("x"));
        config.headers.insert("x-token".to_owned(), Secret::new("hunter2\n"));
        config.timeout = HumanDuration(Duration::ZERO);
        config.batch.max_bytes = ByteSize(1);
        config.retry.max = HumanDuration(Duration::ZERO);
        config.spool.max_size = Some(ByteSize::mib(2));
        config.spool.when_full = Some(WhenFull::Block);
    });
    let keys: Vec<&str> = found.iter().map(|line| line.split(": ").next().unwrap()).collect();
    assert_eq!(
        keys,
        [
            "otlp[0].name",
            "otlp[0].endpoint",
            "otlp[0].signals[1]",
            "otlp[0].metric_names",
            "otlp[0].headers.a b",
            "otlp[0].headers.content-type",
            "otlp[0].headers.x-token",
            "otlp[0].timeout",
            "otlp[0].batch.max_bytes",
            "otlp[0].retry",
            "otlp[0].spool.max_size",
            "otlp[0].spool.when_full",
        ]
    );
    assert!(!found.concat().contains("hunter2"));
}

#[test]
fn a_spool_on_disk_has_a_size() {
    let disk = |max_size| Spool { mode: SpoolMode::Disk, max_size, when_full: None };
    assert_eq!(told(|config| config.spool = disk(None)), [] as [&str; 0]);
    let found = told(|config| config.spool = disk(Some(ByteSize::kib(64))));
    assert_eq!(found, ["otlp[0].spool.max_size: must be at least 1MiB"]);
    assert_eq!(disk(None).settings().map(|settings| settings.max_size), Some(1 << 30));
    assert_eq!(Spool::default().settings(), None);
}

#[test]
fn tls_files_are_read() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        std::fs::write(directory.path().join(name), text).unwrap();
        Some(FilePath::from(directory.path().join(name)))
    };
    let found = told(|config| {
        config.tls.ca_file = file("empty.pem", "");
        config.tls.cert_file = Some(directory.path().join("none.pem").into());
        config.tls.server_name = Some("a b".to_owned());
    });
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[0].ends_with("empty.pem: no certificate in it"), "{found:?}");
    assert!(found[1].ends_with("none.pem: no such file or directory"), "{found:?}");
    assert_eq!(found[2], "otlp[0].tls.cert_file: needs `key_file`");
    assert_eq!(found[3], "otlp[0].tls.server_name: `a b` is not a host name or address");
    let found = told(|config| config.tls.key_file = file("key.pem", "no key"));
    assert!(found[0].ends_with("key.pem: no private key in it"), "{found:?}");
}
