//! The preset for access logs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::Kind;

use super::routes::MOST_ROUTES;
use super::templates::Templates;
use crate::series::{buckets, config};

/// Requests by method, route and status, and how long they took, from access logs of any format.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Http {
    /// Routes as the application has them: `/users/{id}/orders/{order}`; a last `{path...}` takes all that follows.
    /// Paths that match none are normalised: `/items/123` becomes `/items/{id}`.
    pub routes: Vec<String>,
    /// So many routes besides these at most; what comes then is `other`.
    pub max_routes: usize,
    /// Upper bounds in seconds; by default those of OpenTelemetry's conventions, 0.005 to 10.
    pub buckets: Vec<f64>,
    /// The field that says how long the request took: in seconds, in what the name ends with (`_ms`), or with a unit
    /// (`30ms`). By default what the format says, if it does.
    pub duration: String,
    /// The fields of further labels, by the label's name.
    pub labels: BTreeMap<String, String>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            routes: Vec::new(),
            max_routes: 200,
            buckets: Vec::new(),
            duration: String::new(),
            labels: BTreeMap::new(),
        }
    }
}

/// What `http.server.request.duration` has.
const BUCKETS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

impl Http {
    /// The upper bounds in seconds.
    pub(crate) fn bounds(&self) -> &[f64] {
        if self.buckets.is_empty() { &BUCKETS } else { &self.buckets }
    }
}

impl Check for Http {
    fn check(&self, at: &mut Place<'_>) {
        Templates::check(&self.routes, &at.key("routes"));
        if !(1..=MOST_ROUTES).contains(&self.max_routes) {
            at.key("max_routes").wrong(format_args!("must be between 1 and {MOST_ROUTES}"));
        }
        if self.routes.len() > MOST_ROUTES {
            at.key("routes").wrong(format_args!("more than {MOST_ROUTES}"));
        }
        buckets::check_given(&self.buckets, &at.key("buckets"));
        let at = at.key("labels");
        config::check_labels(Kind::Histogram, &self.labels, &at);
        for label in
            ["method", "route", "status"].into_iter().filter(|label| self.labels.contains_key(*label))
        {
            at.key(label).wrong("the preset gives this label itself");
        }
    }
}
