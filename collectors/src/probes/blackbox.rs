//! In blackbox_exporter's place: probes on request, by modules of an unchanged configuration of its.
//!
//! A module is the settings of one kind of probe without a target. Its sections are the `Config`s of the kinds
//! themselves, which carry blackbox_exporter's names; what its file means by them where vigie means something else
//! (sizes, regular expressions, some defaults) is put into vigie's terms by the loader. Whoever asks names module and
//! target, so what may be probed is bounded by an [`Access`].
//!
//! What is answered is a page of its own for each request ([`service`]): the same series as in blackbox_exporter's, with
//! the labels that it gives them and no others, and why the probe failed.

mod asked;
mod journal;
mod service;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::units::HumanDuration;

pub use self::asked::{Asked, Refusal};
pub use self::service::{Blackbox, Report};
pub use super::guard::Access;
use super::prober::Kind;
use super::tls::TlsConfig;
use super::{dns, grpc, http, icmp, tcp, unix, websocket};

/// A file of modules.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Modules {
    /// By name.
    pub modules: BTreeMap<String, Module>,
}

/// How to probe whatever target is asked for. Only the section of its `prober` counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Module {
    /// The kind of probe.
    pub prober: ProberName,
    /// How long a probe may take; 0 for as long as the scrape may.
    #[serde(default)]
    pub timeout: HumanDuration,
    /// For `prober: http`.
    #[serde(default)]
    pub http: http::Config,
    /// For `prober: tcp`.
    #[serde(default)]
    pub tcp: tcp::Config,
    /// For `prober: icmp`.
    #[serde(default)]
    pub icmp: icmp::Config,
    /// For `prober: dns`.
    #[serde(default)]
    pub dns: dns::Config,
    /// For `prober: grpc`.
    #[serde(default)]
    pub grpc: grpc::Config,
    /// For `prober: unix`.
    #[serde(default)]
    pub unix: unix::Config,
    /// For `prober: websocket`.
    #[serde(default)]
    pub websocket: websocket::Config,
}

/// blackbox_exporter's names of the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProberName {
    /// HTTP and HTTPS.
    Http,
    /// TCP ports.
    Tcp,
    /// Hosts, by pings.
    Icmp,
    /// Name servers.
    Dns,
    /// gRPC servers, by the standard health protocol.
    Grpc,
    /// Sockets of this host.
    Unix,
    /// Websockets.
    Websocket,
}

impl Module {
    /// The section that counts, with its key.
    fn kind(&self) -> (&'static str, &dyn Kind) {
        match self.prober {
            ProberName::Http => ("http", &self.http),
            ProberName::Tcp => ("tcp", &self.tcp),
            ProberName::Icmp => ("icmp", &self.icmp),
            ProberName::Dns => ("dns", &self.dns),
            ProberName::Grpc => ("grpc", &self.grpc),
            ProberName::Unix => ("unix", &self.unix),
            ProberName::Websocket => ("websocket", &self.websocket),
        }
    }

    /// How the section that counts makes TLS connections.
    fn tls(&mut self) -> Option<&mut TlsConfig> {
        match self.prober {
            ProberName::Http => Some(&mut self.http.tls_config),
            ProberName::Tcp => Some(&mut self.tcp.tls_config),
            ProberName::Icmp => None,
            ProberName::Dns => Some(&mut self.dns.tls_config),
            ProberName::Grpc => Some(&mut self.grpc.tls_config),
            ProberName::Unix => Some(&mut self.unix.tls_config),
            ProberName::Websocket => Some(&mut self.websocket.http_config.tls_config),
        }
    }
}

impl Check for Modules {
    fn check(&self, at: &mut Place<'_>) {
        let at = at.key("modules");
        for (name, module) in &self.modules {
            module.check(&mut at.key(name));
        }
    }
}

impl Check for Module {
    fn check(&self, at: &mut Place<'_>) {
        let module = self.lenient();
        let (key, kind) = module.kind();
        kind.check(&mut at.key(key));
    }
}

impl Module {
    /// Without what blackbox_exporter looks at only when it probes, so that a module that cannot succeed takes no
    /// other with it: files that are missing, versions of HTTP that never come.
    fn lenient(&self) -> Self {
        let mut module = self.clone();
        if let Some(tls) = module.tls() {
            tls.forget_files();
        }
        module.http.valid_http_versions.clear();
        if module.http.body.is_empty() {
            module.http.body_file = None;
        }
        module
    }
}
