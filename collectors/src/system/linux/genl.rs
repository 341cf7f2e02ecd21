//! Families of generic netlink, which have a name, and a number while the kernel runs: nl80211, ethtool.
//!
//! Each message begins with a `genlmsghdr`, a command, and goes on with attributes (linux/genetlink.h).

use super::netlink::{Netlink, NetlinkError, Subject, attributes, text, u16_at};

/// The family that knows the others, and what it tells of them.
const GENL_ID_CTRL: u16 = 0x10;
const CTRL_CMD_GETFAMILY: u8 = 3;
const CTRL_ATTR_FAMILY_ID: u16 = 1;
const CTRL_ATTR_FAMILY_NAME: u16 = 2;
const GENLMSGHDR: usize = 4;

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
pub(super) enum GenlError {
    #[error("the kernel has no {0}")]
    Absent(&'static str),
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
}

/// A connection to one family.
#[derive(Debug)]
pub(super) struct Genl {
    netlink: Netlink,
    name: &'static str,
    number: Option<u16>,
}

impl Genl {
    pub(super) fn new(name: &'static str) -> Self {
        Self { netlink: Netlink::new(Subject::Generic), name, number: None }
    }

    /// Has a command list what it knows of `which`, attributes, and calls `take` with the attributes of each answer.
    pub(super) fn dump(
        &mut self,
        command: u8,
        which: &[u8],
        take: impl FnMut(&[u8]),
    ) -> Result<(), GenlError> {
        // A module that is loaded again has another number: after an error it is looked for anew.
        let number = match self.number.take() {
            Some(number) => number,
            None => find(&mut self.netlink, self.name)?.ok_or(GenlError::Absent(self.name))?,
        };
        ask(&mut self.netlink, number, command, which, take)?;
        self.number = Some(number);
        Ok(())
    }
}

/// The number of a family. All are listed: asking for one by its name would make the kernel load the module.
fn find(netlink: &mut Netlink, name: &str) -> Result<Option<u16>, NetlinkError> {
    let mut number = None;
    ask(netlink, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, &[], |body| {
        number = number.or_else(|| numbered(body, name));
    })?;
    Ok(number)
}

fn ask(
    netlink: &mut Netlink,
    number: u16,
    command: u8,
    which: &[u8],
    mut take: impl FnMut(&[u8]),
) -> Result<(), NetlinkError> {
    let request = [&[command, 1, 0, 0], which].concat();
    netlink.dump(number, &request, |kind, body| {
        if let Some(body) = body.get(GENLMSGHDR..).filter(|_| kind == number) {
            take(body);
        }
    })
}

/// The number of a family, if that is its name.
fn numbered(body: &[u8], name: &str) -> Option<u16> {
    let value = |wanted| attributes(body).find(|(kind, _)| *kind == wanted).map(|(_, value)| value);
    let named = text(value(CTRL_ATTR_FAMILY_NAME)?) == name.as_bytes();
    value(CTRL_ATTR_FAMILY_ID).filter(|_| named).map(u16_at)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::netlink::attribute;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_family_is_found_by_its_name() {
        let family = [
            attribute(CTRL_ATTR_FAMILY_NAME, b"nl80211\0"),
            attribute(CTRL_ATTR_FAMILY_ID, &0x1f_u16.to_ne_bytes()),
        ]
        .concat();
        assert_eq!(numbered(&family, "nl80211"), Some(0x1f));
        assert_eq!(numbered(&family, "nl8021"), None);
    }

    #[test]
    fn the_kernel_knows_the_family_that_knows_the_others_and_no_other_that_is_none() {
        let mut netlink = Netlink::new(Subject::Generic);
        for _ in 0..2 {
            assert_eq!(find(&mut netlink, "nlctrl").unwrap(), Some(GENL_ID_CTRL));
        }
        let mut none = Genl::new("no such family");
        let error = none.dump(1, &[], |_| unreachable!("nothing is listed")).unwrap_err();
        assert_eq!(error.to_string(), "the kernel has no no such family");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = numbered(&bytes, "nl80211");
        }
    }
}
