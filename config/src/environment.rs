//! What the environment says: OpenTelemetry's variables and systemd's directories.
//!
//! A file wins over them. So they complete the OTLP exporter named `default` where the file leaves something
//! out, and make it when the file has no OTLP exporter and there is an endpoint. Other exporters are left
//! alone: a header that is meant for one destination must not reach another. `OTEL_SERVICE_NAME` is the exception
//! that wins, since whoever deploys a container names it there.

use std::collections::BTreeMap;
use std::time::Duration;

use vigie_exporters::otlp;
use vigie_pipeline::batch::Signal;

use crate::expand::Variables;
use crate::layers::Layers;
use crate::mistake::{Mistake, Mistakes};
use crate::source::Source;
use crate::tree::{Node, Value};

/// The OTLP exporter that the environment concerns.
const EXPORTER: &str = "default";

/// The variables that each stand for one key of it.
const KEYS: [(&str, &[&str]); 6] = [
    ("OTEL_EXPORTER_OTLP_ENDPOINT", &["endpoint"]),
    ("OTEL_EXPORTER_OTLP_PROTOCOL", &["protocol"]),
    ("OTEL_EXPORTER_OTLP_COMPRESSION", &["compression"]),
    ("OTEL_EXPORTER_OTLP_CERTIFICATE", &["tls", "ca_file"]),
    ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", &["tls", "cert_file"]),
    ("OTEL_EXPORTER_OTLP_CLIENT_KEY", &["tls", "key_file"]),
];
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
const TIMEOUT: &str = "OTEL_EXPORTER_OTLP_TIMEOUT";
const INTERVAL: &str = "OTEL_METRIC_EXPORT_INTERVAL";

/// One setting: the variable, the keys it stands for, and what it says.
type Setting = (&'static str, Vec<String>, Value);

/// Completes the tree; tells the URLs of single signals, which no key stands for.
pub(crate) fn apply(variables: &Variables, layers: &mut Layers<'_>) -> BTreeMap<Signal, String> {
    for (variable, keys, value) in agent(variables) {
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        if variable == "OTEL_SERVICE_NAME" || layers.get(&keys).is_none() {
            let source = layers.source(Source::Variable(variable.to_owned()));
            layers.root().set(&keys, Node::new(value, source));
        }
    }
    let urls: BTreeMap<_, _> = Signal::ALL
        .into_iter()
        .filter_map(|signal| Some((signal, set(variables, &signal_variable(signal))?.to_owned())))
        .collect();
    let settings = exporter(variables);
    let Some(index) = find_exporter(layers, &urls, &settings) else { return BTreeMap::new() };
    for (variable, keys, value) in settings {
        let source = layers.source(Source::Variable(variable.to_owned()));
        let keys: Vec<_> = keys.iter().map(String::as_str).collect();
        if let Some(exporter) = exporter_at(layers.root(), index)
            && exporter.get(&keys).is_none()
        {
            exporter.set(&keys, Node::new(value, source));
        }
    }
    urls
}

/// Sets what no key stands for: the URLs of single signals, and how often metrics are sent.
pub(crate) fn complete(
    variables: &Variables,
    urls: BTreeMap<Signal, String>,
    exporters: &mut [otlp::Config],
) -> Result<(), Mistakes> {
    if let Some(interval) = set(variables, INTERVAL) {
        let millis = interval.parse().ok().filter(|millis| *millis > 0).ok_or_else(|| Mistake {
            source: Source::Variable(INTERVAL.to_owned()).to_string(),
            line: None,
            column: None,
            path: String::new(),
            message: format!("`{interval}` is not a number of milliseconds"),
        })?;
        for exporter in &mut *exporters {
            exporter.metric_interval = Some(Duration::from_millis(millis));
        }
    }
    if let Some(exporter) = exporters.iter_mut().find(|exporter| exporter.name == EXPORTER) {
        exporter.signal_endpoints = urls;
    }
    Ok(())
}

/// The variable with the URL of one signal, which is used as it is.
fn signal_variable(signal: Signal) -> String {
    format!("OTEL_EXPORTER_OTLP_{}_ENDPOINT", signal.as_str().to_uppercase())
}

/// A variable that is set and not empty: OpenTelemetry takes an empty one for unset.
fn set<'v>(variables: &'v Variables, name: &str) -> Option<&'v str> {
    variables.get(name).map(str::trim).filter(|value| !value.is_empty())
}

