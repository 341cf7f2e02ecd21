//! A bus for tests: takes connections, lets everybody in, and answers calls as a test says.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::{Arc, Mutex};
use std::thread;

pub(crate) use super::message::Writer;
use super::message::{self, HEAD};
use super::reader::{Reader, Value};
use super::{Address, Bus};

/// A call as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) serial: u32,
    pub(crate) destination: String,
    pub(crate) path: String,
    pub(crate) member: String,
    /// Of a property: its interface and its name.
    pub(crate) arguments: Option<(String, String)>,
}

/// What the bus does about a call.
pub(crate) enum Reaction {
    Answer(Vec<u8>),
    Silence,
    HangUp,
}

/// The value of a property.
#[derive(Debug, Clone)]
pub(crate) enum Property {
    Text(String),
    Bool(bool),
    U32(u32),
    U64(u64),
    /// Of the type `(aiai)`, with these numbers in the first array.
    Statuses(Vec<u32>),
}

pub(crate) struct FakeBus {
    dir: tempfile::TempDir,
    calls: Arc<Mutex<Vec<Asked>>>,
}

impl FakeBus {
    pub(crate) fn new(react: impl Fn(&Asked) -> Reaction + Send + Sync + 'static) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let listener = UnixListener::bind(dir.path().join("bus")).expect("bind");
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (seen, react) = (Arc::clone(&calls), Arc::new(react));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, react) = (Arc::clone(&seen), Arc::clone(&react));
                // It ends when the connection does, whichever way.
                thread::spawn(move || serve(&stream.expect("accept"), &seen, &*react));
            }
        });
        Self { dir, calls }
    }

    pub(crate) fn address(&self) -> Address {
        Address::of(&format!("unix:path={}", self.dir.path().join("bus").display()), true)
    }

    pub(crate) fn client(&self) -> Bus {
        Bus::new(self.address())
    }

    /// The calls since the last time, but for those that greet the bus.
    pub(crate) fn calls(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.calls.lock().expect("no test panics with it"))
    }
}

fn serve(stream: &UnixStream, seen: &Mutex<Vec<Asked>>, react: &dyn Fn(&Asked) -> Reaction) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut writer = stream;
    let mut line = String::new();
    for answer in ["DATA\r\n", "OK 0123456789abcdef\r\n", ""] {
        line.clear();
        reader.read_line(&mut line).ok()?;
        writer.write_all(answer.as_bytes()).ok()?;
    }
    assert_eq!(line, "BEGIN\r\n");
    loop {
        let mut bytes = vec![0; HEAD];
        reader.read_exact(&mut bytes).ok()?;
        let length = message::length(bytes.first_chunk()?).expect("a message");
        bytes.resize(length, 0);
        reader.read_exact(&mut bytes[HEAD..]).ok()?;
        let asked = Asked::parse(&bytes);
        if asked.member == "Hello" {
            // The bus says the name of the connection by a signal, too.
            let signal =
                [reply(0, "s", |body| body.text(":1.1")), reply(asked.serial, "s", |body| body.text(":1.1"))];
            let mut signal = signal.concat();
            signal[1] = 4;
            writer.write_all(&signal).ok()?;
            continue;
        }
        let reaction = react(&asked);
        seen.lock().expect("no test panics with it").push(asked);
        match reaction {
            Reaction::Answer(bytes) => writer.write_all(&bytes).ok()?,
            Reaction::Silence => {}
            Reaction::HangUp => return stream.shutdown(std::net::Shutdown::Both).ok(),
        }
    }
}

impl Asked {
    pub(super) fn parse(message: &[u8]) -> Self {
        let mut header = Reader::new(message, message[0] == b'B', "").at(8);
        let serial = header.u32().expect("a number");
        let mut fields = header.array(8).expect("fields");
        let mut texts = vec![String::new(); 9];
        while !fields.is_at_end() {
            fields.align(8).expect("padding");
            let code = fields.byte().expect("a code");
            texts[usize::from(code)] = match fields.variant() {
                Ok(Value::Text(text)) => text.to_owned(),
                _ => String::new(),
            };
        }
        header.align(8).expect("padding");
        let arguments = (!header.is_at_end()).then(|| {
            let first = header.text().expect("a text").to_owned();
            (first, header.text().expect("a text").to_owned())
        });
        let mut text = |code: usize| std::mem::take(&mut texts[code]);
        Self { serial, destination: text(6), path: text(1), member: text(3), arguments }
    }

    pub(crate) fn answer(&self, property: Option<&Property>) -> Reaction {
        Reaction::Answer(match property {
            Some(property) => reply(self.serial, "v", |body| variant(body, property)),
            None => refusal(self.serial, "org.freedesktop.DBus.Error.UnknownProperty", "No such property."),
        })
    }
}

/// An answer to the call of that number.
pub(crate) fn reply(serial: u32, signature: &str, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    message(2, serial, None, signature, write)
}

pub(crate) fn refusal(serial: u32, name: &str, text: &str) -> Vec<u8> {
    message(3, serial, Some(name), "s", |body| body.text(text))
}

fn message(
    kind: u8,
    serial: u32,
    error: Option<&str>,
    signature: &str,
    write: impl FnOnce(&mut Writer<'_>),
) -> Vec<u8> {
    let mut out = Vec::new();
    let mut writer = Writer::new(&mut out);
    let order = if cfg!(target_endian = "big") { b'B' } else { b'l' };
    writer.out.extend([order, kind, 1, 1]);
    let body_length = writer.hole();
    writer.u32(77);
    let fields_length = writer.hole();
    let fields = writer.position();
    writer.out.extend([5, 1, b'u', 0]);
    writer.u32(serial);
    if let Some(error) = error {
        writer.align(8);
        writer.out.extend([4, 1, b's', 0]);
        writer.text(error);
    }
    writer.align(8);
    writer.out.extend([8, 1, b'g', 0, signature.len() as u8]);
    writer.out.extend(signature.as_bytes());
    writer.out.push(0);
    writer.fill(fields_length, writer.position() - fields);
    writer.align(8);
    let body = writer.position();
    write(&mut writer);
    writer.fill(body_length, writer.position() - body);
    out
}

pub(crate) fn variant(body: &mut Writer<'_>, property: &Property) {
    let typed = |body: &mut Writer<'_>, kind: &str| {
        body.out.push(kind.len() as u8);
        body.out.extend(kind.as_bytes());
        body.out.push(0);
    };
    match property {
        Property::Text(text) => {
            typed(body, "s");
            body.text(text);
        }
        Property::Bool(value) => {
            typed(body, "b");
            body.u32(u32::from(*value));
        }
        Property::U32(value) => {
            typed(body, "u");
            body.u32(*value);
        }
        Property::U64(value) => {
            typed(body, "t");
            body.align(8);
            body.out.extend(value.to_ne_bytes());
        }
        Property::Statuses(statuses) => {
            typed(body, "(aiai)");
            body.align(8);
            body.u32(4 * statuses.len() as u32);
            statuses.iter().for_each(|status| body.u32(*status));
            body.u32(0);
        }
    }
}
