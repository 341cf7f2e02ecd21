//! Flows: HTTP requests one after the other, as a visitor would make them, each with what those before it have
//! answered: log in, take the token from the page, ask with it.
//!
//! A step is an HTTP probe with all its options; its URL may be relative to that of the flow. What `extract` takes from
//! an answer goes into later steps in the place of `{{name}}`, in the URL after the host, in headers and in the body:
//! escaped for a URL or a form, or as in a JSON text if the body is said to be one by its `content-type`. Such
//! values count as secrets, and are at most 8 KiB long. Cookies go along by their own rules. After a step that fails no
//! other is run.
//!
//! The series of HTTP probes are those of the last step that was begun, but for the durations, which are summed over
//! all; those of each step are beside them.

mod extract;
mod metrics;
mod prober;
mod template;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::plug::{Error, Surroundings};

pub use self::extract::Extract;
use self::template::Template;
use super::Shared;
use super::http;
use super::prober::{Kind, Prober};

/// A flow of HTTP requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// What the URLs of the steps are relative to; without it and without `targets`, the URL of the first step.
    pub url: String,
    /// (required) The steps, in their order; 50 at most.
    pub steps: Vec<Step>,
    /// Whether what answers set as cookies goes along with later requests.
    pub cookies: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { url: String::new(), steps: Vec::new(), cookies: true }
    }
}

/// One step of a flow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// (required) Unique in the flow; the `step` label.
    pub name: String,
    /// The request, and what is to be said of its answer. `{{name}}` stands for a value that was extracted.
    pub http: http::Config,
    /// The values to take from the answer, by the names under which later steps have them.
    pub extract: BTreeMap<String, Extract>,
}

/// More steps are a mistake.
const MOST_STEPS: usize = 50;

impl Check for Config {
    fn check(&self, at: &mut Place<'_>) {
        if !self.url.is_empty() {
            at.key("url").ok(http::Target::parse(&self.url));
        }
        if self.steps.is_empty() || self.steps.len() > MOST_STEPS {
            at.key("steps").wrong(format_args!("not between 1 and {MOST_STEPS} steps"));
        }
        at.key("steps").unique("name", self.steps.iter().map(|step| step.name.as_str()));
        let mut known = BTreeSet::new();
        for (at, step) in at.key("steps").each(&self.steps) {
            if step.name.is_empty() {
                at.key("name").wrong("required");
            }
            step.http.check_settings(&mut at.key("http"));
            step.check_templates(&at.key("http"), &known);
            for (name, extract) in &step.extract {
                let mut at = at.key("extract").key(name);
                at.ok(template::check_name(name));
                extract.check(&mut at);
                known.insert(name.as_str());
            }
        }
    }
}

impl Step {
    /// Every value that is used has to be known before this step.
    fn check_templates(&self, at: &Place<'_>, known: &BTreeSet<&str>) {
        let url = at.key("url");
        if let Some(url_template) = url.ok(Template::parse(&self.http.url)) {
            url_template.check(&url, known);
            url.ok(url_template.check_host());
        }
        for (name, value) in &self.http.headers {
            let at = at.key("headers").key(name);
            if let Some(template) = at.ok(Template::parse(value.reveal())) {
                template.check(&at, known);
                if template.has_values() && name.eq_ignore_ascii_case("host") {
                    at.wrong("a value cannot be the host");
                }
            }
        }
        let at = at.key("body");
        if let Some(template) = at.ok(Template::parse(&self.http.body)) {
            template.check(&at, known);
        }
    }
}

impl Kind for Config {
    fn target(&self) -> (&'static str, &str) {
        let first = self.steps.first().map_or("", |step| step.http.url.as_str());
        let own = if self.url.is_empty() && first.contains("://") { first } else { self.url.as_str() };
        ("url", own)
    }

    fn prober(&self, shared: &Arc<Shared>, surroundings: &Surroundings) -> Result<Box<dyn Prober>, Error> {
        Ok(Box::new(prober::Flow::new(self, shared, surroundings)?))
    }

    fn check_target(&self, target: &str) -> Result<(), Error> {
        http::Target::parse(target)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
