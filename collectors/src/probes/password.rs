//! Secrets that probes send: in the configuration, or in a file that is read at every run, so that a rotated one
//! is used at once.

use std::fmt;

use tokio::io::AsyncReadExt;
use vigie_pipeline::check::Place;
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::secret::Secret;

use super::failure::{Failure, Phase, Reason};
use super::record::Record;

/// A file with a secret may be this long.
const LONGEST: u64 = 64 << 10;

/// A file with a secret cannot be read; never says what is in it.
#[derive(Debug, thiserror::Error)]
#[error("open {0}: {1}")]
pub(super) struct SecretFileError(String, #[source] std::io::Error);

/// The secret in a file as it is now, without the blank space around it.
pub(super) async fn read_secret(file: &FilePath) -> Result<String, SecretFileError> {
    let failed = |error| SecretFileError(file.display().to_string(), error);
    let mut text = String::new();
    let opened = tokio::fs::File::open(file).await.map_err(failed)?;
    opened.take(LONGEST).read_to_string(&mut text).await.map_err(failed)?;
    Ok(text.trim().to_owned())
}

/// What is wrong with `password` and `password_file` together.
pub(super) fn check_password(at: &Place<'_>, password: Option<&Secret>, file: Option<&FilePath>) {
    if password.is_some() && file.is_some() {
        at.key("password_file").wrong("give either password or password_file");
    }
}

/// A password, given or in a file.
#[derive(Clone, PartialEq)]
pub(super) enum Password {
    None,
    Given(Secret),
    File(FilePath),
}

impl Password {
    pub(super) fn new(password: Option<&Secret>, file: Option<&FilePath>) -> Self {
        match (password, file) {
            (_, Some(file)) => Self::File(file.clone()),
            (Some(password), None) => Self::Given(password.clone()),
            (None, None) => Self::None,
        }
    }

    /// It as it is now; `None` if there is none. It is kept out of the run's excerpt.
    pub(super) async fn reveal(&self, phase: Phase, record: &mut Record) -> Result<Option<String>, Failure> {
        let password = match self {
            Self::None => return Ok(None),
            Self::Given(password) => password.reveal().to_owned(),
            Self::File(file) => {
                read_secret(file).await.map_err(|error| Failure::new(Reason::Credentials, phase, error))?
            }
        };
        record.excerpt.hide(&password);
        Ok(Some(password))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Given(_) => f.write_str("<secret>"),
            Self::File(file) => write!(f, "File({})", file.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use vigie_pipeline::clock::Clock;

    #[tokio::test]
    async fn a_password_is_hidden_and_read_anew_at_every_run() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), " hunter2\n").unwrap();
        let password = Password::new(None, Some(&file.path().into()));
        let mut record = Record::new(Clock::system());
        let reveal = password.reveal(Phase::Login, &mut record).await;
        assert_eq!(reveal.unwrap().as_deref(), Some("hunter2"));
        record.excerpt.add(b"wrong hunter2");
        assert_eq!(record.excerpt.shown().unwrap(), "wrong <redacted>");
        drop(file);
        let failure = password.reveal(Phase::Login, &mut record).await.unwrap_err();
        assert_eq!(failure.reason, Reason::Credentials);
    }

    #[test]
    fn a_password_is_not_shown() {
        let password = Password::new(Some(&Secret::new("hush")), None);
        assert!(!format!("{password:?}").contains("hush"));
    }
}
