//! Where probes may connect to that somebody asks for over `/probe`: a target is the wish of whoever can reach the
//! agent, and the agent can reach what they cannot.
//!
//! The rule is applied to the address that is about to be connected to, so neither a name that resolves to a forbidden
//! address nor a redirect leads past it. Probes of the configuration itself go where they are told.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

use super::failure::{Failure, Phase, Reason};
use super::record::Record;

/// What `/probe` may be asked to probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// The hosts that may be probed: names, with `*` for any characters, addresses, and networks such as `10.0.0.0/8`.
    /// None means all. A host that is named here may have any address, but for those that the next two keys speak of.
    pub targets: Vec<String>,
    /// Probe link-local addresses too, 169.254.0.0/16 and fe80::/10.
    pub allow_link_local: bool,
    /// Probe also the addresses at which clouds tell machines about themselves, credentials included.
    pub allow_metadata: bool,
    /// Probe sockets of this host too, with modules of the prober `unix`.
    pub allow_unix: bool,
    /// The modules that may be asked for; none means all of the file.
    pub modules: Vec<String>,
    /// As many probes run at the same time; what is asked beyond is answered with 503. Must be less than
    /// `server.max_connections`, so that scrapes are answered whatever the probes do.
    pub concurrency: usize,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            targets: Vec::new(),
            allow_link_local: false,
            allow_metadata: false,
            allow_unix: false,
            modules: Vec::new(),
            concurrency: 50,
        }
    }
}

impl Check for Access {
    fn check(&self, at: &mut Place<'_>) {
        for (at, text) in at.key("targets").each(&self.targets) {
            at.ok(Allowed::parse(text));
        }
        if self.concurrency == 0 {
            at.key("concurrency").wrong("must be 1 or more");
        }
    }
}

/// One element of `targets`.
#[derive(Debug)]
enum Allowed {
    Network(IpNet),
    Name(globset::Glob),
}

/// Why a text is no element of `targets`.
#[derive(Debug, thiserror::Error)]
enum AllowedError {
    #[error("not a host: write a name, an address or a network such as `10.0.0.0/8`")]
    Host,
    #[error(transparent)]
    Glob(#[from] globset::Error),
}

impl Allowed {
    fn parse(text: &str) -> Result<Self, AllowedError> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Ok(Self::Network(address.into()));
        }
        if let Ok(network) = text.parse() {
            return Ok(Self::Network(network));
        }
        if text.is_empty() || text.contains(['/', ':', ' ']) {
            return Err(AllowedError::Host);
        }
        Ok(Self::Name(GlobBuilder::new(text).case_insensitive(true).build()?))
    }
}

/// Where clouds tell machines about themselves: AWS, Azure, GCP and most others; containers and pods of AWS; the same
/// over IPv6 at AWS and GCP; Alibaba; Azure's host; Oracle's older one.
const METADATA: [IpAddr; 9] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
];

/// Names of such places, for where names are resolved by somebody else.
const METADATA_NAMES: [&str; 4] =
    ["metadata.google.internal", "metadata.goog", "metadata", "instance-data.ec2.internal"];

const NOT_A_TARGET: &str = "is not among the `targets` that may be probed";

/// [`Access`], ready to be asked.
#[derive(Debug)]
pub(super) struct Guard {
    /// `None` where any host may be probed.
    targets: Option<(GlobSet, Vec<IpNet>)>,
    link_local: bool,
    metadata: bool,
    unix: bool,
}

impl Guard {
    /// Lets everything pass: for probes that the configuration asks for.
    pub(super) fn open() -> Self {
        Self { targets: None, link_local: true, metadata: true, unix: true }
    }

