//! The question that is sent, and what comes back.

use std::fmt::Write;
use std::ops::Range;

use hickory_resolver::proto::ProtoError;
use hickory_resolver::proto::op::{Header, Message, MessageType, OpCode, Query};
use hickory_resolver::proto::rr::{DNSClass, Name, RecordType};
use hickory_resolver::proto::serialize::binary::{BinDecodable, BinDecoder, DecodeError};

use super::codes::{self, rcode_name};
use super::presentation;
use super::wire::Wire;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) name: Name,
    pub(super) kind: u16,
    pub(super) class: u16,
    pub(super) recursion_desired: bool,
}

/// Why a text is no domain name.
#[derive(Debug, thiserror::Error)]
pub(super) enum NameError {
    #[error("a label is empty")]
    EmptyLabel,
    #[error("a backslash has to be followed by a character or by three digits up to 255")]
    Escape,
    #[error("{0}")]
    Length(#[from] ProtoError),
}

/// A domain name as texts have it: a dot between labels, `\.` and `\ddd` for what cannot be written as it is. A dot
/// at the end makes no difference: every name is taken as whole.
pub(super) fn domain_name(text: &str) -> Result<Name, NameError> {
    let text = text.trim();
    if text == "." || text.is_empty() {
        return Ok(Name::root());
    }
    let mut labels: Vec<Vec<u8>> = vec![Vec::new()];
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let byte = match (byte, after) {
            (b'.', []) => break,
            (b'.', _) => {
                labels.push(Vec::new());
                continue;
            }
            (b'\\', [digits @ (b'0'..=b'9'), ..]) if digits.is_ascii_digit() => {
                let (digits, after) = after.split_first_chunk::<3>().ok_or(NameError::Escape)?;
                rest = after;
                let digits = std::str::from_utf8(digits).map_err(|_| NameError::Escape)?;
                digits.parse().map_err(|_| NameError::Escape)?
            }
            (b'\\', [escaped, after @ ..]) => {
                rest = after;
                *escaped
            }
            (b'\\', []) => return Err(NameError::Escape),
            (byte, _) => *byte,
        };
        if let Some(label) = labels.last_mut() {
            label.push(byte);
        }
    }
    if labels.iter().any(Vec::is_empty) {
        return Err(NameError::EmptyLabel);
    }
    Ok(Name::from_labels(labels.iter().map(Vec::as_slice))?)
}

impl Question {
    /// The message that asks, under this number.
    pub(super) fn encode(&self, id: u16) -> Result<Vec<u8>, ProtoError> {
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = self.recursion_desired;
        let mut query = Query::query(self.name.clone(), RecordType::from(self.kind));
        query.set_query_class(DNSClass::from(self.class));
        message.add_query(query);
        message.to_vec()
    }
}

/// Why a message is not one.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    #[error("the message ends too early")]
    Short,
    #[error("{0}")]
    Decode(#[from] DecodeError),
    #[error("a question, not an answer")]
    NoAnswer,
    #[error("the data of a record of type {} is longer than its fields", codes::type_name(*.0))]
    Data(u16),
    #[error("a bitmap of types that breaks its rules")]
    Bitmap,
    #[error("an address prefix that breaks its rules")]
    Prefix,
    #[error("the service parameter {0} breaks its rules")]
    Parameter(u16),
    #[error("the text of a record is too long")]
    TooLong,
}

/// One record, whose data is still in the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) name: Name,
    pub(super) kind: u16,
    pub(super) class: u16,
    pub(super) ttl: u32,
    pub(super) data: Range<usize>,
}

/// A message that has been read to its end.
#[derive(Debug)]
pub(super) struct Response {
    bytes: Vec<u8>,
    /// Extended, if the message has EDNS.
    pub(super) rcode: u16,
    /// More was to be said than a datagram takes.
    pub(super) truncated: bool,
    pub(super) answers: Vec<Record>,
    pub(super) authorities: Vec<Record>,
    pub(super) additionals: Vec<Record>,
}

/// The number of a message, which is all that can be said of one before it is known to be an answer.
pub(super) fn id(bytes: &[u8]) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.first_chunk()?))
}

impl Response {
    /// Reads a message of at most 64 KiB with the data of all its records, so that what is counted is well-formed.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self, Malformed> {
        let mut decoder = BinDecoder::new(&bytes);
        let header = Header::read(&mut decoder)?;
        if header.metadata.message_type != MessageType::Response {
            return Err(Malformed::NoAnswer);
        }
        let mut wire = Wire::at(&bytes, decoder.index()..bytes.len())?;
        let mut sections = [const { Vec::new() }; 3];
        // Some servers send nothing but the header when they refuse, whatever it counts.
        if !wire.is_empty() {
            for _ in 0..header.counts.queries {
                wire.name()?;
                wire.take(4)?;
            }
            let counts = [header.counts.answers, header.counts.authorities, header.counts.additionals];
            for (section, count) in sections.iter_mut().zip(counts) {
                for _ in 0..count {
                    section.push(record(&mut wire)?);
                }
            }
        }
        let [answers, authorities, additionals] = sections;
        let high = additionals.iter().find(|record| record.kind == codes::OPT).map_or(0, |opt| opt.ttl >> 24);
        let response = Self {
            rcode: u16::from(header.metadata.response_code.low()) | (high as u16) << 4,
            truncated: header.metadata.truncation,
            answers,
            authorities,
            additionals,
            bytes,
        };
        let mut text = String::new();
        for record in response.records() {
            text.clear();
            presentation::write(&response, record, &mut text)?;
        }
        Ok(response)
    }

    /// All of them, in order.
    pub(super) fn records(&self) -> impl Iterator<Item = &Record> {
        self.answers.iter().chain(&self.authorities).chain(&self.additionals)
    }

    /// The message as it came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A record as text; its data has been read before, so that nothing is missing.
    pub(super) fn text(&self, record: &Record) -> String {
        let mut text = String::new();
        let _ = presentation::write(self, record, &mut text);
        text
    }

    /// The serial number of the last start of authority in the answers.
    pub(super) fn serial(&self) -> Option<u32> {
        let soa = self.answers.iter().rfind(|record| record.kind == codes::SOA)?;
        let mut wire = Wire::at(&self.bytes, soa.data.clone()).ok()?;
        wire.name().ok()?;
        wire.name().ok()?;
        wire.u32().ok()
    }

    /// The beginning of what was answered, for people.
    pub(super) fn summary(&self) -> String {
        let mut text = rcode_name(self.rcode).into_owned();
        for record in self.records().take(20) {
            let _ = write!(text, "; {}", self.text(record));
        }
        text
    }
}

fn record(wire: &mut Wire<'_>) -> Result<Record, Malformed> {
    let name = wire.name()?;
    let (kind, class, ttl, len) = (wire.u16()?, wire.u16()?, wire.u32()?, wire.u16()?);
    let start = wire.position();
    wire.take(usize::from(len))?;
    Ok(Record { name, kind, class, ttl, data: start..wire.position() })
}

#[cfg(test)]
mod tests;
