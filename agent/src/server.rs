//! The read side: what the agent answers on `server.listen`.
//!
//! Bounded in every direction: connections, the time a request's head may take to arrive, its size, and
//! how long an idle connection is kept; none is kept idle where others wait. Liveness answers even when nothing else works.

mod access;
mod dependencies;
mod front;
mod index;
mod probe;
mod routes;
mod tls;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tracing::{debug, warn};
use vigie_config::Server as Config;
use vigie_pipeline::stop::Stop;

use access::Access;
pub(crate) use front::Front;
pub(crate) use routes::{ReloadRequest, Routes};
use tls::Tls;

/// How long the head of a request may take, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a TLS handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How large the head of a request may be.
const MAX_HEAD: usize = 64 << 10;
/// How long answers that are being written may take when the agent ends.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// A listener with what is to be known of who may ask.
pub(crate) struct Server {
    listener: TcpListener,
    connections: Arc<Semaphore>,
    tls: Option<Tls>,
    access: Arc<Access>,
}

impl Server {
    /// Binds to the configured address, or takes over `inherited`.
    ///
    /// # Errors
    /// When the address cannot be had, or the files of the web configuration not be read.
    pub(crate) async fn bind(config: &Config, inherited: Option<std::net::TcpListener>) -> io::Result<Self> {
        let listener = match inherited {
            Some(listener) => {
                listener.set_nonblocking(true)?;
                TcpListener::from_std(listener)?
            }
            None => TcpListener::bind(config.listen.address()).await?,
        };
        let web = config.web.as_ref();
        let tls = web.map(Tls::new).transpose().map_err(io::Error::other)?.flatten();
        let access = Arc::new(Access::new(web));
        let connections = Arc::new(Semaphore::new(config.max_connections));
        Ok(Self { listener, connections, tls, access })
    }

    /// Where it listens: the port that was given if the configuration said 0.
    ///
    /// # Errors
    /// When the operating system does not say.
    pub(crate) fn url(&self) -> io::Result<String> {
        let address: SocketAddr = self.listener.local_addr()?;
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{address}"))
    }

    /// Answers until stopped.
    pub(crate) async fn serve(self, routes: Arc<Routes>, mut stop: Stop) {
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD);
        server.http2().timer(TokioTimer::new()).max_header_list_size(MAX_HEAD as u32);
        let graceful = GracefulShutdown::new();
        loop {
            // Past the bound, connections wait in the listener's backlog.
            let permit = tokio::select! {
                permit = Arc::clone(&self.connections).acquire_owned() => permit,
                () = stop.stopped() => break,
            };
            let stream = tokio::select! {
                accepted = self.listener.accept() => accepted,
                () = stop.stopped() => break,
            };
            let (stream, peer) = match stream {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, mostly: it passes, but not at once.
                    warn!("accept connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            };
            let (tls, access, routes) = (self.tls.clone(), Arc::clone(&self.access), Arc::clone(&routes));
            let watcher = graceful.watcher();
            let (server, connections) = (server.clone(), Arc::clone(&self.connections));
            tokio::spawn(async move {
                let _permit = permit;
                let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                    let (access, routes) = (Arc::clone(&access), Arc::clone(&routes));
                    let connections = Arc::clone(&connections);
                    async move {
                        let has_streams = request.version() == Version::HTTP_2;
                        let mut answer = access.guard(request, &routes).await;
                        // One scraper may keep a connection for each of its targets: idle ones must not keep others out.
                        if connections.available_permits() == 0 && !has_streams {
                            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                        }
                        Ok::<_, std::convert::Infallible>(answer)
                    }
                });
                let io = match secure(stream, tls).await {
                    Ok(io) => io,
                    Err(error) => return debug!(%peer, "TLS handshake: {error}"),
                };
                let ended = match io {
                    Transport::Plain(io) => {
                        watcher.watch(server.serve_connection(TokioIo::new(io), service).into_owned()).await
                    }
                    Transport::Tls(io) => {
                        watcher.watch(server.serve_connection(TokioIo::new(*io), service).into_owned()).await
                    }
                };
                if let Err(error) = ended {
                    debug!(%peer, "connection: {error}");
                }
            });
        }
        // Whoever takes the address over need not wait for the last answers.
        drop(self.listener);
        let _ = tokio::time::timeout(LAST_ANSWERS, graceful.shutdown()).await;
    }
}

enum Transport {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::server::TlsStream<TcpStream>>),
}

async fn secure(stream: TcpStream, tls: Option<Tls>) -> io::Result<Transport> {
    stream.set_nodelay(true)?;
    match tls {
        None => Ok(Transport::Plain(stream)),
        Some(tls) => {
            let handshake = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(stream)).await;
            Ok(Transport::Tls(Box::new(handshake.map_err(|_| io::ErrorKind::TimedOut)??)))
        }
    }
}
