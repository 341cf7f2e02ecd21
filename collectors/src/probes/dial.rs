//! The way to a host that most kinds of probe share: its name into an address, the address into a connection.
//!
//! One address is tried, as a probe is to say whether *it* answers: the first of the preferred family.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpSocket, TcpStream};
use vigie_pipeline::metric::Family;

use super::Shared;
use super::address::Address;
use super::failure::{Failure, Phase};
use super::findings::Findings;
use super::prober::{Aim, Host};
use super::record::Record;
use super::resolve::IpProtocol;
use super::socket;
use super::stream::Stream;

static DNS_LOOKUP: Family =
    Family::gauge("probe_dns_lookup_time_seconds", "Returns the time taken for probe dns lookup in seconds");
static IP_PROTOCOL: Family =
    Family::gauge("probe_ip_protocol", "Specifies whether probe ip protocol is IP4 or IP6");
static IP_HASH: Family = Family::gauge(
    "probe_ip_addr_hash",
    "Specifies the hash of IP address. It's useful to detect if the IP address changes.",
);

/// See the module.
#[derive(Debug, Clone)]
pub(super) struct Dial {
    pub(super) shared: Arc<Shared>,
    /// `preferred_ip_protocol`
    pub(super) preferred: IpProtocol,
    /// `ip_protocol_fallback`
    pub(super) fallback: bool,
    /// `source_ip_address`
    pub(super) source: Option<IpAddr>,
}

impl Dial {
    /// The series about addresses, before one is known.
    pub(super) fn declare(findings: &mut Findings) {
        for family in [&DNS_LOOKUP, &IP_PROTOCOL, &IP_HASH] {
            findings.set(family, 0.0);
        }
    }

    /// The time of the lookup, however it ended; called when the run is over.
    pub(super) fn settle(record: &mut Record) {
        if record.findings.get(&DNS_LOOKUP).is_some() {
            let lookup = record.timeline.first(Phase::Resolve);
            record.findings.set(&DNS_LOOKUP, lookup.as_secs_f64());
        }
    }

    /// The address of a target's `host`: one that is written as an address is taken as it is. The phase is `resolve`
    /// if a name server has to be asked.
    pub(super) async fn resolve(
        &self,
        host: &str,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<IpAddr, Failure> {
        let literal = || host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        let address = match aim.address.or_else(literal) {
            Some(address) => address,
            None => {
                let found = self.addresses(host, record).await?;
                found[0]
            }
        };
        Self::chosen(address, record);
        self.shared.guard.admit(address, record)?;
        record.note(|| format!("resolved {host} to {address}"));
        Ok(address)
    }

    /// The target is probed at this address.
    pub(super) fn chosen(address: IpAddr, record: &mut Record) {
        record.findings.set(&IP_PROTOCOL, if address.is_ipv4() { 4.0 } else { 6.0 });
        record.findings.set(&IP_HASH, ip_hash(address));
    }

    /// A host as this way leads to it.
    pub(super) fn host(&self, name: impl Into<String>) -> Host {
        Host { name: name.into(), preferred: self.preferred, fallback: self.fallback }
    }

    /// All addresses of a name, at least one, those of the preferred family first.
    pub(super) async fn addresses(&self, name: &str, record: &mut Record) -> Result<Vec<IpAddr>, Failure> {
        record.enter(Phase::Resolve);
        let now = record.now();
        let found = self.shared.resolver.resolve(name, self.preferred, self.fallback, now).await?;
        self.shared.guard.resolved(name, &found, record);
        Ok(found)
    }

    /// Connects to `peer`, in the phase `connect`.
    pub(super) async fn connect(&self, peer: SocketAddr, record: &mut Record) -> Result<TcpStream, Failure> {
        record.enter(Phase::Connect);
        self.shared.guard.admit(peer.ip(), record)?;
        self.make_connection(peer, record).await
    }

    /// The same to a peer that the configuration names, a proxy: who asks for the probe has no part in it.
    pub(super) async fn connect_as_configured(
        &self,
        peer: SocketAddr,
        record: &mut Record,
    ) -> Result<TcpStream, Failure> {
        record.enter(Phase::Connect);
        self.make_connection(peer, record).await
    }

    async fn make_connection(&self, peer: SocketAddr, record: &mut Record) -> Result<TcpStream, Failure> {
        record.peer(peer);
        let connected = match self.source {
            None => TcpStream::connect(peer).await,
            Some(source) => connect_from(source, peer).await,
        };
        let tcp = connected.map_err(|error| Failure::of_io(Phase::Connect, &error))?;
        // Without it a request waits for nothing; a failure costs time, not truth.
        let _ = tcp.set_nodelay(true);
        record.note(|| format!("connected to {peer}"));
        Ok(tcp)
    }

    /// Both: to `host` at `port`.
    pub(super) async fn reach(
        &self,
        host: &str,
        port: u16,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<TcpStream, Failure> {
        let address = self.resolve(host, aim, record).await?;
        self.connect(SocketAddr::new(address, port), record).await
    }

    /// To an address, whatever it is, with what spans say of it.
    pub(super) async fn open(
        &self,
        address: &Address,
        aim: &Aim<'_>,
        record: &mut Record,
    ) -> Result<Stream, Failure> {
        match address {
            Address::Tcp { host, port } => {
                record.about.text("server.address", host);
                record.about.number("server.port", *port);
                self.reach(host, *port, aim, record).await.map(Stream::Tcp)
            }
            Address::Unix(path) => socket::connect(path, &self.shared.guard, record).await.map(Stream::Unix),
        }
    }
}

async fn connect_from(source: IpAddr, peer: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = if peer.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(SocketAddr::new(source, 0))?;
    socket.connect(peer).await
}

/// FNV-1a over the bytes of the address.
fn ip_hash(ip: IpAddr) -> f64 {
    let hash = |bytes: &[u8]| {
        bytes.iter().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
    };
    f64::from(match ip.to_canonical() {
        IpAddr::V4(ip) => hash(&ip.octets()),
        IpAddr::V6(ip) => hash(&ip.octets()),
    })
}
