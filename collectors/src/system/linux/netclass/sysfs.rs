//! Network interfaces from the files of `/sys/class/net/<interface>`.
//!
//! Many files, which seldom change: one question over netlink tells of all interfaces whether they are what they were
//! ([`State`]), and of one that is only those files are read of which netlink does not tell. That takes the files to be
//! the kernel's, and of the agent's own network namespace, for sysfs shows the one that it was mounted in. It is the
//! same if both tell the same of an interface, its hardware address among the rest.

use std::path::{Path, PathBuf};

use regex::Regex;
use vigie_pipeline::page::Page;
use vigie_pipeline::plug::Error;

use super::super::class::{Class, text};
use super::super::file::SmallFile;
use super::super::parse;
use super::link::Link;
use super::states::{State, States};
use super::{DEVICE_ID, FILES, FLAGS, INFO, MEGABIT, SPEED, UP};

/// IFF_UP
const ADMINISTRATIVELY_UP: u64 = 1;

/// Of [`FILES`] the one of which netlink does not tell, and which changes.
const UNTOLD: &str = "addr_assign_type";

const TEXTS: [&str; 4] = ["address", "broadcast", "ifalias", "operstate"];

pub(super) struct Sysfs {
    interfaces: Class<Interface>,
    states: Option<States>,
    /// Whether sysfs and netlink are known to tell of one network namespace.
    is_one: bool,
    ignore_invalid_speed: bool,
}

struct Interface {
    numbers: [SmallFile; FILES.len()],
    device_id: SmallFile,
    flags: SmallFile,
    texts: [SmallFile; TEXTS.len()],
    speed: SmallFile,
    duplex: SmallFile,
    told: Told,
    /// The state in which it had that, if it is known to be the same interface.
    state: Option<State>,
}

/// What the files had when they were read last, but for speed and duplex.
#[derive(Debug, Default)]
struct Told {
    numbers: [Option<f64>; FILES.len()],
    device_id: Option<u64>,
    flags: Option<u64>,
    texts: [String; TEXTS.len()],
}

impl Sysfs {
    /// `dir` is the directory of the interfaces.
    pub(super) fn new(dir: PathBuf, ignore_invalid_speed: bool) -> Self {
        let states = States::of_files_in(&dir);
        Self { states, is_one: false, interfaces: Class::new(dir), ignore_invalid_speed }
    }

    pub(super) fn sample(&mut self, page: &mut Page, ignored: &Regex) -> Result<(), Error> {
        // Before the files: what changes between the two is another state the next time.
        if let Some(states) = &mut self.states {
            states.ask();
        }
        self.interfaces.each(
            // A file beside the interfaces, not one of them.
            |name| name != "bonding_masters" && !ignored.is_match(name),
            |_, dir| Interface::new(dir),
            |name, interface, buffer| {
                let state = self.states.as_ref().and_then(|states| states.get(name));
                interface.read(state, &mut self.is_one, buffer);
                interface.write(page, name, self.ignore_invalid_speed, buffer);
            },
        )
    }
}

impl Interface {
    fn new(dir: &Path) -> Self {
        let file = |file: &str| SmallFile::new(dir.join(file));
        Self {
            numbers: FILES.each_ref().map(|attribute| file(attribute.file)),
            device_id: file("dev_id"),
            flags: file("flags"),
            texts: TEXTS.map(file),
            speed: file("speed"),
            duplex: file("duplex"),
            told: Told::default(),
            state: None,
        }
    }

