//! The way to a socket of this host.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use tokio::net::UnixStream;

use super::failure::{Failure, Phase, Reason};
use super::guard::Guard;
use super::record::Record;

/// Connects to `path`, if `guard` lets it, in the phase `connect`. One that begins with `@` is a name in the abstract
/// namespace.
pub(super) async fn connect(path: &Path, guard: &Guard, record: &mut Record) -> Result<UnixStream, Failure> {
    record.about.text("server.address", path.to_string_lossy());
    record.about.text("network.transport", "unix");
    record.enter(Phase::Connect);
    guard.admit_socket()?;
    let connected = match path.as_os_str().as_bytes().split_first() {
        // The kernel knows such a name by the zero byte that it begins with.
        Some((b'@', name)) => UnixStream::connect(OsString::from_vec([b"\0", name].concat())).await,
        _ => UnixStream::connect(path).await,
    };
    let stream = connected.map_err(|error| refused(&error))?;
    record.note(|| format!("connected to {}", path.display()));
    Ok(stream)
}

/// No connection was made.
fn refused(error: &io::Error) -> Failure {
    use io::ErrorKind as Kind;
    let reason = match error.kind() {
        Kind::NotFound | Kind::NotADirectory => Reason::UnixMissing,
        Kind::PermissionDenied => Reason::UnixDenied,
        // Nobody listens any more; or as many wait as whoever listens allows.
        Kind::ConnectionRefused | Kind::WouldBlock => Reason::UnixRefused,
        _ => Reason::UnixError,
    };
    Failure::new(reason, Phase::Connect, error)
}
