//! One run of an HTTP probe: round trip after round trip, until a response is not a redirect, and the verdict.

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, LAST_MODIFIED, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::net::TcpStream;

use super::asking::Asking;
use super::body::{self, Body, Sink};
use super::connection::Connection;
use super::metrics;
use super::prober::Prober;
use super::response::Response;
use super::target::{Endpoint, Target};
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::prober::Aim;
use crate::probes::record::Record;
use crate::probes::stream::Stream;
use crate::probes::tls;

/// As Go's client and so blackbox_exporter.
const MAX_REDIRECTS: u16 = 10;

pub(in crate::probes) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

impl Prober {
    /// Runs once against `home`.
    pub(super) async fn run(&self, home: &Target, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let mut headers = self.headers.clone();
        if let Some(trace) = aim.trace {
            headers.insert(TRACEPARENT, trace.traceparent());
        }
        let mut asking = Asking {
            home,
            target: Cow::Borrowed(home),
            method: self.method.clone(),
            headers,
            body: self.body(record).await?,
            host: self.host.as_deref().or(aim.hostname),
            trusted: true,
            first: true,
        };
        while let Some(location) = self.round_trip(&asking, aim, record).await? {
            asking = asking.redirected(metrics::status(record), &location)?;
            let now = record.now();
            record.timeline.next_hop(now);
        }
        Ok(())
    }

    /// What is sent as the body.
    async fn body(&self, record: &mut Record) -> Result<Bytes, Failure> {
        let Some(file) = &self.config.body_file else {
            return Ok(Bytes::copy_from_slice(self.config.body.as_bytes()));
        };
        record.note(|| format!("sending {}", file.display()));
        body::read_file(file).await
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
        let location = is_redirect(head.status).then(|| response.headers.get(LOCATION)).flatten();
        let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        if let Some(location) = location.filter(|location| !location.is_empty()) {
            let redirects = metrics::redirected(record);
            if self.config.follow_redirects && redirects <= MAX_REDIRECTS {
                return Ok(Some(location));
            }
            if redirects > MAX_REDIRECTS {
                self.rules.judge_status(response.status).map_err(|_| {
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
        if self.rules.read_headers() {
            let verdict = self.rules.judge_headers(&response.headers);
            metrics::regex(verdict.is_err(), record);
            verdict?;
        }
        let body = body?;
        if self.rules.read_body() {
            let verdict = self.rules.judge_body(body.bytes());
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
        let authority = asking.authority();
        let mut headers = asking.headers.clone();
        let uri = if http2 {
            asking.target.absolute_form(authority).map_err(|error| failed(Reason::HttpProtocol, &error))?
        } else {
            let host = HeaderValue::from_str(authority);
            headers.insert(HOST, host.map_err(|error| failed(Reason::HttpProtocol, &error))?);
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
            asking.target.origin_form().map_err(|error| failed(Reason::HttpProtocol, &error))?
        };
        if asking.trusted {
            for (name, values) in &self.secret_headers {
                values.add_secrets(name, &mut headers, record).await?;
            }
            if let Some(credentials) = &self.credentials {
                headers.insert(AUTHORIZATION, credentials.header(record).await?);
            }
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
        record: &mut Record,
    ) -> Result<Body, Failure> {
        let memory = self.rules.read_body().then(|| self.memory.clone());
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
