//! Drivers that are made up: they answer as those of the kernel do, byte for byte.

use super::*;

/// One interface with a driver; no other has one.
pub(in super::super) struct Fake {
    pub(in super::super) interface: &'static str,
    /// Supported, then advertised.
    pub(in super::super) modes: [Vec<u32>; 2],
    pub(in super::super) statistics: Vec<(&'static str, u64)>,
    /// How many the driver says it has, if not as many.
    pub(in super::super) announced: Option<u32>,
}

impl Default for Fake {
    fn default() -> Self {
        Self { interface: "eth0", modes: [vec![0; 4], vec![0; 4]], statistics: Vec::new(), announced: None }
    }
}

fn put(memory: &mut [u8], at: usize, bytes: &[u8]) {
    memory[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Drivers for Fake {
    fn command(&mut self, interface: &str, memory: &mut [u8]) -> io::Result<()> {
        if interface == "broken" {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        if interface != self.interface {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        let count = self.announced.unwrap_or(self.statistics.len() as u32).to_ne_bytes();
        match u32_at(memory) {
            ETHTOOL_GDRVINFO => {
                let texts = ["e1000e", "5.11", "0.5-4", "0000:00:1f.6", ""];
                for (at, text) in texts.iter().enumerate() {
                    put(memory, 4 + 32 * at, &[0; 32]);
                    put(memory, 4 + 32 * at, text.as_bytes());
                }
                put(memory, 180, &count);
            }
            ETHTOOL_GSTRINGS => {
                assert_eq!(u32_at(&memory[4..]), ETH_SS_STATS);
                put(memory, 8, &count);
                for (at, (name, _)) in self.statistics.iter().enumerate() {
                    put(memory, STRINGS_HEADER + 32 * at, &[0; 32]);
                    put(memory, STRINGS_HEADER + 32 * at, name.as_bytes());
                }
            }
            ETHTOOL_GSTATS => {
                put(memory, 4, &(self.statistics.len() as u32).to_ne_bytes());
                for (at, (_, number)) in self.statistics.iter().enumerate() {
                    put(memory, STATISTICS_HEADER + 8 * at, &number.to_ne_bytes());
                }
            }
            ETHTOOL_GLINKSETTINGS => {
                let words = self.modes[0].len();
                if usize::from(memory[MASK_WORDS]) != words {
                    put(memory, MASK_WORDS, &[(words as i8).wrapping_neg().cast_unsigned()]);
                    return Ok(());
                }
                put(memory, AUTONEG, &[1]);
                for (at, word) in self.modes.iter().flatten().enumerate() {
                    put(memory, LINK_SETTINGS + 4 * at, &word.to_ne_bytes());
                }
            }
            other => unreachable!("command {other:#x}"),
        }
        Ok(())
    }
}
