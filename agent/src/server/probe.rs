//! `/probe`: one probe on request, by a module of the file that `collectors.blackbox` names.

use http::request::Parts;
use http::{HeaderName, StatusCode};
use vigie_collectors::probes::blackbox::{Asked, Blackbox, Refusal};
use vigie_exporters::prometheus::Exposition;

use super::routes::{Answer, text};

/// How long Prometheus waits for a scrape, in seconds.
const SCRAPE_TIMEOUT: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");

pub(super) async fn answer(blackbox: &Blackbox, exposition: &Exposition, request: &Parts) -> Answer {
    let timeout = request.headers.get(SCRAPE_TIMEOUT).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let asked = Asked::parse(request.uri.query().unwrap_or_default(), timeout.as_deref());
    let report = match blackbox.probe(&asked).await {
        Ok(report) => report,
        Err(refusal) => return text(status(&refusal), format!("{refusal}\n")),
    };
    let Some(told) = report.told else { return exposition.answer_with(report.page, &request.headers) };
    let metrics = exposition.text(report.page);
    text(
        StatusCode::OK,
        format!(
            "Logs for the probe:\n{}\n\n\nMetrics that would have been returned:\n{}\n\n\nModule configuration:\n{}",
            told.journal,
            String::from_utf8_lossy(&metrics),
            told.module,
        ),
    )
}

/// As blackbox_exporter has them, where it has the refusal.
fn status(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::Off => StatusCode::NOT_FOUND,
        Refusal::UnknownModule(_) | Refusal::NoTarget | Refusal::Hostname(_) => StatusCode::BAD_REQUEST,
        Refusal::ModuleForbidden(_) => StatusCode::FORBIDDEN,
        Refusal::Timeout(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
    }
}
