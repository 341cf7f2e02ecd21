//! One run of an HTTP probe: round trip after round trip, until a response is not a redirect, and the verdict.

use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, COOKIE,
    HOST, LAST_MODIFIED, LOCATION, USER_AGENT, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use regex::bytes::Regex;
use tokio::net::TcpStream;
use vigie_pipeline::budget::{Reservation, Share};
use vigie_pipeline::plug::{Error, Surroundings};

use super::connection::{Connection, Stream};
use super::credentials::Credentials;
use super::rules::Rules;
use super::{Config, header, method};
use crate::probes::Shared;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::record::{Record, Response};
use crate::probes::target::{Endpoint, Target, TargetError};
use crate::probes::tls::Tls;

/// As Go's client and so blackbox_exporter.
const MAX_REDIRECTS: u16 = 10;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("vigie/", env!("CARGO_PKG_VERSION")));
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// An HTTP probe, ready to run again and again.
#[derive(Debug)]
pub(in crate::probes) struct Prober {
    config: Config,
    target: Target,
    method: Method,
    /// Without `Host`.
    headers: HeaderMap,
    /// `Host`, if the configuration sets it.
    host: Option<String>,
    credentials: Option<Credentials>,
    rules: Rules,
    /// Made when first needed: a plain target may redirect to one with TLS.
    tls: OnceLock<Tls>,
    shared: Arc<Shared>,
    clock: vigie_pipeline::clock::Clock,
    memory: Share,
}

/// The request as redirects change it.
struct Asking<'a> {
    target: Cow<'a, Target>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
    /// `Host`, if it is not the target's own.
    host: Option<&'a str>,
    /// Credentials may be sent.
    trusted: bool,
    first: bool,
}

/// A body as far as it is to be searched, with the memory that it takes.
#[derive(Default)]
struct Body {
    kept: Vec<u8>,
    held: Vec<Reservation>,
}

impl Prober {
    /// # Errors
    /// What [`Config`]'s check would have said.
    pub(in crate::probes) fn new(
        config: &Config,
        shared: Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let target = Target::parse(&config.url)?;
        let mut headers = HeaderMap::new();
        let mut host = None;
        for (name, value) in &config.headers {
            match header(name, value)? {
                (HOST, value) => host = Some(value.to_str()?.to_owned()),
                (name, value) => drop(headers.insert(name, value)),
            }
        }
        headers.entry(USER_AGENT).or_insert(AGENT);
        let credentials = match (&config.basic_auth, &config.authorization) {
            (Some(basic), _) => Some(Credentials::basic(basic)?),
            (None, Some(other)) => Some(Credentials::other(other)?),
            (None, None) => None,
        };
        let regexes = |patterns: &[String]| patterns.iter().map(|p| Regex::new(p)).collect::<Result<_, _>>();
        let prober = Self {
            method: method(&config.method)?,
            headers,
            host,
            credentials,
            rules: Rules {
                valid_status_codes: config.valid_status_codes.clone(),
                valid_http_versions: config.valid_http_versions.clone(),
                fail_if_ssl: config.fail_if_ssl,
                fail_if_not_ssl: config.fail_if_not_ssl,
                body_refused: regexes(&config.fail_if_body_matches_regexp)?,
                body_wanted: regexes(&config.fail_if_body_not_matches_regexp)?,
            },
            tls: OnceLock::new(),
            shared,
            clock: surroundings.clock.clone(),
            memory: surroundings.budget.read.clone(),
            target,
            config: config.clone(),
        };
        if prober.target.is_https() {
            prober.tls()?;
        }
        Ok(prober)
    }

    /// What is probed.
    pub(in crate::probes) fn target(&self) -> &Target {
        &self.target
    }

    /// The method of the first request.
    pub(in crate::probes) fn method(&self) -> &Method {
        &self.method
    }

