//! What is answered where.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use tokio::sync::{mpsc, oneshot};
use vigie_collectors::probes::blackbox::Blackbox;
use vigie_exporters::prometheus::Exposition;
use vigie_pipeline::dependencies::Dependencies;
use vigie_pipeline::readiness::Readiness;
use vigie_pipeline::snapshot::Snapshot;

use super::{dependencies, index, probe};

/// Somebody wants the configuration to be read again, and to know how it went.
pub(crate) type ReloadRequest = oneshot::Sender<Result<String, String>>;

/// The endpoints and what they answer from.
pub(crate) struct Routes {
    /// Where `/metrics` is; changes with the configuration.
    pub metrics_path: ArcSwap<String>,
    /// What `/metrics` answers.
    pub exposition: Exposition,
    /// Which collectors there are.
    pub snapshot: Snapshot,
    /// What `/-/ready` answers.
    pub readiness: Readiness,
    /// What `/-/ready/dependencies` answers.
    pub dependencies: Dependencies,
    /// What `/probe` asks.
    pub blackbox: Arc<Blackbox>,
    /// Who does what `/-/reload` asks for.
    pub reload: mpsc::Sender<ReloadRequest>,
}

pub(super) type Answer = Response<Full<Bytes>>;

impl Routes {
    pub(super) async fn answer(&self, request: http::Request<hyper::body::Incoming>) -> Answer {
        let (parts, _body) = request.into_parts();
        let path = parts.uri.path();
        if path == self.metrics_path.load().as_str() {
            let known: Vec<Arc<str>> = self.snapshot.collectors();
            return self.exposition.answer(&parts, &known).await;
        }
        let (allowed, read): (&'static str, bool) = match path {
            "/-/reload" => ("POST, PUT", parts.method == Method::POST || parts.method == Method::PUT),
            "/" | "/probe" | "/-/healthy" | "/-/ready" | "/-/ready/dependencies" => {
                ("GET, HEAD", parts.method == Method::GET || parts.method == Method::HEAD)
            }
            _ => return text(StatusCode::NOT_FOUND, "not found\n"),
        };
        if !read {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "method not allowed\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
            return answer;
        }
        match path {
            "/-/healthy" => text(StatusCode::OK, "vigie is alive\n"),
            "/-/ready" => self.ready(),
            "/-/ready/dependencies" => dependencies::answer(&self.dependencies.read()),
            "/-/reload" => self.reload().await,
            "/probe" => probe::answer(&self.blackbox, &self.exposition, &parts).await,
            _ => self.index(),
        }
    }

    fn ready(&self) -> Answer {
        let reasons = self.readiness.reasons();
        if reasons.is_empty() {
            return text(StatusCode::OK, "vigie is ready\n");
        }
        text(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", reasons.join(", ")))
    }

    async fn reload(&self) -> Answer {
        let (tell, told) = oneshot::channel();
        if self.reload.send(tell).await.is_err() {
            return text(StatusCode::SERVICE_UNAVAILABLE, "the agent is ending\n");
        }
        match told.await {
            Ok(Ok(changes)) => text(StatusCode::OK, format!("{changes}\n")),
            Ok(Err(mistakes)) => text(StatusCode::BAD_REQUEST, format!("{mistakes}\n")),
            Err(_) => text(StatusCode::SERVICE_UNAVAILABLE, "the agent is ending\n"),
        }
    }

    fn index(&self) -> Answer {
        let page =
            index::page(&self.metrics_path.load(), &self.readiness.reasons(), &self.snapshot.collectors());
        let mut answer = text(StatusCode::OK, page);
        answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        answer
    }
}

pub(super) fn text(status: StatusCode, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
