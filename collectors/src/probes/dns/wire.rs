//! Reading what a name server sent, never past the end of what is read.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use hickory_resolver::proto::rr::Name;
use hickory_resolver::proto::serialize::binary::{BinDecodable, BinDecoder};

use super::message::Malformed;

/// A part of a message that is read from its beginning to its end. Names in it may point to what comes before.
pub(super) struct Wire<'a> {
    decoder: BinDecoder<'a>,
}

impl<'a> Wire<'a> {
    /// The part of `message` in `range`.
    pub(super) fn at(message: &'a [u8], range: Range<usize>) -> Result<Self, Malformed> {
        let before = message.get(..range.end).ok_or(Malformed::Short)?;
        let start = u16::try_from(range.start).map_err(|_| Malformed::Short)?;
        if range.start > range.end {
            return Err(Malformed::Short);
        }
        Ok(Self { decoder: BinDecoder::new(before).clone(start) })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.decoder.is_empty()
    }

    /// The bytes that are left.
    pub(super) fn len(&self) -> usize {
        self.decoder.len()
    }

    /// Where in the message it is.
    pub(super) fn position(&self) -> usize {
        self.decoder.index()
    }

    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        Ok(self.decoder.read_slice(len)?.unverified())
    }

    /// All that is left.
    pub(super) fn rest(&mut self) -> &'a [u8] {
        self.take(self.len()).unwrap_or_default()
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        self.take(N)?.try_into().map_err(|_| Malformed::Short)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(super) fn ip4(&mut self) -> Result<Ipv4Addr, Malformed> {
        Ok(Ipv4Addr::from(self.array::<4>()?))
    }

    pub(super) fn ip6(&mut self) -> Result<Ipv6Addr, Malformed> {
        Ok(Ipv6Addr::from(self.array::<16>()?))
    }

    /// A text with its length in the first byte.
    pub(super) fn text(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u8()?;
        self.take(usize::from(len))
    }

    pub(super) fn name(&mut self) -> Result<Name, Malformed> {
        Ok(Name::read(&mut self.decoder)?)
    }
}
