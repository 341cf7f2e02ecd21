//! What the bits of a link mode mask stand for (`ethtool_link_mode_bit_indices` of linux/ethtool.h).

use super::kernel::Modes;

/// One way in which two ends of a cable can talk.
#[derive(Debug)]
pub(super) struct Speed {
    bit: usize,
    pub(super) megabits: u32,
    pub(super) duplex: &'static str,
    pub(super) mode: &'static str,
}

const fn half(bit: usize, megabits: u32, mode: &'static str) -> Speed {
    Speed { bit, megabits, duplex: "half", mode }
}

const fn full(bit: usize, megabits: u32, mode: &'static str) -> Speed {
    Speed { bit, megabits, duplex: "full", mode }
}

#[rustfmt::skip] // a table
static SPEEDS: [Speed; 112] = [
    half(0, 10, "10baseT"), full(1, 10, "10baseT"), half(2, 100, "100baseT"), full(3, 100, "100baseT"),
    half(4, 1000, "1000baseT"), full(5, 1000, "1000baseT"), full(12, 10000, "10000baseT"),
    full(15, 2500, "2500baseX"), full(17, 1000, "1000baseKX"), full(18, 10000, "10000baseKX4"),
    full(19, 10000, "10000baseKR"), full(20, 10000, "10000baseR_FEC"), full(21, 20000, "20000baseMLD2"),
    full(22, 20000, "20000baseKR2"), full(23, 40000, "40000baseKR4"), full(24, 40000, "40000baseCR4"),
    full(25, 40000, "40000baseSR4"), full(26, 40000, "40000baseLR4"), full(27, 56000, "56000baseKR4"),
    full(28, 56000, "56000baseCR4"), full(29, 56000, "56000baseSR4"), full(30, 56000, "56000baseLR4"),
    full(31, 25000, "25000baseCR"), full(32, 25000, "25000baseKR"), full(33, 25000, "25000baseSR"),
    full(34, 50000, "50000baseCR2"), full(35, 50000, "50000baseKR2"), full(36, 100000, "100000baseKR4"),
    full(37, 100000, "100000baseSR4"), full(38, 100000, "100000baseCR4"), full(39, 100000, "100000baseLR4_ER4"),
    full(40, 50000, "50000baseSR2"), full(41, 1000, "1000baseX"), full(42, 10000, "10000baseCR"),
    full(43, 10000, "10000baseSR"), full(44, 10000, "10000baseLR"), full(45, 10000, "10000baseLRM"),
    full(46, 10000, "10000baseER"), full(47, 2500, "2500baseT"), full(48, 5000, "5000baseT"),
    full(52, 50000, "50000baseKR"), full(53, 50000, "50000baseSR"), full(54, 50000, "50000baseCR"),
    full(55, 50000, "50000baseLR_ER_FR"), full(56, 50000, "50000baseDR"), full(57, 100000, "100000baseKR2"),
    full(58, 100000, "100000baseSR2"), full(59, 100000, "100000baseCR2"), full(60, 100000, "100000baseLR2_ER2_FR2"),
    full(61, 100000, "100000baseDR2"), full(62, 200000, "200000baseKR4"), full(63, 200000, "200000baseSR4"),
    full(64, 200000, "200000baseLR4_ER4_FR4"), full(65, 200000, "200000baseDR4"), full(66, 200000, "200000baseCR4"),
    full(67, 100, "100baseT1"), full(68, 1000, "1000baseT1"), full(69, 400000, "400000baseKR8"),
    full(70, 400000, "400000baseSR8"), full(71, 400000, "400000baseLR8_ER8_FR8"), full(72, 400000, "400000baseDR8"),
    full(73, 400000, "400000baseCR8"), full(75, 100000, "100000baseKR"), full(76, 100000, "100000baseSR"),
    full(77, 100000, "100000baseLR_ER_FR"), full(78, 100000, "100000baseCR"), full(79, 100000, "100000baseDR"),
    full(80, 200000, "200000baseKR2"), full(81, 200000, "200000baseSR2"), full(82, 200000, "200000baseLR2_ER2_FR2"),
    full(83, 200000, "200000baseDR2"), full(84, 200000, "200000baseCR2"), full(85, 400000, "400000baseKR4"),
    full(86, 400000, "400000baseSR4"), full(87, 400000, "400000baseLR4_ER4_FR4"), full(88, 400000, "400000baseDR4"),
    full(89, 400000, "400000baseCR4"), half(90, 100, "100baseFX"), full(91, 100, "100baseFX"),
    full(92, 10, "10baseT1L"), full(93, 800000, "800000baseCR8"), full(94, 800000, "800000baseKR8"),
    full(95, 800000, "800000baseDR8"), full(96, 800000, "800000baseDR8_2"), full(97, 800000, "800000baseSR8"),
    full(98, 800000, "800000baseVR8"), full(99, 10, "10baseT1S"), half(100, 10, "10baseT1S"),
    half(101, 10, "10baseT1S_P2MP"), full(102, 10, "10baseT1BRR"), full(103, 200000, "200000baseCR"),
    full(104, 200000, "200000baseKR"), full(105, 200000, "200000baseDR"), full(106, 200000, "200000baseDR_2"),
    full(107, 200000, "200000baseSR"), full(108, 200000, "200000baseVR"), full(109, 400000, "400000baseCR2"),
    full(110, 400000, "400000baseKR2"), full(111, 400000, "400000baseDR2"), full(112, 400000, "400000baseDR2_2"),
    full(113, 400000, "400000baseSR2"), full(114, 400000, "400000baseVR2"), full(115, 800000, "800000baseCR4"),
    full(116, 800000, "800000baseKR4"), full(117, 800000, "800000baseDR4"), full(118, 800000, "800000baseDR4_2"),
    full(119, 800000, "800000baseSR4"), full(120, 800000, "800000baseVR4"), full(121, 1600000, "1600000baseCR8"),
    full(122, 1600000, "1600000baseKR8"), full(123, 1600000, "1600000baseDR8"),
    full(124, 1600000, "1600000baseDR8_2"),
];

