//! Brings reports to the agent: by HTTP, or in a file that waits for it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use vigie_collectors::jobs::{self, DEFAULT_ADDRESS, Report};
use vigie_config::Origin;

use super::say;

/// How long one try may take.
const TRY: Duration = Duration::from_secs(2);
/// How long after the end of the program it is tried again.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long it waits between two tries.
const PAUSE: Duration = Duration::from_millis(250);
/// Of an answer that is shown no more than this is read, in bytes.
const MAX_ANSWER: usize = 4 << 10;

/// See the module.
pub(super) struct Courier {
    /// Where the agent listens, if it does.
    url: Option<Uri>,
    state_dir: PathBuf,
    /// While it is told of the start.
    announcing: Option<JoinHandle<()>>,
}

/// Why the agent does not have a report.
#[derive(Debug, thiserror::Error)]
enum Undelivered {
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Unreachable(String),
}

impl Courier {
    /// To the agent at `url`, or where the configuration says that it listens. One that cannot be read says nothing:
    /// who runs jobs need not be who may read it.
    pub(super) fn new(origin: &Origin, url: Option<&str>) -> Self {
        let loaded = origin.load().ok();
        let given = url.map(|url| parse(url).map_err(|error| say(&format!("{url}: {error}"))).ok());
        let configured = || match &loaded {
            Some(loaded) if !loaded.files.is_empty() => {
                loaded.config.collectors.jobs.address().and_then(reachable)
            }
            _ => DEFAULT_ADDRESS.parse().ok(),
        };
        let url = given.unwrap_or_else(|| parse(&format!("http://{}", configured()?)).ok());
        let config = loaded.map(|loaded| loaded.config).unwrap_or_default();
        Self { url, state_dir: config.agent.state_dir, announcing: None }
    }

    /// Tells of a start, beside everything else. If nobody hears it, the end says it all.
    pub(super) fn announce(&mut self, report: &Report) {
        let Some(url) = self.url.clone() else { return };
        let body = report.to_json();
        let announce = std::thread::Builder::new().spawn(move || drop(post(&url, &body)));
        self.announcing = announce.ok();
    }

    /// Tells of an end, or leaves it for the agent. `is_hurried` says that there is no time to try again.
    pub(super) fn deliver(&mut self, report: &Report, is_hurried: &dyn Fn() -> bool) {
        // A start that comes after the end would be another run.
        if let Some(announcing) = self.announcing.take() {
            let _ = announcing.join();
        }
        let body = report.to_json();
        let since = Instant::now();
        let unreachable = loop {
            let Some(url) = &self.url else { break "it listens nowhere".to_owned() };
            match post(url, &body) {
                Ok(()) => return,
                Err(Undelivered::Refused(answer)) => {
                    return say(&format!("{url} does not take the report of the job: {answer}"));
                }
                Err(Undelivered::Unreachable(error)) if since.elapsed() > PATIENCE || is_hurried() => {
                    break error;
                }
                Err(Undelivered::Unreachable(_)) => std::thread::sleep(PAUSE),
            }
        };
        if let Err(error) = jobs::leave(&self.state_dir, report) {
            let directory = self.state_dir.display();
            say(&format!(
                "the agent does not hear of the job: {unreachable}; nor can it be left in {directory}: {error}"
            ));
        }
    }
}

/// Where a listener of this host is reached; `None` if nobody knows.
fn reachable(mut address: SocketAddr) -> Option<SocketAddr> {
    if address.ip().is_unspecified() {
        address.set_ip(match address.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    (address.port() != 0).then_some(address)
}

/// The URL that reports go to.
fn parse(url: &str) -> Result<Uri, String> {
    let uri: Uri = url.parse().map_err(|error| format!("not a URL: {error}"))?;
    let authority = uri.authority().filter(|_| uri.scheme_str() == Some("http"));
    let authority = authority.ok_or("write for example http://127.0.0.1:9751")?;
    let path = format!("{}/report", uri.path().trim_end_matches('/'));
    let uri = Uri::builder().scheme("http").authority(authority.clone()).path_and_query(path).build();
    uri.map_err(|error| error.to_string())
}

/// One try.
fn post(url: &Uri, body: &[u8]) -> Result<(), Undelivered> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Undelivered::Unreachable(error.to_string()))?;
    let exchange = runtime.block_on(async { tokio::time::timeout(TRY, exchange(url, body)).await });
    // A name that is still being looked up is not waited for.
    runtime.shutdown_background();
    let (status, answer) = match exchange {
        Err(_) => return Err(Undelivered::Unreachable(format!("{url} does not answer"))),
        Ok(Err(error)) => return Err(Undelivered::Unreachable(format!("{url}: {error}"))),
        Ok(Ok(answered)) => answered,
    };
    match status.as_u16() {
        200..=299 => Ok(()),
        500..=599 => Err(Undelivered::Unreachable(format!("{url}: {status}"))),
        _ => Err(Undelivered::Refused(format!("{status}: {}", answer.trim()))),
    }
}

async fn exchange(
    url: &Uri,
    body: &[u8],
) -> Result<(http::StatusCode, String), Box<dyn std::error::Error + Send + Sync>> {
    let authority = url.authority().ok_or("no host")?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::post(url.path())
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::copy_from_slice(body)))?;
    let talk = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let text = Limited::new(answer.into_body(), MAX_ANSWER).collect().await?.to_bytes();
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    };
    // The connection does the work; it may end before what it has brought is read.
    let work = async {
        let _ = connection.await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        answered = talk => answered,
        () = work => Err("unreachable".into()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_listener_on_every_address_is_reached_over_loopback() {
        let reached = |address: &str| reachable(address.parse().unwrap()).map(|address| address.to_string());
        assert_eq!(reached("0.0.0.0:9751").as_deref(), Some("127.0.0.1:9751"));
        assert_eq!(reached("[::]:9751").as_deref(), Some("[::1]:9751"));
        assert_eq!(reached("10.0.0.1:80").as_deref(), Some("10.0.0.1:80"));
        assert_eq!(reached("127.0.0.1:0"), None);
    }

    #[test]
    fn reports_go_below_the_url_of_the_agent() {
        let parsed = |url: &str| parse(url).map(|url| url.to_string());
        assert_eq!(parsed("http://127.0.0.1:9751").unwrap(), "http://127.0.0.1:9751/report");
        assert_eq!(parsed("http://host/vigie/").unwrap(), "http://host/vigie/report");
        for wrong in ["127.0.0.1:9751", "https://host", "http://", "", "host"] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
