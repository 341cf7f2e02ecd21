//! A client of D-Bus: asks services on the system bus for what they know, and waits for the answers.
//!
//! It is our own, and small, because the libraries are made for more. zbus is async, with proxies, macros, a task and queues
//! for each connection: ten crates more and 0.8 MB of code, where a sampler is to block until a deadline. rustbus would
//! fit, but brings second copies of nix, syn and thiserror from years ago. What is needed here is little: log in, send
//! method calls whose arguments are at most two strings, read answers of a handful of types. No signals, no file
//! descriptors, no objects of our own.
//!
//! - [`address`] is where the bus listens: below the host's root, so that from a container it is the host that is told of.
//! - [`connection`] logs in with `EXTERNAL`, sends many calls at once, and takes the answers as they come. All that a peer
//!   can do is bounded: the size of a message, and the time until the last answer.
//! - [`message`] is the header, [`reader`] the values: any bytes are read or refused, none panics.
//!
//! It blocks, as all samplers do. A bus that hangs is the driver's to cut at the group's deadline; the thread that waits
//! for it is free again after [`PATIENCE`].
//!
//! A connection is kept from one sample to the next. It subscribes to nothing, so nothing queues up at the bus for it.

mod address;
mod connection;
#[cfg(test)]
pub(crate) mod fake;
mod message;
mod reader;

use std::time::{Duration, Instant};

use vigie_pipeline::plug::{Error, NoData};

pub(crate) use self::address::Address;
use self::connection::Connection;
pub(crate) use self::message::{Call, Refusal};
pub(crate) use self::reader::{Malformed, Reader, Value};

/// How long a sample waits for all its answers together. Longer than groups are usually given, so that it is the
/// driver that cuts and marks a group whose bus hangs, and does not ask it again meanwhile.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a call was answered with.
pub(crate) type Answer<'m> = Result<Reader<'m>, Refusal<'m>>;

/// Why the bus has not answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BusError {
    #[error("DBUS_SYSTEM_BUS_ADDRESS: {0}")]
    Address(String),
    #[error("connect to {0}: {1}")]
    Connect(String, std::io::Error),
    #[error("{0} the bus: {1}")]
    Io(&'static str, std::io::Error),
    #[error("the bus has closed the connection")]
    Closed,
    #[error("no answer from the bus within {} s", PATIENCE.as_secs())]
    Late,
    #[error("log in to the bus: refused: {0}")]
    Login(String),
    #[error("answer of the bus: {0}")]
    Malformed(#[from] Malformed),
    #[error("{what}: {name}: {text}")]
    Refused { what: &'static str, name: String, text: String },
}

impl BusError {
    /// A call without whose answer there is nothing to tell was refused.
    pub(crate) fn refused(what: &'static str, refusal: &Refusal<'_>) -> Self {
        Self::Refused { what, name: refusal.name.to_owned(), text: refusal.text.to_owned() }
    }

    /// Whether there is no bus, or nobody of that name on it: a container, a machine with another init.
    pub(crate) fn is_absence(&self) -> bool {
        use std::io::ErrorKind::{ConnectionRefused, NotADirectory, NotFound};
        match self {
            Self::Connect(_, error) => matches!(error.kind(), NotFound | NotADirectory | ConnectionRefused),
            Self::Refused { name, .. } => matches!(
                name.strip_prefix("org.freedesktop.DBus.Error."),
                Some("NameHasNoOwner" | "ServiceUnknown")
            ),
            _ => false,
        }
    }

    /// The error of a group that is all about a service on the bus: where it is missing, there is nothing to measure.
    pub(crate) fn or_no_data(self) -> Error {
        if self.is_absence() { NoData(self.to_string()).into() } else { self.into() }
    }
}

/// The bus, connected to when it is first needed, and again after any error.
#[derive(Debug)]
pub(crate) struct Bus {
    address: Address,
    connection: Option<Connection>,
}

impl Bus {
    pub(crate) fn new(address: Address) -> Self {
        Self { address, connection: None }
    }

    /// When a sample that begins now has waited long enough.
    pub(crate) fn deadline() -> Instant {
        Instant::now() + PATIENCE
    }

    /// Sends all calls and gives each answer, with the number of its call, to `take`, in whatever order they come.
    ///
    /// That a call is refused is an answer. An error means that the rest of the answers is not to be had, and ends the
    /// connection.
    pub(crate) fn ask(
        &mut self,
        until: Instant,
        calls: &[Call<'_>],
        mut take: impl FnMut(usize, Answer<'_>) -> Result<(), BusError>,
    ) -> Result<(), BusError> {
        if let Some(kept) = self.connection.take() {
            // The bus may have been restarted since the last sample, which shows only now.
            let mut answered = false;
            let asked = self.ask_over(kept, until, calls, |number, answer| {
                answered = true;
                take(number, answer)
            });
            match asked {
                Err(BusError::Closed | BusError::Io(..)) if !answered => {}
                asked => return asked,
            }
        }
        let connection = Connection::open(&self.address, until)?;
        self.ask_over(connection, until, calls, take)
    }

    fn ask_over(
        &mut self,
        mut connection: Connection,
        until: Instant,
        calls: &[Call<'_>],
        mut take: impl FnMut(usize, Answer<'_>) -> Result<(), BusError>,
    ) -> Result<(), BusError> {
        connection.ask(until, calls, &mut take)?;
        self.connection = Some(connection);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
