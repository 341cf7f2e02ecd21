//! The way through a proxy: requests to plain targets are handed to it whole, for others it opens a tunnel.
//!
//! As with blackbox_exporter the target's name is resolved here and the proxy is asked for the address, unless
//! `skip_resolve_phase_with_proxy` leaves that to it. What happens on the way to the proxy and with it counts as
//! `connect`, its own TLS as `tls`.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::{Host, Url};
use vigie_pipeline::percent;
use vigie_pipeline::plug::Error;
use vigie_pipeline::proxies::{self, is_exempt, is_loopback};

use super::Config;
use super::target::Target;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::stream::Stream;

/// No more of a proxy's answer is read than this, in bytes.
const MAX_HEAD: usize = 8 << 10;

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// It is spoken to in TLS.
    pub(super) tls: bool,
    /// `Proxy-Authorization`, from the credentials in its URL.
    pub(super) authorization: Option<HeaderValue>,
}

/// Why a text is no proxy. Never quotes it: it may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the URL of a proxy; write for example `http://proxy.example:3128`")]
pub(super) struct ProxyError;

impl Proxy {
    /// `http://user:password@host:port`, or `https://`; credentials and port may be left out, and so may the scheme.
    pub(super) fn parse(text: &str) -> Result<Self, ProxyError> {
        let text = text.trim();
        let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&whole).map_err(|_| ProxyError)?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(ProxyError),
        };
        let host = match url.host().ok_or(ProxyError)? {
            Host::Domain("") => return Err(ProxyError),
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(ip) => ip.to_string(),
            Host::Ipv6(ip) => ip.to_string(),
        };
        let named = !url.username().is_empty() || url.password().is_some();
        let authorization = named.then(|| {
            let mut pair = percent::decode(url.username());
            pair.push(b':');
            pair.extend(percent::decode(url.password().unwrap_or_default()));
            let value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(pair)));
            let mut value = value.expect("base64 makes a header value");
            value.set_sensitive(true);
            value
        });
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let port = url.port_or_known_default().ok_or(ProxyError)?;
        if bare { Ok(Self { host, port, tls, authorization }) } else { Err(ProxyError) }
    }

    /// Has it connect through to `place`, `host:port`.
    pub(super) async fn open_tunnel(
        &self,
        stream: &mut Stream,
        place: &str,
        headers: &[(HeaderName, HeaderValue)],
    ) -> Result<(), Failure> {
        let mut request = format!("CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n").into_bytes();
        let own = self.authorization.as_ref().map(|value| (http::header::PROXY_AUTHORIZATION, value.clone()));
        for (name, value) in own.iter().chain(headers) {
            request.extend_from_slice(name.as_str().as_bytes());
            request.extend_from_slice(b": ");
            request.extend_from_slice(value.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await.map_err(|error| broken(&error))?;
        stream.flush().await.map_err(|error| broken(&error))?;
        let mut head = Vec::new();
        // Byte by byte: what follows the head is the target's.
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= MAX_HEAD {
                return Err(refused("its answer is too long"));
            }
            head.push(stream.read_u8().await.map_err(|error| broken(&error))?);
        }
        let head = String::from_utf8_lossy(&head);
        let line = head.lines().next().unwrap_or_default();
        match line.split_once(' ') {
            Some((version, status)) if version.starts_with("HTTP/1.") && status.starts_with('2') => Ok(()),
            _ => {
                let shown: String = line.chars().filter(|c| !c.is_control()).take(100).collect();
                Err(refused(&format!("it answered `{shown}`")))
            }
        }
    }
}

/// It could not be got at.
pub(super) fn unreachable(failure: Failure) -> Failure {
    Failure::new(Reason::ProxyUnreachable, failure.phase, format_args!("proxy: {failure}"))
}

/// It broke off.
fn broken(error: &std::io::Error) -> Failure {
    unreachable(Failure::of_io(Phase::Connect, error))
}

fn refused(what: &str) -> Failure {
    Failure::new(Reason::ProxyRefused, Phase::Connect, format_args!("proxy: {what}"))
}

/// Which proxy leads to which target.
#[derive(Debug)]
pub(super) struct Proxies {
    choice: Choice,
    /// Sent with `CONNECT`.
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug)]
enum Choice {
    /// None at all.
    Direct,
    /// This one, but not to those on the list, if there is one.
    Given(Proxy, Option<String>),
    /// The one for plain targets, the one for TLS, and those who are reached without.
    Environment([Option<Proxy>; 2], String),
}

