//! Telling an endpoint something: one `POST`, with what an HTTP probe knows of connections, proxies and TLS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use vigie_pipeline::clock::Clock;
use vigie_pipeline::plug::{Error, Surroundings};
use vigie_pipeline::secret::Secret;
use vigie_pipeline::units::ByteSize;

use super::Config;
use super::check::header;
use super::cookies::Jar;
use super::exchange::{Ask, TRACEPARENT};
use super::prober::Prober;
use super::target::Target;
use crate::probes::Shared;
use crate::probes::command::Allowed;
use crate::probes::guard::Guard;
use crate::probes::prober::Aim;
use crate::probes::record::Record;
use crate::probes::telemetry::Trace;

/// Of an answer no more is taken.
const LONGEST_ANSWER: ByteSize = ByteSize::mib(1);

/// An endpoint that is told things. What its URL and headers say is secret.
pub(crate) struct Post {
    prober: Prober,
    target: Target,
    clock: Clock,
}

/// What is wrong with such an endpoint; none of it is quoted.
///
/// # Errors
/// See above.
pub(crate) fn check_url(url: &Secret) -> Result<(), String> {
    Target::parse(url.reveal()).map(drop).map_err(|error| error.to_string())
}

/// The same for a header.
///
/// # Errors
/// See above.
pub(crate) fn check_header(name: &str, value: &Secret) -> Result<(), String> {
    header(name, value).map(drop).map_err(|error| error.to_string())
}

/// The host that a URL leads to, which is no secret; none if it is no URL.
pub(crate) fn host(url: &Secret) -> Option<String> {
    let url = url::Url::parse(url.reveal().trim()).ok()?;
    url.host_str().map(str::to_owned)
}

impl Post {
    /// # Errors
    /// What the checks above would have said.
    pub(crate) fn new(
        url: &Secret,
        headers: &BTreeMap<String, Secret>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let config = Config {
            method: "POST".to_owned(),
            headers: headers.clone(),
            follow_redirects: false,
            body_size_limit: LONGEST_ANSWER,
            proxy_from_environment: true,
            ..Config::default()
        };
        let shared: Arc<Shared> = Shared::new(Guard::open(), Allowed::default());
        Ok(Self {
            prober: Prober::new(&config, &shared, surroundings)?,
            target: Target::parse(url.reveal())?,
            clock: surroundings.clock.clone(),
        })
    }

    /// Tells it this, as JSON, within `patience`. The status of the answer, or why there is none or a bad one, in words
    /// without a secret.
    pub(crate) async fn json(&self, body: Bytes, trace: Trace, patience: Duration) -> Result<u16, String> {
        let mut headers = HeaderMap::new();
        headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        headers.insert(TRACEPARENT, trace.traceparent());
        let mut jar = Jar::default();
        let mut record = Record::new(self.clock.clone());
        record.deadline = record.started.checked_add(patience);
        let ask = Ask { target: &self.target, headers, body: Some(body), cookies: &mut jar, keep: false };
        let told = tokio::time::timeout(patience, self.prober.exchange(ask, &Aim::at(""), &mut record)).await;
        match told {
            Ok(Ok(answer)) => Ok(answer.response.status),
            // What it failed of may quote the answer, or the URL.
            Ok(Err(failure)) => {
                Err(format!("{} in phase {}", failure.reason.as_str(), failure.phase.as_str()))
            }
            Err(_) => Err(format!("no answer within {} s", patience.as_secs_f64())),
        }
    }
}
