//! The Prometheus scrape endpoint: what `/metrics` answers.
//!
//! A scrape says which collectors it wants ([`query`]) and in which format ([`negotiation`]). The snapshot is
//! asked to be refreshed, read, and written out as text ([`render`]) into the answer ([`output`]): pages hold
//! their label sets as text already, so this is sorting some hundred families by name and copying.
//!
//! It is no part of its own: the agent's server hands it the requests that come for the configured path.

mod negotiation;
mod output;
mod query;
mod render;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{Method, Response, StatusCode, request};
use http_body_util::Full;
use prometheus::IntCounterVec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::snapshot::{Selection, Snapshot};

use crate::long_work::long_work;
use negotiation::Format;
use output::Output;
use render::Omission;

/// The `exporters.prometheus` section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The path on the agent's server that is scraped.
    pub path: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { path: "/metrics".to_owned() }
    }
}

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        let at = at.key("path");
        let path = self.path.as_str();
        if !path.starts_with('/') {
            at.wrong("must begin with `/`");
        } else if path.parse::<http::uri::PathAndQuery>().is_err() || path.contains(['?', '#']) {
            at.wrong("not the path of a URL");
        } else if path == "/" || path == "/probe" || path.starts_with("/-/") || path.starts_with("/api/") {
            at.wrong(format_args!("`{path}` is taken by the agent itself"));
        }
    }
}

/// How much text takes long to write.
const MUCH_TEXT: usize = 1 << 20;
/// How many complaints about families are remembered, so that each is logged once.
const REMEMBERED_COMPLAINTS: usize = 1000;

/// Answers scrapes from a snapshot.
#[derive(Debug)]
pub struct Exposition {
    snapshot: Snapshot,
    omitted: IntCounterVec,
    complaints: Mutex<BTreeSet<String>>,
    /// The size of the last answer before compression: the next one's buffer begins with it.
    last_size: AtomicUsize,
}

impl Exposition {
    /// Answers from `snapshot`, and counts what it has to leave out with `instruments`.
    #[must_use]
    pub fn new(snapshot: Snapshot, instruments: &Instruments) -> Self {
        let omitted = instruments.counters(
            "vigie_scrape_omitted_total",
            "Series, or whole families if they cannot be named, that were left out of a scrape because they would have made it invalid.",
            &["reason"],
        );
        for reason in Omission::ALL {
            let _ = omitted.with_label_values(&[reason.as_str()]);
        }
        Self { snapshot, omitted, complaints: Mutex::default(), last_size: AtomicUsize::new(0) }
    }

    /// Answers one request. `known` are the collectors that `collect[]` may ask for; one that is not among
    /// them is refused with 400, as node_exporter does.
    pub async fn answer<K: AsRef<str>>(
        &self,
        request: &request::Parts,
        known: &[K],
    ) -> Response<Full<Bytes>> {
        if request.method != Method::GET && request.method != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "use GET");
            response.headers_mut().insert(ALLOW, http::HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let known: Vec<&str> = known.iter().map(AsRef::as_ref).collect();
        let selection = match query::selection(request.uri.query().unwrap_or_default(), &known) {
            Ok(selection) => selection,
            Err(refusal) => return plain(StatusCode::BAD_REQUEST, &refusal.to_string()),
        };
        drop(known);
        self.snapshot.refresh(selection.clone()).await;
        let format = negotiation::format(request.headers.get_all(ACCEPT));
        let packed = negotiation::wants_gzip(request.headers.get_all(ACCEPT_ENCODING));
        let long = self.last_size.load(Ordering::Relaxed) > MUCH_TEXT;
        let body = long_work(long, || self.render(&selection, format, packed));
        let mut response = Response::builder()
            .header(CONTENT_TYPE, format.content_type())
            .header(VARY, "Accept, Accept-Encoding");
        if packed {
            response = response.header(CONTENT_ENCODING, "gzip");
        }
        response.body(Full::new(body)).expect("header values are literals")
    }

    fn render(&self, selection: &Selection, format: Format, packed: bool) -> Bytes {
        let pages = self.snapshot.read(selection);
        // The next answer is about as long as the last; some room more saves a reallocation.
        let last = self.last_size.load(Ordering::Relaxed);
        let expected = last + last / 16;
        let mut output = if packed { Output::gzip(expected) } else { Output::plain(expected) };
        let omitted = render::render(&pages, format, &mut output);
        let (body, length) = output.finish();
        self.last_size.store(length, Ordering::Relaxed);
        for (family, omission, count) in omitted {
            self.omitted.with_label_values(&[omission.as_str()]).inc_by(count);
            let complaint = format!("{family}: {}", omission.explanation());
            let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
            if complaints.len() < REMEMBERED_COMPLAINTS && complaints.insert(complaint.clone()) {
                tracing::warn!("left out of the scrape: {complaint}");
            }
        }
        body
    }
}

/// A short answer in words. Ends in a newline as Go's `http.Error` does.
fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(format!("{text}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

#[cfg(test)]
mod tests;
