//! The write side of jobs: `/ping/<job>` and `/report` over HTTP.
//!
//! Everything that a peer can send is bounded: connections, the size of a head and of a body, and how long one request
//! may take as a whole. Where there are as many connections as there may be, further ones wait, and the oldest makes room
//! when it is no longer young: an honest client is done in a moment. Each connection serves one request.

mod request;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prometheus::IntCounterVec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tracing::{debug, info, warn};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::plug::Surroundings;
use vigie_pipeline::readiness::{Latch, Readiness};
use vigie_pipeline::stop::Stop;

use super::board::Forgotten;
use super::check_in::CheckIn;
use super::name::JobName;
use super::standing::now;

/// As many connections at a time.
const CONNECTIONS: usize = 64;
/// How long one may take, with its answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// From this age on it makes room for others where there is none.
const HONEST: Duration = Duration::from_secs(2);
/// How large the head of a request may be.
const MAX_HEAD: usize = 16 << 10;
/// How long it waits before it tries again to have the address.
const AGAIN: Duration = Duration::from_secs(5);
/// How long it listens to a peer that goes on sending behind its answer, and for how many bytes.
const LINGERING: Duration = Duration::from_secs(2);
const MOST_LINGERED: u64 = 16 << 20;
/// How long the last answers may take when it stops.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// What is asked of the board.
#[derive(Debug)]
pub(super) enum Asked {
    CheckIn(CheckIn),
    Forget(JobName),
}

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is known and saved.
    Saved,
    /// It is known, and would be lost with the agent.
    NotSaved,
    /// There are as many jobs as there may be.
    Full,
    /// A job was forgotten, or not.
    Forgotten(Forgotten),
}

/// A question, and where its answer goes.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) asked: Asked,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// What every connection works with.
#[derive(Debug, Clone)]
struct Desk {
    questions: mpsc::Sender<Question>,
    refused: IntCounterVec,
    clock: Clock,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Listener {
    address: SocketAddr,
    desk: Desk,
    readiness: Readiness,
}

impl Listener {
    /// One that puts what it hears as `questions`, and counts what it does not understand as `refused`.
    pub(super) fn new(
        address: SocketAddr,
        questions: mpsc::Sender<Question>,
        refused: IntCounterVec,
        surroundings: &Surroundings,
    ) -> Self {
        let (clock, readiness) = (surroundings.clock.clone(), surroundings.readiness.clone());
        Self { address, desk: Desk { questions, refused, clock }, readiness }
    }

    /// Listens until stopped. An address that cannot be had is tried again: what is known of jobs does not depend on it.
    pub(super) async fn run(self, mut stop: Stop) {
        let mut failing: Option<Latch> = None;
        loop {
            match TcpListener::bind(self.address).await {
                Ok(socket) => {
                    drop(failing.take());
                    let address = socket.local_addr().unwrap_or(self.address);
                    info!(address = %address, "jobs check in at http://{address}/ping/<job>");
                    return self.serve(socket, stop).await;
                }
                Err(error) if failing.is_none() => {
                    warn!("jobs cannot check in: listen on {}: {error}", self.address);
                    failing = Some(self.readiness.latch(format!("listen on {}: {error}", self.address)));
                }
                Err(_) => {}
            }
            tokio::select! {
                () = tokio::time::sleep(AGAIN) => {}
                () = stop.stopped() => return,
            }
        }
    }

    async fn serve(self, socket: TcpListener, mut stop: Stop) {
        let mut connections = JoinSet::new();
        let mut by_age: VecDeque<(Instant, AbortHandle)> = VecDeque::new();
        loop {
            by_age.retain(|(_, connection)| !connection.is_finished());
            let oldest = by_age.front().filter(|_| by_age.len() >= CONNECTIONS);
            let too_old = oldest.map(|(since, _)| *since + HONEST);
            let accepted = tokio::select! {
                accepted = socket.accept(), if too_old.is_none() => accepted,
                () = tokio::time::sleep_until(too_old.unwrap_or_else(Instant::now)), if too_old.is_some() => {
                    if let Some((_, oldest)) = by_age.pop_front() {
                        oldest.abort();
                        self.desk.refused.with_label_values(&["slow"]).inc();
                    }
                    continue;
                }
                Some(_) = connections.join_next() => continue,
                () = stop.stopped() => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = connections.spawn(self.desk.clone().converse(stream, peer));
                    by_age.push_back((Instant::now(), connection));
                }
                Err(error) => {
                    // Out of descriptors, mostly: it passes, but not at once.
                    warn!("accept connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        // Whoever takes the address over need not wait for the last answers.
        drop(socket);
        let all = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(LAST_ANSWERS, all).await;
    }
}

impl Desk {
    async fn converse(self, stream: TcpStream, peer: SocketAddr) {
        let _ = stream.set_nodelay(true);
        let service = service_fn(|request: Request<Incoming>| async {
            Ok::<_, Infallible>(self.answer(request).await)
        });
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .max_buf_size(MAX_HEAD)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        match tokio::time::timeout(PATIENCE, &mut connection).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                self.refused.with_label_values(&[if error.is_timeout() { "slow" } else { "request" }]).inc();
                debug!(%peer, "connection: {error}");
            }
            Err(_) => return self.refused.with_label_values(&["slow"]).inc(),
        }
        linger(connection.into_parts().io.into_inner()).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let asked = match request::read(request, now(&self.clock)).await {
            Ok(asked) => asked,
            Err(refusal) => {
                if let Some(reason) = refusal.reason() {
                    self.refused.with_label_values(&[reason]).inc();
                }
                return refusal.response();
            }
        };
        let (answer, answered) = oneshot::channel();
        let is_asked = self.questions.send(Question { asked, answer }).await.is_ok();
        let answered = if is_asked { answered.await.ok() } else { None };
        request::respond(answered)
    }
}

/// Closes a connection so that its answer is read: one that is closed with bytes unread is reset, and a reset takes the
/// answer from a peer which is still sending what was refused.
async fn linger(mut stream: TcpStream) {
    let _ = stream.shutdown().await;
    let mut rest = stream.take(MOST_LINGERED);
    let _ = tokio::time::timeout(LINGERING, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
}
