//! What an entry probes: the target of its own settings, or lists of targets in the form of Prometheus' service
//! discovery by files, with labels and settings of their own.

pub(super) mod files;

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::units::HumanDuration;

use super::Config;

/// Targets with the same labels and settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TargetGroup {
    /// (required) What is probed: as the kind of probe writes its target, URLs or `host:port`.
    pub targets: Vec<String>,
    /// Labels of their series. `instance` takes the place of the target.
    pub labels: BTreeMap<String, String>,
    /// Instead of the entry's `interval`.
    pub interval: Option<HumanDuration>,
    /// Instead of the entry's `timeout`.
    pub timeout: Option<HumanDuration>,
    /// Instead of the entry's `retries`.
    pub retries: Option<u32>,
}

/// The labels that the agent gives itself.
const RESERVED: [&str; 5] = ["probe", "phase", "reason", "address", "le"];

/// Whether a text can be the name of a label in the configuration; the error follows the name and a colon.
pub(super) fn check_label(name: &str) -> Result<(), &'static str> {
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if !begins || !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Err("not the name of a label: letters, digits and `_`");
    }
    if RESERVED.contains(&name) {
        return Err("the agent gives this label itself");
    }
    Ok(())
}

impl Check for TargetGroup {
    fn check(&self, at: &mut Place<'_>) {
        if self.targets.is_empty() {
            at.key("targets").wrong("required");
        }
        for name in self.labels.keys() {
            let at = at.key("labels");
            if name.starts_with("__") {
                at.key(name).wrong("labels that begin with `__` are never exposed");
            } else if let Err(what) = check_label(name) {
                at.key(name).wrong(what);
            }
        }
        for (key, duration) in [("interval", self.interval), ("timeout", self.timeout)] {
            if duration.is_some_and(|duration| duration.0.is_zero()) {
                at.key(key).wrong("must be longer than 0");
            }
        }
        if self.retries.is_some_and(|retries| retries > super::MAX_RETRIES) {
            at.key("retries").wrong(format_args!("more than {}", super::MAX_RETRIES));
        }
    }
}

/// One target with all that is particular to it. Two that are equal are the same target.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Target {
    /// As the kind of probe understands it.
    pub(super) text: String,
    /// The label `instance`, and what the configuration adds.
    pub(super) labels: Vec<(String, String)>,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) retries: u32,
}

impl Target {
    /// What its series call it.
    pub(super) fn instance(&self) -> &str {
        self.labels.first().map_or("", |(_, instance)| instance)
    }

    fn new(text: &str, config: &Config, group: Option<&TargetGroup>) -> Self {
        let own = group.map(|group| &group.labels);
        let mut labels: BTreeMap<&str, &str> = BTreeMap::new();
        for (name, value) in config.labels.iter().chain(own.into_iter().flatten()) {
            labels.insert(name, value);
        }
        let text = text.trim();
        let instance = labels.remove("instance").unwrap_or(text);
        let rest = labels.iter().filter(|(_, value)| !value.is_empty());
        Self {
            text: text.to_owned(),
            labels: std::iter::once(("instance", instance))
                .chain(rest.map(|(name, value)| (*name, *value)))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            interval: group.and_then(|group| group.interval).unwrap_or(config.interval).0,
            timeout: group.and_then(|group| group.timeout).unwrap_or(config.timeout).0,
            retries: group.and_then(|group| group.retries).unwrap_or(config.retries),
        }
    }

    /// Those of the entry itself: its own, and its lists.
    pub(super) fn configured(config: &Config) -> Vec<Self> {
        let own = config.kind().map_or("", |kind| kind.target().1);
        let own = (!own.trim().is_empty()).then(|| Self::new(own, config, None));
        let more = config.kind().map(|kind| kind.more_targets()).unwrap_or_default();
        own.into_iter()
            .chain(more.iter().map(|text| Self::new(text, config, None)))
            .chain(config.targets.iter().flat_map(|group| Self::group(config, group)))
            .collect()
    }

    /// Those of one group.
    pub(super) fn group(config: &Config, group: &TargetGroup) -> impl Iterator<Item = Self> {
        group.targets.iter().map(|text| Self::new(text, config, Some(group)))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::probes::http;

    #[test]
    fn a_target_has_the_labels_of_its_group_over_those_of_its_entry() {
        let of = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let config = Config {
            http: Some(http::Config { url: "http://own/".into(), ..http::Config::default() }),
            labels: of(&[("team", "web"), ("tier", "1")]),
            targets: vec![TargetGroup {
                targets: vec!["http://a/".into(), " http://b/ ".into()],
                labels: of(&[("team", "shop"), ("instance", "b")]),
                interval: Some(HumanDuration::secs(60)),
                ..TargetGroup::default()
            }],
            ..Config::default()
        };
        let all = Target::configured(&config);
        let texts: Vec<_> = all.iter().map(|target| (target.text.as_str(), target.instance())).collect();
        assert_eq!(texts, [("http://own/", "http://own/"), ("http://a/", "b"), ("http://b/", "b")]);
        assert_eq!(all[0].labels[1..], of_vec(&[("team", "web"), ("tier", "1")]));
        assert_eq!(all[1].labels[1..], of_vec(&[("team", "shop"), ("tier", "1")]));
        assert_eq!((all[0].interval.as_secs(), all[1].interval.as_secs()), (15, 60));
    }

    fn of_vec(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn names_of_labels_are_checked() {
        assert!(check_label("team_2").is_ok() && check_label("_x").is_ok());
        for wrong in ["", "2x", "a-b", "probe", "phase"] {
            assert!(check_label(wrong).is_err(), "{wrong}");
        }
    }
}