    /// Reads what may have changed.
    fn read(&mut self, state: Option<&State>, is_one: &mut bool, buffer: &mut Vec<u8>) {
        let is_known = state.is_some() && state == self.state.as_ref();
        for ((attribute, file), told) in FILES.iter().zip(&mut self.numbers).zip(&mut self.told.numbers) {
            if !is_known || attribute.file == UNTOLD {
                *told = file.number(buffer);
            }
        }
        if is_known {
            return;
        }
        let mut hex = |file: &mut SmallFile| parse::hex(file.read(buffer).ok()?.trim_ascii());
        self.told.device_id = hex(&mut self.device_id);
        self.told.flags = hex(&mut self.flags);
        self.told.texts = self.texts.each_mut().map(|file| text(file, buffer).unwrap_or_default());
        let state = state.filter(|state| self.told.agrees(state));
        *is_one |= state.is_some() && self.told.has_address();
        self.state = state.filter(|_| *is_one).cloned();
    }

    fn write(&mut self, page: &mut Page, name: &str, ignore_invalid_speed: bool, buffer: &mut Vec<u8>) {
        let told = &self.told;
        let labels = page.labels(&[("device", name)]);
        for (attribute, number) in FILES.iter().zip(told.numbers) {
            if let Some(number) = number {
                page.set(&attribute.family, labels, number);
            }
        }
        for (family, number) in [(&DEVICE_ID, told.device_id), (&FLAGS, told.flags)] {
            if let Some(number) = number {
                page.set(family, labels, number as f64);
            }
        }
        if let Some(speed) = self.speed.number(buffer).filter(|speed| *speed >= 0.0 || !ignore_invalid_speed)
        {
            page.set(&SPEED, labels, speed * MEGABIT);
        }
        let [address, broadcast, alias, state] = &told.texts;
        page.set(&UP, labels, f64::from(state == "up"));
        let is_up = told.flags.is_some_and(|flags| flags & ADMINISTRATIVELY_UP != 0);
        let labels = page.full_labels(&[
            ("address", address),
            ("adminstate", if is_up { "up" } else { "down" }),
            ("broadcast", broadcast),
            ("device", name),
            ("duplex", &text(&mut self.duplex, buffer).unwrap_or_default()),
            ("ifalias", alias),
            ("operstate", state),
        ]);
        page.set(&INFO, labels, 1.0);
    }
}

impl Told {
    /// Whether there is an address that no other interface has; a loopback interface has only zeros.
    fn has_address(&self) -> bool {
        let [address, ..] = &self.texts;
        address.bytes().any(|byte| !matches!(byte, b'0' | b':'))
    }

    /// Whether a state tells the same.
    fn agrees(&self, state: &State) -> bool {
        let Some(link) = Link::parse(state) else { return false };
        let [address, ..] = &self.texts;
        let same = |(file, number): &(&str, u64)| {
            let mut told = FILES.iter().zip(self.numbers).filter(|(attribute, _)| attribute.file == *file);
            // Some files cannot be read while it is down.
            told.all(|(_, told)| told.is_none_or(|told| told == *number as f64))
        };
        link.address == *address && link.numbers.iter().all(same)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::link::tests::message;
    use super::*;
    use crate::system::linux::fixture::lines;

    fn read(sysfs: &mut Sysfs) -> Vec<String> {
        let mut page = Page::default();
        sysfs.sample(&mut page, &Regex::new("^$").unwrap()).unwrap();
        lines(&page)
    }

    #[test]
    fn interfaces_that_are_what_they_were_have_the_series_of_their_files() {
        let new = || Sysfs::new("/sys/class/net".into(), false);
        let mut kept = new();
        read(&mut kept);
        // An interface may change just then.
        assert!((0..5).any(|_| read(&mut kept) == read(&mut Sysfs { states: None, ..new() })));
    }

    #[test]
    fn files_agree_with_the_state_of_their_interface_and_no_other() {
        let state = message();
        let mut told = Told::default();
        assert!(!told.agrees(&state), "it has no address");
        told.texts[0] = "02:00:01".into();
        assert!(told.agrees(&state) && told.has_address());
        let index = FILES.iter().position(|attribute| attribute.file == "ifindex").unwrap();
        told.numbers[index] = Some(7.0);
        assert!(told.agrees(&state));
        told.numbers[index] = Some(8.0);
        assert!(!told.agrees(&state));
    }
}
