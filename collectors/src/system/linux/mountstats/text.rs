//! What `/proc/self/mountstats` says of an NFS mount.

use super::super::parse;

/// One mount: the lines below `device 192.168.1.1:/srv mounted on /mnt with fstype nfs4 statvers=1.1`.
#[derive(Debug, Default)]
pub(super) struct Mount<'t> {
    pub(super) export: &'t [u8],
    pub(super) mount_point: &'t [u8],
    options: &'t [u8],
    pub(super) age: Option<f64>,
    pub(super) bytes: Vec<f64>,
    pub(super) events: Vec<f64>,
    pub(super) transports: Vec<Transport>,
    pub(super) operations: Vec<Operation<'t>>,
}

/// A connection to the server: `xprt:\ttcp 832 0 1 0 11 6428 6428 0 12154 0 24 26 5726`.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) protocol: String,
    /// Port, bind, connect, time spent connecting, idle time, sends, receives, bad transaction ids, requests in flight
    /// summed up, backlog; then maximum of slots, sending and pending queue.
    pub(super) numbers: Vec<f64>,
}

/// What was asked of the server: `READ: 1298 1298 0 207680 1210292152 6 79386 79407`.
#[derive(Debug)]
pub(super) struct Operation<'t> {
    pub(super) name: &'t [u8],
    /// Requests, transmissions, major timeouts, bytes sent, bytes received, then times in milliseconds: queue, response,
    /// request.
    pub(super) numbers: Vec<u64>,
}

/// How many numbers an operation has at least.
pub(super) const OPERATION: usize = 8;

impl<'t> Mount<'t> {
    fn option(&self, name: &[u8]) -> Option<&'t [u8]> {
        self.options
            .split(|byte| *byte == b',')
            .find_map(|option| option.strip_prefix(name)?.strip_prefix(b"="))
    }

    /// `tcp`, `udp` or `rdma`.
    pub(super) fn protocol(&self) -> String {
        let of_transport = || self.transports.first().map(|transport| transport.protocol.clone());
        let of_options = self.option(b"proto").map(|name| parse::label(name).into_owned());
        of_options.or_else(of_transport).unwrap_or_default()
    }

    /// The server: it is said where it is not the one of the export.
    pub(super) fn address(&self) -> &'t [u8] {
        let host = || memchr::memchr(b':', self.export).map_or(self.export, |colon| &self.export[..colon]);
        self.option(b"mountaddr").or_else(|| self.option(b"addr")).unwrap_or_else(host)
    }

    fn take(&mut self, line: &'t [u8]) {
        let (key, rest) = parse::first_word(line);
        let numbers = || parse::words(rest).map_while(parse::number).collect::<Vec<f64>>();
        match key {
            b"opts:" => self.options = rest.trim_ascii(),
            b"age:" => self.age = numbers().first().copied(),
            b"bytes:" => self.bytes = numbers(),
            b"events:" => self.events = numbers(),
            b"xprt:" => {
                let (protocol, rest) = parse::first_word(rest);
                let mut numbers: Vec<f64> = parse::words(rest).map_while(parse::number).collect();
                // There is nothing to connect and no time to be idle without connections.
                if protocol == b"udp" && numbers.len() >= 2 {
                    numbers.splice(2..2, [0.0; 3]);
                }
                let protocol = parse::label(protocol).into_owned();
                self.transports.push(Transport { protocol, numbers });
            }
            _ => {
                let Some(name) = key.strip_suffix(b":").filter(|name| name.iter().all(is_operation)) else {
                    return;
                };
                let numbers: Vec<u64> = parse::words(rest).map_while(parse::whole).collect();
                if numbers.len() >= OPERATION {
                    self.operations.push(Operation { name, numbers });
                }
            }
        }
    }
}

fn is_operation(byte: &u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_'
}

/// The NFS mounts with statistics.
pub(super) fn mounts(text: &[u8]) -> Vec<Mount<'_>> {
    let mut mounts: Vec<Mount<'_>> = Vec::new();
    let mut inside = false;
    for line in parse::lines(text) {
        if line.starts_with(b"device ") {
            inside = match mount(line) {
                Some(mount) => {
                    mounts.push(mount);
                    true
                }
                None => false,
            };
        } else if let Some(mount) = mounts.last_mut().filter(|_| inside) {
            mount.take(line);
        }
    }
    mounts
}

fn mount(line: &[u8]) -> Option<Mount<'_>> {
    let rest = line.strip_prefix(b"device ")?;
    let on = memchr::memmem::find(rest, b" mounted on ")?;
    let (export, rest) = (&rest[..on], &rest[on + " mounted on ".len()..]);
    let with = memchr::memmem::rfind(rest, b" with fstype ")?;
    let (mount_point, rest) = (&rest[..with], &rest[with + " with fstype ".len()..]);
    let (kind, version) = parse::first_word(rest);
    let is_nfs = matches!(kind, b"nfs" | b"nfs4") && version.trim_ascii().starts_with(b"statvers=");
    is_nfs.then(|| Mount { export, mount_point, ..Mount::default() })
}
