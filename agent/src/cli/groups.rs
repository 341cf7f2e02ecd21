//! The flags of the host's groups, made from their registry: `--collector.<group>`, its twin that begins with
//! `--no-`, and `--collector.<group>.<setting>`.
//!
//! Every command takes them, as `vigie --collector.qdisc check` is what one who comes from node_exporter types.
//! They are hundreds, so only the help of the agent itself tells them, a line each, and without the twins.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, ArgMatches, Command};
use vigie_collectors::system::{self, SettingKind};
use vigie_config::{Setting, SettingValue};

/// What stands above the list of the flags.
const ABOUT: &str = "\
Groups of the host:
  A flag without a value has a twin that begins with --no-, and every flag an environment variable:
  beside --collector.cpu.info there are --no-collector.cpu.info and VIGIE_COLLECTOR_CPU_INFO.
";

/// The command with the flags of every group.
pub(super) fn add(mut command: Command) -> Command {
    for group in system::groups() {
        let (name, about) = (group.name, group.about);
        let [on, off] = ["Enable", "Disable"].map(|verb| format!("{verb} the {name} group: {about}"));
        command = toggle(command, &format!("collector.{name}"), on, off);
        for setting in group.settings() {
            let about = format!("{name}: {}", setting.about.trim_end_matches('.'));
            command = match setting.kind {
                SettingKind::Switch => toggle(command, &setting.flag, about, format!("Not {}", setting.flag)),
                kind => command.arg(valued(&setting.flag, about, kind).aliases(setting.old_flag)),
            };
        }
    }
    let list = list();
    command.mut_subcommand("run", |run| run.after_long_help(list.clone())).after_long_help(list)
}

/// The flags, a line each.
fn list() -> String {
    let mut flags = Vec::new();
    for group in system::groups() {
        let default = if group.on { "on" } else { "off" };
        let about = format!("{} [default: {default}]", capitalised(group.about));
        flags.push((format!("--collector.{}", group.name), about));
        for setting in group.settings() {
            let value = value_name(setting.kind).map(|name| format!(" <{name}>")).unwrap_or_default();
            flags
                .push((format!("--{}{value}", setting.flag), setting.about.trim_end_matches('.').to_owned()));
        }
    }
    let width = flags.iter().map(|(flag, _)| flag.len()).max().unwrap_or_default();
    let mut list = ABOUT.to_owned();
    for (flag, about) in flags {
        // Writing to a string cannot fail.
        let _ = write!(list, "\n  {flag:width$}  {about}");
    }
    list
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn value_name(kind: SettingKind) -> Option<&'static str> {
    match kind {
        SettingKind::Switch => None,
        SettingKind::Number => Some("NUMBER"),
        SettingKind::Text | SettingKind::List | SettingKind::ListWithCommas => Some("VALUE"),
    }
}

/// A flag and its twin that begins with `no-`, of which the last one counts.
fn toggle(command: Command, on: &str, help: String, help_off: String) -> Command {
    let off = format!("no-{on}");
    let switch = |name: &str, other: &str, help: String| {
        flag(name, help).action(ArgAction::SetTrue).overrides_with(other.to_owned())
    };
    command.arg(switch(on, &off, help)).arg(switch(&off, on, help_off))
}

fn valued(name: &str, help: String, kind: SettingKind) -> Arg {
    let arg = flag(name, help).value_name(value_name(kind).unwrap_or("VALUE"));
    match kind {
        SettingKind::ListWithCommas => arg.action(ArgAction::Append),
        SettingKind::List => arg.action(ArgAction::Append).value_delimiter(','),
        SettingKind::Number => arg.value_parser(clap::value_parser!(i64)),
        SettingKind::Text | SettingKind::Switch => arg,
    }
}

fn flag(name: &str, help: String) -> Arg {
    let env = format!("VIGIE_{}", name.to_uppercase().replace(['.', '-'], "_"));
    Arg::new(name.to_owned())
        .long(name.to_owned())
        .help(help)
        .hide_short_help(true)
        .hide_long_help(true)
        .env(env)
        .global(true)
}

