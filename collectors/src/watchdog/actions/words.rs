//! What would be done when, for a person who reads a configuration.

use std::time::Duration;

use super::super::config::Config;
use super::super::entry::{Entry, entries};
use super::super::kind::Kind;
use super::Action;
use crate::probes::http::post;
use crate::processes;

/// One sentence for each action.
pub(in crate::watchdog) fn told(watchdog: &Config, groups: &processes::Config) -> Vec<String> {
    let entries = entries(watchdog, groups);
    let sentences = entries
        .iter()
        .flat_map(|entry| entry.actions.iter().map(|action| sentence(entry, action, watchdog.interval.0)));
    sentences.collect()
}

fn sentence(entry: &Entry, action: &Action, interval: Duration) -> String {
    let kinds = entry.expectations.iter().map(|expectation| expectation.kind);
    let kinds: Vec<&str> = kinds.filter(|kind| action.is_on(*kind)).map(Kind::as_str).collect();
    let (sort, name, kinds) = (entry.sort.words(), &entry.name, kinds.join(" or "));
    let (after, looks) = match action.after.get() {
        1 => (1, "one look".to_owned()),
        after => (after, format!("{after} looks in a row")),
    };
    let confirmed = duration(interval.saturating_mul(after));
    let deed = what(action, name);
    let deed = if action.dry_run { format!("only say that it is time to {deed}") } else { deed };
    let held = match action.unless_down.as_slice() {
        [] => String::new(),
        names => format!(", but nothing while {} is down", names.join(" or ")),
    };
    let (initial, max) = (action.backoff.initial.0, action.backoff.max.0);
    let again = match initial == max {
        true => format!("again after {}", duration(initial)),
        false => format!("again after {}, doubling to {}", duration(initial), duration(max)),
    };
    let (most, within) = (action.at_most.actions, duration(action.at_most.within.0));
    let times = if most.get() == 1 { "once".to_owned() } else { format!("{most} times") };
    format!(
        "{sort} {name}: when {kinds} is not met at {looks} ({confirmed}), {deed}{held}; {again}; at most {times} in {within}, then stop"
    )
}

/// What is done, as an order.
pub(in crate::watchdog) fn what(action: &Action, name: &str) -> String {
    if let Some(unit) = &action.restart_unit {
        return format!("restart unit {unit}");
    }
    if let Some(argv) = &action.run {
        return format!("run {}", argv.join(" "));
    }
    if let Some(signal) = &action.signal {
        return format!("send {} to the processes of {name}", signal.strip_prefix("SIG").unwrap_or(signal));
    }
    // A webhook's URL may have a token in it.
    let host = action.webhook.as_ref().and_then(|webhook| post::host(&webhook.url));
    format!("tell the webhook at {}", host.as_deref().unwrap_or("?"))
}

/// `15 s`, `10 min`, `1 h 30 min`.
fn duration(time: Duration) -> String {
    if time.subsec_nanos() > 0 {
        return format!("{} s", time.as_secs_f64());
    }
    let mut seconds = time.as_secs();
    let mut words = Vec::new();
    for (unit, length) in [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)] {
        if seconds >= length {
            words.push(format!("{} {unit}", seconds / length));
            seconds %= length;
        }
    }
    if words.is_empty() { "0 s".to_owned() } else { words.join(" ") }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::num::NonZeroU32;

    use vigie_pipeline::secret::Secret;
    use vigie_pipeline::units::HumanDuration;

    use super::super::super::config::Unit;
    use super::super::{Backoff, Webhook};
    use super::*;
    use crate::watchdog::Expect;

    fn group(actions: Vec<Action>) -> processes::Config {
        let expect = Expect { min: Some(1), max: Some(2), ..Expect::default() };
        let group = processes::Group { name: "api".into(), expect, actions, ..processes::Group::default() };
        processes::Config { groups: vec![group], ..processes::Config::default() }
    }

    #[test]
    fn what_would_be_done_when_is_told_in_a_sentence() {
        let restart =
            Action { when: vec![Kind::Min], restart_unit: Some("api.service".into()), ..Action::default() };
        assert_eq!(
            told(&Config::default(), &group(vec![restart])),
            [
                "process group api: when min is not met at 3 looks in a row (15 s), restart unit api.service; again after 30 s, doubling to 10 min; at most 5 times in 1 h, then stop"
            ]
        );
        let signal = Action {
            signal: Some("SIGTERM".into()),
            after: NonZeroU32::MIN,
            unless_down: vec!["db".into(), "dns".into()],
            dry_run: true,
            backoff: Backoff { initial: HumanDuration::secs(90), max: HumanDuration::secs(90) },
            ..Action::default()
        };
        assert_eq!(
            told(&Config::default(), &group(vec![signal])),
            [
                "process group api: when min or max is not met at one look (5 s), only say that it is time to send TERM to the processes of api, but nothing while db or dns is down; again after 1 min 30 s; at most 5 times in 1 h, then stop"
            ]
        );
    }

    #[test]
    fn of_a_webhook_only_the_host_is_told() {
        let url = Secret::new("https://hooks.example/services/T0KEN");
        let action = Action { webhook: Some(Webhook { url, ..Webhook::default() }), ..Action::default() };
        let unit = Unit {
            name: "nginx".into(),
            unit: "nginx.service".into(),
            actions: vec![action],
            ..Unit::default()
        };
        let told = told(&Config { units: vec![unit], ..Config::default() }, &processes::Config::default());
        assert!(told[0].contains("tell the webhook at hooks.example;"), "{told:?}");
    }
}
