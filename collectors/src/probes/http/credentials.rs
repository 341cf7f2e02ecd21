//! Who the probe says it is. Secrets from files are read at every run, so that a rotated one is used at once.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::secret::Secret;

use super::oauth2::Tokens;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::password::{Password, check_password, read_secret};
use crate::probes::record::Record;

/// User and password.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BasicAuth {
    /// The user.
    pub username: String,
    /// File with the user, read at every probe; blank space around it is left out.
    pub username_file: Option<FilePath>,
    /// The password.
    pub password: Option<Secret>,
    /// File with the password, read at every probe; blank space around it is left out.
    pub password_file: Option<FilePath>,
}

/// Any other `Authorization` header.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Authorization {
    /// Its scheme.
    #[serde(rename = "type")]
    pub scheme: String,
    /// What follows the scheme.
    pub credentials: Option<Secret>,
    /// File with what follows the scheme, read at every probe; blank space around it is left out.
    pub credentials_file: Option<FilePath>,
}

impl Default for Authorization {
    fn default() -> Self {
        Self { scheme: "Bearer".to_owned(), credentials: None, credentials_file: None }
    }
}

impl Check for BasicAuth {
    fn check(&self, at: &mut Place<'_>) {
        if !self.username.is_empty() && self.username_file.is_some() {
            at.key("username_file").wrong("give either username or username_file");
        }
        if self.username.contains(':') {
            at.key("username").wrong("a user name cannot have a colon");
        }
        check_password(at, self.password.as_ref(), self.password_file.as_ref());
    }
}

impl Check for Authorization {
    fn check(&self, at: &mut Place<'_>) {
        if self.scheme.eq_ignore_ascii_case("basic") {
            at.key("type").wrong("use basic_auth instead");
        } else if self.scheme.is_empty() || !self.scheme.bytes().all(|b| b.is_ascii_graphic()) {
            at.key("type").wrong("not the name of a scheme");
        }
        match (&self.credentials, &self.credentials_file) {
            (Some(_), Some(_)) => {
                at.key("credentials_file").wrong("give either credentials or credentials_file");
            }
            (None, None) => at.wrong("give credentials or credentials_file"),
            (Some(secret), None) if HeaderValue::from_str(secret.reveal()).is_err() => {
                at.key("credentials").wrong("has characters that no header may have");
            }
            _ => {}
        }
    }
}

/// What to send as `Authorization`.
#[derive(Debug)]
pub(in crate::probes) enum Credentials {
    /// User and password.
    Basic(User, Password),
    /// Scheme and the rest.
    Scheme(String, Password),
    /// Tokens that are fetched.
    Token(Box<Tokens>),
}

#[derive(Debug)]
pub(in crate::probes) enum User {
    Given(String),
    File(FilePath),
}

impl Credentials {
    pub(in crate::probes) fn basic(config: &BasicAuth) -> Self {
        let user = match &config.username_file {
            Some(file) => User::File(file.clone()),
            None => User::Given(config.username.clone()),
        };
        Self::Basic(user, Password::new(config.password.as_ref(), config.password_file.as_ref()))
    }

    pub(in crate::probes) fn other(config: &Authorization) -> Self {
        let credentials = Password::new(config.credentials.as_ref(), config.credentials_file.as_ref());
        Self::Scheme(config.scheme.clone(), credentials)
    }

    /// The header's value as it is now.
    pub(in crate::probes) async fn header(&self, record: &mut Record) -> Result<HeaderValue, Failure> {
        match self {
            Self::Basic(user, password) => {
                let user = match user {
                    User::Given(user) => user.clone(),
                    User::File(file) => read_secret(file).await.map_err(failed)?,
                };
                let password = password.reveal(Phase::Processing, record).await?.unwrap_or_default();
                basic(&user, &password, record)
            }
            Self::Scheme(scheme, credentials) => {
                let credentials = credentials.reveal(Phase::Processing, record).await?.unwrap_or_default();
                sensitive(&format!("{scheme} {credentials}"))
            }
            Self::Token(tokens) => tokens.header(record).await,
        }
    }
}

/// User and password as `Basic` has them.
pub(super) fn basic(user: &str, password: &str, record: &mut Record) -> Result<HeaderValue, Failure> {
    let encoded = BASE64_STANDARD.encode(format!("{user}:{password}"));
    record.excerpt.hide(&encoded);
    sensitive(&format!("Basic {encoded}"))
}

/// A value that is not shown.
pub(super) fn sensitive(value: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| failed("a secret has characters that no header may have"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// The request could not be made.
pub(super) fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Reason::Credentials, Phase::Processing, error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;
    use vigie_pipeline::clock::Clock;

    #[tokio::test]
    async fn user_and_password_are_read_anew_at_every_run() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut record = Record::new(Clock::system());
        writeln!(file, " secret ").unwrap();
        let given = BasicAuth {
            username: "me".into(),
            password_file: Some(file.path().into()),
            ..BasicAuth::default()
        };
        let credentials = Credentials::basic(&given);
        assert_eq!(credentials.header(&mut record).await.unwrap(), "Basic bWU6c2VjcmV0");
        std::fs::write(file.path(), "other").unwrap();
        assert_eq!(credentials.header(&mut record).await.unwrap(), "Basic bWU6b3RoZXI=");
        let read = BasicAuth {
            username_file: Some(file.path().into()),
            password: Some(Secret::new("pw")),
            ..BasicAuth::default()
        };
        assert_eq!(Credentials::basic(&read).header(&mut record).await.unwrap(), "Basic b3RoZXI6cHc=");
        record.excerpt.add(b"you sent b3RoZXI6cHc=");
        assert_eq!(record.excerpt.shown().unwrap(), "you sent <redacted>");
        drop(file);
        let failure = credentials.header(&mut record).await.unwrap_err();
        assert_eq!(failure.reason, Reason::Credentials);
        assert!(failure.detail.starts_with("open "));
    }

    #[tokio::test]
    async fn secrets_are_not_shown() {
        let config = Authorization { credentials: Some(Secret::new("hush")), ..Authorization::default() };
        let credentials = Credentials::other(&config);
        let header = credentials.header(&mut Record::new(Clock::system())).await.unwrap();
        assert_eq!(header, "Bearer hush");
        assert!(!format!("{credentials:?}{config:?}{header:?}").contains("hush"));
    }
}
