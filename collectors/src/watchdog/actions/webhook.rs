//! Telling an endpoint.

use std::time::Duration;

use serde_json::json;
use vigie_pipeline::check::Place;
use vigie_pipeline::plug::{Error, Surroundings};

use super::Webhook;
use super::deed::Occasion;
use crate::probes::http::post::{self, Post};

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Checks where and with what it is told. Nothing of it is quoted.
pub(super) fn check(webhook: &Webhook, at: &Place<'_>) {
    if webhook.url.reveal().is_empty() {
        at.key("url").wrong("required");
    } else {
        at.key("url").ok(post::check_url(&webhook.url));
    }
    for (name, value) in &webhook.headers {
        at.key("headers").key(name).ok(post::check_header(name, value));
    }
}

/// An endpoint that is told what is wrong.
pub(in crate::watchdog) struct Poster {
    post: Post,
    /// The endpoint as it may be called.
    host: String,
}

impl Poster {
    pub(super) fn new(webhook: &Webhook, surroundings: &Surroundings) -> Result<Self, Error> {
        let host = post::host(&webhook.url).unwrap_or_default();
        Ok(Self { post: Post::new(&webhook.url, &webhook.headers, surroundings)?, host })
    }

    pub(super) async fn post(&self, occasion: &Occasion) -> Result<String, String> {
        let told = self.post.json(body(occasion).into(), occasion.trace, PATIENCE).await;
        match told {
            Ok(status) => Ok(format!("told {}, which answered with {status}", self.host)),
            Err(error) => Err(format!("tell {}: {error}", self.host)),
        }
    }
}

/// What is told.
fn body(occasion: &Occasion) -> String {
    let unmet: Vec<_> = occasion
        .unmet
        .iter()
        .map(|wrong| json!({ "kind": wrong.kind.as_str(), "reason": wrong.reason.as_str(), "detail": wrong.words }))
        .collect();
    let nanos = i128::from(occasion.at);
    let time =
        jiff::Timestamp::from_nanosecond(nanos).map_or_else(|_| String::new(), |time| time.to_string());
    let told = json!({
        "name": occasion.name,
        "collector": occasion.sort.collector(),
        "what": occasion.sort.words(),
        "unmet": unmet,
        "times": occasion.times,
        "time": time,
    });
    told.to_string()
}
