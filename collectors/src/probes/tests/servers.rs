//! Small servers on ports of the system's choice. They end with the test's runtime.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

pub(in crate::probes) type Answer = Response<Full<bytes::Bytes>>;

/// Answers with this status and body.
pub(in crate::probes) fn answer(status: u16, body: &'static str) -> Answer {
    Response::builder().status(status).body(Full::from(body)).unwrap()
}

/// Redirects to `location`.
pub(in crate::probes) fn redirect(status: u16, location: impl AsRef<str>) -> Answer {
    Response::builder().status(status).header("location", location.as_ref()).body(Full::default()).unwrap()
}

/// Requests as a server has seen them.
#[derive(Clone, Default)]
pub(in crate::probes) struct Seen(Arc<Mutex<Vec<Request<String>>>>);

impl Seen {
    pub(in crate::probes) fn all(&self) -> Vec<Request<String>> {
        self.0.lock().unwrap().clone()
    }
}

/// Hands every connection to `serve`.
pub(in crate::probes) async fn raw<F, S>(serve: S) -> SocketAddr
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(tcp));
        }
    });
    at
}

/// Reads a request and writes `response` as it stands.
pub(in crate::probes) async fn canned(response: &'static [u8]) -> SocketAddr {
    raw(move |mut tcp| async move {
        read_request(&mut tcp).await;
        tcp.write_all(response).await.unwrap();
    })
    .await
}

/// Takes connections and says nothing.
pub(in crate::probes) async fn silent() -> SocketAddr {
    raw(|tcp| async move {
        std::future::pending::<()>().await;
        drop(tcp);
    })
    .await
}

/// Reads the head of a request.
pub(in crate::probes) async fn read_request(tcp: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = tcp.read_u8().await else { return };
        head.push(byte);
    }
}

/// Answers over HTTP.
pub(in crate::probes) async fn web<A>(answer: A) -> (SocketAddr, Seen)
where
    A: Fn(&Request<String>) -> Answer + Clone + Send + Sync + 'static,
{
    let seen = Seen::default();
    let noted = seen.clone();
    let at = raw(move |tcp| serve(tcp, answer.clone(), noted.clone())).await;
    (at, seen)
}

/// Answers over HTTPS, in HTTP/1.1 or HTTP/2 as agreed.
pub(in crate::probes) async fn secure<A>(config: ServerConfig, answer: A) -> (SocketAddr, Seen)
where
    A: Fn(&Request<String>) -> Answer + Clone + Send + Sync + 'static,
{
    let seen = Seen::default();
    let noted = seen.clone();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let at = raw(move |tcp| {
        let (acceptor, answer, noted) = (acceptor.clone(), answer.clone(), noted.clone());
        async move {
            // A client that refuses the certificate is no trouble of the server's.
            if let Ok(tls) = acceptor.accept(tcp).await {
                serve(tls, answer, noted).await;
            }
        }
    })
    .await;
    (at, seen)
}

async fn serve<S, A>(stream: S, answer: A, seen: Seen)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    A: Fn(&Request<String>) -> Answer + Clone + Send + Sync + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (answer, seen) = (answer.clone(), seen.clone());
        async move {
            let (head, body) = request.into_parts();
            let body = String::from_utf8(body.collect().await?.to_bytes().to_vec()).unwrap();
            let request = Request::from_parts(head, body);
            let answer = answer(&request);
            seen.0.lock().unwrap().push(request);
            Ok::<_, hyper::Error>(answer)
        }
    });
    // Errors are the client's hanging up.
    let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}