    fn tls(&self) -> Result<&Tls, Error> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let offers: &[&[u8]] = if self.config.enable_http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let tls = Tls::new(&self.config.tls_config, offers, &self.shared.trust, &self.clock)?;
        Ok(self.tls.get_or_init(|| tls))
    }

    fn now(&self) -> Instant {
        self.clock.monotonic()
    }

    /// Runs once. It may be dropped at any time; `record` then has what was found until then.
    pub(in crate::probes) async fn probe(
        &self,
        record: &mut Record,
        traceparent: Option<&HeaderValue>,
    ) -> Result<(), Failure> {
        let mut headers = self.headers.clone();
        if let Some(value) = traceparent {
            headers.insert(TRACEPARENT, value.clone());
        }
        let mut asking = Asking {
            target: Cow::Borrowed(&self.target),
            method: self.method.clone(),
            headers,
            body: Bytes::copy_from_slice(self.config.body.as_bytes()),
            host: self.host.as_deref(),
            trusted: true,
            first: true,
        };
        while let Some(location) = self.round_trip(&asking, record).await? {
            asking = self.redirect(asking, &location, record)?;
            record.timeline.next_hop(self.now());
        }
        Ok(())
    }

    /// Asks once and judges the response, unless it is a redirect to follow: then its `Location` is returned.
    async fn round_trip(&self, asking: &Asking<'_>, record: &mut Record) -> Result<Option<String>, Failure> {
        let mut connection = self.connect(asking, record).await?;
        let request = self.request(asking, connection.is_http2()).await?;
        let sent = connection.send(request).await;
        if let Some(at) = connection.first_byte() {
            record.timeline.enter(Phase::Transfer, at);
        }
        let phase = record.timeline.phase().unwrap_or(Phase::Processing);
        let response = sent.map_err(|error| Failure::of_hyper(phase, &error))?;
        record.timeline.proceed(Phase::Transfer, self.now());
        let (head, mut body) = response.into_parts();
        record.response = Some(Response {
            status: head.status.as_u16(),
            version: head.version,
            ssl: asking.target.is_https(),
            content_length: content_length(&head.headers),
            last_modified: head.headers.get(LAST_MODIFIED).and_then(http_date),
            body_bytes: 0,
        });
        let location = is_redirect(head.status).then(|| head.headers.get(LOCATION)).flatten();
        let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if let Some(location) = location.filter(|location| !location.is_empty()) {
            record.redirects += 1;
            if self.config.follow_redirects && record.redirects <= MAX_REDIRECTS {
                return Ok(Some(location));
            }
            if record.redirects > MAX_REDIRECTS {
                self.rules.judge_status(head.status.as_u16()).map_err(|_| {
                    Failure::new(Reason::TooManyRedirects, Phase::Processing, "stopped after 10 redirects")
                })?;
            }
            if !self.rules.read_body() {
                return self.judge(Ok(Body::default()), record).map(|()| None);
            }
        }
        let read = self.read_body(&mut connection, &mut body, record).await;
        record.timeline.close(self.now());
        self.judge(read, record).map(|()| None)
    }

    /// The verdict. A bad status says more than a body that broke off.
    fn judge(&self, body: Result<Body, Failure>, record: &mut Record) -> Result<(), Failure> {
        let Some(response) = &record.response else { return Ok(()) };
        self.rules.judge_status(response.status)?;
        let body = body?;
        if self.rules.read_body() {
            let verdict = self.rules.judge_body(&body.kept);
            record.regex_failed = Some(verdict.is_err());
            verdict?;
        }
        self.rules.judge_transport(response)
    }

    async fn connect(&self, asking: &Asking<'_>, record: &mut Record) -> Result<Connection, Failure> {
        let target = &asking.target;
        let addresses = match &target.endpoint {
            Endpoint::Address(ip) => vec![*ip],
            Endpoint::Name(name) => {
                record.timeline.enter(Phase::Resolve, self.now());
                let (preferred, fallback) =
                    (self.config.preferred_ip_protocol, self.config.ip_protocol_fallback);
                let mut all = self.shared.resolver.resolve(name, preferred, fallback, self.now()).await?;
                if asking.first {
                    // The target is what its first address is; a redirect is to be got at by any.
                    all.truncate(1);
                }
                all
            }
        };
        if asking.first {
            record.first_address = addresses.first().copied();
        }
        record.timeline.enter(Phase::Connect, self.now());
        let tcp = connect_to_any(&addresses, target.port, record).await?;
        let stream = if target.is_https() {
            record.timeline.enter(Phase::Tls, self.now());
            let tls = self.tls().map_err(|error| Failure::new(Reason::TlsHandshake, Phase::Tls, error))?;
            let name = self.server_name(asking);
            Stream::Tls(Box::new(tls.connect(&name, tcp, &mut record.session).await?))
        } else {
            record.session = None;
            Stream::Plain(tcp)
        };
        record.timeline.enter(Phase::Processing, self.now());
        Connection::open(stream, &self.clock)
            .await
            .map_err(|error| Failure::of_hyper(Phase::Processing, &error))
    }

    /// The name that the certificate must have.
    fn server_name(&self, asking: &Asking<'_>) -> String {
        let at_home = asking.target.authority() == self.target.authority();
        match &self.config.tls_config.server_name {
            Some(name) if at_home => name.clone(),
            _ => match asking.host {
                Some(host) => without_port(host).to_owned(),
                None => asking.target.host(),
            },
        }
    }

    async fn request(&self, asking: &Asking<'_>, http2: bool) -> Result<Request<Full<Bytes>>, Failure> {
        let failed = |reason, error: &dyn std::fmt::Display| Failure::new(reason, Phase::Processing, error);
        let authority = asking.host.unwrap_or_else(|| asking.target.authority());
        let mut headers = asking.headers.clone();
        let uri = if http2 {
            asking.target.absolute_form(authority).map_err(|error| failed(Reason::HttpProtocol, &error))?
        } else {
            let host = HeaderValue::from_str(authority);
            headers.insert(HOST, host.map_err(|error| failed(Reason::HttpProtocol, &error))?);
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
            asking.target.origin_form().map_err(|error| failed(Reason::HttpProtocol, &error))?
        };
        if let Some(credentials) = self.credentials.as_ref().filter(|_| asking.trusted) {
            let value = credentials.header().await;
            headers.insert(AUTHORIZATION, value.map_err(|error| failed(Reason::Credentials, &error))?);
        }
        let mut request = Request::new(Full::new(asking.body.clone()));
        *request.method_mut() = asking.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// What to ask after a redirect.
    fn redirect<'a>(
        &'a self,
        asking: Asking<'a>,
        location: &str,
        record: &Record,
    ) -> Result<Asking<'a>, Failure> {
        let target = asking.target.redirected(location).map_err(|error: TargetError| {
            Failure::new(Reason::BadRedirect, Phase::Processing, format_args!("Location: {error}"))
        })?;
        let trusted = asking.trusted && self.target.trusts(&target);
        let mut headers = asking.headers;
        if !trusted {
            for name in [AUTHORIZATION, COOKIE, WWW_AUTHENTICATE] {
                headers.remove(name);
            }
        }
        let status = record.response.as_ref().map_or(0, |response| response.status);
        let keeps = matches!(status, 307 | 308);
        let (method, body) = match keeps {
            true => (asking.method, asking.body),
            false => {
                for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE] {
                    headers.remove(name);
                }
                let method = if asking.method == Method::HEAD { Method::HEAD } else { Method::GET };
                (method, Bytes::new())
            }
        };
        let same = target.authority() == asking.target.authority();
        let host = asking.host.filter(|_| same);
        Ok(Asking { target: Cow::Owned(target), method, headers, body, host, trusted, first: false })
    }

    /// Reads the body to its end, and holds it where it is to be searched.
    async fn read_body(
        &self,
        connection: &mut Connection,
        body: &mut Incoming,
        record: &mut Record,
    ) -> Result<Body, Failure> {
        let limit = match self.config.body_size_limit.0 {
            0 => u64::MAX,
            limit => limit,
        };
        let too_large = |what| Err(Failure::new(Reason::BodyTooLarge, Phase::Transfer, what));
        let keeps = self.rules.read_body();
        let mut whole = Body::default();
        while let Some(frame) = connection.frame(body).await {
            let frame = frame.map_err(|error| Failure::of_hyper(Phase::Transfer, &error))?;
            let Some(data) = frame.data_ref() else { continue };
            let read = record.response.as_mut().map_or(0, |response| {
                response.body_bytes += data.len() as u64;
                response.body_bytes
            });
            if read > limit {
                return too_large("longer than body_size_limit");
            }
            if keeps {
                let Some(room) = self.memory.try_reserve(data.len()) else {
                    return too_large("no memory left to search it");
                };
                whole.held.push(room);
                whole.kept.extend_from_slice(data);
            }
        }
        Ok(whole)
    }
}

/// Connects to the first of the addresses that answers.
async fn connect_to_any(addresses: &[IpAddr], port: u16, record: &mut Record) -> Result<TcpStream, Failure> {
    let mut last = io::Error::other("no address");
    for ip in addresses {
        let peer = SocketAddr::new(*ip, port);
        record.peer = Some(peer);
        match TcpStream::connect(peer).await {
            Ok(tcp) => {
                // Without it a request waits for nothing; a failure costs time, not truth.
                let _ = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Err(error) => last = error,
        }
    }
    Err(Failure::of_io(Phase::Connect, &last))
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` in Unix time.
fn http_date(value: &HeaderValue) -> Option<i64> {
    static PARSER: jiff::fmt::rfc2822::DateTimeParser = jiff::fmt::rfc2822::DateTimeParser::new();
    Some(PARSER.parse_timestamp(value.to_str().ok()?).ok()?.as_second())
}

/// The host of `host:port`, without the brackets of an IPv6 address.
fn without_port(host: &str) -> &str {
    if let Some((address, _)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return address;
    }
    host.split_once(':').map_or(host, |(name, _)| name)
}
