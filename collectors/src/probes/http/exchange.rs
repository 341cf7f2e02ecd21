//! One run of an HTTP probe: round trip after round trip, until a response is not a redirect, and the verdict.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, COOKIE, HOST, LAST_MODIFIED, LOCATION, PROXY_AUTHORIZATION,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::TcpStream;

use super::asking::Asking;
use super::body::{self, Body, Sink};
use super::cookies::Jar;
use super::credentials::Credentials;
use super::prober::Prober;
use super::proxy::{self, Proxy};
use super::response::Response;
use super::target::{Endpoint, Target};
use super::{json, metrics};
use crate::probes::connection::Connection;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::prober::Aim;
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls;

/// As Go's client and so blackbox_exporter.
const MAX_REDIRECTS: u16 = 10;

pub(in crate::probes) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What is asked for beside what the settings say.
#[derive(Debug)]
pub(in crate::probes) struct Ask<'a> {
    pub(in crate::probes) target: &'a Target,
    /// Instead of those of the same names; they go only to where they are meant for.
    pub(in crate::probes) headers: HeaderMap,
    /// Instead of the one of the settings.
    pub(in crate::probes) body: Option<Bytes>,
    pub(in crate::probes) cookies: &'a mut Jar,
    /// Whether the body is wanted.
    pub(in crate::probes) keep: bool,
}

/// A response that was found good.
#[derive(Debug)]
pub(in crate::probes) struct Answer {
    pub(in crate::probes) response: Response,
    /// Nothing if it was not wanted.
    pub(in crate::probes) body: Body,
}

/// How a request gets to its target.
enum Way<'a> {
    /// Over a connection, or a tunnel, of its own.
    Direct,
    /// It is handed to this proxy, which is to ask for it at this place.
    Proxy(&'a Proxy, String),
}

/// What becomes of one round trip.
enum Turn {
    /// A `Location` to follow.
    Redirect(String),
    Answer(Answer),
}

impl Prober {
    /// Asks, follows redirects, and judges the last response.
    pub(in crate::probes) async fn exchange(
        &self,
        ask: Ask<'_>,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<Answer, Failure> {
        let mut asking = self.asking(&ask, aim, record).await?;
        let Ask { cookies, keep, .. } = ask;
        loop {
            match self.round_trip(&asking, aim, cookies, keep, record).await? {
                Turn::Answer(answer) => return Ok(answer),
                Turn::Redirect(location) => {
                    asking = asking.redirected(metrics::status(record), &location)?;
                    let now = record.now();
                    record.timeline.next_hop(now);
                }
            }
        }
    }

