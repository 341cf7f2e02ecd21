//! Headers of the request whose values may be secrets, or in files.

use http::{HeaderMap, HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::plug::Error;
use vigie_pipeline::secret::Secret;

use super::credentials::{failed, sensitive};
use crate::probes::failure::Failure;
use crate::probes::password::read_secret;
use crate::probes::record::Record;

/// The values of one header; each is sent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HeaderValues {
    /// Values that may be seen.
    pub values: Vec<String>,
    /// Values that may not; they do not follow a redirect to another host.
    pub secrets: Vec<Secret>,
    /// Files with a secret value each, read at every probe; blank space around it is left out.
    pub files: Vec<FilePath>,
}

/// What the request itself, or another key, decides.
const RESERVED: [&str; 15] = [
    "authorization",
    "host",
    "content-encoding",
    "content-length",
    "content-type",
    "user-agent",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "www-authenticate",
    "accept-encoding",
    "transfer-encoding",
    "te",
    "upgrade",
];

/// The name of such a header.
pub(super) fn name(text: &str) -> Result<HeaderName, &'static str> {
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| "not the name of a header")?;
    if RESERVED.contains(&name.as_str()) { Err("cannot be set here: see headers") } else { Ok(name) }
}

impl Check for HeaderValues {
    fn check(&self, at: &mut Place<'_>) {
        let wrong = "the value has characters that no header may have";
        for (at, value) in at.key("values").each(&self.values) {
            if HeaderValue::from_str(value).is_err() {
                at.wrong(wrong);
            }
        }
        for (at, secret) in at.key("secrets").each(&self.secrets) {
            if HeaderValue::from_str(secret.reveal()).is_err() {
                at.wrong(wrong);
            }
        }
    }
}

impl HeaderValues {
    /// Adds what may be seen.
    ///
    /// # Errors
    /// A value that no header may have.
    pub(in crate::probes) fn add_values(
        &self,
        name: &HeaderName,
        headers: &mut HeaderMap,
    ) -> Result<(), Error> {
        for value in &self.values {
            headers.append(name, HeaderValue::from_str(value)?);
        }
        Ok(())
    }

    /// Adds what may not be seen, as it is now.
    pub(in crate::probes) async fn add_secrets(
        &self,
        name: &HeaderName,
        headers: &mut HeaderMap,
        record: &mut Record,
    ) -> Result<(), Failure> {
        for secret in &self.secrets {
            headers.append(name, sensitive(secret.reveal())?);
            record.excerpt.hide(secret.reveal());
        }
        for file in &self.files {
            let secret = read_secret(file).await.map_err(failed)?;
            headers.append(name, sensitive(&secret)?);
            record.excerpt.hide(&secret);
        }
        Ok(())
    }
}
