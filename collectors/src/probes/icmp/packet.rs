//! Echo requests and their replies as bytes; RFC 792 and RFC 4443, section 4.

/// Type, code, checksum, identifier and sequence number.
pub(super) const HEADER: usize = 8;

/// What tells a request, and so its reply, from all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ping<'a> {
    pub(super) identifier: u16,
    pub(super) sequence: u16,
    pub(super) payload: &'a [u8],
}

/// The family of the packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V6,
}

impl Version {
    fn request(self) -> u8 {
        match self {
            Self::V4 => 8,
            Self::V6 => 128,
        }
    }

    fn reply(self) -> u8 {
        match self {
            Self::V4 => 0,
            Self::V6 => 129,
        }
    }
}

impl<'a> Ping<'a> {
    /// The request. The kernel makes the checksum of one over IPv6, which covers the addresses as well.
    pub(super) fn encode(&self, version: Version) -> Vec<u8> {
        let mut packet = Vec::with_capacity(HEADER + self.payload.len());
        packet.extend([version.request(), 0, 0, 0]);
        packet.extend(self.identifier.to_be_bytes());
        packet.extend(self.sequence.to_be_bytes());
        packet.extend(self.payload);
        if version == Version::V4 {
            let sum = checksum(&packet);
            packet[2..4].copy_from_slice(&sum.to_be_bytes());
        }
        packet
    }

    /// Reads a reply without its IP header; `None` for anything else.
    pub(super) fn reply(packet: &'a [u8], version: Version) -> Option<Self> {
        Self::parse(packet, version.reply())
    }

    /// Reads the beginning of a request, as errors quote it: its payload may be cut.
    pub(super) fn quoted(packet: &'a [u8], version: Version) -> Option<Self> {
        Self::parse(packet, version.request())
    }

    fn parse(packet: &'a [u8], kind: u8) -> Option<Self> {
        let (header, payload) = packet.split_first_chunk::<HEADER>()?;
        let [own, 0, _, _, i, d, s, e] = *header else { return None };
        (own == kind).then_some(())?;
        Some(Self { identifier: u16::from_be_bytes([i, d]), sequence: u16::from_be_bytes([s, e]), payload })
    }
}

/// What an IPv4 packet carries: a raw socket hands out the header as well.
pub(super) fn without_header(packet: &[u8]) -> Option<&[u8]> {
    let first = packet.first()?;
    packet.get(usize::from(first & 15) * 4..)
}

/// The complement of the sum of all 16-bit words, in ones' complement; RFC 1071.
fn checksum(packet: &[u8]) -> u16 {
    let words = packet.chunks(2).map(|pair| match pair {
        [high, low] => u16::from_be_bytes([*high, *low]),
        [high] => u16::from_be_bytes([*high, 0]),
        _ => 0,
    });
    let mut sum: u32 = words.map(u32::from).sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_request_is_laid_out_as_its_standard_says() {
        let ping = Ping { identifier: 0x1234, sequence: 7, payload: b"abc" };
        assert_eq!(ping.encode(Version::V4), b"\x08\x00\x21\x62\x12\x34\x00\x07abc");
        assert_eq!(ping.encode(Version::V6), b"\x80\x00\x00\x00\x12\x34\x00\x07abc");
    }

    #[test]
    fn only_a_reply_is_one() {
        let ping = Ping { identifier: 1, sequence: 2, payload: b"x" };
        let request = ping.encode(Version::V4);
        assert_eq!(Ping::reply(&request, Version::V4), None);
        assert_eq!(Ping::quoted(&request, Version::V4), Some(ping));
        let reply = [&[0], &request[1..]].concat();
        assert_eq!(Ping::reply(&reply, Version::V4), Some(ping));
        assert_eq!(Ping::reply(&reply, Version::V6), None);
        assert_eq!(Ping::reply(&[0, 3, 0, 0, 0, 1, 0, 2], Version::V4), None);
    }

    proptest! {
        #[test]
        fn the_checksum_of_a_packet_with_its_checksum_is_zero(
            identifier: u16,
            sequence: u16,
            payload in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let packet = Ping { identifier, sequence, payload: &payload }.encode(Version::V4);
            prop_assert_eq!(checksum(&packet), 0);
        }

        #[test]
        fn any_bytes_are_a_reply_or_nothing(packet in prop::collection::vec(any::<u8>(), 0..100)) {
            for version in [Version::V4, Version::V6] {
                let inner = without_header(&packet).unwrap_or(&packet);
                if let Some(ping) = Ping::reply(inner, version) {
                    prop_assert_eq!(ping.payload.len() + HEADER, inner.len());
                }
            }
        }
    }
}
