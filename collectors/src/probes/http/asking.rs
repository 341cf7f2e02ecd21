//! The request as redirects change it.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, COOKIE, WWW_AUTHENTICATE,
};
use http::{HeaderMap, Method};

use super::target::{Target, TargetError};
use crate::probes::failure::{Failure, Phase, Reason};

/// See the module.
#[derive(Debug)]
pub(super) struct Asking<'a> {
    /// Where the run began.
    pub(super) home: &'a Target,
    pub(super) target: Cow<'a, Target>,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    /// Those that go only to where they are meant for.
    pub(super) secret: HeaderMap,
    pub(super) body: Bytes,
    /// `Host`, if it is not the target's own.
    pub(super) host: Option<&'a str>,
    /// Secrets may be sent.
    pub(super) trusted: bool,
    pub(super) first: bool,
}

impl Asking<'_> {
    /// What `Host` says.
    pub(super) fn authority(&self) -> &str {
        self.host.unwrap_or_else(|| self.target.authority())
    }

    /// What to ask after a redirect with this status and `Location`.
    pub(super) fn redirected(self, status: u16, location: &str) -> Result<Self, Failure> {
        let target = self.target.redirected(location).map_err(|error| {
            let detail = match error {
                // No more of it than this: the rest may be secret.
                TargetError::Scheme => format!("{} is not http or https", scheme(location)),
                error => error.to_string(),
            };
            Failure::new(Reason::BadRedirect, Phase::Processing, format_args!("Location: {detail}"))
        })?;
        let trusted = self.trusted && self.home.trusts(&target);
        let (mut headers, mut secret) = (self.headers, self.secret);
        if !trusted {
            secret.clear();
            for name in [AUTHORIZATION, COOKIE, WWW_AUTHENTICATE] {
                headers.remove(name);
            }
        }
        let (method, body) = match status {
            307 | 308 => (self.method, self.body),
            _ => {
                for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
                    headers.remove(&name);
                    secret.remove(name);
                }
                let method = if self.method == Method::HEAD { Method::HEAD } else { Method::GET };
                (method, Bytes::new())
            }
        };
        let same = target.authority() == self.target.authority();
        let host = self.host.filter(|_| same);
        let target = Cow::Owned(target);
        Ok(Self { home: self.home, target, method, headers, secret, body, host, trusted, first: false })
    }
}

/// What stands before the first colon, as far as it looks like a scheme.
fn scheme(location: &str) -> String {
    let shown = |c: &char| c.is_ascii_alphanumeric() || "+-.".contains(*c);
    location.trim().chars().take_while(shown).take(32).collect()
}
