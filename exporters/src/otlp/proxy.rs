//! The proxy that the environment names: `HTTPS_PROXY` for destinations with TLS, `HTTP_PROXY` for others,
//! each also in lower case, which wins; `NO_PROXY` says who is reached without.
//!
//! TLS and gRPC go through a tunnel (`CONNECT`), plain HTTP requests are handed to the proxy whole. Loopback
//! is never asked of a proxy: it would be the proxy's.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use vigie_pipeline::percent;
use vigie_pipeline::proxies::{self, is_exempt, is_loopback};

use super::answer::shown;
use super::failure::{Failure, Phase};
use super::target::Target;

/// See the module.
pub(super) struct Proxy {
    host: String,
    port: u16,
    /// `Proxy-Authorization`, from the credentials in the URL.
    authorization: Option<HeaderValue>,
}

/// Why a variable names no proxy. Never quotes it: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: not the URL of a proxy; write for example `http://proxy.example:3128`")]
pub(super) struct ProxyError {
    variable: String,
}

/// No more of a proxy's answer is read than this.
const MAX_HEAD: usize = 8 << 10;

impl Proxy {
    /// The proxy for `target`, if there is one; `variable` reads the environment.
    pub(super) fn of_environment(
        target: &Target,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, ProxyError> {
        let Some((name, url)) = proxies::variable(target.tls, &variable) else { return Ok(None) };
        let list = proxies::exempt(&variable).unwrap_or_default();
        if is_loopback(&target.host) || is_exempt(&target.host, target.port, &list) {
            return Ok(None);
        }
        Self::parse(url.trim()).map(Some).ok_or(ProxyError { variable: name })
    }

    /// `http://user:password@host:port`; scheme, credentials and port may be left out.
    fn parse(url: &str) -> Option<Self> {
        let rest = match url.split_once("://") {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
            Some(_) => return None,
            None => url,
        };
        let rest = rest.trim_end_matches('/');
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(credentials), place),
            None => (None, rest),
        };
        let target = Target::as_is(&format!("http://{place}")).ok()?;
        let authorization = match credentials {
            Some(credentials) => {
                let basic = format!("Basic {}", STANDARD.encode(percent::decode(credentials)));
                let mut value = HeaderValue::from_str(&basic).ok()?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        (target.path == "/").then_some(Self { host: target.host, port: target.port, authorization })
    }

    /// Where it is.
    pub(super) fn place(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    /// What goes with each request that it is handed.
    pub(super) fn authorization(&self) -> Option<&HeaderValue> {
        self.authorization.as_ref()
    }

    /// Has it connect through to `target`.
    pub(super) async fn open_tunnel(&self, tcp: &mut TcpStream, target: &Target) -> Result<(), Failure> {
        let failed = |error| Failure::new(Phase::Proxy, error);
        let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
        let place = format!("{host}:{}", target.port);
        let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        tcp.write_all(&request).await.map_err(failed)?;
        let mut head = Vec::new();
        // Byte by byte: what follows the head is the destination's.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= MAX_HEAD {
                return Err(Failure::new(Phase::Proxy, "its answer is too long"));
            }
            head.push(tcp.read_u8().await.map_err(failed)?);
        }
        let head = String::from_utf8_lossy(&head);
        let line = head.lines().next().unwrap_or_default();
        let mut words = line.splitn(2, ' ');
        match (words.next(), words.next()) {
            (Some(version), Some(status)) if version.starts_with("HTTP/1.") && status.starts_with('2') => {
                Ok(())
            }
            _ => Err(Failure::new(Phase::Proxy, format_args!("answered `{}`", shown(line)))),
        }
    }
}

#[cfg(test)]
mod tests;
