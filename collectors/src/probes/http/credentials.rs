//! Who the probe says it is. Secrets from files are read at every run, so that a rotated one is used at once.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::HeaderValue;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::secret::Secret;

use crate::probes::password::{SecretFileError, check_password, read_secret};

/// User and password.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BasicAuth {
    /// The user.
    pub username: String,
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
pub(super) enum Credentials {
    /// Always the same.
    Fixed(HeaderValue),
    /// User and the file with the password.
    Basic(String, FilePath),
    /// Scheme and the file with the rest.
    Scheme(String, FilePath),
}

/// What keeps credentials from being sent; never says what they are.
#[derive(Debug, thiserror::Error)]
pub(super) enum CredentialsError {
    #[error(transparent)]
    File(#[from] SecretFileError),
    #[error("credentials have characters that no header may have")]
    Characters,
}

impl Credentials {
    pub(super) fn basic(config: &BasicAuth) -> Result<Self, CredentialsError> {
        match &config.password_file {
            Some(file) => Ok(Self::Basic(config.username.clone(), file.clone())),
            None => {
                let password = config.password.as_ref().map_or("", Secret::reveal);
                Ok(Self::Fixed(basic(&config.username, password)?))
            }
        }
    }

    pub(super) fn other(config: &Authorization) -> Result<Self, CredentialsError> {
        match &config.credentials_file {
            Some(file) => Ok(Self::Scheme(config.scheme.clone(), file.clone())),
            None => {
                let credentials = config.credentials.as_ref().map_or("", Secret::reveal);
                Ok(Self::Fixed(sensitive(&format!("{} {credentials}", config.scheme))?))
            }
        }
    }

    /// The header's value as it is now.
    pub(super) async fn header(&self) -> Result<HeaderValue, CredentialsError> {
        match self {
            Self::Fixed(value) => Ok(value.clone()),
            Self::Basic(user, file) => basic(user, &read_secret(file).await?),
            Self::Scheme(scheme, file) => sensitive(&format!("{scheme} {}", read_secret(file).await?)),
        }
    }
}

fn basic(user: &str, password: &str) -> Result<HeaderValue, CredentialsError> {
    sensitive(&format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}"))))
}

fn sensitive(value: &str) -> Result<HeaderValue, CredentialsError> {
    let mut value = HeaderValue::from_str(value).map_err(|_| CredentialsError::Characters)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::io::Write;

    #[tokio::test]
    async fn a_password_file_is_read_anew_at_every_run() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, " secret ").unwrap();
        let config = BasicAuth {
            username: "me".into(),
            password_file: Some(file.path().into()),
            ..BasicAuth::default()
        };
        let credentials = Credentials::basic(&config).unwrap();
        assert_eq!(credentials.header().await.unwrap(), "Basic bWU6c2VjcmV0");
        std::fs::write(file.path(), "other").unwrap();
        assert_eq!(credentials.header().await.unwrap(), "Basic bWU6b3RoZXI=");
        drop(file);
        assert!(credentials.header().await.unwrap_err().to_string().starts_with("open "));
    }

    #[tokio::test]
    async fn secrets_are_not_shown() {
        let config = Authorization { credentials: Some(Secret::new("hush")), ..Authorization::default() };
        let credentials = Credentials::other(&config).unwrap();
        assert_eq!(credentials.header().await.unwrap(), "Bearer hush");
        assert!(!format!("{credentials:?}{config:?}").contains("hush"));
    }
}
