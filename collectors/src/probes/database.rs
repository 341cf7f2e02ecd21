//! What probes of SQL databases share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a connection over TCP is encrypted. One to a socket of this host never is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TlsMode {
    /// No TLS.
    Disable,
    /// TLS if the server offers it. Its certificate has to be good then as well.
    #[default]
    Prefer,
    /// Fail if the server does not offer it.
    Require,
}

/// Of what a server sends in a run, this much is read, in bytes.
pub(super) const MOST_BYTES: usize = 4 << 20;

/// One message of a server may be this long, in bytes.
pub(super) const LONGEST_MESSAGE: usize = 256 << 10;
