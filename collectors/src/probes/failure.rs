//! Why a probe failed, and where: closed sets, because they become labels.

mod causes;

use std::fmt;

use super::excerpt::Excerpt;

/// Of what is said of a failure this much is shown, in characters.
const LONGEST: usize = 512;

/// Declares the members of a closed set with their labels side by side.
macro_rules! labels {
    ($(#[$about:meta])* $set:ident { $($(#[$doc:meta])* $name:ident = $label:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(super) enum $set { $($(#[$doc])* $name,)* }

        impl $set {
            /// As labels and attributes have it.
            pub(super) const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $label,)* }
            }
        }
    };
}

labels! {
/// The phases of a probe, under blackbox_exporter's names where it has them.
Phase {
    /// The name is turned into addresses.
    Resolve = "resolve",
    /// The connection is made.
    Connect = "connect",
    /// The TLS handshake.
    Tls = "tls",
    /// The request is sent, until the first byte of the response.
    Processing = "processing",
    /// The rest of the response.
    Transfer = "transfer",
    /// The peer is told who asks.
    Login = "login",
    /// The server greets.
    Banner = "banner",
    /// The agent says its name, and the server what it can do.
    Ehlo = "ehlo",
    /// The server is asked to go over to TLS.
    Starttls = "starttls",
    /// Farewell.
    Quit = "quit",
    /// A ping and its answer.
    Ping = "ping",
    /// Files are read.
    Read = "read",
    /// What is asked once the connection stands, and the answer to it.
    Query = "query",
    /// The kernel is asked about a file system.
    Stat = "stat",
    /// A command runs.
    Run = "run",
    /// The question is sent, until the answer is there.
    Request = "request",
    /// The socket is opened and the packet is made.
    Setup = "setup",
    /// The packet is sent, until its reply is there.
    Rtt = "rtt",
    /// A service is asked how it is.
    Check = "check",
}
}