impl Proxies {
    /// `variable` reads the environment.
    ///
    /// # Errors
    /// A URL that is none, in the settings or in the environment, or a header that no request can have.
    pub(super) fn new(config: &Config, variable: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let choice = match &config.proxy_url {
            Some(url) => Choice::Given(Proxy::parse(url.reveal())?, given(&config.no_proxy)),
            None if config.proxy_from_environment => {
                let named = |tls| {
                    let named = proxies::variable(tls, &variable);
                    let parsed = named.map(|(name, url)| {
                        Proxy::parse(&url).map_err(|error| Error::from(format!("{name}: {error}")))
                    });
                    parsed.transpose()
                };
                let exempt = proxies::exempt(&variable).unwrap_or_default();
                Choice::Environment([named(false)?, named(true)?], exempt)
            }
            None => Choice::Direct,
        };
        let mut headers = Vec::new();
        for (name, values) in &config.proxy_connect_header {
            for value in values {
                headers.push(super::check::header(name, value)?);
            }
        }
        Ok(Self { choice, headers })
    }

    /// The one that leads to `target`.
    pub(super) fn to(&self, target: &Target) -> Option<&Proxy> {
        let (host, port) = (target.host(), target.port);
        let exempt = |list: &str| is_loopback(&host) || is_exempt(&host, port, list);
        match &self.choice {
            Choice::Direct => None,
            Choice::Given(_, Some(list)) if exempt(list) => None,
            Choice::Given(proxy, _) => Some(proxy),
            Choice::Environment(_, list) if exempt(list) => None,
            Choice::Environment(proxies, _) => proxies[usize::from(target.is_https())].as_ref(),
        }
    }
}

fn given(list: &str) -> Option<String> {
    (!list.trim().is_empty()).then(|| list.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;
    use vigie_pipeline::secret::Secret;

    fn leads(config: &Config, url: &str) -> Option<String> {
        let variables = [("HTTP_PROXY", "a:1"), ("https_proxy", "https://b"), ("NO_PROXY", ".corp.example")];
        let read = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, v)| (*v).to_owned());
        let proxies = Proxies::new(config, read).unwrap();
        let found = proxies.to(&Target::parse(url).unwrap());
        found.map(|proxy| format!("{}:{}{}", proxy.host, proxy.port, if proxy.tls { " in TLS" } else { "" }))
    }

    #[test]
    fn the_environment_is_asked_only_if_it_is_to_be() {
        assert_eq!(leads(&Config::default(), "http://x.example"), None);
        let config = Config { proxy_from_environment: true, ..Config::default() };
        assert_eq!(leads(&config, "http://x.example").unwrap(), "a:1");
        assert_eq!(leads(&config, "https://x.example").unwrap(), "b:443 in TLS");
        assert_eq!(leads(&config, "https://x.corp.example"), None);
        assert_eq!(leads(&config, "http://127.0.0.1"), None);
    }

    #[test]
    fn a_given_proxy_leads_everywhere_but_where_it_must_not() {
        let config = Config { proxy_url: Some(Secret::new("http://p:3128")), ..Config::default() };
        assert_eq!(leads(&config, "http://127.0.0.1").unwrap(), "p:3128");
        let config = Config { no_proxy: "10.0.0.0/8,x.example:81".into(), ..config };
        assert_eq!(leads(&config, "https://10.1.2.3"), None);
        assert_eq!(leads(&config, "http://x.example:81"), None);
        assert_eq!(leads(&config, "http://x.example").unwrap(), "p:3128");
    }

    #[test]
    fn credentials_are_sent_and_not_shown() {
        let proxy = Proxy::parse("http://us%65r:p%40ss@a:1/").unwrap();
        let authorization = proxy.authorization.as_ref().unwrap();
        assert_eq!(authorization, &format!("Basic {}", BASE64_STANDARD.encode("user:p@ss")));
        assert!(!format!("{proxy:?}").contains("dXNlc"));
        for wrong in ["socks5://user:hunter2@a:1", "http://user:hunter2@", "http://user:hunter2@a:1/path"] {
            assert!(!Proxy::parse(wrong).unwrap_err().to_string().contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_proxy_or_none(text in "\\PC{0,60}") {
            let _ = Proxy::parse(&text);
        }
    }
}
