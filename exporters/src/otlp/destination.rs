//! Where one signal is sent: how a request is made ready, and who carries it.

use std::time::Duration;

use bytes::Bytes;
use http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use tokio::time::timeout;
use vigie_pipeline::batch::Signal;
use vigie_pipeline::plug::{Error, Surroundings};

use super::answer::Answer;
use super::body::Chunks;
use super::config::{Config, Protocol};
use super::connect::Connector;
use super::failure::{Failure, Phase};
use super::http::Client;

/// See the module.
pub(super) struct Destination {
    carrier: Carrier,
    timeout: Duration,
}

enum Carrier {
    Http(Client),
}

/// A request, sent.
pub(super) struct Sent {
    /// What came of it.
    pub(super) answer: Result<Answer, Failure>,
    /// How many bytes its body had.
    pub(super) bytes: u64,
}

impl Destination {
    pub(super) fn new(config: &Config, signal: Signal, surroundings: &Surroundings) -> Result<Self, Error> {
        let target = config.target(signal)?;
        let headers = headers(config)?;
        let deadline = config.timeout.0;
        let carrier = match config.protocol {
            Protocol::Http => {
                let connector = Connector::new(target, &config.tls, b"http/1.1", deadline)?;
                Carrier::Http(Client::new(connector, headers, None, surroundings.clock.clone())?)
            }
            Protocol::Grpc => return Err("gRPC is not there yet".into()),
        };
        Ok(Self { carrier, timeout: deadline })
    }

    /// Sends one request.
    pub(super) async fn send(&self, chunks: Vec<Bytes>) -> Sent {
        let body = Chunks::new(chunks);
        let bytes = body.len();
        let exchange = async {
            match &self.carrier {
                Carrier::Http(client) => client.send(body).await,
            }
        };
        let answer = timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            Err(Failure::new(Phase::Timeout, format_args!("no answer within {:?}", self.timeout)))
        });
        Sent { answer, bytes }
    }
}

/// What goes with every request.
fn headers(config: &Config) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    let agent = concat!("vigie/", env!("CARGO_PKG_VERSION"));
    headers.insert(USER_AGENT, HeaderValue::from_static(agent));
    for (name, value) in &config.headers {
        let parsed = HeaderName::from_bytes(name.as_bytes())?;
        let mut value = HeaderValue::from_str(value.reveal())?;
        value.set_sensitive(true);
        headers.insert(parsed, value);
    }
    Ok(headers)
}