labels! {
/// Why a probe failed.
Reason {
    /// The run did not end in time, in a phase without a reason of its own for that.
    Timeout = "timeout",
    /// The name does not exist.
    DnsNxdomain = "dns_nxdomain",
    /// The name exists, but has no address of a family that may be used.
    DnsNoAddress = "dns_no_address",
    /// No name server answered in time.
    DnsTimeout = "dns_timeout",
    /// Any other trouble with the name servers or the name.
    DnsError = "dns_error",
    /// The response code is not one of those that are valid.
    DnsRcode = "dns_rcode",
    /// A regular expression says no to the records.
    DnsAnswer = "dns_answer",
    /// What came is not an answer of the DNS, or breaks its rules.
    DnsMalformed = "dns_malformed",
    /// The host says that nothing listens on that UDP port.
    UdpRefused = "udp_refused",
    /// No route to the host or its network for a datagram.
    UdpUnreachable = "udp_unreachable",
    /// Any other trouble with a datagram.
    UdpError = "udp_error",
    /// Neither an unprivileged nor a raw socket is allowed.
    IcmpPermission = "icmp_permission",
    /// A host on the way, or this one, says that there is no way to the target.
    IcmpUnreachable = "icmp_unreachable",
    /// The request took as many hops as it may.
    IcmpTimeExceeded = "icmp_time_exceeded",
    /// The request is larger than a link on the way, and may not be cut.
    IcmpTooBig = "icmp_too_big",
    /// Any other trouble with a ping.
    IcmpError = "icmp_error",
    /// The call ended with another status than `OK`.
    GrpcStatus = "grpc_status",
    /// The service says that it is not serving.
    GrpcNotServing = "grpc_not_serving",
    /// What came is not HTTP/2 or not gRPC, or breaks its rules.
    GrpcProtocol = "grpc_protocol",
    /// Nothing listens there.
    TcpRefused = "tcp_refused",
    /// No answer to the connection attempt in time.
    TcpTimeout = "tcp_timeout",
    /// No route to the host or its network.
    TcpUnreachable = "tcp_unreachable",
    /// The peer reset the connection, in whatever phase.
    TcpReset = "tcp_reset",
    /// There is no socket at the path.
    UnixMissing = "unix_missing",
    /// The socket, or a directory above it, may not be used.
    UnixDenied = "unix_denied",
    /// Any other trouble with the socket.
    TcpError = "tcp_error",
    /// Nobody listens at the socket, or as many wait already as may.
    UnixRefused = "unix_refused",
    /// Any other trouble with a socket of this host.
    UnixError = "unix_error",
    /// The certificate, or one above it, is past its end.
    TlsExpired = "tls_expired",
    /// The certificate, or one above it, is not valid yet.
    TlsNotYetValid = "tls_not_yet_valid",
    /// No chain to a trusted root.
    TlsUntrusted = "tls_untrusted",
    /// The certificate is for other names.
    TlsWrongHost = "tls_wrong_host",
    /// The certificate was revoked.
    TlsRevoked = "tls_revoked",
    /// A certificate ends sooner than `fail_if_expires_within`.
    TlsExpiresSoon = "tls_expires_soon",
    /// A file with certificates cannot be read, or there is none.
    TlsFile = "tls_file",
    /// The server does not go over to TLS.
    TlsStarttlsRefused = "tls_starttls_refused",
    /// Any other failure to agree on a TLS session.
    TlsHandshake = "tls_handshake",
    /// The handshake did not end in time.
    TlsTimeout = "tls_timeout",
    /// TLS was used where `fail_if_ssl` forbids it.
    TlsForbidden = "tls_forbidden",
    /// TLS was not used where `fail_if_not_ssl` demands it.
    TlsMissing = "tls_missing",
    /// The status is not one of those that are valid.
    HttpStatus = "http_status",
    /// The version of HTTP is not one of those that are valid.
    HttpVersion = "http_version",
    /// The response did not come, or not to its end, in time.
    HttpTimeout = "http_timeout",
    /// What came is not HTTP, or breaks its rules.
    HttpProtocol = "http_protocol",
    /// The peer closed the connection before it had answered.
    Closed = "closed",
    /// The peer closed the connection before the response was whole.
    HttpClosed = "http_closed",
    /// More than ten redirects.
    TooManyRedirects = "too_many_redirects",
    /// A redirect to something that is not an HTTP URL.
    BadRedirect = "bad_redirect",
    /// A regular expression says no.
    BodyMismatch = "body_mismatch",
    /// A rule about a header of the response says no.
    HeaderMismatch = "header_mismatch",
    /// The body is not JSON.
    BodyNotJson = "body_not_json",
    /// A rule about the JSON of the body says no.
    JsonMismatch = "json_mismatch",
    /// An answer does not have a value that it should have, or the value cannot go where it is to go.
    FlowExtract = "flow_extract",
    /// The proxy could not be got at.
    ProxyUnreachable = "proxy_unreachable",
    /// The proxy did not open a tunnel.
    ProxyRefused = "proxy_refused",
    /// The body is not compressed as `compression` says.
    BodyCompression = "body_compression",
    /// The body exceeds `body_size_limit`, or the memory there is to search it.
    BodyTooLarge = "body_too_large",
    /// The server does not let the user in, or wants another password or another kind of login.
    PostgresLogin = "postgres_login",
    /// There is no such database.
    PostgresDatabase = "postgres_database",
    /// The user may not do this.
    PostgresPermission = "postgres_permission",
    /// The server, the database or the user has as many connections as it may.
    PostgresTooManyConnections = "postgres_too_many_connections",
    /// The server has no memory, disk or other resource left.
    PostgresResources = "postgres_resources",
    /// The server does not take connections yet: it starts, or recovers.
    PostgresStartingUp = "postgres_starting_up",
    /// The server, or the connection, was ended by an administrator.
    PostgresShuttingDown = "postgres_shutting_down",
    /// The query would write.
    PostgresReadOnly = "postgres_read_only",
    /// The query failed in any other way.
    PostgresQuery = "postgres_query",
    /// The query answers more than may be read.
    PostgresTooLarge = "postgres_too_large",
    /// What came is not PostgreSQL's protocol, or a message of it that is too long.
    PostgresProtocol = "postgres_protocol",
    /// The server wants a password, or another one.
    RedisAuth = "redis_auth",
    /// The user may not use the command, or the key.
    RedisPermission = "redis_permission",
    /// The server reads its data set after a start.
    RedisLoading = "redis_loading",
    /// A replica has lost its master, and does not answer with old data.
    RedisMasterDown = "redis_master_down",
    /// The cluster is not whole, or another of its nodes has the key.
    RedisCluster = "redis_cluster",
    /// A script keeps the server from answering.
    RedisBusy = "redis_busy",
    /// The server is in protected mode: it answers its own host alone.
    RedisProtected = "redis_protected",
    /// The server has as many clients as it takes.
    RedisTooManyConnections = "redis_too_many_connections",
    /// The server has not the role that is wanted.
    RedisRole = "redis_role",
    /// The server answered with any other error.
    RedisError = "redis_error",
    /// What came is not Redis' protocol, or too much of it.
    RedisProtocol = "redis_protocol",
    /// The peer did not say what is expected of it.
    ExpectMismatch = "expect_mismatch",
    /// The target is nothing that this kind of probe can be aimed at.
    BadTarget = "bad_target",
    /// Whoever asked for the probe may not have that address probed.
    TargetForbidden = "target_forbidden",
    /// A mail server gave another reply than the one that goes on.
    SmtpStatus = "smtp_status",
    /// A mail server does not offer `STARTTLS` where it is required.
    SmtpStarttlsMissing = "smtp_starttls_missing",
    /// What came is no reply of a mail server.
    SmtpProtocol = "smtp_protocol",
    /// The server answered with another status than that of an upgrade.
    WebsocketRefused = "websocket_refused",
    /// The peer closed the websocket.
    WebsocketClosed = "websocket_closed",
    /// What came breaks the rules of websockets, or is too much.
    WebsocketProtocol = "websocket_protocol",
    /// A file that the configuration names could not be read, or a token not be fetched.
    /// The server does not let the user in, or wants another password or another kind of login.
    MysqlLogin = "mysql_login",
    /// There is no such database.
    MysqlDatabase = "mysql_database",
    /// The user may not do this.
    MysqlPermission = "mysql_permission",
    /// The server or the user has as many connections as it may.
    MysqlTooManyConnections = "mysql_too_many_connections",
    /// The server takes no connections of this host after too many that failed.
    MysqlHostBlocked = "mysql_host_blocked",
    /// The server ends.
    MysqlShuttingDown = "mysql_shutting_down",
    /// The query would write.
    MysqlReadOnly = "mysql_read_only",
    /// The query failed in any other way.
    MysqlQuery = "mysql_query",
    /// The query answers more than may be read.
    MysqlTooLarge = "mysql_too_large",
    /// What came is not MySQL's protocol, or a packet of it that is too long.
    MysqlProtocol = "mysql_protocol",
    /// Less room than there must be.
    DiskLow = "disk_low",
    /// Fewer free inodes than there must be.
    DiskInodesLow = "disk_inodes_low",
    /// The path is not there.
    DiskMissing = "disk_missing",
    /// The agent may not look at the path.
    DiskDenied = "disk_denied",
    /// The file system takes no writes.
    DiskReadOnly = "disk_read_only",
    /// The file system does not answer.
    DiskHung = "disk_hung",
    /// Any other trouble with the file system.
    DiskError = "disk_error",
    /// The command says that something is near its limit, exit code 1.
    CommandWarning = "command_warning",
    /// The command says that something is wrong, exit code 2.
    CommandCritical = "command_critical",
    /// The command could not find out, exit code 3.
    CommandUnknown = "command_unknown",
    /// The command ended with any other exit code.
    CommandFailed = "command_failed",
    /// The command was killed by a signal.
    CommandSignal = "command_signal",
    /// `agent.allow_commands` does not have the program.
    CommandNotAllowed = "command_not_allowed",
    /// The program is not there.
    CommandMissing = "command_missing",
    /// The agent may not run the program.
    CommandDenied = "command_denied",
    /// Any other trouble with running it.
    CommandError = "command_error",
    /// A file that the configuration names could not be read.
    Credentials = "credentials",
}
}