const PORTS: [(usize, &str); 6] =
    [(7, "TP"), (8, "AUI"), (9, "MII"), (10, "FIBRE"), (11, "BNC"), (16, "Backplane")];

impl Modes {
    pub(super) fn speeds(&self) -> impl Iterator<Item = &'static Speed> {
        SPEEDS.iter().filter(|speed| self.has(speed.bit))
    }

    /// The plugs that there are.
    pub(super) fn ports(&self) -> impl Iterator<Item = &'static str> {
        PORTS.iter().filter(|(bit, _)| self.has(*bit)).map(|(_, name)| *name)
    }

    pub(super) fn autonegotiates(&self) -> bool {
        self.has(6)
    }

    pub(super) fn pauses(&self) -> bool {
        self.has(13)
    }

    pub(super) fn pauses_asymmetrically(&self) -> bool {
        self.has(14)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_speed_has_a_bit_of_its_own_and_is_named_for_what_it_is() {
        for (at, speed) in SPEEDS.iter().enumerate() {
            assert!(speed.mode.starts_with(&format!("{}base", speed.megabits)), "{speed:?}");
            assert!(SPEEDS[..at].iter().all(|before| before.bit < speed.bit), "{speed:?}");
            assert!(PORTS.iter().all(|(bit, _)| *bit != speed.bit) && ![6, 13, 14].contains(&speed.bit));
        }
    }

    #[test]
    fn bits_beyond_the_first_word_count() {
        let modes = Modes(vec![1 << 5 | 1 << 6 | 1 << 7, 1 << (47 - 32), 0, 1 << (124 - 96)]);
        let speeds: Vec<_> = modes.speeds().map(|speed| (speed.mode, speed.duplex)).collect();
        assert_eq!(speeds, [("1000baseT", "full"), ("2500baseT", "full"), ("1600000baseDR8_2", "full")]);
        assert_eq!(modes.ports().collect::<Vec<_>>(), ["TP"]);
        assert!(modes.autonegotiates() && !modes.pauses() && !modes.pauses_asymmetrically());
    }
}
