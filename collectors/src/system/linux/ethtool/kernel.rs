//! Asking the drivers of network interfaces: `SIOCETHTOOL` of netdevice(7), whose commands and structures stand in
//! linux/ethtool.h.
//!
//! A command is a number at the beginning of a piece of memory; the kernel fills the rest. Of the statistics, it fills
//! as many as the driver has by then, not as many as there is room for: so the memory is always that of
//! [`MOST_STATISTICS`] four times over, of which pages that nobody touches take no room.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::net::{AddressFamily, SocketFlags, SocketType};

use super::super::netlink::{text, u32_at, u64_at};
use super::super::parse;

const ETHTOOL_GDRVINFO: u32 = 0x03;
const ETHTOOL_GSTRINGS: u32 = 0x1b;
const ETHTOOL_GSTATS: u32 = 0x1d;
const ETHTOOL_GLINKSETTINGS: u32 = 0x4c;
const ETH_SS_STATS: u32 = 1;

/// The length of a name, with zeros behind it.
pub(super) const ETH_GSTRING_LEN: usize = 32;

/// More than any driver has, even with a hundred queues.
const MOST_STATISTICS: usize = 16_384;

const ROOM: usize = STRINGS_HEADER + 4 * MOST_STATISTICS * ETH_GSTRING_LEN;

/// Command, string set and number of strings.
const STRINGS_HEADER: usize = 12;

/// Command and number of statistics.
const STATISTICS_HEADER: usize = 8;

/// `ethtool_link_settings` up to its masks.
const LINK_SETTINGS: usize = 48;

/// Where its `autoneg` and `link_mode_masks_nwords` stand.
const AUTONEG: usize = 11;
const MASK_WORDS: usize = 15;

/// What can be asked: the kernel, or what a test has in its place.
pub(super) trait Drivers {
    /// Has the driver of an interface carry out the command in `memory`.
    fn command(&mut self, interface: &str, memory: &mut [u8]) -> io::Result<()>;
}

/// The kernel, asked through any socket.
#[derive(Debug, Default)]
pub(super) struct Kernel {
    socket: Option<OwnedFd>,
}