    /// # Errors
    /// What the check of the settings would have said.
    pub(super) fn new(access: &Access) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let (mut names, mut networks) = (GlobSetBuilder::new(), Vec::new());
        for text in &access.targets {
            match Allowed::parse(text)? {
                Allowed::Network(network) => networks.push(network),
                Allowed::Name(glob) => drop(names.add(glob)),
            }
        }
        let names = names.build()?;
        Ok(Self {
            targets: (!access.targets.is_empty()).then_some((names, networks)),
            link_local: access.allow_link_local,
            metadata: access.allow_metadata,
            unix: access.allow_unix,
        })
    }

    /// The name of a host has these addresses. If its name may be probed, all of them may.
    pub(super) fn resolved(&self, name: &str, addresses: &[IpAddr], record: &mut Record) {
        let named = |(names, _): &(GlobSet, _)| names.is_match(name.trim_end_matches('.'));
        if self.targets.as_ref().is_some_and(named) {
            record.named.extend_from_slice(addresses);
        }
    }

    /// Whether an address may be connected to in this run.
    ///
    /// # Errors
    /// The failure of the run.
    pub(super) fn admit(&self, address: IpAddr, record: &Record) -> Result<(), Failure> {
        self.judge(address, &record.named).map_err(|what| {
            let phase = record.timeline.phase().unwrap_or(Phase::Resolve);
            Failure::new(Reason::TargetForbidden, phase, format_args!("{address} {what}"))
        })
    }

    /// Whether somebody else, a proxy, may be asked to connect to a host that is not resolved here.
    ///
    /// # Errors
    /// The failure of the run.
    pub(super) fn admit_elsewhere(&self, host: &str, record: &Record) -> Result<(), Failure> {
        if let Ok(address) = host.trim_start_matches('[').trim_end_matches(']').parse() {
            return self.admit(address, record);
        }
        let name = host.trim_end_matches('.').to_ascii_lowercase();
        let what = if METADATA_NAMES.contains(&name.as_str()) && !self.metadata {
            "is where a cloud tells machines about themselves: see `allow_metadata`"
        } else if self.targets.as_ref().is_some_and(|(names, _)| !names.is_match(&name)) {
            NOT_A_TARGET
        } else {
            return Ok(());
        };
        let phase = record.timeline.phase().unwrap_or(Phase::Resolve);
        Err(Failure::new(Reason::TargetForbidden, phase, format_args!("{host} {what}")))
    }

    /// Whether a socket of this host may be connected to.
    ///
    /// # Errors
    /// The failure of the run.
    pub(super) fn admit_socket(&self) -> Result<(), Failure> {
        let what = "sockets of this host may not be probed: see `allow_unix`";
        if self.unix { Ok(()) } else { Err(Failure::new(Reason::TargetForbidden, Phase::Connect, what)) }
    }

    fn judge(&self, address: IpAddr, named: &[IpAddr]) -> Result<(), &'static str> {
        let address = address.to_canonical();
        for address in [Some(address), within(address)].into_iter().flatten() {
            if METADATA.contains(&address) {
                if !self.metadata {
                    return Err("is where a cloud tells machines about themselves: see `allow_metadata`");
                }
            } else if is_link_local(address) && !self.link_local {
                return Err("is link-local: see `allow_link_local`");
            }
        }
        let Some((names, networks)) = &self.targets else { return Ok(()) };
        let allowed = names.is_match(address.to_string())
            || networks.iter().any(|network| network.contains(&address))
            || named.iter().any(|known| known.to_canonical() == address);
        if allowed { Ok(()) } else { Err(NOT_A_TARGET) }
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// The IPv4 address that an IPv6 address leads to: through NAT64, 6to4, or as the obsolete `::a.b.c.d`.
fn within(address: IpAddr) -> Option<IpAddr> {
    let IpAddr::V6(address) = address else { return None };
    let [a, b, c, d] = match (address.segments(), address.octets()) {
        ([0x64, 0xff9b, 0, 0, 0, 0, _, _] | [0, 0, 0, 0, 0, 0, _, _], [.., a, b, c, d]) => [a, b, c, d],
        ([0x2002, ..], [_, _, a, b, c, d, ..]) => [a, b, c, d],
        _ => return None,
    };
    Some(IpAddr::V4(Ipv4Addr::new(a, b, c, d)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use vigie_pipeline::clock::Clock;

    fn guard(change: impl FnOnce(&mut Access)) -> Guard {
        let mut access = Access::default();
        change(&mut access);
        Guard::new(&access).unwrap()
    }

    fn admits(guard: &Guard, address: &str) -> bool {
        guard.admit(address.parse().unwrap(), &Record::new(Clock::system())).is_ok()
    }

    #[test]
    fn link_local_and_metadata_addresses_are_refused_in_every_disguise() {
        let guard = guard(|_| {});
        for address in [
            "169.254.169.254",
            "169.254.1.1",
            "::ffff:169.254.169.254",
            "64:ff9b::169.254.169.254",
            "2002:a9fe:a9fe::1",
            "::169.254.0.1",
            "fe80::1",
            "fd00:ec2::254",
            "100.100.100.200",
        ] {
            assert!(!admits(&guard, address), "{address}");
        }
        for address in ["127.0.0.1", "::1", "10.0.0.1", "169.253.0.1", "fd00:ec2::255", "2001:db8::1"] {
            assert!(admits(&guard, address), "{address}");
        }
    }

    #[test]
    fn what_is_allowed_is_admitted_and_nothing_beside_it() {
        let local = guard(|access| access.allow_link_local = true);
        assert!(admits(&local, "169.254.1.1") && admits(&local, "fe80::1"));
        assert!(!admits(&local, "169.254.169.254"));
        let metadata = guard(|access| access.allow_metadata = true);
        assert!(admits(&metadata, "169.254.169.254") && !admits(&metadata, "169.254.1.1"));
    }

    #[test]
    fn where_targets_are_named_only_they_are_admitted() {
        let guard = guard(|access| {
            access.targets = ["10.0.0.0/8", "::1", "*.example.com"].map(str::to_owned).to_vec();
        });
        assert!(admits(&guard, "10.1.2.3") && admits(&guard, "::ffff:10.1.2.3") && admits(&guard, "::1"));
        assert!(!admits(&guard, "11.0.0.1") && !admits(&guard, "::2"));

        let mut record = Record::new(Clock::system());
        let [web, metadata]: [IpAddr; 2] = ["192.0.2.1", "169.254.169.254"].map(|a| a.parse().unwrap());
        guard.resolved("example.org", &[web], &mut record);
        assert!(guard.admit(web, &record).is_err());
        guard.resolved("WWW.example.com.", &[web, metadata], &mut record);
        assert!(guard.admit(web, &record).is_ok());
        let failure = guard.admit(metadata, &record).unwrap_err();
        assert_eq!(failure.reason, Reason::TargetForbidden);
    }

    #[test]
    fn a_proxy_is_not_asked_for_what_may_not_be_probed() {
        let record = Record::new(Clock::system());
        let admits = |guard: &Guard, host: &str| guard.admit_elsewhere(host, &record).is_ok();
        let open = guard(|_| {});
        for host in ["169.254.169.254", "[fe80::1]", "Metadata.google.internal."] {
            assert!(!admits(&open, host), "{host}");
        }
        assert!(admits(&open, "shop.example") && admits(&open, "[::1]"));
        let narrow = guard(|access| access.targets = vec!["*.example".into()]);
        assert!(
            admits(&narrow, "shop.example") && !admits(&narrow, "shop.test") && !admits(&narrow, "10.0.0.1")
        );
        assert!(admits(&Guard::open(), "metadata") && admits(&Guard::open(), "169.254.169.254"));
    }

    #[test]
    fn sockets_of_the_host_are_there_for_who_is_allowed() {
        let refused = guard(|_| {}).admit_socket().unwrap_err();
        assert_eq!(refused.reason, Reason::TargetForbidden);
        assert!(guard(|access| access.allow_unix = true).admit_socket().is_ok());
    }

    #[test]
    fn probes_of_the_configuration_go_anywhere() {
        assert!(admits(&Guard::open(), "169.254.169.254") && admits(&Guard::open(), "fe80::1"));
        assert!(Guard::open().admit_socket().is_ok());
    }

    #[test]
    fn targets_are_names_addresses_and_networks() {
        for text in ["shop.example", "*.example", "10.0.0.1", "10.0.0.0/8", "fd00::/8", "::1"] {
            assert!(Allowed::parse(text).is_ok(), "{text}");
        }
        for text in ["", "http://x/", "10.0.0.0/33", "host:80", "[a"] {
            assert!(Allowed::parse(text).is_err(), "{text}");
        }
    }
}
