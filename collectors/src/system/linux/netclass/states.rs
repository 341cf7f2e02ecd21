//! Which interfaces are what they were: what rtnetlink(7) tells of each, to compare with what it told before.

use std::collections::HashMap;
use std::path::Path;

use super::super::netlink::{IFINFOMSG, IFLA_IFNAME, Netlink, Subject, attribute, attributes, text};

/// `SYSFS_MAGIC` of linux/magic.h.
const SYSFS: u64 = 0x6265_6572;

/// Counters and timers, which change all the time and are in no file that is read here: `IFLA_STATS`, `IFLA_LINKINFO`,
/// `IFLA_STATS64` and `IFLA_AF_SPEC`.
const RESTLESS: [u16; 4] = [7, 18, 23, 26];

/// What an interface is, as an `ifinfomsg` and attributes. Those of two moments are equal if all is that the files have
/// and netlink tells as well.
pub(super) type State = Vec<u8>;

/// The states of all interfaces at one moment.
pub(super) struct States {
    netlink: Netlink,
    by_name: HashMap<Box<[u8]>, State>,
}

impl States {
    /// `None` where the files of a directory are not the kernel's, and change without its knowledge.
    pub(super) fn of_files_in(dir: &Path) -> Option<Self> {
        let is_sysfs = rustix::fs::statfs(dir).is_ok_and(|found| found.f_type as u64 == SYSFS);
        is_sysfs.then(|| Self { netlink: Netlink::new(Subject::Route), by_name: HashMap::new() })
    }

    /// Asks for the states at present. Where the kernel does not tell, there are none.
    pub(super) fn ask(&mut self) {
        self.by_name.clear();
        let asked = self.netlink.links(|body| {
            if let Some((name, state)) = read(body) {
                self.by_name.insert(name.into(), state);
            }
        });
        if asked.is_err() {
            self.by_name.clear();
        }
    }

    /// The state of an interface.
    pub(super) fn get(&self, name: &str) -> Option<&State> {
        self.by_name.get(name.as_bytes())
    }
}

/// Name and state, of an `ifinfomsg` and its attributes.
fn read(body: &[u8]) -> Option<(&[u8], State)> {
    let mut state = body.get(..IFINFOMSG)?.to_vec();
    let mut name = None;
    for (kind, value) in attributes(&body[IFINFOMSG..]) {
        if kind == IFLA_IFNAME {
            name = Some(text(value));
        }
        if !RESTLESS.contains(&kind) {
            state.extend(attribute(kind, value));
        }
    }
    Some((name?, state))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const IFLA_MTU: u16 = 4;

    fn message(mtu: u32, counters: u8) -> Vec<u8> {
        let restless = RESTLESS.map(|kind| attribute(kind, &[counters; 9])).concat();
        let name = attribute(IFLA_IFNAME, b"eth0\0");
        [vec![0; IFINFOMSG], restless, name, attribute(IFLA_MTU, &mtu.to_ne_bytes())].concat()
    }

    #[test]
    fn a_state_is_another_when_a_file_has_changed_and_not_because_packets_came() {
        let (quiet, busy, changed) = (message(1500, 0), message(1500, 7), message(1400, 7));
        assert_eq!(read(&quiet).unwrap().0, b"eth0");
        assert_eq!(read(&quiet), read(&busy));
        assert_ne!(read(&busy), read(&changed));
    }

    #[test]
    fn files_that_are_not_the_kernels_have_no_states() {
        let dir = tempfile::tempdir().unwrap();
        assert!(States::of_files_in(dir.path()).is_none());
        let mut states = States::of_files_in("/sys/class/net".as_ref()).unwrap();
        states.ask();
        let first = states.get("lo").unwrap().clone();
        states.ask();
        assert_eq!(*states.get("lo").unwrap(), first);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = read(&bytes);
        }
    }
}
