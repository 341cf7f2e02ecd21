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
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, Method, Response, StatusCode, request};
use http_body_util::Full;
use prometheus::IntCounterVec;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::instruments::Instruments;
use vigie_pipeline::page::Page;
use vigie_pipeline::snapshot::{Published, Selection, Snapshot};

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
/// How long the text of a page of one probe is, about.
const SMALL_PAGE: usize = 8 << 10;
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
        let long = self.last_size.load(Ordering::Relaxed) > MUCH_TEXT;
        respond(&request.headers, |format, packed| {
            long_work(long, || self.render(&selection, format, packed))
        })
    }

    /// Answers with a page that is in no snapshot, in the format and the encoding that `headers` ask for.
    pub fn answer_with(&self, page: Page, headers: &HeaderMap) -> Response<Full<Bytes>> {
        respond(headers, |format, packed| self.render_page(page, format, packed))
    }

    /// Such a page as people read it.
    #[must_use]
    pub fn text(&self, page: Page) -> Bytes {
        self.render_page(page, Format::Text, false)
    }

    fn render_page(&self, page: Page, format: Format, packed: bool) -> Bytes {
        let pages = [Published { collector: "".into(), page: Arc::new(page) }];
        self.write(&pages, format, if packed { Output::gzip(SMALL_PAGE) } else { Output::plain(SMALL_PAGE) })
            .0
    }

    fn render(&self, selection: &Selection, format: Format, packed: bool) -> Bytes {
        let pages = self.snapshot.read(selection);
        // The next answer is about as long as the last; some room more saves a reallocation.
        let last = self.last_size.load(Ordering::Relaxed);
        let expected = last + last / 16;
        let output = if packed { Output::gzip(expected) } else { Output::plain(expected) };
        let (body, length) = self.write(&pages, format, output);
        self.last_size.store(length, Ordering::Relaxed);
        body
    }

    /// Writes the pages, and says what it has to leave out.
    fn write(&self, pages: &[Published], format: Format, mut output: Output) -> (Bytes, usize) {
        let omitted = render::render(pages, format, &mut output);
        for (family, omission, count) in omitted {
            self.omitted.with_label_values(&[omission.as_str()]).inc_by(count);
            let complaint = format!("{family}: {}", omission.explanation());
            let mut complaints = self.complaints.lock().unwrap_or_else(PoisonError::into_inner);
            if complaints.len() < REMEMBERED_COMPLAINTS && complaints.insert(complaint.clone()) {
                tracing::warn!("left out of the scrape: {complaint}");
            }
        }
        output.finish()
    }
}

/// Answers in the format and the encoding that `headers` ask for.
fn respond(headers: &HeaderMap, body: impl FnOnce(Format, bool) -> Bytes) -> Response<Full<Bytes>> {
    let format = negotiation::format(headers.get_all(ACCEPT));
    let packed = negotiation::wants_gzip(headers.get_all(ACCEPT_ENCODING));
    let mut response = Response::builder()
        .header(CONTENT_TYPE, format.content_type())
        .header(VARY, "Accept, Accept-Encoding");
    if packed {
        response = response.header(CONTENT_ENCODING, "gzip");
    }
    response.body(Full::new(body(format, packed))).expect("header values are literals")
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
