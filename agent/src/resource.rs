//! Who the agent speaks for: the resource of every record, span and OTLP metric.

use std::collections::BTreeMap;

use bytes::Bytes;
use vigie_collectors::system::host;
use vigie_config::Config;
use vigie_pipeline::otlp::envelope;

/// The attributes: the host's identity, then what the configuration says, then the service.
#[must_use]
pub(crate) fn attributes(config: &Config) -> BTreeMap<String, String> {
    let mut attributes: BTreeMap<String, String> = host::identity(&config.collectors.system.rootfs)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect();
    attributes.insert("service.name".into(), config.agent.service.clone());
    attributes.extend(config.agent.resource.clone());
    attributes
}

/// The same as field 1 of `ResourceLogs`.
#[must_use]
pub(crate) fn encoded(attributes: &BTreeMap<String, String>) -> Bytes {
    envelope::resource(attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}
