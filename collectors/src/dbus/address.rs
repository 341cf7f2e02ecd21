//! Where a bus listens: below the host's root, or where `DBUS_SYSTEM_BUS_ADDRESS` says, as the D-Bus specification writes
//! it: `unix:path=/run/bus;unix:abstract=name`.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use rustix::net::SocketAddrUnix;

use super::BusError;
use crate::system::config::Roots;

/// Where the system bus listens unless the environment says otherwise, below the host's root.
const SYSTEM: &str = "run/dbus/system_bus_socket";

/// Where systemd itself listens, for root.
const PRIVATE: &str = "run/systemd/private";

/// Sockets to try one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Address {
    listens: Listens,
    /// Whether a bus is behind it, which wants to be greeted; else it is the service itself.
    pub(super) has_bus: bool,
}

#[derive(Debug, Clone)]
enum Listens {
    At(PathBuf),
    /// As the environment says it.
    Said(OsString),
}

impl Address {
    /// The system bus.
    pub(crate) fn system(roots: &Roots) -> Self {
        let said = std::env::var_os("DBUS_SYSTEM_BUS_ADDRESS").filter(|text| !text.is_empty());
        Self::system_unless(said, roots)
    }

    fn system_unless(said: Option<OsString>, roots: &Roots) -> Self {
        let listens = said.map_or_else(|| Listens::At(roots.rootfs.join(SYSTEM)), Listens::Said);
        Self { listens, has_bus: true }
    }

    /// systemd without a bus between.
    pub(crate) fn private(roots: &Roots) -> Self {
        Self { listens: Listens::At(roots.rootfs.join(PRIVATE)), has_bus: false }
    }

    #[cfg(test)]
    pub(crate) fn of(text: &str, has_bus: bool) -> Self {
        Self { listens: Listens::Said(text.into()), has_bus }
    }

    /// The sockets, each with its address as it is written.
    pub(super) fn sockets(&self) -> Result<Vec<(String, SocketAddrUnix)>, BusError> {
        let said = match &self.listens {
            Listens::At(path) => {
                let (name, socket) = (path.display().to_string(), SocketAddrUnix::new(path.as_path()));
                let socket = socket.map_err(|errno| BusError::Connect(name.clone(), errno.into()))?;
                return Ok(vec![(name, socket)]);
            }
            Listens::Said(said) => said.as_bytes(),
        };
        let wrong =
            |part: &[u8], why: &str| BusError::Address(format!("{}: {why}", String::from_utf8_lossy(part)));
        let mut sockets = Vec::new();
        for part in said.split(|byte| *byte == b';').filter(|part| !part.is_empty()) {
            let Some(keys) = part.strip_prefix(b"unix:") else { continue };
            let socket = socket(keys).ok_or_else(|| wrong(part, "no path that can be read"))?;
            let socket = socket.map_err(|errno| wrong(part, &std::io::Error::from(errno).to_string()))?;
            sockets.push((String::from_utf8_lossy(part).into_owned(), socket));
        }
        if sockets.is_empty() {
            return Err(wrong(said, "no address that begins with `unix:`"));
        }
        Ok(sockets)
    }
}

/// The socket that `path` or `abstract` among the keys and values names.
fn socket(keys: &[u8]) -> Option<rustix::io::Result<SocketAddrUnix>> {
    keys.split(|byte| *byte == b',').find_map(|pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let value = unescaped(&pair[at + 1..])?;
        match &pair[..at] {
            b"path" => Some(SocketAddrUnix::new(OsString::from_vec(value))),
            b"abstract" => Some(SocketAddrUnix::new_abstract_name(&value)),
            _ => None,
        }
    })
}

/// `%2f` is a slash, and so on.
fn unescaped(value: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let mut plain = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, behind @ ..] = rest {
        rest = behind;
        if *first == b'%' {
            let [high, low, behind @ ..] = rest else { return None };
            plain.push(digit(high)? << 4 | digit(low)?);
            rest = behind;
        } else {
            plain.push(*first);
        }
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn sockets(text: &str) -> Result<Vec<SocketAddrUnix>, String> {
        let sockets = Address::of(text, true).sockets();
        sockets
            .map(|sockets| sockets.into_iter().map(|(_, socket)| socket).collect())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn paths_and_abstract_names_are_tried_in_their_order() {
        let found =
            sockets("tcp:host=localhost,port=1;unix:path=/run/a%20b,guid=00;unix:abstract=bus").unwrap();
        assert_eq!(found[0].path_bytes().unwrap(), b"/run/a b");
        assert_eq!(found[1].abstract_name().unwrap(), b"bus");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn the_bus_is_the_hosts_unless_the_environment_names_another() {
        let first = |address: Address| address.sockets().unwrap().remove(0).1;
        let mut roots = Roots::default();
        let own = first(Address::system_unless(None, &roots));
        assert_eq!(own.path_bytes().unwrap(), b"/run/dbus/system_bus_socket");
        roots.rootfs = "/host".into();
        let host = first(Address::system_unless(None, &roots));
        assert_eq!(host.path_bytes().unwrap(), b"/host/run/dbus/system_bus_socket");
        assert_eq!(first(Address::private(&roots)).path_bytes().unwrap(), b"/host/run/systemd/private");
        let said = first(Address::system_unless(Some("unix:path=/a".into()), &roots));
        assert_eq!(said.path_bytes().unwrap(), b"/a");
    }

    #[test]
    fn what_is_no_socket_is_refused_with_its_text() {
        assert_eq!(
            sockets("tcp:host=localhost").unwrap_err(),
            "DBUS_SYSTEM_BUS_ADDRESS: tcp:host=localhost: no address that begins with `unix:`"
        );
        let unreadable = sockets("unix:path=%2").unwrap_err();
        assert_eq!(unreadable, "DBUS_SYSTEM_BUS_ADDRESS: unix:path=%2: no path that can be read");
        assert!(sockets(&format!("unix:path=/{}", "a".repeat(200))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(unix:(path|abstract|x)=[%a-f0-9/,;=]*;?)*") {
            let _ = sockets(&text);
        }
    }
}
