#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::fake::Fake;
use super::*;

fn names_and_numbers(asker: &mut Asker) -> (Vec<String>, Vec<u64>) {
    let (mut names, mut numbers) = (Vec::new(), Vec::new());
    let driver = asker.driver("eth0").unwrap();
    asker.statistics("eth0", &driver, &mut names, &mut numbers).unwrap();
    let names = names.chunks_exact(ETH_GSTRING_LEN);
    (names.map(|name| parse::label(text(name)).into_owned()).collect(), numbers)
}

#[test]
fn a_driver_tells_of_itself_its_link_and_its_statistics() {
    let fake = Fake {
        modes: [vec![0x60, 0, 0, 1 << 28], vec![0x40, 1, 0, 0]],
        statistics: vec![("rx_packets", 7), ("tx_packets", u64::MAX)],
        ..Fake::default()
    };
    let mut asker = Asker::new(fake);
    let driver = asker.driver("eth0").unwrap();
    let texts = [&driver.name, &driver.version, &driver.firmware_version, &driver.bus];
    assert_eq!(texts, ["e1000e", "5.11", "0.5-4", "0000:00:1f.6"]);
    let link = asker.link("eth0").unwrap();
    assert_eq!(link.supported, Modes(vec![0x60, 0, 0, 1 << 28]));
    assert_eq!(link.advertised, Modes(vec![0x40, 1, 0, 0]));
    assert!(link.autonegotiates && link.supported.has(124) && !link.supported.has(1000));
    let expected = (vec!["rx_packets".to_owned(), "tx_packets".to_owned()], vec![7, u64::MAX]);
    assert_eq!(names_and_numbers(&mut asker), expected);
}

#[test]
fn a_driver_that_has_other_statistics_by_now_has_none_this_time() {
    let statistics = vec![("rx_packets", 7)];
    let mut asker =
        Asker::new(Fake { statistics: statistics.clone(), announced: Some(2), ..Fake::default() });
    assert!(names_and_numbers(&mut asker).1.is_empty());
    let mut asker = Asker::new(Fake { statistics, announced: Some(u32::MAX), ..Fake::default() });
    let driver = asker.driver("eth0").unwrap();
    let refused = asker.statistics("eth0", &driver, &mut Vec::new(), &mut Vec::new());
    assert!(refused.unwrap_err().to_string().contains("more than"));
}

#[test]
fn the_kernel_refuses_what_it_does_not_have() {
    let mut asker = Asker::new(Kernel::default());
    let gone = asker.driver("nosuch0").unwrap_err();
    assert_eq!(gone.raw_os_error(), Some(libc::ENODEV));
    assert_eq!(asker.driver("a-name-that-no-interface-has").unwrap_err().kind(), io::ErrorKind::InvalidInput);
}

/// Drivers that fill the memory with anything.
struct Garbage(Vec<u8>);

impl Drivers for Garbage {
    fn command(&mut self, _: &str, memory: &mut [u8]) -> io::Result<()> {
        memory[4..4 + self.0.len()].copy_from_slice(&self.0);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut asker = Asker::new(Garbage(bytes));
        let _ = asker.link("eth0");
        let driver = asker.driver("eth0").unwrap();
        let (mut names, mut numbers) = (Vec::new(), Vec::new());
        let _ = asker.statistics("eth0", &driver, &mut names, &mut numbers);
        prop_assert!(numbers.is_empty() || numbers.len() * ETH_GSTRING_LEN == names.len());
    }
}
