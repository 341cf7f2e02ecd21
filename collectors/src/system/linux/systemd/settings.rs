//! What can be set for `systemd`.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

use crate::system::filter::{or_default, pattern};

/// Settings of the group `systemd`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SystemdSettings {
    /// Units to expose, by their whole names.
    #[schemars(extend("x-old-flag" = "collector.systemd.unit-whitelist"))]
    pub unit_include: String,
    /// Units to leave out of those that are included, by their whole names.
    #[schemars(extend("x-old-flag" = "collector.systemd.unit-blacklist"))]
    pub unit_exclude: String,
    /// Units to expose at most: those that have failed, then the others in the order of their names.
    pub max_units: u32,
    /// Expose how many tasks each service has and may have.
    pub enable_task_metrics: bool,
    /// Expose how often each service was restarted.
    pub enable_restarts_metrics: bool,
    /// Expose when each unit was started.
    pub enable_start_time_metrics: bool,
    /// Talk to systemd itself rather than over the bus, which takes root.
    pub private: bool,
}

impl Default for SystemdSettings {
    fn default() -> Self {
        Self {
            unit_include: String::new(),
            unit_exclude: String::new(),
            max_units: 500,
            enable_task_metrics: false,
            enable_restarts_metrics: true,
            enable_start_time_metrics: false,
            private: false,
        }
    }
}

impl Check for SystemdSettings {
    fn check(&self, at: &mut Place<'_>) {
        pattern(at, "unit_include", &self.unit_include);
        pattern(at, "unit_exclude", &self.unit_exclude);
        if self.max_units == 0 {
            at.key("max_units").wrong("no unit at all; disable the group instead");
        }
    }
}

/// Which units are wanted. Unlike other groups' patterns both may be set, and each is about the whole name.
#[derive(Debug)]
pub(super) struct Wanted {
    include: Option<Regex>,
    exclude: Regex,
}

impl Wanted {
    pub(super) fn new(settings: &SystemdSettings) -> Result<Self, regex::Error> {
        let whole = |pattern: &str| Regex::new(&format!("^(?:{pattern})$"));
        let include = Some(&settings.unit_include).filter(|pattern| !pattern.is_empty());
        Ok(Self {
            include: include.map(|pattern| whole(pattern)).transpose()?,
            exclude: whole(or_default(&settings.unit_exclude, r".+\.(automount|device|mount|scope|slice)"))?,
        })
    }

    pub(super) fn wants(&self, unit: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(unit)) && !self.exclude.is_match(unit)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use vigie_pipeline::check::{KeyPath, problems};

    #[test]
    fn both_patterns_are_about_the_whole_name() {
        let wanted = |include: &str, exclude: &str, unit: &str| {
            let settings = SystemdSettings {
                unit_include: include.into(),
                unit_exclude: exclude.into(),
                ..Default::default()
            };
            Wanted::new(&settings).unwrap().wants(unit)
        };
        assert!(wanted("", "", "ssh.service"));
        assert!(!wanted("", "", "dev-sda.device"));
        assert!(!wanted("ssh", "", "ssh.service"));
        assert!(wanted("ssh.*|x", "", "ssh.service"));
        assert!(!wanted("ssh.*", "ssh@.+|y", "ssh@1.service"));
        assert!(wanted("", "ssh", "tmp.mount"));
    }

    #[test]
    fn patterns_have_to_compile_and_there_has_to_be_room_for_a_unit() {
        let settings = SystemdSettings { unit_include: "(".into(), max_units: 0, ..Default::default() };
        let wrong = problems(KeyPath::default(), &settings);
        let wrong: Vec<String> = wrong.iter().map(|problem| problem.path.to_string()).collect();
        assert_eq!(wrong, ["unit_include", "max_units"]);
    }
}
