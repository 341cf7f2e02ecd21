//! What TLS connections to a destination are opened with, following its files: a certificate that is renewed
//! on disk is used by the next connection, without a reload.
//!
//! New files that cannot be used (half written, a key that does not fit) change nothing: the old ones stay
//! in use until the files change again.

use std::os::unix::fs::MetadataExt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::IntCounter;
use rustls::ClientConfig;
use vigie_pipeline::file_path::FilePath;
use vigie_pipeline::plug::Surroundings;

use super::config::Tls;
use super::tls::{self, TlsError};

/// See the module.
pub(super) struct Credentials {
    exporter: String,
    tls: Tls,
    protocol: Vec<u8>,
    state: Mutex<State>,
    renewed: IntCounter,
    failed: IntCounter,
}

struct State {
    config: Arc<ClientConfig>,
    /// The files as they were when they were read last, for better or for worse.
    read: [Option<Stamp>; 3],
}

/// What changes when a file is written or replaced: device, inode, size, time of its last change.
type Stamp = (u64, u64, u64, i64, i64);

fn stamp(file: Option<&FilePath>) -> Option<Stamp> {
    let found = std::fs::metadata(file?).ok()?;
    Some((found.dev(), found.ino(), found.size(), found.ctime(), found.ctime_nsec()))
}

fn stamps(tls: &Tls) -> [Option<Stamp>; 3] {
    [&tls.ca_file, &tls.cert_file, &tls.key_file].map(|file| stamp(file.as_ref()))
}

impl Credentials {
    /// `protocol` is offered by ALPN.
    pub(super) fn new(
        exporter: &str,
        tls: &Tls,
        protocol: &[u8],
        surroundings: &Surroundings,
    ) -> Result<Self, TlsError> {
        let counters = surroundings.instruments.counters(
            "vigie_export_certificate_reads_total",
            "How often the TLS files of a destination were read because they had changed, by whether they could be used.",
            &["exporter", "outcome"],
        );
        // Before they are read: what changes meanwhile is read again.
        let read = stamps(tls);
        Ok(Self {
            exporter: exporter.to_owned(),
            tls: tls.clone(),
            protocol: protocol.to_vec(),
            state: Mutex::new(State { config: tls::client(tls, protocol)?, read }),
            renewed: counters.with_label_values(&[exporter, "used"]),
            failed: counters.with_label_values(&[exporter, "failed"]),
        })
    }

    /// What the next connection is opened with.
    pub(super) fn current(&self) -> Arc<ClientConfig> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamps(&self.tls);
        if now != state.read {
            state.read = now;
            let exporter = &self.exporter;
            match tls::client(&self.tls, &self.protocol) {
                Ok(config) => {
                    state.config = config;
                    self.renewed.inc();
                    tracing::info!(%exporter, "TLS files have changed and are in use");
                }
                Err(error) => {
                    self.failed.inc();
                    tracing::warn!(%exporter, "TLS files have changed and cannot be used, the old ones stay: {error}");
                }
            }
        }
        Arc::clone(&state.config)
    }
}
