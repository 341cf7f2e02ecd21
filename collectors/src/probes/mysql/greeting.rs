//! The first packet, in which the server says what it is and can do; and the two that answer it.

use super::packet::Fields;

/// Bits of what both sides can do.
pub(super) mod can {
    /// A database is named at the login.
    pub(crate) const CONNECT_WITH_DB: u32 = 1 << 3;
    pub(crate) const PROTOCOL_41: u32 = 1 << 9;
    pub(crate) const TLS: u32 = 1 << 11;
    pub(crate) const TRANSACTIONS: u32 = 1 << 13;
    pub(crate) const SECURE_CONNECTION: u32 = 1 << 15;
    pub(crate) const PLUGIN_AUTH: u32 = 1 << 19;
    /// What a server must be able to do here.
    pub(crate) const NEEDED: u32 = PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | PLUGIN_AUTH;
    /// To MariaDB: no more than a client of MySQL.
    pub(crate) const MYSQL: u32 = 1;
}

/// utf8mb4_general_ci
const CHARSET: u8 = 45;

/// As many bytes of the greeting go into the scrambled password.
pub(super) const NONCE: usize = 20;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) version: String,
    pub(super) can: u32,
    pub(super) nonce: [u8; NONCE],
    pub(super) plugin: Vec<u8>,
}

impl Greeting {
    /// `None` if it is not one of the tenth version of the protocol.
    pub(super) fn parse(payload: &[u8]) -> Option<Self> {
        let mut fields = Fields(payload);
        if fields.byte()? != 10 {
            return None;
        }
        let version = String::from_utf8_lossy(fields.text()).into_owned();
        let _thread = fields.take(4)?;
        let first = fields.take(8)?;
        let _filler = fields.byte()?;
        let low = u32::from(fields.u16()?);
        let _charset_and_status = fields.take(3)?;
        let can = low | u32::from(fields.u16()?) << 16;
        let length = usize::from(fields.byte()?);
        let _reserved = fields.take(10)?;
        let rest = fields.take(length.saturating_sub(8).max(13))?;
        let plugin = fields.text().to_vec();
        let mut nonce = [0; NONCE];
        nonce[..8].copy_from_slice(first);
        nonce[8..].copy_from_slice(&rest[..12]);
        Some(Self { version, can, nonce, plugin })
    }

    pub(super) fn is_mariadb(&self) -> bool {
        self.version.contains("MariaDB")
    }
}

/// The beginning of both answers, which is the whole of that which asks for TLS.
fn answer(can: u32) -> Vec<u8> {
    let longest = (1_u32 << 24).to_le_bytes();
    [&can.to_le_bytes()[..], &longest, &[CHARSET], &[0; 23]].concat()
}

/// Asks for TLS.
pub(super) fn ask_for_tls(database: bool) -> Vec<u8> {
    answer(wanted(database) | can::TLS)
}

/// Says who logs in.
pub(super) fn log_in(tls: bool, user: &str, database: &str, plugin: &[u8], proof: &[u8]) -> Vec<u8> {
    let tls = if tls { can::TLS } else { 0 };
    let mut out = answer(wanted(!database.is_empty()) | tls);
    out.extend_from_slice(user.as_bytes());
    out.push(0);
    // A proof is a hash, or empty: it fits into a byte.
    out.push(proof.len() as u8);
    out.extend_from_slice(proof);
    if !database.is_empty() {
        out.extend_from_slice(database.as_bytes());
        out.push(0);
    }
    out.extend_from_slice(plugin);
    out.push(0);
    out
}

fn wanted(database: bool) -> u32 {
    can::NEEDED | can::MYSQL | if database { can::CONNECT_WITH_DB } else { 0 }
}
