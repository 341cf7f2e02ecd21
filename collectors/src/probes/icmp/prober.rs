//! One ping.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;

use super::metrics;
use super::packet::Ping;
use super::socket::{Echo, Kind, Report};
use super::{Config, host};
use crate::probes::Shared;
use crate::probes::dial::Dial;
use crate::probes::failure::{Failure, Phase, Reason};
use crate::probes::findings::Findings;
use crate::probes::prober::{self, Aim, Host, Phases};
use crate::probes::record::Record;

/// As long as blackbox_exporter's, in bytes.
const PAYLOAD: u16 = 28;

/// A ping, ready to be sent again and again.
#[derive(Debug)]
pub(super) struct Prober {
    dial: Dial,
    payload_size: usize,
    ttl: u8,
    dont_fragment: bool,
    /// Counts on from anywhere, so that two agents of one host do not count alike.
    count: AtomicU32,
}

impl Prober {
    pub(super) fn new(config: &Config, shared: &Arc<Shared>) -> Self {
        let payload_size = if config.payload_size == 0 { PAYLOAD } else { config.payload_size };
        Self {
            dial: Dial {
                shared: Arc::clone(shared),
                preferred: config.preferred_ip_protocol,
                fallback: config.ip_protocol_fallback,
                source: config.source_ip_address,
            },
            payload_size: usize::from(payload_size),
            ttl: config.ttl,
            dont_fragment: config.dont_fragment,
            count: AtomicU32::new(fastrand::u32(..)),
        }
    }

    /// A socket that is set up as the configuration says.
    fn open(&self, peer: IpAddr) -> io::Result<Echo> {
        let echo = Echo::open(peer, self.dial.source)?;
        if self.ttl > 0 {
            echo.set_ttl(self.ttl)?;
        }
        if self.dont_fragment && peer.is_ipv4() {
            echo.forbid_fragments()?;
        }
        Ok(echo)
    }
}

#[async_trait]
impl prober::Prober for Prober {
    fn phases(&self) -> Option<Phases> {
        Some(metrics::PHASES)
    }

    fn declare(&self, findings: &mut Findings) {
        Dial::declare(findings);
    }

    async fn probe(&self, aim: &Aim<'_>, record: &mut Record) -> Result<(), Failure> {
        let name = host(aim.target).map_err(|error| {
            Failure::new(Reason::DnsError, Phase::Resolve, format_args!("{}: {error}", aim.target))
        })?;
        record.about.text("server.address", name);
        let peer = self.dial.resolve(name, aim, record).await?;
        record.enter(Phase::Setup);
        record.peer_address(peer);
        let echo = self.open(peer).map_err(|error| of_setup(&error))?;
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let payload: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(self.payload_size).collect();
        let ping = Ping {
            // That of an unprivileged socket is the kernel's.
            identifier: echo.identifier().unwrap_or((count >> 16) as u16),
            sequence: count as u16,
            payload: &payload,
        };
        record.note(|| match echo.kind() {
            Kind::Datagram => format!("pinging {peer} from an unprivileged socket"),
            Kind::Raw => format!("pinging {peer} from a raw socket"),
        });
        record.enter(Phase::Rtt);
        echo.send(&ping).await.map_err(|error| of_send(&error))?;
        match echo.reply(&ping).await.map_err(|error| Failure::new(Reason::IcmpError, Phase::Rtt, error))? {
            Report::Reply { hops } => {
                if let Some(hops) = hops {
                    metrics::hop_limit(hops, &mut record.findings);
                }
                record.note(|| format!("a reply with {hops:?} hops to spare"));
                Ok(())
            }
            Report::Unreachable(detail) => Err(Failure::new(Reason::IcmpUnreachable, Phase::Rtt, detail)),
            Report::TimeExceeded(detail) => Err(Failure::new(Reason::IcmpTimeExceeded, Phase::Rtt, detail)),
            Report::TooBig(detail) => Err(Failure::new(Reason::IcmpTooBig, Phase::Rtt, detail)),
            Report::Other(detail) => Err(Failure::new(Reason::IcmpError, Phase::Rtt, detail)),
        }
    }

    fn host(&self, target: &str) -> Option<Host> {
        Some(self.dial.host(host(target).ok()?))
    }

    fn span_name(&self) -> &str {
        "ICMP echo"
    }
}

fn of_setup(error: &io::Error) -> Failure {
    use io::ErrorKind as Is;
    match error.kind() {
        Is::PermissionDenied => {
            let what = "neither an unprivileged socket (net.ipv4.ping_group_range) nor a raw one (CAP_NET_RAW) is \
                        allowed";
            Failure::new(Reason::IcmpPermission, Phase::Setup, what)
        }
        Is::NetworkUnreachable | Is::HostUnreachable | Is::NetworkDown => {
            Failure::new(Reason::IcmpUnreachable, Phase::Setup, error)
        }
        _ => Failure::new(Reason::IcmpError, Phase::Setup, error),
    }
}

fn of_send(error: &io::Error) -> Failure {
    use io::ErrorKind as Is;
    let reason = match error.kind() {
        Is::NetworkUnreachable | Is::HostUnreachable | Is::NetworkDown => Reason::IcmpUnreachable,
        _ if error.raw_os_error() == Some(libc::EMSGSIZE) => Reason::IcmpTooBig,
        _ => Reason::IcmpError,
    };
    Failure::new(reason, Phase::Rtt, error)
}
