//! A connection to a bus, logged in.
//!
//! Calls go out many at a time and are answered in any order; a service that is asked for a hundred properties then wakes
//! up once or twice, not a hundred times. No more than [`AT_ONCE`] wait for answers, because a bus allows each
//! connection only so many (dbus-daemon: 128) and refuses the rest.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::message::{self, Call, HEAD};
use super::{Address, Answer, BusError, Malformed};

/// Calls that wait for their answers.
const AT_ONCE: usize = 64;

/// The first step of the buffer, and what it keeps between samples.
const SMALL: usize = 16 << 10;
const KEPT: usize = 64 << 10;

/// The longest line of the log-in.
const LONGEST_LINE: usize = 512;

#[derive(Debug)]
pub(super) struct Connection {
    socket: UnixStream,
    /// Number of the last call.
    serial: u32,
    out: Vec<u8>,
    /// What was received is `buffer[start..end]`.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl Connection {
    /// Connects to the first of the sockets that lets it, logs in, and greets the bus if it is one.
    pub(super) fn open(address: &Address, until: Instant) -> Result<Self, BusError> {
        let mut failed = None;
        for (name, socket) in address.sockets()? {
            match connect(&socket, until) {
                Ok(socket) => {
                    let mut connection = Self::new(socket);
                    connection.log_in(until)?;
                    if address.has_bus {
                        connection.greet(until)?;
                    }
                    return Ok(connection);
                }
                Err(error) => failed = Some(BusError::Connect(name, error)),
            }
        }
        Err(failed.unwrap_or(BusError::Closed))
    }

    fn new(socket: UnixStream) -> Self {
        Self { socket, serial: 0, out: Vec::new(), buffer: Vec::new(), start: 0, end: 0 }
    }

    /// `EXTERNAL`: whom the kernel says we are. It is asked for without naming a user, whose number may be another on the
    /// other side of a user namespace; the answer is an empty `DATA`, which is answered likewise.
    fn log_in(&mut self, until: Instant) -> Result<(), BusError> {
        let mut answer = self.say(b"\0AUTH EXTERNAL\r\n", until)?;
        if answer.trim_end() == "DATA" {
            answer = self.say(b"DATA\r\n", until)?;
        }
        if answer.split_ascii_whitespace().next() != Some("OK") {
            return Err(BusError::Login(answer));
        }
        self.put(b"BEGIN\r\n");
        self.send(until)
    }

    fn say(&mut self, line: &[u8], until: Instant) -> Result<String, BusError> {
        self.put(line);
        self.send(until)?;
        self.line(until)
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.clear();
        self.out.extend_from_slice(bytes);
    }

    fn line(&mut self, until: Instant) -> Result<String, BusError> {
        let mut seen = 0;
        loop {
            let received = &self.buffer[self.start..self.end];
            if let Some(at) = received[seen..].windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&received[..seen + at]).into_owned();
                self.start += seen + at + 2;
                return Ok(line);
            }
            seen = received.len().saturating_sub(1);
            if received.len() > LONGEST_LINE {
                return Err(Malformed::Header.into());
            }
            self.receive(received.len() + 1, until)?;
        }
    }

    /// The bus gives each connection a name, and serves none before.
    fn greet(&mut self, until: Instant) -> Result<(), BusError> {
        let bus = "org.freedesktop.DBus";
        let hello = Call::method(bus, "/org/freedesktop/DBus", bus, "Hello");
        self.ask(until, &[hello], &mut |_, answer| match answer {
            Ok(_) => Ok(()),
            Err(refusal) => Err(BusError::refused("greet the bus", &refusal)),
        })
    }

    /// Sends all calls and gives each answer, with the number of its call, to `take`.
    pub(super) fn ask(
        &mut self,
        until: Instant,
        calls: &[Call<'_>],
        take: &mut impl FnMut(usize, Answer<'_>) -> Result<(), BusError>,
    ) -> Result<(), BusError> {
        for (wave, calls) in calls.chunks(AT_ONCE).enumerate() {
            self.out.clear();
            // A number is never 0; all of a wave follow one another.
            if self.serial > u32::MAX - AT_ONCE as u32 {
                self.serial = 0;
            }
            let first = self.serial + 1;
            for call in calls {
                self.serial += 1;
                call.write(self.serial, &mut self.out);
            }
            self.send(until)?;
            // One bit for each call that was answered.
            let (mut answered, all) = (0_u64, u64::MAX >> (AT_ONCE - calls.len()));
            while answered != all {
                let length = self.message(until)?;
                let message = &self.buffer[self.start..self.start + length];
                self.start += length;
                // Signals to this connection, such as the one that says its name, are nobody's answer.
                let Some((number, answer)) = message::parse(message)? else { continue };
                let at = number.wrapping_sub(first) as usize;
                if at < calls.len() && answered & 1 << at == 0 {
                    answered |= 1 << at;
                    take(wave * AT_ONCE + at, answer)?;
                }
            }
        }
        self.tidy();
        Ok(())
    }

    /// Receives a whole message; it begins at `start`.
    fn message(&mut self, until: Instant) -> Result<usize, BusError> {
        self.receive(HEAD, until)?;
        let head = self.buffer[self.start..self.end].first_chunk().ok_or(Malformed::CutShort)?;
        let length = message::length(head)?;
        self.receive(length, until)?;
        Ok(length)
    }

    /// Receives until at least `wanted` bytes are there. The buffer grows with what has come, not with what is promised.
    fn receive(&mut self, wanted: usize, until: Instant) -> Result<(), BusError> {
        while self.end - self.start < wanted {
            if self.start > 0 {
                self.buffer.copy_within(self.start..self.end, 0);
                (self.start, self.end) = (0, self.end - self.start);
            }
            if self.end == self.buffer.len() {
                self.buffer.resize((2 * self.end).max(SMALL), 0);
            }
            let left = left(until)?;
            self.socket.set_read_timeout(Some(left)).map_err(|error| BusError::Io("read from", error))?;
            match self.socket.read(&mut self.buffer[self.end..]) {
                Ok(0) => return Err(BusError::Closed),
                Ok(received) => self.end += received,
                Err(error) => retry(error, "read from")?,
            }
        }
        Ok(())
    }

    fn send(&mut self, until: Instant) -> Result<(), BusError> {
        let mut rest = &self.out[..];
        while !rest.is_empty() {
            let left = left(until)?;
            self.socket.set_write_timeout(Some(left)).map_err(|error| BusError::Io("write to", error))?;
            match self.socket.write(rest) {
                Ok(sent) => rest = &rest[sent..],
                Err(error) => retry(error, "write to")?,
            }
        }
        Ok(())
    }

    /// Gives back the memory of an answer that was large.
    fn tidy(&mut self) {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
            if self.buffer.len() > KEPT {
                self.buffer = Vec::new();
            }
        }
    }
}