impl Drivers for Kernel {
    #[allow(unsafe_code)]
    fn command(&mut self, interface: &str, memory: &mut [u8]) -> io::Result<()> {
        let socket = match self.socket.take() {
            Some(socket) => socket,
            None => {
                let (family, kind) = (AddressFamily::INET, SocketType::DGRAM);
                rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?
            }
        };
        let socket = self.socket.insert(socket).as_raw_fd();
        // Names have at most 15 bytes; one that was cut off would be another interface's.
        if interface.len() >= libc::IFNAMSIZ || memory.len() < ROOM {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let mut name = [0; libc::IFNAMSIZ];
        for (to, from) in name.iter_mut().zip(interface.bytes()) {
            *to = from as libc::c_char;
        }
        let data = libc::__c_anonymous_ifr_ifru { ifru_data: memory.as_mut_ptr().cast() };
        let mut request = libc::ifreq { ifr_name: name, ifr_ifru: data };
        // SAFETY: the request and the memory it leads to are exclusively ours during the call, and the memory has room
        // for four times what the drivers of any interface that is asked have to say.
        let answer = unsafe { libc::ioctl(socket, libc::SIOCETHTOOL as _, &raw mut request) };
        if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Asks, in memory that stays.
pub(super) struct Asker {
    drivers: Box<dyn Drivers + Send>,
    memory: Vec<u8>,
}

/// What a driver says of itself.
#[derive(Debug, PartialEq)]
pub(super) struct Driver {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) firmware_version: String,
    pub(super) bus: String,
    pub(super) expansion_rom_version: String,
    statistics: usize,
}

/// How the other end of the cable is talked to.
#[derive(Debug, PartialEq)]
pub(super) struct Link {
    pub(super) supported: Modes,
    pub(super) advertised: Modes,
    pub(super) autonegotiates: bool,
}

/// A set of link modes.
#[derive(Debug, PartialEq)]
pub(super) struct Modes(pub(super) Vec<u32>);

impl Modes {
    pub(super) fn has(&self, bit: usize) -> bool {
        self.0.get(bit / 32).is_some_and(|word| word >> (bit % 32) & 1 == 1)
    }
}

impl Asker {
    pub(super) fn new(drivers: impl Drivers + Send + 'static) -> Self {
        Self { drivers: Box::new(drivers), memory: Vec::new() }
    }

    /// Has a command carried out; the answer is all of the memory.
    fn ask(&mut self, interface: &str, command: &[u32]) -> io::Result<&[u8]> {
        if self.memory.is_empty() {
            self.memory = vec![0; ROOM];
        }
        for (to, from) in self.memory.chunks_exact_mut(4).zip(command) {
            to.copy_from_slice(&from.to_ne_bytes());
        }
        self.drivers.command(interface, &mut self.memory)?;
        Ok(&self.memory)
    }

    pub(super) fn driver(&mut self, interface: &str) -> io::Result<Driver> {
        let answer = self.ask(interface, &[ETHTOOL_GDRVINFO])?;
        let text = |at: usize| parse::label(text(&answer[at..at + 32])).into_owned();
        Ok(Driver {
            name: text(4),
            version: text(36),
            firmware_version: text(68),
            bus: text(100),
            expansion_rom_version: text(132),
            statistics: u32_at(&answer[180..]) as usize,
        })
    }

    pub(super) fn link(&mut self, interface: &str) -> io::Result<Link> {
        // Asked with room for no mask at all, the kernel says, below 0, how many words it needs.
        let header = |words: i8| {
            let mut header = [0; LINK_SETTINGS / 4];
            header[0] = ETHTOOL_GLINKSETTINGS;
            header[3] = u32::from_ne_bytes([0, 0, 0, words.cast_unsigned()]);
            header
        };
        let words = self.ask(interface, &header(0))?[MASK_WORDS].cast_signed().saturating_neg();
        let answer = self.ask(interface, &header(words))?;
        let length = 4 * usize::from(words.unsigned_abs());
        let modes = |number: usize| {
            let bytes = &answer[LINK_SETTINGS + number * length..][..length];
            Modes(bytes.chunks_exact(4).map(u32_at).collect())
        };
        Ok(Link { supported: modes(0), advertised: modes(1), autonegotiates: answer[AUTONEG] != 0 })
    }

    /// The names of an interface's statistics, each in [`ETH_GSTRING_LEN`] bytes, and the numbers, none or as many.
    pub(super) fn statistics(
        &mut self,
        interface: &str,
        driver: &Driver,
        names: &mut Vec<u8>,
        numbers: &mut Vec<u64>,
    ) -> io::Result<()> {
        names.clear();
        numbers.clear();
        if driver.statistics == 0 {
            return Ok(());
        }
        let too_many = || io::Error::other(format!("more than {MOST_STATISTICS} statistics"));
        let expected =
            Some(driver.statistics).filter(|count| *count <= MOST_STATISTICS).ok_or_else(too_many)?;
        let answer = self.ask(interface, &[ETHTOOL_GSTRINGS, ETH_SS_STATS, expected as u32])?;
        let count = (u32_at(&answer[8..]) as usize).min(MOST_STATISTICS);
        names.extend(&answer[STRINGS_HEADER..][..count * ETH_GSTRING_LEN]);
        let answer = self.ask(interface, &[ETHTOOL_GSTATS, count as u32])?;
        // A driver that has other queues by now has other names too: it is heard the next time.
        if u32_at(&answer[4..]) as usize == count {
            numbers.extend(answer[STATISTICS_HEADER..].chunks_exact(8).take(count).map(u64_at));
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod fake;
#[cfg(test)]
mod tests;
