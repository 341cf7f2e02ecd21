//! Who listens on ports: the processes that have a socket open that does, be it by inheritance.
//!
//! To find who has a socket, the descriptors of all processes must be looked at; that is done when a socket appears. Besides, each process is asked for its own
//! descriptors whenever it is judged, so that one which inherits a socket is found. What is not seen is a socket
//! handed to a process that has been there for long.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, ErrorKind};

use crate::processes::listeners::{Listener, Transport, listeners};
use crate::processes::procfs::Procfs;

/// The number of a socket as the file system of sockets has it.
type Inode = u64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Ports {
    wanted: BTreeSet<u16>,
    /// Those that listen on wanted ports.
    sockets: HashMap<Inode, u16>,
    /// Which of these a process has open, if any.
    held: HashMap<u32, Vec<Inode>>,
    /// Whether all processes have been looked at in this pass.
    is_fresh: bool,
    /// Whether the sockets could not be listed the last time.
    is_blind: bool,
    /// The ports of which it was told that nobody knows who listens.
    told: BTreeSet<u16>,
}

impl Ports {
    pub(super) fn new(wanted: impl IntoIterator<Item = u16>) -> Self {
        Self { wanted: wanted.into_iter().collect(), ..Self::default() }
    }

    /// Looks which sockets there are; adds the PIDs of processes that have others than before.
    pub(super) fn refresh(&mut self, procfs: &Procfs, due: &mut Vec<u32>) {
        self.is_fresh = false;
        if self.wanted.is_empty() {
            return;
        }
        let sockets = match listening(procfs, &self.wanted) {
            Ok(sockets) => sockets,
            Err(error) => {
                // They are those of the last time.
                if !std::mem::replace(&mut self.is_blind, true) {
                    tracing::warn!("process groups: who listens on ports is not known: {error}");
                }
                return;
            }
        };
        self.is_blind = false;
        if sockets == self.sockets {
            return;
        }
        let has_new = sockets.keys().any(|inode| !self.sockets.contains_key(inode));
        self.sockets = sockets;
        let before = std::mem::take(&mut self.held);
        if has_new {
            self.look_at_all(procfs);
        } else {
            let left = |held: &[Inode]| {
                held.iter().copied().filter(|inode| self.sockets.contains_key(inode)).collect()
            };
            let held = before.iter().map(|(pid, held)| (*pid, left(held)));
            self.held = held.filter(|(_, held): &(u32, Vec<Inode>)| !held.is_empty()).collect();
        }
        due.extend(before.iter().filter(|(pid, held)| self.held.get(pid) != Some(held)).map(|(pid, _)| *pid));
        due.extend(self.held.keys().filter(|pid| !before.contains_key(pid)));
    }

    /// Whether a process has a socket open that listens on one of these ports.
    pub(super) fn are_held(&mut self, ports: &BTreeSet<u16>, pid: u32, procfs: &Procfs) -> bool {
        if self.sockets.is_empty() {
            return false;
        }
        if !self.is_fresh {
            let held = self.held_by(pid, procfs).unwrap_or_default();
            self.keep(pid, held);
        }
        let held = self.held.get(&pid).into_iter().flatten();
        held.filter_map(|inode| self.sockets.get(inode)).any(|port| ports.contains(port))
    }

    fn look_at_all(&mut self, procfs: &Procfs) {
        let mut processes = Vec::new();
        if procfs.list(&mut processes).is_err() {
            return;
        }
        let mut hidden = 0;
        for pid in processes.iter().map(|listed| listed.pid) {
            match self.held_by(pid, procfs) {
                Ok(held) => self.keep(pid, held),
                Err(error) => hidden += usize::from(error.kind() == ErrorKind::PermissionDenied),
            }
        }
        self.is_fresh = true;
        if hidden > 0 {
            self.complain(hidden);
        }
    }

    fn held_by(&self, pid: u32, procfs: &Procfs) -> io::Result<Vec<Inode>> {
        let mut held = Vec::new();
        procfs.each_socket(pid, |inode| {
            if self.sockets.contains_key(&inode) {
                held.push(inode);
            }
        })?;
        // One may be open under several descriptors, and they are compared.
        held.sort_unstable();
        held.dedup();
        Ok(held)
    }

    fn keep(&mut self, pid: u32, held: Vec<Inode>) {
        match held.is_empty() {
            true => drop(self.held.remove(&pid)),
            false => drop(self.held.insert(pid, held)),
        }
    }

    /// Says of which ports it is not known who listens, once of each.
    fn complain(&mut self, hidden: usize) {
        let known: BTreeSet<Inode> = self.held.values().flatten().copied().collect();
        let unknown = self.sockets.iter().filter(|(inode, _)| !known.contains(inode)).map(|(_, port)| *port);
        for port in unknown.collect::<BTreeSet<u16>>() {
            if self.told.insert(port) {
                tracing::warn!(
                    "process groups: who listens on port {port} is not known: the descriptors of {hidden} processes may not \
                     be read without CAP_SYS_PTRACE"
                );
            }
        }
    }
}

/// The sockets that listen on wanted ports.
fn listening(procfs: &Procfs, wanted: &BTreeSet<u16>) -> Result<HashMap<Inode, u16>, String> {
    let mut all = listeners(procfs, Transport::Tcp)?;
    all.extend(listeners(procfs, Transport::Udp)?);
    let is_wanted = |socket: &Listener| wanted.contains(&socket.port) && socket.inode != 0;
    Ok(all.into_iter().filter(is_wanted).map(|socket| (socket.inode, socket.port)).collect())
}

#[cfg(test)]
mod tests;