/// Time that is left; `Late` if there is none.
fn left(until: Instant) -> Result<Duration, BusError> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(BusError::Late) } else { Ok(left) }
}

/// An interrupted call is made again, and so is one whose time was up, to learn whether all time is.
fn retry(error: std::io::Error, what: &'static str) -> Result<(), BusError> {
    match error.kind() {
        ErrorKind::Interrupted | ErrorKind::WouldBlock | ErrorKind::TimedOut => Ok(()),
        ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => Err(BusError::Closed),
        _ => Err(BusError::Io(what, error)),
    }
}

/// Connecting waits, too, where nobody takes the connections.
fn connect(address: &SocketAddrUnix, until: Instant) -> std::io::Result<UnixStream> {
    let flags = SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
    set_socket_timeout(&socket, Timeout::Send, Some(left))?;
    rustix::net::connect(&socket, address)?;
    Ok(UnixStream::from(socket))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;
    use std::net::Shutdown;

    use super::super::fake::{Property, refusal, reply, variant};
    use super::*;
    use proptest::prelude::*;

    /// Answers to the first two calls of a connection, and a signal between.
    fn answers() -> Vec<u8> {
        let mut signal = reply(1, "s", |body| body.text("org.freedesktop.systemd1"));
        signal[1] = 4;
        let value = reply(2, "v", |body| variant(body, &Property::Statuses(vec![1, 2])));
        [refusal(1, "a.b", "no"), signal, value].concat()
    }

    /// How often each of two calls was answered by a bus that sends these bytes and hangs up.
    fn ask(bytes: &[u8]) -> ([u32; 2], Result<(), BusError>) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(bytes).unwrap();
        theirs.shutdown(Shutdown::Write).unwrap();
        let call = Call::method("a.b", "/", "a.b", "C");
        let mut counts = [0; 2];
        let until = Instant::now() + Duration::from_secs(10);
        let asked = Connection::new(ours).ask(until, &[call, call], &mut |number, answer| {
            counts[number] += 1;
            if let Ok(mut body) = answer {
                body.variant()?;
            }
            Ok(())
        });
        (counts, asked)
    }

    #[test]
    fn answers_are_told_apart_from_what_else_comes() {
        let (counts, asked) = ask(&answers());
        asked.unwrap();
        assert_eq!(counts, [1, 1]);
    }

    proptest! {
        #[test]
        fn whatever_comes_ends_in_answers_or_an_error(
            cut in any::<proptest::sample::Index>(),
            flips in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
            tail in proptest::collection::vec(any::<u8>(), 0..100),
            repeated in 1..4_usize,
        ) {
            let mut bytes = answers().repeat(repeated);
            bytes.truncate(cut.index(bytes.len()) + 1);
            for (at, to) in flips {
                let at = at.index(bytes.len());
                bytes[at] = to;
            }
            bytes.extend(tail);
            let (counts, asked) = ask(&bytes);
            prop_assert!(counts.iter().all(|count| *count <= 1), "an answer counts once: {counts:?}");
            prop_assert!(asked.is_err() || counts == [1, 1]);
            prop_assert!(!matches!(asked, Err(BusError::Late)), "a bus that hung up is not waited for");
        }
    }
}
