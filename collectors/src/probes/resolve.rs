//! Names into addresses, as the host's own programs see them: the hosts file first, then the name servers
//! of `resolv.conf`.
//!
//! Every probe asks anew: nothing is cached, since what the name servers say and how long they take is part of what
//! is measured. The two files are read again when they have changed, which is looked at every few seconds at
//! most. Without a `resolv.conf` the name server is 127.0.0.1, as in the C library.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::failure::{Failure, Phase, Reason};

const RESOLV_CONF: &str = "/etc/resolv.conf";
const HOSTS: &str = "/etc/hosts";

/// How long the files are taken as unchanged.
const FRESH: Duration = Duration::from_secs(5);

/// A family of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IpProtocol {
    /// IPv4.
    Ip4,
    /// IPv6.
    Ip6,
}

impl IpProtocol {
    /// Whether an address belongs to it.
    pub(super) fn has(self, address: &IpAddr) -> bool {
        address.is_ipv4() == (self == Self::Ip4)
    }
}

/// Shared by all probes. See the module.
#[derive(Debug)]
pub(super) struct Resolver {
    state: Mutex<Option<Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    looked: Instant,
    stamps: [Option<Stamp>; 2],
    lookup: Arc<Lookup>,
}

/// What tells a file from its earlier self.
type Stamp = (SystemTime, u64);

/// What one state of the files says.
#[derive(Debug)]
struct Lookup {
    hosts: Hosts,
    servers: TokioResolver,
    /// Their addresses, for people.
    asked: String,
}

impl Resolver {
    /// Reads the system's files at its first use.
    pub(super) fn system() -> Self {
        Self { state: Mutex::new(None) }
    }

    /// The addresses of `name`: those of the preferred family, then, if `fallback`, the others.
    pub(super) async fn resolve(
        &self,
        name: &str,
        preferred: IpProtocol,
        fallback: bool,
        now: Instant,
    ) -> Result<Vec<IpAddr>, Failure> {
        let lookup = self.lookup(now).map_err(|error| {
            Failure::new(Reason::DnsError, Phase::Resolve, format_args!("{RESOLV_CONF}: {error}"))
        })?;
        lookup.find(name, preferred, fallback).await
    }

    fn lookup(&self, now: Instant) -> Result<Arc<Lookup>, NetError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = state.as_mut() {
            if now.saturating_duration_since(loaded.looked) < FRESH {
                return Ok(Arc::clone(&loaded.lookup));
            }
            loaded.looked = now;
            if loaded.stamps == stamps() {
                return Ok(Arc::clone(&loaded.lookup));
            }
        }
        let stamps = stamps();
        let lookup = Arc::new(Lookup::read()?);
        *state = Some(Loaded { looked: now, stamps, lookup: Arc::clone(&lookup) });
        Ok(lookup)
    }
}

fn stamps() -> [Option<Stamp>; 2] {
    [RESOLV_CONF, HOSTS].map(|file| {
        let meta = Path::new(file).metadata().ok()?;
        Some((meta.modified().ok()?, meta.len()))
    })
}

impl Lookup {
    fn read() -> Result<Self, NetError> {
        let (config, options) = match std::fs::read(RESOLV_CONF) {
            Ok(text) if has_server(&text) => system_conf::parse_resolv_conf(text)?,
            Ok(_) => Default::default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Default::default(),
            Err(error) => return Err(NetError::from(error)),
        };
        Self::new(Hosts::from_system().unwrap_or_default(), config, options)
    }

    fn new(hosts: Hosts, mut config: ResolverConfig, mut options: ResolverOpts) -> Result<Self, NetError> {
        if config.name_servers().is_empty() {
            config.add_name_server(NameServerConfig::udp_and_tcp(Ipv4Addr::LOCALHOST.into()));
        }
        options.cache_size = 0;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.use_hosts_file = ResolveHosts::Never;
        let addresses: Vec<_> = config.name_servers().iter().map(|server| server.ip.to_string()).collect();
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        Ok(Self { hosts, servers: builder.build()?, asked: addresses.join(", ") })
    }

    async fn find(&self, name: &str, preferred: IpProtocol, fallback: bool) -> Result<Vec<IpAddr>, Failure> {
        let all = self.addresses(name).await.map_err(|error| self.failure(name, &error))?;
        let (mut wanted, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|ip| preferred.has(ip));
        if fallback {
            wanted.extend(others);
        }
        if wanted.is_empty() {
            let what = format_args!("{name} has no address of the family that may be used");
            return Err(Failure::new(Reason::DnsNoAddress, Phase::Resolve, what));
        }
        Ok(wanted)
    }

    /// Why a name could not be looked up.
    fn failure(&self, name: &str, error: &NetError) -> Failure {
        let timed_out = match error {
            NetError::Timeout => true,
            NetError::Io(error) => error.kind() == io::ErrorKind::TimedOut,
            _ => false,
        };
        let (reason, what) = match error {
            error if error.is_nx_domain() => (Reason::DnsNxdomain, "does not exist".to_owned()),
            error if error.is_no_records_found() => (Reason::DnsNoAddress, "has no address".to_owned()),
            _ if timed_out => (Reason::DnsTimeout, "no answer in time".to_owned()),
            error => (Reason::DnsError, error.to_string()),
        };
        let detail = format_args!("{name}: {what} (asked {})", self.asked);
        Failure::new(reason, Phase::Resolve, detail)
    }

    async fn addresses(&self, name: &str) -> Result<Vec<IpAddr>, NetError> {
        let name = Name::from_str_relaxed(name)?;
        let mut known = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            let Some(found) = self.hosts.lookup_static_host(&Query::query(name.clone(), kind)) else {
                continue;
            };
            known.extend(found.answers().iter().filter_map(|record| record.data.ip_addr()));
        }
        if known.is_empty() && name.is_localhost() {
            known = vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        if known.is_empty() {
            known = self.servers.lookup_ip(name).await?.iter().collect();
        }
        Ok(known)
    }
}

/// Whether a `resolv.conf` names a server at all.
fn has_server(text: &[u8]) -> bool {
    String::from_utf8_lossy(text).lines().any(|line| line.trim_start().starts_with("nameserver"))
}

#[cfg(test)]
mod tests;
