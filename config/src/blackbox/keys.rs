//! Every key that blackbox_exporter's configuration has, and what it means here.

use crate::foreign::Meaning::{
    Duration, Headers, Idle, Is, Named, NamedTexts, Not, Off, Only, Refused, Regex, Regexes, Same, Section,
    Sections, Size, Text, Texts, Truth,
};
use crate::foreign::{HEADER_VALUES, Keys};

/// Why a secret cannot be told by name.
const NO_STORE: &str = "there is no store of secrets here: give the value or a file";

pub(super) const FILE: Keys = &[("modules", Named(MODULE))];

const MODULE: Keys = &[
    ("prober", Text),
    ("timeout", Duration),
    ("http", Section(HTTP)),
    ("tcp", Section(TCP)),
    ("icmp", Section(ICMP)),
    ("dns", Section(DNS)),
    ("grpc", Section(GRPC)),
    ("unix", Section(UNIX)),
    ("websocket", Section(WEBSOCKET)),
];

const HTTP: Keys = &[
    ("valid_status_codes", Same),
    ("valid_http_versions", Texts),
    ("preferred_ip_protocol", Same),
    ("ip_protocol_fallback", Truth),
    ("skip_resolve_phase_with_proxy", Truth),
    ("no_follow_redirects", Not("follow_redirects")),
    ("fail_if_ssl", Truth),
    ("fail_if_not_ssl", Truth),
    ("method", Text),
    ("headers", NamedTexts),
    ("fail_if_body_matches_regexp", Regexes),
    ("fail_if_body_not_matches_regexp", Regexes),
    (
        "fail_if_body_json_matches_cel",
        Refused("CEL is not spoken here: ask with fail_if_body_matches_regexp"),
    ),
    (
        "fail_if_body_json_not_matches_cel",
        Refused("CEL is not spoken here: ask with fail_if_body_not_matches_regexp"),
    ),
    ("fail_if_header_matches", Sections(HEADER_MATCH)),
    ("fail_if_header_not_matches", Sections(HEADER_MATCH)),
    ("body", Text),
    ("body_file", Text),
    ("compression", Text),
    ("body_size_limit", Size),
    ("enable_http3", Off("HTTP/3 is not spoken here")),
    // What follows are those of any of its HTTP clients.
    ("basic_auth", Section(BASIC_AUTH)),
    ("authorization", Section(AUTHORIZATION)),
    ("oauth2", Section(OAUTH2)),
    ("bearer_token", Is(&["authorization", "credentials"])),
    ("bearer_token_file", Is(&["authorization", "credentials_file"])),
    ("tls_config", Section(TLS)),
    ("follow_redirects", Truth),
    ("enable_http2", Truth),
    ("http_headers", Named(HEADER_VALUES)),
    ("proxy_url", Text),
    ("no_proxy", Text),
    ("proxy_from_environment", Truth),
    ("proxy_connect_header", Same),
];

/// Those of the HTTP client that makes a websocket's upgrade.
const UPGRADE: Keys = &[
    ("basic_auth", Section(BASIC_AUTH)),
    ("authorization", Section(AUTHORIZATION)),
    ("bearer_token", Is(&["authorization", "credentials"])),
    ("bearer_token_file", Is(&["authorization", "credentials_file"])),
    ("tls_config", Section(TLS)),
    ("http_headers", Refused("give them as headers of the websocket")),
    ("oauth2", Refused("websockets are probed with basic_auth or authorization")),
    ("proxy_url", Refused(NO_PROXY)),
    ("no_proxy", Idle),
    ("proxy_from_environment", Off(NO_PROXY)),
    ("proxy_connect_header", Idle),
    // An upgrade is HTTP/1.1, and is not redirected.
    ("follow_redirects", Idle),
    ("enable_http2", Idle),
];

/// Why a proxy cannot be honoured.
const NO_PROXY: &str = "websockets are not probed through proxies";

const HEADER_MATCH: Keys = &[("header", Text), ("regexp", Regex), ("allow_missing", Truth)];

