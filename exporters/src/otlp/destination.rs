//! Where one signal is sent: how a request is made ready, and who carries it.

use std::time::Duration;

use ::http::header::{HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use bytes::Bytes;
use vigie_pipeline::batch::Signal;
use vigie_pipeline::budget::Part;
use vigie_pipeline::plug::{Error, Surroundings};

use super::answer::Answer;
use super::body::Chunks;
use super::compress::Compressor;
use super::config::{Config, Protocol};
use super::connect::Connector;
use super::failure::{Failure, Phase};
use super::progress::Progress;
use super::{grpc, http};

/// See the module.
pub(super) struct Destination {
    compressor: Compressor,
    carrier: Carrier,
    timeout: Duration,
}

enum Carrier {
    Http(http::Client),
    Grpc(grpc::Client),
    #[cfg(test)]
    Played(Script),
}

/// Requests as a test sees them: it plays the destination.
#[cfg(test)]
pub(super) type Script = tokio::sync::mpsc::UnboundedSender<Asked>;

/// A request to the test, and how it answers.
#[cfg(test)]
pub(super) struct Asked {
    pub(super) body: Vec<u8>,
    pub(super) answer: tokio::sync::oneshot::Sender<Result<Answer, Failure>>,
}

#[cfg(test)]
async fn play(script: &Script, chunks: &[Bytes]) -> Result<Answer, Failure> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    let gone = |_| Failure::new(Phase::Wait, "the test is over");
    script.send(Asked { body: chunks.concat(), answer }).map_err(|_| gone(()))?;
    answered.await.unwrap_or_else(|_| Err(gone(())))
}

/// A request, sent.
pub(super) struct Sent {
    /// What came of it.
    pub(super) answer: Result<Answer, Failure>,
    /// How many bytes its body had; 0 if it was never made.
    pub(super) bytes: u64,
}

impl Destination {
    /// What it sends is held in `memory`.
    pub(super) fn new(
        config: &Config,
        signal: Signal,
        surroundings: &Surroundings,
        memory: &Part,
    ) -> Result<Self, Error> {
        let target = config.target(signal)?;
        let headers = headers(config)?;
        let timeout = config.timeout.0;
        let compressor = Compressor::new(config.compression, memory.clone());
        let encoding = compressor.encoding();
        let connector = Connector::new(target, config, surroundings)?;
        let carrier = match config.protocol {
            Protocol::Http => {
                let clock = surroundings.clock.clone();
                Carrier::Http(http::Client::new(connector, headers, encoding, clock)?)
            }
            Protocol::Grpc => Carrier::Grpc(grpc::Client::new(connector, headers, encoding, timeout)?),
        };
        Ok(Self { compressor, carrier, timeout })
    }

    /// A destination that a test plays.
    #[cfg(test)]
    pub(super) fn played(script: Script, timeout: Duration) -> Self {
        let share = vigie_pipeline::budget::Share::new("test", 1 << 20);
        let compressor = Compressor::new(super::config::Compression::None, share.part());
        Self { compressor, carrier: Carrier::Played(script), timeout }
    }

    /// Sends one request: its chunks, compressed as the destination wants them.
    pub(super) async fn send(&self, chunks: Vec<Bytes>) -> Sent {
        // Until here there was only memory and processor to wait for, which is not the destination's fault.
        let (chunks, _held) = match self.compressor.compress(chunks).await {
            Ok(compressed) => compressed,
            Err(error) => return Sent { answer: Err(Failure::new(Phase::Compress, error)), bytes: 0 },
        };
        let bytes = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let progress = Progress::new(Phase::Connect);
        let exchange = async {
            match &self.carrier {
                Carrier::Http(client) => client.send(Chunks::new(chunks), &progress).await,
                Carrier::Grpc(client) => client.send(chunks, &progress).await,
                #[cfg(test)]
                Carrier::Played(script) => {
                    progress.enter(Phase::Wait);
                    play(script, &chunks).await
                }
            }
        };
        let answer = tokio::select! {
            answer = exchange => answer,
            failure = progress.stalls(self.timeout) => Err(failure),
        };
        if answer.is_err() {
            // A connection may be dead without having said so.
            match &self.carrier {
                Carrier::Http(client) => client.forget(),
                Carrier::Grpc(client) => client.forget().await,
                #[cfg(test)]
                Carrier::Played(_) => {}
            }
        }
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
