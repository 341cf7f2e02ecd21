//! What goes over a websocket once it stands: messages as the steps have them, or a ping; then farewell.

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

use super::metrics;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::query_response::{Answer, Learnt, Step, hide};
use crate::probes::record::Record;
use crate::probes::stream::Stream;

/// A websocket to a peer.
pub(super) type Socket = WebSocketStream<Stream>;

/// Before the answer to a ping, so many other messages may come.
const MOST_MESSAGES: usize = 1_000;

/// Takes one step after the other, in the phase `transfer`. A step that expects something gets one message for it.
pub(super) async fn converse(
    socket: &mut Socket,
    steps: &[Step],
    record: &mut Record,
) -> Result<(), Failure> {
    record.enter(Phase::Transfer);
    let mut learnt = Learnt::default();
    for step in steps {
        let mut answer = match step.pattern() {
            None => step.plain(),
            Some(_) => expect(socket, step, record)
                .await
                .inspect_err(|_| metrics::mismatched(&mut record.findings))?,
        };
        learnt.add(&mut answer, &mut record.findings);
        if !answer.send.is_empty() {
            hide(&answer.send, &mut record.excerpt);
            record.note(|| format!("sent a message of {} bytes", answer.send.len()));
            let sent = socket.send(text(answer.send)).await;
            sent.map_err(|error| failure(&error, Phase::Transfer))?;
        }
    }
    Ok(())
}

/// As text; what is not UTF-8, which can only come from the peer's own words, as bytes.
fn text(bytes: Vec<u8>) -> Message {
    match Utf8Bytes::try_from(bytes.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::binary(bytes),
    }
}

async fn expect(socket: &mut Socket, step: &Step, record: &mut Record) -> Result<Answer, Failure> {
    let message = loop {
        if let message @ (Message::Text(_) | Message::Binary(_)) = next(socket, Phase::Transfer).await? {
            break message.into_data();
        }
    };
    record.excerpt.restart();
    record.excerpt.add(&message);
    record.note(|| format!("received a message of {} bytes", message.len()));
    step.answer(&message).ok_or_else(|| {
        Failure::new(Reason::ExpectMismatch, Phase::Transfer, "the message does not match what is expected")
    })
}

/// Sends a ping and waits for its answer, in the phase `ping`.
pub(super) async fn ping(socket: &mut Socket, record: &mut Record) -> Result<(), Failure> {
    record.enter(Phase::Ping);
    let payload = fastrand::u64(..).to_be_bytes();
    let sent = socket.send(Message::Ping(payload.to_vec().into())).await;
    sent.map_err(|error| failure(&error, Phase::Ping))?;
    for _ in 0..MOST_MESSAGES {
        let message = next(socket, Phase::Ping).await?;
        if matches!(message, Message::Pong(data) if data[..] == payload) {
            return Ok(());
        }
    }
    Err(Failure::new(Reason::WebsocketProtocol, Phase::Ping, "many messages and no answer to the ping"))
}

/// The next message, which may be a ping or a pong, but not the end.
async fn next(socket: &mut Socket, phase: Phase) -> Result<Message, Failure> {
    match socket.next().await {
        Some(Ok(Message::Close(frame))) => {
            let code = frame
                .map_or_else(|| "without a code".to_owned(), |frame| format!("with code {}", frame.code));
            Err(Failure::new(Reason::WebsocketClosed, phase, format_args!("the peer closed it {code}")))
        }
        Some(Ok(message)) => Ok(message),
        Some(Err(error)) => Err(failure(&error, phase)),
        None => Err(Failure::new(Reason::Closed, phase, "the peer closed the connection")),
    }
}

/// Says that this is the end, as far as that needs no waiting.
pub(super) fn part(mut socket: Socket) {
    let normal = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
    // Nobody is left who would care whether it arrives.
    let _ = socket.send(Message::Close(Some(normal))).now_or_never();
}

/// Why a websocket failed.
pub(super) fn failure(error: &tungstenite::Error, phase: Phase) -> Failure {
    use tungstenite::Error;
    use tungstenite::error::ProtocolError;
    match error {
        Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(_) => Failure { phase, ..Failure::of_handshake(error) },
            None => Failure::of_io(phase, error),
        },
        Error::ConnectionClosed
        | Error::AlreadyClosed
        | Error::Protocol(ProtocolError::HandshakeIncomplete | ProtocolError::ResetWithoutClosingHandshake) => {
            Failure::new(Reason::Closed, phase, error)
        }
        _ => Failure::new(Reason::WebsocketProtocol, phase, error),
    }
}
