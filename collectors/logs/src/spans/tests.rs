#![allow(clippy::unwrap_used)]

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span as Read};
use prost::Message;
use vigie_pipeline::page::Page;

use super::*;

const PARENT: [u8; 8] = [3; 8];

fn request(status: i64) -> Fields {
    let mut fields = Fields::default();
    fields.text("http.request.method", "GET");
    fields.text("url.path", "/users/7");
    fields.int("http.response.status_code", status);
    fields.text("client.address", "203.0.113.9");
    fields.text("user_agent.original", "curl/8");
    fields.double("http.server.request.duration", 0.25);
    (fields.trace_id, fields.time) = (Some([7; 16]), 10_000_000_000);
    (fields.span_id, fields.parent_span_id) = (Some(PARENT), Some(PARENT));
    fields
}

struct Rig {
    spanner: Spanner,
    instruments: Instruments,
    out: Encoded,
}

impl Rig {
    fn new(duration: &str) -> Self {
        let instruments = Instruments::default();
        let config = Spans { enabled: true, duration: duration.to_owned() };
        let spanner = Spanner::new(&config, None, "app", &instruments, str::to_owned).unwrap().unwrap();
        Self { spanner, instruments, out: Encoded::default() }
    }

    fn make(&mut self, fields: &Fields, line: &str, place: u64) -> Option<[u8; 8]> {
        self.spanner.make(fields, &Subject::of(fields, line), place, &mut self.out).ok()
    }

    fn read(&self) -> Vec<Read> {
        let spans = ScopeSpans::decode(self.out.bytes.as_slice()).unwrap().spans;
        assert_eq!(spans.len(), self.out.count as usize);
        spans
    }

    /// The reasons why requests became no spans.
    fn without(&self) -> Vec<String> {
        let mut page = Page::default();
        self.instruments.write(&mut page);
        let rows = page.families().flat_map(|(_, rows)| rows).filter(|row| row.value > 0.0);
        rows.map(|row| format!("{} {}", row.labels, row.value)).collect()
    }
}

#[test]
fn a_request_is_a_server_span_below_that_of_its_caller() {
    let mut rig = Rig::new("");
    let id = rig.make(&request(200), "line", 5).unwrap();
    let span = rig.read().remove(0);
    assert_eq!((span.trace_id, span.span_id), (vec![7; 16], id.to_vec()));
    assert_eq!((span.parent_span_id.as_slice(), span.kind), (&PARENT[..], 2));
    assert_eq!(span.name, "GET /users/{id}");
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (9_750_000_000, 10_000_000_000));
    assert_eq!(span.status, None);
    let attribute = |key: &str| {
        let found = span.attributes.iter().find(|pair| pair.key == key)?;
        Some(match found.value.as_ref()?.value.as_ref()? {
            Value::StringValue(text) => text.clone(),
            Value::IntValue(number) => number.to_string(),
            other => panic!("{other:?}"),
        })
    };
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/users/{id}"),
        ("url.path", "/users/7"),
        ("http.response.status_code", "200"),
        ("client.address", "203.0.113.9"),
        ("user_agent.original", "curl/8"),
    ] {
        assert_eq!(attribute(key).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn what_the_server_could_not_do_is_an_error_and_what_the_client_did_wrong_is_none() {
    let mut rig = Rig::new("");
    for status in [404, 503] {
        rig.make(&request(status), "line", 5).unwrap();
    }
    let spans = rig.read();
    assert_eq!(spans[0].status, None);
    assert_eq!(spans[1].status.as_ref().unwrap().code, 2);
}

#[test]
fn a_line_that_is_read_again_is_the_same_span_and_any_other_another() {
    let mut rig = Rig::new("");
    let mut other_trace = request(200);
    other_trace.trace_id = Some([8; 16]);
    let id = rig.make(&request(200), "line", 5);
    assert_eq!(rig.make(&request(200), "line", 5), id);
    assert_ne!(rig.make(&request(200), "line", 6), id);
    assert_ne!(rig.make(&request(200), "lines", 5), id);
    assert_ne!(rig.make(&other_trace, "line", 5), id);
}

#[test]
fn the_span_that_the_server_made_keeps_its_id() {
    let mut rig = Rig::new("");
    let mut own = request(200);
    own.span_id = Some([9; 8]);
    assert_eq!(rig.make(&own, "line", 5), Some([9; 8]));
    own.parent_span_id = None;
    assert_eq!(rig.make(&own, "line", 5), Some([9; 8]));
    let parents: Vec<_> = rig.read().into_iter().map(|span| span.parent_span_id).collect();
    assert_eq!(parents, [PARENT.to_vec(), vec![]]);
}

#[test]
fn what_lacks_something_is_no_span_and_counted() {
    let mut rig = Rig::new("took_ms");
    let mut fields = request(200);
    assert_eq!(rig.make(&fields, "line", 5), None);
    fields.int("took_ms", 250);
    assert!(rig.make(&fields, "line", 5).is_some());
    fields.time = 0;
    assert_eq!(rig.make(&fields, "line", 5), None);
    fields.trace_id = None;
    assert_eq!(rig.make(&fields, "line", 5), None);
    assert_eq!(rig.make(&Fields::default(), "no request", 5), None);
    assert_eq!(
        rig.without(),
        [
            "reason=\"no_duration\",source=\"app\" 1",
            "reason=\"no_time\",source=\"app\" 1",
            "reason=\"no_trace\",source=\"app\" 1"
        ]
    );
    assert_eq!(rig.read()[0].start_time_unix_nano, 9_750_000_000);
}
