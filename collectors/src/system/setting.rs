//! The settings of groups as flags: `--collector.<group>.<setting>`.
//!
//! What a setting is called, what it is for and which kind of value it takes is read from the schema of the
//! settings' type, so that a member of that type is all there is to write.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// The member of a setting's schema that names its flag, where upstream's has dots or capitals.
const FLAG: &str = "x-flag";

/// The member of a setting's schema that names the flag that upstream had before.
const OLD_FLAG: &str = "x-old-flag";

/// The member of the schema of a list whose elements may have commas.
const COMMAS: &str = "x-commas";

/// One setting of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its key in the group's section.
    pub key: String,
    /// Its flag, without the dashes in front: upstream's name.
    pub flag: String,
    /// The flag that upstream had before and still takes.
    pub old_flag: Option<String>,
    /// What it is for.
    pub about: String,
    /// What it takes.
    pub kind: SettingKind,
}

/// What a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingKind {
    /// `true` or `false`: as a flag it has a twin that begins with `no-`.
    Switch,
    /// Any number of texts: the flag can be repeated, or have commas between them.
    List,
    /// Any number of texts that have commas themselves: the flag can be repeated.
    ListWithCommas,
    /// A whole number.
    Number,
    /// A text.
    Text,
}

impl Setting {
    /// The settings of the group `group`, whose type is `S`.
    pub(super) fn all<S: JsonSchema>(group: &str) -> Vec<Self> {
        let schema = SchemaGenerator::default().into_root_schema_for::<S>();
        let Some(members) = schema.get("properties").and_then(Value::as_object) else { return Vec::new() };
        members
            .iter()
            .map(|(key, member)| {
                let text = |name: &str| member.get(name).and_then(Value::as_str);
                let flag = || format!("collector.{group}.{}", key.replace('_', "-"));
                Self {
                    key: key.clone(),
                    flag: text(FLAG).map_or_else(flag, str::to_owned),
                    old_flag: text(OLD_FLAG).map(str::to_owned),
                    about: text("description").unwrap_or_default().replace('\n', " "),
                    kind: match text("type") {
                        Some("boolean") => SettingKind::Switch,
                        Some("array") if member.get(COMMAS).is_some() => SettingKind::ListWithCommas,
                        Some("array") => SettingKind::List,
                        Some("integer") => SettingKind::Number,
                        _ => SettingKind::Text,
                    },
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::registry::groups;
    use super::*;

    fn settings(group: &str) -> Vec<Setting> {
        groups().iter().filter(|known| known.name == group).flat_map(|known| known.settings()).collect()
    }

    #[test]
    fn a_setting_is_described_by_its_type() {
        let told = settings("netdev");
        let include = told.iter().find(|setting| setting.key == "device_include");
        let include = include.map(|setting| (setting.flag.as_str(), setting.kind, setting.about.is_empty()));
        assert_eq!(include, Some(("collector.netdev.device-include", SettingKind::Text, false)));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn upstreams_flag_counts_where_it_is_not_made_of_the_key() {
        let flags: Vec<_> = settings("cpu").into_iter().map(|setting| (setting.flag, setting.kind)).collect();
        assert!(flags.contains(&("collector.cpu.info.flags-include".to_owned(), SettingKind::Text)));
        assert!(flags.contains(&("collector.cpu.guest".to_owned(), SettingKind::Switch)));
    }

    #[test]
    fn every_flag_is_there_once_and_tells_what_it_is_for() {
        let all: Vec<Setting> = groups().iter().flat_map(super::super::group::Group::settings).collect();
        let mut flags: Vec<_> = all.iter().map(|setting| setting.flag.as_str()).collect();
        flags.extend(all.iter().filter_map(|setting| setting.old_flag.as_deref()));
        flags.extend(groups().iter().map(|group| group.name));
        flags.sort_unstable();
        assert!(flags.is_sorted_by(|a, b| a < b), "{flags:?}");
        assert!(all.iter().all(|setting| !setting.about.is_empty()));
    }
}
