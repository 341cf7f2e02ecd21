//! Which names metrics and labels may have.

use vigie_pipeline::metric::Kind;

/// Families of the agent begin so.
const OWN_PREFIXES: [&str; 4] = ["vigie_", "node_", "probe_", "namedprocess_namegroup_"];

/// Families of the agent that do not.
const OWN: [&str; 10] = [
    "log_exceptions_total",
    "process_cpu_seconds_total",
    "process_max_fds",
    "process_network_receive_bytes_total",
    "process_network_transmit_bytes_total",
    "process_open_fds",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
    "process_virtual_memory_bytes",
    "process_virtual_memory_max_bytes",
];

/// What is wrong with a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NameError {
    #[error(
        "`{0}` is not a metric name: letters, digits, `_` and `:`, and no digit first (did you mean `{1}`?)"
    )]
    NoMetric(String, String),
    #[error("a counter ends in `_total` (did you mean `{0}_total`?)")]
    NoTotal(String),
    #[error("only a counter ends in `{0}` (did you mean `{1}`?)")]
    Suffix(&'static str, String),
    #[error("the agent has metrics that begin with `{0}`")]
    Prefix(&'static str),
    #[error("the agent has a metric of this name")]
    Own,
    #[error("not a label name: letters, digits and `_`, and no digit first")]
    NoLabel,
    #[error("begins with `__`, which Prometheus keeps for itself")]
    Reserved,
    #[error("the agent gives this label itself")]
    OwnLabel,
    #[error("Prometheus gives this label itself")]
    ScrapeLabel,
    #[error("the buckets of a histogram have this label")]
    Bucket,
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
fn is_label(name: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
    let mut bytes = name.bytes();
    bytes.next().is_some_and(letter) && bytes.all(|byte| letter(byte) || byte.is_ascii_digit())
}

/// What was meant by what is no name.
fn meant(name: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() || c == ':' { c } else { '_' };
    let name: String = name.chars().map(part).collect();
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// What is wrong with the name of a metric.
pub(super) fn check(kind: Kind, name: &str) -> Result<(), NameError> {
    if !is_label(&name.replace(':', "_")) {
        return Err(NameError::NoMetric(name.to_owned(), meant(name)));
    }
    if let Some(prefix) = OWN_PREFIXES.into_iter().find(|prefix| name.starts_with(prefix)) {
        return Err(NameError::Prefix(prefix));
    }
    if OWN.contains(&name) {
        return Err(NameError::Own);
    }
    match (kind, name.strip_suffix("_total")) {
        (Kind::Counter, None) => {
            let stem = ["_count", "_counter", "_counts"].into_iter().find_map(|end| name.strip_suffix(end));
            Err(NameError::NoTotal(stem.unwrap_or(name).to_owned()))
        }
        (Kind::Counter, Some(_)) | (_, None) => Ok(()),
        (_, Some(stem)) => Err(NameError::Suffix("_total", stem.to_owned())),
    }
}

/// What is wrong with the name of a label.
pub(super) fn check_label(kind: Kind, name: &str) -> Result<(), NameError> {
    match name {
        _ if !is_label(name) => Err(NameError::NoLabel),
        _ if name.starts_with("__") => Err(NameError::Reserved),
        "source" => Err(NameError::OwnLabel),
        "job" | "instance" => Err(NameError::ScrapeLabel),
        "le" if kind == Kind::Histogram => Err(NameError::Bucket),
        _ => Ok(()),
    }
}

/// The names that a family needs for itself: in OpenMetrics a counter also has that without `_total`.
pub(super) fn claims(kind: Kind, name: &str) -> Vec<String> {
    let with = |stem: &str, ends: &[&str]| ends.iter().map(|end| format!("{stem}{end}")).collect();
    match kind {
        Kind::Counter => with(name.strip_suffix("_total").unwrap_or(name), &["", "_total", "_created"]),
        Kind::Histogram => with(name, &["", "_bucket", "_count", "_created", "_sum"]),
        Kind::Summary => with(name, &["", "_count", "_created", "_sum"]),
        Kind::Gauge | Kind::Untyped => vec![name.to_owned()],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kind: Kind, name: &str) -> String {
        check(kind, name).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_name_that_is_none_is_told_with_what_was_meant() {
        assert_eq!(told(Kind::Counter, "orders_total"), "");
        assert_eq!(told(Kind::Gauge, "shop:queue_length"), "");
        assert_eq!(
            told(Kind::Counter, "orders"),
            "a counter ends in `_total` (did you mean `orders_total`?)"
        );
        assert_eq!(
            told(Kind::Counter, "order_count"),
            "a counter ends in `_total` (did you mean `order_total`?)"
        );
        assert_eq!(told(Kind::Gauge, "jobs_total"), "only a counter ends in `_total` (did you mean `jobs`?)");
        assert!(told(Kind::Gauge, "queue-length").ends_with("(did you mean `queue_length`?)"));
        assert!(told(Kind::Gauge, "5xx").ends_with("(did you mean `_5xx`?)"));
        assert_eq!(told(Kind::Gauge, "node_load1"), "the agent has metrics that begin with `node_`");
        assert_eq!(told(Kind::Gauge, "process_open_fds"), "the agent has a metric of this name");
    }

    #[test]
    fn a_label_is_a_name_that_nobody_else_gives() {
        assert_eq!(check_label(Kind::Counter, "shop"), Ok(()));
        assert_eq!(check_label(Kind::Counter, "le"), Ok(()));
        assert_eq!(check_label(Kind::Histogram, "le"), Err(NameError::Bucket));
        assert_eq!(check_label(Kind::Counter, "shop-id"), Err(NameError::NoLabel));
        assert_eq!(check_label(Kind::Counter, "1st"), Err(NameError::NoLabel));
        assert_eq!(check_label(Kind::Counter, "__name__"), Err(NameError::Reserved));
        assert_eq!(check_label(Kind::Counter, "source"), Err(NameError::OwnLabel));
        assert_eq!(check_label(Kind::Counter, "instance"), Err(NameError::ScrapeLabel));
    }
}
