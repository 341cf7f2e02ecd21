//! The agent's own spans (collection, export, reload), through opentelemetry-otlp.
//!
//! Off unless asked for by `OTEL_TRACES_EXPORTER=otlp`, the standard's variable. They go where
//! `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT` say; the crate reads these and
//! their kin (`…_HEADERS`, `…_TIMEOUT`) itself. They do not pass through the agent's own queues: what
//! watches the pipeline must not depend on it.

use std::env;
use std::error::Error;

use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{HttpClient, HttpError, hyper::HyperClient};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::{Layer, Registry};
use vigie_pipeline::plug::SPANS;

/// Sends spans while it lives.
pub(crate) struct Spans(SdkTracerProvider);

impl Spans {
    /// Sends what is left.
    pub(crate) fn end(self) {
        if let Err(error) = self.0.shutdown() {
            tracing::warn!("send own spans: {error}");
        }
    }
}

/// A layer of any kind.
pub(crate) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// The exporter of the agent's own spans and the layer that feeds it, if they are asked for.
///
/// # Errors
/// When they are asked for, but the environment does not say how to send them.
pub(crate) fn spans(
    service: &str,
    attributes: impl IntoIterator<Item = (String, String)>,
    runtime: &Handle,
) -> Result<Option<(Spans, BoxedLayer)>, Box<dyn Error>> {
    if env::var("OTEL_TRACES_EXPORTER").as_deref() != Ok("otlp") {
        return Ok(None);
    }
    let _context = runtime.enter();
    let client =
        OnRuntime { runtime: runtime.clone(), client: HyperClient::with_default_connector(TIMEOUT, None) };
    let exporter = SpanExporter::builder().with_http().with_http_client(client).build()?;
    let attributes = attributes.into_iter().map(|(key, value)| KeyValue::new(key, value));
    let resource =
        Resource::builder_empty().with_service_name(service.to_owned()).with_attributes(attributes).build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let tracer = provider.tracer("vigie");
    let layer = tracing_opentelemetry::layer()
        .with_tracer(tracer)
        .with_filter(filter_fn(|metadata| metadata.is_span() && metadata.target() == SPANS));
    Ok(Some((Spans(provider), Box::new(layer))))
}

/// How long one request may take where `OTEL_EXPORTER_OTLP_TIMEOUT` does not say.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(10);

/// The SDK sends from a thread of its own; the connections live on the agent's runtime.
#[derive(Debug)]
struct OnRuntime {
    runtime: Handle,
    client: HyperClient,
}

#[async_trait]
impl HttpClient for OnRuntime {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        self.runtime.spawn(async move { client.send_bytes(request).await }).await?
    }
}
