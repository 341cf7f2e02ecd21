//! One question and its answer, over a datagram or a stream.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;

use super::message::{self, Response};
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::record::Record;
use crate::probes::stream::Stream;

/// The longest datagram without EDNS; RFC 1035, section 4.2.1.
const DATAGRAM: usize = 512;

/// A socket that hears of nobody but `peer`, on a port of the kernel's choice.
pub(super) async fn open(peer: SocketAddr, source: Option<IpAddr>) -> io::Result<UdpSocket> {
    let any: IpAddr =
        if peer.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(source.unwrap_or(any), 0)).await?;
    socket.connect(peer).await?;
    Ok(socket)
}

/// Asks once. Answers with another number are those to somebody else, or to an earlier question: they are passed over.
pub(super) async fn over_datagram(
    socket: &UdpSocket,
    question: &[u8],
    id: u16,
    record: &mut Record,
) -> Result<Response, Failure> {
    let failed = |error: io::Error| Failure::of_udp(Phase::Request, &error);
    socket.send(question).await.map_err(failed)?;
    // One byte more than there may be shows that there is more.
    let mut buffer = [0; DATAGRAM + 1];
    loop {
        let len = socket.recv(&mut buffer).await.map_err(failed)?;
        if message::id(&buffer[..len]) != Some(id) {
            record.note(|| format!("passed over {len} bytes with another number"));
            continue;
        }
        if len > DATAGRAM {
            return Err(malformed(format_args!("a datagram of more than {DATAGRAM} bytes")));
        }
        return Response::parse(buffer[..len].to_vec()).map_err(malformed);
    }
}

/// Asks once, with the length of each message before it.
pub(super) async fn over_stream(mut stream: Stream, question: &[u8], id: u16) -> Result<Response, Failure> {
    let failed = |error: io::Error| Failure::of_io(Phase::Request, &error);
    let len = u16::try_from(question.len()).map_err(|_| malformed("the question is too long"))?;
    let framed = [&len.to_be_bytes(), question].concat();
    stream.write_all(&framed).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let len = stream.read_u16().await.map_err(failed)?;
    let mut answer = vec![0; usize::from(len)];
    stream.read_exact(&mut answer).await.map_err(failed)?;
    if message::id(&answer) != Some(id) {
        return Err(malformed("the answer has another number than the question"));
    }
    Response::parse(answer).map_err(malformed)
}

fn malformed(what: impl std::fmt::Display) -> Failure {
    Failure::new(Reason::DnsMalformed, Phase::Request, what)
}