    /// The first request.
    async fn asking<'a>(
        &'a self,
        ask: &Ask<'a>,
        aim: &Aim<'a>,
        record: &mut Record,
    ) -> Result<Asking<'a>, Failure> {
        let (mut headers, mut secret) = (self.headers.clone(), HeaderMap::new());
        if let Some(trace) = aim.trace {
            headers.insert(TRACEPARENT, trace.traceparent());
        }
        for (name, values) in &self.secret_headers {
            // With those that may be seen before them, as these take their place.
            for value in headers.get_all(name) {
                secret.append(name, value.clone());
            }
            values.add_secrets(name, &mut secret, record).await?;
        }
        if let Some(credentials) = &self.credentials {
            secret.insert(AUTHORIZATION, credentials.header(record).await?);
        }
        for (name, value) in &ask.headers {
            headers.remove(name);
            secret.insert(name, value.clone());
        }
        let body = match (&ask.body, &self.config.body_file) {
            (Some(body), _) => body.clone(),
            (None, Some(file)) => body::read_file(file).await?,
            (None, None) => Bytes::copy_from_slice(self.config.body.as_bytes()),
        };
        Ok(Asking {
            home: ask.target,
            target: Cow::Borrowed(ask.target),
            method: self.method.clone(),
            headers,
            secret,
            body,
            host: self.host.as_deref().or(aim.hostname),
            trusted: true,
            first: true,
        })
    }

    /// Asks once and judges the response, unless it is a redirect to follow.
    async fn round_trip(
        &self,
        asking: &Asking<'_>,
        aim: &Aim<'_>,
        cookies: &mut Jar,
        keep: bool,
        record: &mut Record,
    ) -> Result<Turn, Failure> {
        let (mut connection, way) = self.connect(asking, aim, record).await?;
        let request = self.request(asking, &way, connection.is_http2(), cookies, record)?;
        let sent = connection.send(request, |at| record.timeline.enter(Phase::Transfer, at)).await;
        let phase = record.timeline.phase().unwrap_or(Phase::Processing);
        let response = sent.map_err(|error| Failure::of_hyper(phase, &error))?;
        let now = record.now();
        record.timeline.proceed(Phase::Transfer, now);
        let (head, mut body) = response.into_parts();
        let response = Response {
            status: head.status.as_u16(),
            version: head.version,
            ssl: asking.target.is_https(),
            content_length: content_length(head.status, &head.headers),
            last_modified: head.headers.get(LAST_MODIFIED).and_then(http_date),
            headers: head.headers,
        };
        metrics::response(&response, record);
        record.excerpt.restart();
        record.note(|| format!("received {} over {:?}", head.status, head.version));
        cookies.store(&asking.target, &response.headers, self.unix_time());
        if let (401, Some(Credentials::Token(tokens))) = (response.status, &self.credentials) {
            tokens.forget().await;
        }
        let location = is_redirect(head.status).then(|| response.headers.get(LOCATION)).flatten();
        let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let keep = keep || self.rules.read_body();
        if let Some(location) = location.filter(|location| !location.is_empty()) {
            let redirects = metrics::redirected(record);
            if self.config.follow_redirects && redirects <= MAX_REDIRECTS {
                return Ok(Turn::Redirect(location));
            }
            if redirects > MAX_REDIRECTS {
                self.rules.judge_status(response.status).map_err(|_| {
                    Failure::new(Reason::TooManyRedirects, Phase::Processing, "stopped after 10 redirects")
                })?;
            }
            if !keep {
                return self.judge(response, Ok(Body::default()), record).map(Turn::Answer);
            }
        }
        let read = self.read_body(&mut connection, &mut body, keep, record).await;
        let now = record.now();
        record.timeline.close(now);
        self.judge(response, read, record).map(Turn::Answer)
    }

    /// The wall clock, in seconds since the Unix epoch.
    fn unix_time(&self) -> i64 {
        (self.clock.unix_nanos() / 1_000_000_000).cast_signed()
    }

    /// The verdict. A bad status says more than a body that broke off.
    fn judge(
        &self,
        response: Response,
        body: Result<Body, Failure>,
        record: &mut Record,
    ) -> Result<Answer, Failure> {
        self.rules.judge_status(response.status)?;
        if self.rules.read_headers() {
            let verdict = self.rules.judge_headers(&response.headers);
            metrics::regex(verdict.is_err(), record);
            verdict?;
        }
        let body = body?;
        if self.rules.search_body() {
            let verdict = self.rules.judge_body(body.bytes());
            metrics::regex(verdict.is_err(), record);
            verdict?;
        }
        if self.rules.read_json() {
            let verdict = json::parse(body.bytes(), &self.memory, |value| self.rules.judge_json(value));
            metrics::json(verdict.is_err(), record);
            verdict?;
        }
        self.rules.judge_transport(&response)?;
        Ok(Answer { response, body })
    }

    /// The way to the target, plain or in TLS, through a proxy or not.
    async fn connect(
        &self,
        asking: &Asking<'_>,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<(Connection, Way<'_>), Failure> {
        let target = &asking.target;
        let (stream, way) = match self.proxies.to(target) {
            Some(proxy) => self.connect_through(proxy, asking, aim, record).await?,
            None if asking.first => {
                let tcp = self.dial.reach(&target.host(), target.port, aim, record).await?;
                (Stream::Tcp(tcp), Way::Direct)
            }
            None => (Stream::Tcp(self.follow(target, record).await?), Way::Direct),
        };
        let stream = if target.is_https() {
            let tls = self.tls().map_err(|error| Failure::new(Reason::TlsHandshake, Phase::Tls, error))?;
            tls.connect(&self.server_name(asking), stream, record).await?
        } else {
            tls::forget(&mut record.findings);
            stream
        };
        record.enter(Phase::Processing);
        let http2 = stream.alpn() == Some(b"h2");
        let connection = Connection::open(stream, http2, &self.clock).await;
        let connection = connection.map_err(|error| Failure::of_hyper(Phase::Processing, &error))?;
        Ok((connection, way))
    }

    /// The way through a proxy, for TLS as far as the tunnel.
    async fn connect_through<'p>(
        &self,
        proxy: &'p Proxy,
        asking: &Asking<'_>,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<(Stream, Way<'p>), Failure> {
        let target = &asking.target;
        let host = if asking.first && !self.config.skip_resolve_phase_with_proxy {
            match self.dial.resolve(&target.host(), aim, record).await? {
                IpAddr::V4(ip) => ip.to_string(),
                IpAddr::V6(ip) => format!("[{ip}]"),
            }
        } else {
            self.dial.shared.guard.admit_elsewhere(target.bracketed_host(), record)?;
            target.bracketed_host().to_owned()
        };
        let mut stream = self.reach_proxy(proxy, record).await?;
        if !target.is_https() {
            return Ok((stream, Way::Proxy(proxy, host + target.explicit_port())));
        }
        let place = format!("{host}:{}", target.port);
        proxy.open_tunnel(&mut stream, &place, &self.proxies.headers).await?;
        record.note(|| format!("the proxy has connected to {place}"));
        Ok((stream, Way::Direct))
    }

    async fn reach_proxy(&self, proxy: &Proxy, record: &mut Record) -> Result<Stream, Failure> {
        record.note(|| format!("asking the proxy {}:{}", proxy.host, proxy.port));
        let address = match proxy.host.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => self.dial.addresses(&proxy.host, record).await.map_err(proxy::unreachable)?[0],
        };
        let tcp = self.dial.connect_as_configured(SocketAddr::new(address, proxy.port), record).await;
        let stream = Stream::Tcp(tcp.map_err(proxy::unreachable)?);
        if !proxy.tls {
            return Ok(stream);
        }
        let tls = self.proxy_tls().map_err(|error| Failure::new(Reason::TlsHandshake, Phase::Tls, error))?;
        let stream = tls.connect(&proxy.host, stream, record).await.map_err(proxy::unreachable)?;
        record.enter(Phase::Connect);
        Ok(stream)
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

    fn request(
        &self,
        asking: &Asking<'_>,
        way: &Way<'_>,
        http2: bool,
        cookies: &Jar,
        record: &mut Record,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let failed =
            |error: &dyn std::fmt::Display| Failure::new(Reason::HttpProtocol, Phase::Processing, error);
        let authority = asking.authority();
        let mut headers = asking.headers.clone();
        if asking.trusted {
            headers.extend(asking.secret.clone());
        }
        let uri = match way {
            _ if http2 => asking.target.absolute_form(authority).map_err(|error| failed(&error))?,
            Way::Direct => asking.target.origin_form().map_err(|error| failed(&error))?,
            Way::Proxy(proxy, place) => {
                if let Some(authorization) = &proxy.authorization {
                    headers.insert(PROXY_AUTHORIZATION, authorization.clone());
                }
                asking.target.absolute_form(place).map_err(|error| failed(&error))?
            }
        };
        if !http2 {
            headers.insert(HOST, HeaderValue::from_str(authority).map_err(|error| failed(&error))?);
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(own) = cookies.header(&asking.target, self.unix_time()) {
            cookies.values().for_each(|value| record.excerpt.hide(value));
            headers.append(COOKIE, own);
        }
        let mut request = Request::new(Full::new(asking.body.clone()));
        *request.method_mut() = asking.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Reads the body to its end, and holds it where it is to be searched.
    async fn read_body(
        &self,
        connection: &mut Connection,
        body: &mut Incoming,
        keep: bool,
        record: &mut Record,
    ) -> Result<Body, Failure> {
        let memory = keep.then(|| self.memory.clone());
        let mut sink = Sink::new(self.config.compression, self.config.body_size_limit.0, memory);
        while let Some(frame) = connection.frame(body).await {
            let frame = frame.map_err(|error| Failure::of_hyper(Phase::Transfer, &error))?;
            let Some(data) = frame.data_ref() else { continue };
            sink.feed(data, record).await?;
        }
        sink.finish()
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The length that is announced; that of an answer that never has a body is known without.
fn content_length(status: StatusCode, headers: &HeaderMap) -> Option<u64> {
    if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        return Some(0);
    }
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