impl Phase {
    /// Why a run failed whose deadline passed in this phase, for kinds that know no better.
    pub(super) const fn timed_out(self) -> Reason {
        match self {
            Self::Resolve => Reason::DnsTimeout,
            Self::Connect => Reason::TcpTimeout,
            Self::Tls => Reason::TlsTimeout,
            _ => Reason::Timeout,
        }
    }
}

/// A failed probe. `detail` is for people and never holds a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) reason: Reason,
    pub(super) phase: Phase,
    pub(super) detail: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}: {}", self.reason.as_str(), self.phase.as_str(), self.detail)
    }
}

impl Failure {
    pub(super) fn new(reason: Reason, phase: Phase, detail: impl fmt::Display) -> Self {
        Self { reason, phase, detail: detail.to_string() }
    }

    /// As it may be shown: a peer's own words may be in it, or what the probe has sent.
    pub(super) fn presented(self, excerpt: &Excerpt) -> Self {
        // What merely looks like a secret is left in: it may be the path of a file that is called `password`.
        let text = excerpt.mask(&self.detail);
        let printable = |c: char| if c.is_control() { ' ' } else { c };
        let mut detail: String = text.chars().take(LONGEST).map(printable).collect();
        if text.chars().nth(LONGEST).is_some() {
            detail.push('…');
        }
        Self { detail, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_shown_of_a_failure_is_short_and_printable_and_no_secret(text in "(hunter2|\\PC|[\\x00-\\x1f]){0,300}") {
            let mut excerpt = Excerpt::default();
            excerpt.hide("hunter2");
            let failure = Failure::new(Reason::Closed, Phase::Connect, &text).presented(&excerpt);
            prop_assert!(failure.detail.chars().count() <= LONGEST + 1);
            prop_assert!(!failure.detail.contains(char::is_control));
            prop_assert!(!failure.detail.contains("hunter2"));
        }
    }
}
