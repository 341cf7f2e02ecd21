//! Families whose names the kernel makes up: `/proc/meminfo`, `/proc/vmstat`, `/proc/net/netstat` …
//!
//! A name is turned into a family, or filtered away, when it is first met; from then on it is found by
//! where it stood the last time, as the kernel writes its files in the same order each time.

use std::sync::Arc;

use vigie_pipeline::metric::Family;

/// More names than any kernel has; past it, all are forgotten and met anew, so that memory is bounded.
const MOST: usize = 8192;

/// The names that one file has had so far.
#[derive(Debug, Default)]
pub(super) struct Names {
    met: Vec<Name>,
    next: usize,
}

#[derive(Debug)]
struct Name {
    name: Box<[u8]>,
    /// None if it is not wanted.
    family: Option<Arc<Family>>,
}

impl Names {
    /// Before the first name of a reading.
    pub(super) fn rewind(&mut self) {
        self.next = 0;
        if self.met.len() > MOST {
            self.met.clear();
        }
    }

    /// The family of `name`, or `None` if `meet` did not want it when it was first met.
    pub(super) fn family(
        &mut self,
        name: &[u8],
        meet: impl FnOnce(&str) -> Option<Family>,
    ) -> Option<&Arc<Family>> {
        let expected = self.met.get(self.next).is_some_and(|known| *known.name == *name);
        let at = if expected {
            self.next
        } else {
            self.met.iter().position(|known| *known.name == *name).unwrap_or_else(|| {
                let family = std::str::from_utf8(name).ok().and_then(meet).filter(is_well_named);
                self.met.push(Name { name: name.into(), family: family.map(Arc::new) });
                self.met.len() - 1
            })
        };
        self.next = at + 1;
        self.met[at].family.as_ref()
    }
}

/// Whether both exposition formats can carry the name: a kernel's own module may write what it likes.
fn is_well_named(family: &Family) -> bool {
    let head = family.name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    head && family.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use vigie_pipeline::metric::Kind;

    fn meet(name: &str) -> Option<Family> {
        (name != "unwanted").then(|| Family::met(name.to_owned(), Kind::Gauge, String::new()))
    }

    #[test]
    fn a_name_is_met_once_and_keeps_its_family() {
        let mut names = Names::default();
        let first = Arc::clone(names.family(b"a", meet).unwrap());
        assert!(names.family(b"unwanted", meet).is_none());
        names.rewind();
        assert!(Arc::ptr_eq(&first, names.family(b"a", |_| unreachable!("known")).unwrap()));
        assert!(names.family(b"unwanted", |_| unreachable!("known")).is_none());
        assert!(Arc::ptr_eq(&first, names.family(b"a", |_| unreachable!("out of order")).unwrap()));
    }

    #[test]
    fn a_name_that_no_format_can_carry_is_left_out() {
        let mut names = Names::default();
        assert!(names.family(b"a b", meet).is_none());
        assert!(names.family(b"1a", meet).is_none());
        assert!(names.family(b"\xff", meet).is_none());
        assert!(names.family(b"", meet).is_none());
    }
}
