//! One run of an HTTP probe: round trip after round trip, until a response is not a redirect, and the verdict.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
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

use super::connection::Connection;
use super::credentials::Credentials;
use super::metrics;
use super::response::Response;
use super::rules::Rules;
use super::target::{Endpoint, Target, TargetError};
use super::{Config, header, method};
use crate::probes::Shared;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls::{self, Tls};

/// As Go's client and so blackbox_exporter.
const MAX_REDIRECTS: u16 = 10;

const AGENT: HeaderValue = HeaderValue::from_static(concat!("vigie/", env!("CARGO_PKG_VERSION")));
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// An HTTP probe, ready to run again and again.
#[derive(Debug)]
pub(super) struct Prober {
    config: Config,
    dial: Dial,
    method: Method,
    /// Without `Host`.
    headers: HeaderMap,
    /// `Host`, if the configuration sets it.
    host: Option<String>,
    credentials: Option<Credentials>,
    rules: Rules,
    /// Made when first needed: a plain target may redirect to one with TLS.
    tls: OnceLock<Tls>,
    clock: vigie_pipeline::clock::Clock,
    memory: Share,
}

/// The request as redirects change it.
struct Asking<'a> {
    /// Where the run began.
    home: &'a Target,
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
    pub(super) fn new(
        config: &Config,
        shared: &Arc<Shared>,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
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
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: None,
            },
            clock: surroundings.clock.clone(),
            memory: surroundings.budget.read.clone(),
            config: config.clone(),
        };
        if config.url.starts_with("https") {
            prober.tls()?;
        }
        Ok(prober)
    }

    fn tls(&self) -> Result<&Tls, Error> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls);
        }
        let offers: &[&[u8]] = if self.config.enable_http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let tls = Tls::new(&self.config.tls_config, offers, &self.dial.shared.trust, &self.clock)?;
        Ok(self.tls.get_or_init(|| tls))
    }

    /// Runs once against `home`.
    async fn run(&self, home: &Target, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let mut headers = self.headers.clone();
        if let Some(trace) = aim.trace {
            headers.insert(TRACEPARENT, trace.traceparent());
        }
        let mut asking = Asking {
            home,
            target: Cow::Borrowed(home),
            method: self.method.clone(),
            headers,
            body: Bytes::copy_from_slice(self.config.body.as_bytes()),
            host: self.host.as_deref().or(aim.hostname),
            trusted: true,
            first: true,
        };
        while let Some(location) = self.round_trip(&asking, aim, record).await? {
            asking = self.redirect(asking, &location, record)?;
            let now = record.now();
            record.timeline.next_hop(now);
        }
        Ok(())
    }

    /// Asks once and judges the response, unless it is a redirect to follow: then its `Location` is returned.
    async fn round_trip(
        &self,
        asking: &Asking<'_>,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<Option<String>, Failure> {
        let mut connection = self.connect(asking, aim, record).await?;
        let request = self.request(asking, connection.is_http2(), record).await?;
        let sent = connection.send(request).await;
        if let Some(at) = connection.first_byte() {
            record.timeline.enter(Phase::Transfer, at);
        }
        let phase = record.timeline.phase().unwrap_or(Phase::Processing);
        let response = sent.map_err(|error| Failure::of_hyper(phase, &error))?;
        let now = record.now();
        record.timeline.proceed(Phase::Transfer, now);
        let (head, mut body) = response.into_parts();
        let response = Response {
            status: head.status.as_u16(),
            version: head.version,
            ssl: asking.target.is_https(),
            content_length: content_length(&head.headers),
            last_modified: head.headers.get(LAST_MODIFIED).and_then(http_date),
        };
        metrics::response(&response, record);
        record.excerpt.restart();
        record.note(|| format!("received {} over {:?}", head.status, head.version));
        let location = is_redirect(head.status).then(|| head.headers.get(LOCATION)).flatten();
        let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if let Some(location) = location.filter(|location| !location.is_empty()) {
            let redirects = metrics::redirected(record);
            if self.config.follow_redirects && redirects <= MAX_REDIRECTS {
                return Ok(Some(location));
            }
            if redirects > MAX_REDIRECTS {
                self.rules.judge_status(head.status.as_u16()).map_err(|_| {
                    Failure::new(Reason::TooManyRedirects, Phase::Processing, "stopped after 10 redirects")
                })?;
            }
            if !self.rules.read_body() {
                return self.judge(&response, Ok(Body::default()), record).map(|()| None);
            }
        }
        let read = self.read_body(&mut connection, &mut body, record).await;
        let now = record.now();
        record.timeline.close(now);
        self.judge(&response, read, record).map(|()| None)
    }

    /// The verdict. A bad status says more than a body that broke off.
    fn judge(
        &self,
        response: &Response,
        body: Result<Body, Failure>,
        record: &mut Record,
    ) -> Result<(), Failure> {
        self.rules.judge_status(response.status)?;
        let body = body?;
        if self.rules.read_body() {
            let verdict = self.rules.judge_body(&body.kept);
            metrics::regex(verdict.is_err(), record);
            verdict?;
        }
        self.rules.judge_transport(response)
    }

    async fn connect(
        &self,
        asking: &Asking<'_>,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<Connection, Failure> {
        let target = &asking.target;
        let tcp = if asking.first {
            self.dial.reach(&target.host(), target.port, aim, record).await?
        } else {
            self.follow(target, record).await?
        };
        let stream = if target.is_https() {
            let tls = self.tls().map_err(|error| Failure::new(Reason::TlsHandshake, Phase::Tls, error))?;
            tls.connect(&self.server_name(asking), Stream::Tcp(tcp), record).await?
        } else {
            tls::forget(&mut record.findings);
            Stream::Tcp(tcp)
        };
        record.enter(Phase::Processing);
        Connection::open(stream, &self.clock)
            .await
            .map_err(|error| Failure::of_hyper(Phase::Processing, &error))
    }

    /// Connects to where a redirect leads: it is to be got at by any address.
    async fn follow(&self, target: &Target, record: &mut Record) -> Result<TcpStream, Failure> {
        let addresses: Vec<IpAddr> = match &target.endpoint {
            Endpoint::Address(ip) => vec![*ip],
            Endpoint::Name(name) => self.dial.addresses(name, record).await?,
        };
        let mut failed = None;
        for ip in addresses {
            match self.dial.connect(SocketAddr::new(ip, target.port), record).await {
                Ok(tcp) => return Ok(tcp),
                Err(failure) => failed = Some(failure),
            }
        }
        Err(failed.unwrap_or_else(|| Failure::new(Reason::DnsNoAddress, Phase::Resolve, "no address")))
    }

    /// The name that the certificate must have.
    fn server_name(&self, asking: &Asking<'_>) -> String {
        let at_home = asking.target.authority() == asking.home.authority();
        match &self.config.tls_config.server_name {
            Some(name) if at_home => name.clone(),
            _ => match asking.host {
                Some(host) => without_port(host).to_owned(),
                None => asking.target.host(),
            },
        }
    }

    async fn request(
        &self,
        asking: &Asking<'_>,
        http2: bool,
        record: &mut Record,
    ) -> Result<Request<Full<Bytes>>, Failure> {
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
            let value = value.map_err(|error| failed(Reason::Credentials, &error))?;
            if let Some((_, secret)) = value.to_str().ok().and_then(|value| value.split_once(' ')) {
                record.excerpt.hide(secret);
            }
            headers.insert(AUTHORIZATION, value);
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
        let trusted = asking.trusted && asking.home.trusts(&target);
        let mut headers = asking.headers;
        if !trusted {
            for name in [AUTHORIZATION, COOKIE, WWW_AUTHENTICATE] {
                headers.remove(name);
            }
        }
        let keeps = matches!(metrics::status(record), 307 | 308);
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
        let home = asking.home;
        Ok(Asking { home, target: Cow::Owned(target), method, headers, body, host, trusted, first: false })
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
        let mut read = 0;
        while let Some(frame) = connection.frame(body).await {
            let frame = frame.map_err(|error| Failure::of_hyper(Phase::Transfer, &error))?;
            let Some(data) = frame.data_ref() else { continue };
            read += data.len() as u64;
            metrics::body(read, record);
            record.excerpt.add(data);
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

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        Some(metrics::PHASES)
    }

    fn declare(&self, findings: &mut Findings) {
        Dial::declare(findings);
        metrics::declare(findings);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let target = Target::parse(aim.target)
            .map_err(|error| Failure::new(Reason::HttpProtocol, Phase::Resolve, error))?;
        record.about.text("http.request.method", self.method.as_str());
        record.about.text("url.full", target.to_string());
        record.about.text("server.address", target.host());
        record.about.number("server.port", target.port);
        self.run(&target, aim, record).await
    }

    fn host(&self, target: &str) -> Option<Host> {
        Target::parse(target).ok().map(|target| self.dial.host(target.host()))
    }

    fn timed_out(&self, phase: Phase) -> Reason {
        match phase {
            Phase::Processing | Phase::Transfer => Reason::HttpTimeout,
            other => other.timed_out(),
        }
    }

    fn span_name(&self) -> &str {
        self.method.as_str()
    }
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
