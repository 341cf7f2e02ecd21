#![allow(clippy::unwrap_used)]

use std::io::Read;

use flate2::read::GzDecoder;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use vigie_pipeline::check::{KeyPath, problems};
use vigie_pipeline::metric::Family;
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::snapshot::Slot;

use super::*;

static LOAD: Family = Family::gauge("node_load1", "1m load average.");
static UP: Family = Family::gauge("up", "Up.");

const KNOWN: [&str; 2] = ["loadavg", "probes"];

struct Rig {
    exposition: Exposition,
    instruments: Instruments,
    _slots: [Slot; 2],
}

/// A snapshot with two collectors and nobody who refreshes it.
fn rig() -> Rig {
    let (snapshot, _) = Snapshot::new();
    let slots = [snapshot.slot("loadavg"), snapshot.slot("probes")];
    for (slot, family) in slots.iter().zip([&LOAD, &UP]) {
        let mut page = Page::default();
        page.set(family, Labels::NONE, 1.5);
        let _ = slot.publish(page);
    }
    let instruments = Instruments::default();
    Rig { exposition: Exposition::new(snapshot, &instruments), instruments, _slots: slots }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }
}

async fn ask(rig: &Rig, method: &str, target: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(target);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let (head, body) = rig.exposition.answer(&parts, &KNOWN).await.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    Answer { status: head.status.as_u16(), headers: head.headers, body }
}

#[tokio::test]
async fn a_scrape_gets_the_format_and_compression_that_it_asks_for() {
    let rig = rig();
    let plain = ask(&rig, "GET", "/metrics", &[]).await;
    assert_eq!(
        (plain.status, &plain.headers["content-type"]),
        (200, &"text/plain; version=0.0.4; charset=utf-8".parse().unwrap())
    );
    assert!(plain.text().ends_with("node_load1 1.5\n# HELP up Up.\n# TYPE up gauge\nup 1.5\n"));

    let accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3";
    let packed = ask(&rig, "GET", "/metrics", &[("accept", accept), ("accept-encoding", "gzip")]).await;
    assert_eq!(packed.headers["content-encoding"], "gzip");
    assert_eq!(packed.headers["content-type"], "application/openmetrics-text; version=1.0.0; charset=utf-8");
    let mut unpacked = String::new();
    GzDecoder::new(&packed.body[..]).read_to_string(&mut unpacked).unwrap();
    assert_eq!(unpacked, format!("{}# EOF\n", plain.text()));
}

#[tokio::test]
async fn a_scrape_gets_the_collectors_that_it_asks_for() {
    let rig = rig();
    let only = ask(&rig, "GET", "/metrics?collect[]=loadavg", &[]).await;
    assert!(only.text().contains("node_load1") && !only.text().contains("up 1.5"));
    let but = ask(&rig, "GET", "/metrics?exclude%5B%5D=loadavg", &[]).await;
    assert!(!but.text().contains("node_load1") && but.text().contains("up 1.5"));
}

#[tokio::test]
async fn what_cannot_be_answered_is_refused_with_the_reason() {
    let rig = rig();
    let unknown = ask(&rig, "GET", "/metrics?collect[]=nobody", &[]).await;
    assert_eq!(
        (unknown.status, unknown.text()),
        (400, "Couldn't create filtered metrics handler: missing collector: nobody\n")
    );
    let both = ask(&rig, "GET", "/metrics?collect[]=loadavg&exclude[]=probes", &[]).await;
    assert_eq!(both.status, 400);
    let post = ask(&rig, "POST", "/metrics", &[]).await;
    assert_eq!((post.status, &post.headers["allow"]), (405, &"GET, HEAD".parse().unwrap()));
}

#[tokio::test]
async fn what_is_left_out_is_counted() {
    let rig = rig();
    let again = rig.exposition.snapshot.slot("probes");
    let mut page = Page::default();
    page.set(&UP, Labels::NONE, 2.0);
    let _ = again.publish(page);
    assert!(ask(&rig, "GET", "/metrics", &[]).await.text().ends_with("up 1.5\n"));
    let mut page = Page::default();
    rig.instruments.write(&mut page);
    let counts: Vec<(String, f64)> =
        page.families().flat_map(|(_, rows)| rows).map(|row| (row.labels.to_owned(), row.value)).collect();
    assert!(counts.contains(&("reason=\"duplicate\"".to_owned(), 1.0)), "{counts:?}");
    assert!(counts.contains(&("reason=\"type\"".to_owned(), 0.0)), "{counts:?}");
}

#[test]
fn a_path_that_cannot_be_served_is_a_mistake() {
    let told = |path: &str| {
        let config = Config { path: path.to_owned() };
        problems(KeyPath::default(), &config)
            .first()
            .map(|problem| format!("{}: {}", problem.path, problem.what))
    };
    assert_eq!(told("/metrics"), None);
    assert_eq!(told("/a/b"), None);
    assert_eq!(told("metrics").unwrap(), "path: must begin with `/`");
    assert_eq!(told("/a b").unwrap(), "path: not the path of a URL");
    assert_eq!(told("/-/ready").unwrap(), "path: `/-/ready` is taken by the agent itself");
}
