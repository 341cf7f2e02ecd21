//! What the errors of sockets and libraries mean as failures of a probe.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::CertificateError;

use super::{Failure, Phase, Reason};

impl Failure {
    /// The socket failed.
    pub(in crate::probes) fn of_io(phase: Phase, error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let reason = match error.kind() {
            Kind::ConnectionRefused => Reason::TcpRefused,
            Kind::TimedOut => Reason::TcpTimeout,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => Reason::TcpUnreachable,
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Reason::TcpReset,
            Kind::UnexpectedEof if phase == Phase::Tls => Reason::TlsHandshake,
            Kind::UnexpectedEof => Reason::Closed,
            _ => Reason::TcpError,
        };
        Self::new(reason, phase, error)
    }

    /// The socket for datagrams failed.
    pub(in crate::probes) fn of_udp(phase: Phase, error: &io::Error) -> Self {
        use io::ErrorKind as Kind;
        let reason = match error.kind() {
            Kind::ConnectionRefused => Reason::UdpRefused,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown => Reason::UdpUnreachable,
            _ => Reason::UdpError,
        };
        Self::new(reason, phase, error)
    }

    /// The handshake failed: at the socket, or for a reason of TLS.
    pub(in crate::probes) fn of_handshake(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => Self::of_tls(Phase::Tls, tls),
            None => Self::of_io(Phase::Tls, error),
        }
    }

    /// The exchange of request and response failed.
    pub(in crate::probes) fn of_hyper(phase: Phase, error: &hyper::Error) -> Self {
        // The one that is furthest in says most: a request is also called cancelled when the answer was no HTTP.
        let mut error = error;
        let mut cause: Option<&(dyn Error + 'static)> = error.source();
        while let Some(inner) = cause {
            if let Some(hyper) = inner.downcast_ref::<hyper::Error>() {
                error = hyper;
            }
            if let Some(io) = inner.downcast_ref::<io::Error>() {
                return Self::of_http_io(phase, io);
            }
            if let Some(http2) = inner.downcast_ref::<h2::Error>() {
                match http2.get_io() {
                    Some(io) => return Self::of_http_io(phase, io),
                    // What the end of the connection is in HTTP/1.1.
                    None if http2.is_remote() && (http2.is_reset() || http2.is_go_away()) => {
                        return Self::new(Reason::HttpClosed, phase, http2);
                    }
                    None => {}
                }
            }
            cause = inner.source();
        }
        let reason = if error.is_incomplete_message() || error.is_canceled() || error.is_closed() {
            Reason::HttpClosed
        } else {
            Reason::HttpProtocol
        };
        Self::new(reason, phase, Causes(error))
    }

    /// The socket failed below HTTP.
    fn of_http_io(phase: Phase, error: &io::Error) -> Self {
        // A broken pipe that is not the system's own is what the HTTP/2 of hyper makes of the end of the stream.
        let ended = error.kind() == io::ErrorKind::BrokenPipe && error.raw_os_error().is_none();
        if ended || error.kind() == io::ErrorKind::UnexpectedEof {
            return Self::new(Reason::HttpClosed, phase, error);
        }
        // An alert that comes after the handshake, as a refused client certificate does in TLS 1.3.
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(tls) => Self::of_tls(phase, tls),
            None => Self::of_io(phase, error),
        }
    }

    /// For a reason of TLS, in words that do not take knowing the library that found it.
    fn of_tls(phase: Phase, error: &rustls::Error) -> Self {
        use rustls::InvalidMessage::InvalidContentType;
        let reason = reason_of_tls(error);
        match error {
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                Self::new(reason, phase, "no chain of certificates to an authority that is trusted")
            }
            rustls::Error::InvalidMessage(InvalidContentType) => {
                Self::new(reason, phase, "the peer does not speak TLS")
            }
            _ => Self::new(reason, phase, error),
        }
    }
}

/// An error with what caused it, on one line.
struct Causes<'a>(&'a (dyn Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(inner) = cause {
            write!(f, ": {inner}")?;
            cause = inner.source();
        }
        Ok(())
    }
}

fn reason_of_tls(error: &rustls::Error) -> Reason {
    let rustls::Error::InvalidCertificate(wrong) = error else { return Reason::TlsHandshake };
    match wrong {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => Reason::TlsExpired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => Reason::TlsNotYetValid,
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            Reason::TlsWrongHost
        }
        CertificateError::Revoked => Reason::TlsRevoked,
        // A bad signature, a purpose it may not serve, a constraint: there is no chain that can be trusted.
        _ => Reason::TlsUntrusted,
    }
}