const BASIC_AUTH: Keys = &[
    ("username", Text),
    ("username_file", Text),
    ("username_ref", Refused(NO_STORE)),
    ("password", Text),
    ("password_file", Text),
    ("password_ref", Refused(NO_STORE)),
];

const AUTHORIZATION: Keys = &[
    ("type", Text),
    ("credentials", Text),
    ("credentials_file", Text),
    ("credentials_ref", Refused(NO_STORE)),
];

const OAUTH2: Keys = &[
    ("client_id", Text),
    ("client_secret", Text),
    ("client_secret_file", Text),
    ("client_secret_ref", Refused(NO_STORE)),
    ("scopes", Texts),
    ("token_url", Text),
    ("endpoint_params", NamedTexts),
    ("tls_config", Section(TLS)),
    ("proxy_url", Text),
    ("no_proxy", Text),
    ("proxy_from_environment", Truth),
    ("proxy_connect_header", Same),
];

const TLS: Keys = &[
    ("ca", Refused("put it into a file and name that with ca_file")),
    ("cert", Refused("put it into a file and name that with cert_file")),
    ("key", Refused("put it into a file and name that with key_file")),
    ("ca_file", Text),
    ("cert_file", Text),
    ("key_file", Text),
    ("ca_ref", Refused(NO_STORE)),
    ("cert_ref", Refused(NO_STORE)),
    ("key_ref", Refused(NO_STORE)),
    ("server_name", Text),
    ("insecure_skip_verify", Truth),
    ("min_version", Only(&["TLS10", "TLS11", "TLS12"], "TLS 1.2 and 1.3 are spoken, and both are offered")),
    ("max_version", Only(&["TLS13"], "TLS 1.2 and 1.3 are spoken, and both are offered")),
];

const QUERY_RESPONSE: Keys = &[
    ("expect", Regex),
    ("expect_bytes", Text),
    ("labels", Sections(&[("name", Text), ("value", Text)])),
    ("send", Text),
    ("starttls", Truth),
];

const TCP: Keys = &[
    ("preferred_ip_protocol", Same),
    ("ip_protocol_fallback", Truth),
    ("source_ip_address", Text),
    ("query_response", Sections(QUERY_RESPONSE)),
    ("tls", Truth),
    ("tls_config", Section(TLS)),
];

const UNIX: Keys =
    &[("query_response", Sections(QUERY_RESPONSE)), ("tls", Truth), ("tls_config", Section(TLS))];

const ICMP: Keys = &[
    ("preferred_ip_protocol", Same),
    ("ip_protocol_fallback", Truth),
    ("source_ip_address", Text),
    ("payload_size", Same),
    ("dont_fragment", Truth),
    ("ttl", Same),
];

const DNS: Keys = &[
    ("preferred_ip_protocol", Same),
    ("ip_protocol_fallback", Truth),
    ("dns_over_tls", Truth),
    ("tls_config", Section(TLS)),
    ("source_ip_address", Text),
    ("transport_protocol", Text),
    ("query_class", Text),
    ("query_name", Text),
    ("query_type", Text),
    ("recursion_desired", Truth),
    ("valid_rcodes", Texts),
    ("validate_answer_rrs", Section(RECORDS)),
    ("validate_authority_rrs", Section(RECORDS)),
    ("validate_additional_rrs", Section(RECORDS)),
];

const RECORDS: Keys = &[
    ("fail_if_matches_regexp", Regexes),
    ("fail_if_all_match_regexp", Regexes),
    ("fail_if_not_matches_regexp", Regexes),
    ("fail_if_none_matches_regexp", Regexes),
];

const GRPC: Keys = &[
    ("service", Text),
    ("tls", Truth),
    ("tls_config", Section(TLS)),
    ("ip_protocol_fallback", Truth),
    ("preferred_ip_protocol", Same),
    ("metadata", Same),
];

const WEBSOCKET: Keys = &[
    ("http_config", Section(UPGRADE)),
    ("headers", Headers),
    ("query_response", Sections(QUERY_RESPONSE)),
    ("preferred_ip_protocol", Same),
    ("ip_protocol_fallback", Truth),
];
