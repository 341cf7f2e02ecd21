//! Where requests of one signal go.

use http::Uri;
use http::uri::Scheme;
use vigie_pipeline::batch::Signal;

/// A destination: everything of a URL that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// Whether TLS is spoken.
    pub(super) tls: bool,
    /// Name or address, without the brackets of IPv6.
    pub(super) host: String,
    /// Its port.
    pub(super) port: u16,
    /// Host and port as the `host` header says them.
    pub(super) authority: String,
    /// Path and query of requests.
    pub(super) path: String,
}

/// Why a URL is no destination. Never quotes it: it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TargetError {
    #[error("not an http or https URL; write for example `http://127.0.0.1:4318`")]
    NotAUrl,
    #[error("must not hold credentials: send them in `headers`")]
    Credentials,
    #[error("a base URL has no query")]
    Query,
    #[error("a gRPC endpoint has no path")]
    Path,
}

impl Target {
    /// The default path of `signal` below a base URL.
    pub(super) fn http(base: &str, signal: Signal) -> Result<Self, TargetError> {
        let mut target = Self::as_is(base)?;
        if target.path.contains('?') {
            return Err(TargetError::Query);
        }
        target.path = format!("{}/v1/{}", target.path.trim_end_matches('/'), signal.as_str());
        Ok(target)
    }

    /// The gRPC method that takes `signal`.
    pub(super) fn grpc(base: &str, signal: Signal) -> Result<Self, TargetError> {
        let mut target = Self::as_is(base)?;
        if target.path != "/" {
            return Err(TargetError::Path);
        }
        target.path = match signal {
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        }
        .to_owned();
        Ok(target)
    }

    /// A URL that is used as it is.
    pub(super) fn as_is(url: &str) -> Result<Self, TargetError> {
        let uri: Uri = url.parse().map_err(|_| TargetError::NotAUrl)?;
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(TargetError::NotAUrl),
        };
        let authority = uri.authority().ok_or(TargetError::NotAUrl)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::Credentials);
        }
        let port =
            match authority.as_str().strip_prefix(authority.host()).map(|port| port.split_at_checked(1)) {
                Some(None) => {
                    if tls {
                        443
                    } else {
                        80
                    }
                }
                Some(Some((":", port))) => port.parse().map_err(|_| TargetError::NotAUrl)?,
                _ => return Err(TargetError::NotAUrl),
            };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(TargetError::NotAUrl);
        }
        Ok(Self {
            tls,
            host: host.to_owned(),
            port,
            authority: authority.as_str().to_owned(),
            path: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn told(target: Result<Target, TargetError>) -> Result<String, TargetError> {
        target.map(|t| format!("{} {}:{} {}", if t.tls { "tls" } else { "tcp" }, t.host, t.port, t.path))
    }

    #[test]
    fn the_path_of_the_signal_is_appended_to_a_base_url() {
        let of = |url| told(Target::http(url, Signal::Logs));
        assert_eq!(of("http://127.0.0.1:4318").unwrap(), "tcp 127.0.0.1:4318 /v1/logs");
        assert_eq!(of("http://a/otlp/").unwrap(), "tcp a:80 /otlp/v1/logs");
        assert_eq!(of("https://[::1]:8443").unwrap(), "tls ::1:8443 /v1/logs");
        assert_eq!(of("http://a/?x=1"), Err(TargetError::Query));
    }

    #[test]
    fn a_signals_own_url_is_used_as_it_is() {
        assert_eq!(told(Target::as_is("https://a/x/y?z=1")).unwrap(), "tls a:443 /x/y?z=1");
    }

    #[test]
    fn a_grpc_method_stands_where_a_path_would() {
        let target = told(Target::grpc("http://a:4317", Signal::Traces)).unwrap();
        assert_eq!(target, "tcp a:4317 /opentelemetry.proto.collector.trace.v1.TraceService/Export");
        assert_eq!(told(Target::grpc("http://a:4317/v1", Signal::Logs)), Err(TargetError::Path));
    }

    #[test]
    fn what_is_no_destination_is_refused() {
        for url in ["", "127.0.0.1:4318", "ftp://a", "/v1/logs", "http://", "http://a:", "http://a:99999"] {
            assert_eq!(told(Target::http(url, Signal::Logs)), Err(TargetError::NotAUrl), "{url}");
        }
        let error = Target::as_is("http://user:hunter2@a").unwrap_err();
        assert_eq!(error, TargetError::Credentials);
        assert!(!error.to_string().contains("hunter2"));
    }
}