/// The groups whose `--<prefix>.<group>` was given.
pub(super) fn toggled(matches: &ArgMatches, prefix: &str) -> Vec<String> {
    let on = |group: &&system::Group| matches.get_flag(&format!("{prefix}.{}", group.name));
    system::groups().iter().filter(on).map(|group| group.name.to_owned()).collect()
}

/// The settings that were given.
pub(super) fn settings(matches: &ArgMatches) -> Vec<Setting> {
    let mut given = Vec::new();
    for group in system::groups() {
        for setting in group.settings() {
            let mut name = setting.flag;
            let value = match setting.kind {
                SettingKind::Switch if matches.get_flag(&name) => Some(SettingValue::Switch(true)),
                SettingKind::Switch => {
                    name = format!("no-{name}");
                    matches.get_flag(&name).then_some(SettingValue::Switch(false))
                }
                SettingKind::List | SettingKind::ListWithCommas => matches
                    .get_many::<String>(&name)
                    .map(|values| SettingValue::List(values.cloned().collect())),
                SettingKind::Number => matches.get_one(&name).copied().map(SettingValue::Number),
                SettingKind::Text => matches.get_one(&name).cloned().map(SettingValue::Text),
            };
            if let Some(value) = value {
                given.push(Setting { flag: format!("--{name}"), group: group.name, key: setting.key, value });
            }
        }
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(args: &[&str]) -> Vec<Setting> {
        let args = std::iter::once(&"vigie").chain(args);
        settings(
            &add(Command::new("vigie").subcommand(Command::new("run")))
                .try_get_matches_from(args)
                .expect("flags there are"),
        )
    }

    #[test]
    fn a_setting_is_given_as_upstream_names_it() {
        let netdev = given(&["--collector.netdev.device-include=^lo$"]);
        assert_eq!(netdev.len(), 1);
        assert_eq!((netdev[0].group, netdev[0].key.as_str()), ("netdev", "device_include"));
        assert_eq!(netdev[0].value, SettingValue::Text("^lo$".to_owned()));
        assert_eq!(given(&[]), []);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_setting_is_given_as_upstream_named_it_before() {
        let qdisc = given(&["--collector.qdisk.device-include=^lo$"]);
        assert_eq!((qdisc[0].group, qdisc[0].key.as_str()), ("qdisc", "device_include"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_last_of_a_switch_and_its_twin_counts() {
        let values = |args: &[&str]| given(args).into_iter().map(|s| (s.flag, s.value)).collect::<Vec<_>>();
        let off = ("--no-collector.cpu.guest".to_owned(), SettingValue::Switch(false));
        assert_eq!(values(&["--collector.cpu.guest", "--no-collector.cpu.guest"]), [off]);
        let on = ("--collector.stat.softirq".to_owned(), SettingValue::Switch(true));
        assert_eq!(values(&["--collector.stat.softirq"]), [on]);
    }

    #[test]
    fn each_flag_has_its_line_and_no_twin_has_one() {
        let list = list();
        let first = |line: &str| line.split_whitespace().next().map(str::to_owned);
        let lines: Vec<_> = list[ABOUT.len()..].lines().filter_map(first).collect();
        let command = add(Command::new("vigie").subcommand(Command::new("run")));
        let flags = command.get_arguments().filter_map(|arg| arg.get_long());
        let flags: Vec<_> =
            flags.filter(|long| !long.starts_with("no-")).map(|long| format!("--{long}")).collect();
        assert_eq!(lines, flags);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_list_takes_all_that_are_given() {
        let list = given(&["--collector.textfile.directory=/a,/b", "--collector.textfile.directory", "/c"]);
        assert_eq!(list[0].value, SettingValue::List(["/a", "/b", "/c"].map(str::to_owned).to_vec()));
    }
}
