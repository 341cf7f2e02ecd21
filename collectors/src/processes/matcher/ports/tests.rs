#![allow(clippy::unwrap_used)]

use std::os::unix::fs::symlink;

use super::*;
use crate::processes::fixture::{FakeProc, Process};

const TITLES: &str =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

struct Rig {
    fake: FakeProc,
    ports: Ports,
}

/// Waits for ports 8000 and 53; the given processes are there.
fn rig(pids: &[u32]) -> Rig {
    let fake = FakeProc::new();
    for &pid in pids {
        fake.set(&Process { pid, open_files: 0, ..Process::default() });
    }
    std::fs::create_dir(fake.path().join("net")).unwrap();
    let rig = Rig { fake, ports: Ports::new([8000, 53]) };
    rig.table("tcp", &[]);
    rig.table("udp", &[]);
    rig
}

impl Rig {
    fn table(&self, name: &str, sockets: &[(&str, &str, u64)]) {
        let mut text = TITLES.to_owned();
        for (address, state, inode) in sockets {
            text += &format!(
                "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1 0 100\n"
            );
        }
        std::fs::write(self.fake.path().join("net").join(name), text).unwrap();
    }

    fn open(&self, pid: u32, descriptor: u32, target: &str) {
        symlink(target, self.fake.path().join(format!("{pid}/fd/{descriptor}"))).unwrap();
    }

    fn refresh(&mut self) -> Vec<u32> {
        let mut due = Vec::new();
        self.ports.refresh(&Procfs::open(self.fake.path()).unwrap(), &mut due);
        due.sort_unstable();
        due
    }

    fn holds(&mut self, pid: u32, port: u16) -> bool {
        self.ports.are_held(&BTreeSet::from([port]), pid, &Procfs::open(self.fake.path()).unwrap())
    }
}

#[test]
fn all_who_have_a_socket_open_that_listens_are_found() {
    let mut rig = rig(&[1, 5, 6, 7]);
    assert_eq!(rig.refresh(), [] as [u32; 0]);
    rig.table("tcp", &[("0100007F:1F40", "0A", 40), ("00000000:0016", "0A", 41)]);
    rig.table("udp6", &[("00000000000000000000000000000000:0035", "07", 42)]);
    rig.open(5, 3, "socket:[40]");
    rig.open(5, 4, "socket:[40]");
    rig.open(6, 3, "/dev/null");
    rig.open(6, 9, "socket:[40]");
    rig.open(7, 3, "socket:[42]");
    rig.open(7, 4, "socket:[41]");
    assert_eq!(rig.refresh(), [5, 6, 7]);
    assert!(rig.holds(5, 8000) && rig.holds(6, 8000) && rig.holds(7, 53));
    assert!(!rig.holds(7, 8000) && !rig.holds(5, 53) && !rig.holds(1, 8000));
    assert_eq!(rig.refresh(), [] as [u32; 0]);
}

#[test]
fn connections_are_not_those_who_listen() {
    let mut rig = rig(&[5]);
    rig.table("tcp", &[("0100007F:1F40", "01", 40), ("0100007F:1F40", "0A", 41)]);
    rig.table("udp", &[("0100007F:0035", "01", 42), ("0100007F:0035", "07", 0)]);
    for (descriptor, inode) in [(3, 40), (4, 41), (5, 42), (6, 0)] {
        rig.open(5, descriptor, &format!("socket:[{inode}]"));
    }
    assert_eq!(rig.refresh(), [] as [u32; 0]);
    assert!(!rig.holds(5, 8000) && !rig.holds(5, 53));
}

#[test]
fn one_that_inherits_a_socket_is_found_when_it_is_judged() {
    let mut rig = rig(&[5]);
    rig.table("tcp", &[("0100007F:1F40", "0A", 40)]);
    rig.open(5, 3, "socket:[40]");
    assert_eq!(rig.refresh(), [5]);
    rig.fake.set(&Process { pid: 8, open_files: 0, ..Process::default() });
    rig.open(8, 3, "socket:[40]");
    assert_eq!(rig.refresh(), [] as [u32; 0]);
    assert!(rig.holds(8, 8000));
    // Another one listens now, and nobody who listened before.
    rig.table("tcp", &[("0100007F:1F40", "0A", 77)]);
    rig.fake.set(&Process { pid: 9, open_files: 0, ..Process::default() });
    rig.open(9, 3, "socket:[77]");
    assert_eq!(rig.refresh(), [5, 8, 9]);
    assert!(rig.holds(9, 8000) && !rig.holds(5, 8000) && !rig.holds(8, 8000));
    rig.table("tcp", &[]);
    assert_eq!(rig.refresh(), [9]);
    assert!(!rig.holds(9, 8000));
}

#[test]
fn the_network_is_that_of_the_first_process_where_it_may_be_seen() {
    let mut rig = rig(&[1, 5]);
    rig.table("tcp", &[("0100007F:1F40", "0A", 40)]);
    let of_the_first = rig.fake.path().join("1/net");
    std::fs::create_dir(&of_the_first).unwrap();
    std::fs::write(of_the_first.join("tcp"), TITLES).unwrap();
    rig.open(5, 3, "socket:[40]");
    assert_eq!(rig.refresh(), [] as [u32; 0]);
    assert!(!rig.ports.is_blind);
    std::fs::remove_dir_all(&of_the_first).unwrap();
    assert_eq!(rig.refresh(), [5]);
}

#[test]
fn sockets_of_which_nobody_knows_the_owner_are_told_once() {
    let mut ports = Ports::new([8000]);
    ports.sockets.insert(40, 8000);
    ports.complain(3);
    assert_eq!(ports.told, BTreeSet::from([8000]));
    let mut known = Ports::new([8000]);
    known.sockets.insert(40, 8000);
    known.keep(5, vec![40]);
    known.complain(3);
    assert_eq!(known.told, BTreeSet::new());
}

#[test]
fn what_cannot_be_listed_is_as_it_was_the_last_time() {
    let mut rig = rig(&[5]);
    rig.table("tcp", &[("0100007F:1F40", "0A", 40)]);
    rig.open(5, 3, "socket:[40]");
    assert_eq!(rig.refresh(), [5]);
    std::fs::remove_file(rig.fake.path().join("net/tcp")).unwrap();
    assert_eq!(rig.refresh(), [] as [u32; 0]);
    assert!(rig.ports.is_blind && rig.holds(5, 8000));
}