/// What concerns the `agent` section.
fn agent(variables: &Variables) -> Vec<Setting> {
    let keys = |keys: &[&str]| std::iter::once(&"agent").chain(keys).map(|key| (*key).to_owned()).collect();
    let mut settings: Vec<Setting> = Vec::new();
    if let Some(service) = set(variables, "OTEL_SERVICE_NAME") {
        settings.push(("OTEL_SERVICE_NAME", keys(&["service"]), Value::text(service)));
    }
    let attributes = set(variables, "OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default();
    for (name, value) in pairs(attributes) {
        let keys = if name == "service.name" { keys(&["service"]) } else { keys(&["resource", &name]) };
        settings.push(("OTEL_RESOURCE_ATTRIBUTES", keys, Value::text(value)));
    }
    // systemd lists several directories with colons; the first is the unit's own.
    if let Some(directory) = set(variables, "STATE_DIRECTORY").and_then(|list| list.split(':').next()) {
        settings.push(("STATE_DIRECTORY", keys(&["state_dir"]), Value::text(directory)));
    }
    settings
}

/// What concerns the exporter.
fn exporter(variables: &Variables) -> Vec<Setting> {
    let mut settings: Vec<Setting> = Vec::new();
    for (variable, keys) in KEYS {
        if let Some(value) = set(variables, variable) {
            let keys = keys.iter().map(|key| (*key).to_owned()).collect();
            settings.push((variable, keys, Value::text(value)));
        }
    }
    for (name, value) in pairs(set(variables, HEADERS).unwrap_or_default()) {
        settings.push((HEADERS, vec!["headers".to_owned(), name], Value::text(value)));
    }
    if let Some(timeout) = set(variables, TIMEOUT) {
        let unit = if timeout.bytes().all(|byte| byte.is_ascii_digit()) { "ms" } else { "" };
        settings.push((TIMEOUT, vec!["timeout".to_owned()], Value::text(format!("{timeout}{unit}"))));
    }
    settings
}

/// The index of the exporter that the environment concerns; it is made if there is none at all, and an endpoint.
fn find_exporter(
    layers: &mut Layers<'_>,
    urls: &BTreeMap<Signal, String>,
    settings: &[Setting],
) -> Option<usize> {
    const LIST: [&str; 2] = ["exporters", "otlp"];
    let none = Value::List(Vec::new());
    let said = layers.get(&LIST).filter(|node| node.value != Value::Null && node.value != none);
    if let Some(said) = said {
        // What is no list is a mistake, to be found when it is decoded.
        let Value::List(elements) = &said.value else { return None };
        let is_ours = |element: &Node| match element.get(&["name"]).map(|name| &name.value) {
            None => true,
            Some(Value::Text(name)) => name.value == EXPORTER,
            Some(_) => false,
        };
        // A URL in the file is a URL for every signal.
        let ours = elements.iter().position(is_ours)?;
        return (urls.is_empty() || elements[ours].get(&["endpoint"]).is_none()).then_some(ours);
    }
    let base = settings.iter().any(|(_, keys, _)| keys == &["endpoint"]);
    let mut signals: Vec<_> = urls.keys().copied().collect();
    if base {
        signals.extend([Signal::Logs, Signal::Traces]);
    }
    signals.sort();
    signals.dedup();
    let variable = if base { KEYS[0].0.to_owned() } else { signal_variable(*signals.first()?) };
    let source = layers.source(Source::Variable(variable));
    let mut exporter = Node::new(Value::Map(Vec::new()), source);
    exporter.set(&["name"], Node::new(Value::text(EXPORTER), source));
    let signals = signals.into_iter().map(|signal| Node::new(Value::text(signal.as_str()), source)).collect();
    exporter.set(&["signals"], Node::new(Value::List(signals), source));
    layers.root().set(&LIST, Node::new(Value::List(vec![exporter]), source));
    Some(0)
}

fn exporter_at(root: &mut Node, index: usize) -> Option<&mut Node> {
    match &mut root.get_mut(&["exporters", "otlp"])?.value {
        Value::List(elements) => elements.get_mut(index),
        _ => None,
    }
}

/// `a=1,b=2`, percent-encoded, as OpenTelemetry writes headers and attributes. What has no `=` is passed over, as
/// its specification asks.
fn pairs(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split(',').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        let name = name.trim();
        (!name.is_empty()).then(|| (decoded(name), decoded(value.trim())))
    })
}

/// Percent-decodes; what is not valid stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |byte: &u8| char::from(*byte).to_digit(16);
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if hex(high).is_some() && hex(low).is_some() => {
                let value = hex(high).unwrap_or_default() * 16 + hex(low).unwrap_or_default();
                bytes.push(u8::try_from(value).unwrap_or_default());
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}
