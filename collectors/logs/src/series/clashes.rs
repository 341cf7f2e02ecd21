//! Metrics of one name, in one source or in several: a family has one type, one help, and the same labels everywhere.

use std::collections::BTreeMap;

use vigie_pipeline::check::Place;
use vigie_pipeline::metric::Kind;

use super::config::Metric;
use super::{http, names, security};
use crate::config::Config;

/// A family as one entry of `metrics` has it.
struct Declared<'c> {
    kind: Kind,
    name: &'c str,
    help: &'c str,
    labels: Vec<&'c str>,
    /// It is one of the agent's own, whose labels may differ.
    preset: bool,
    source: usize,
    place: String,
}

impl Metric {
    /// The families that it has, with the key of each.
    fn declared(&self, source: usize, number: usize) -> Vec<(&'static str, Declared<'_>)> {
        fn declared<'c>(
            (kind, name, help): (Kind, &'c str, &'c str),
            labels: &'c BTreeMap<String, String>,
        ) -> Declared<'c> {
            let labels = labels.keys().map(String::as_str).collect();
            Declared { kind, name, help, labels, preset: false, source: 0, place: String::new() }
        }
        let mut all = Vec::new();
        if let Some(counter) = &self.counter {
            all.push(("counter", declared((Kind::Counter, &counter.name, &counter.help), &counter.labels)));
        }
        if let Some(gauge) = &self.gauge {
            all.push(("gauge", declared((Kind::Gauge, &gauge.name, &gauge.help), &gauge.labels)));
        }
        if let Some(histogram) = &self.histogram {
            let what = (Kind::Histogram, histogram.name.as_str(), histogram.help.as_str());
            all.push(("histogram", declared(what, &histogram.labels)));
        }
        let mut preset = |key, families: &'static [vigie_pipeline::metric::Family]| {
            for family in families {
                let (labels, name, help) = (Vec::new(), &*family.name, &*family.help);
                let kind = family.kind;
                all.push((
                    key,
                    Declared { kind, name, help, labels, preset: true, source: 0, place: String::new() },
                ));
            }
        };
        if self.http.is_some() {
            preset("http", &http::FAMILIES);
        }
        if self.security.is_some() {
            preset("security", &security::FAMILIES);
        }
        for (key, declared) in &mut all {
            declared.source = source;
            declared.place = format!("[{source}].metrics[{number}].{key}");
        }
        all
    }
}

/// Reports what of the metrics of these sources, which stand `at`, does not go together.
pub fn check(sources: &[Config], at: &Place<'_>) {
    let mut known: Vec<Declared<'_>> = Vec::new();
    for (source, config) in sources.iter().enumerate() {
        for (number, metric) in config.metrics.iter().enumerate() {
            for (key, declared) in metric.declared(source, number) {
                let place = at.index(source).key("metrics").index(number).key(key);
                let place = if declared.preset { place } else { place.key("name") };
                match clash(&declared, &known) {
                    _ if declared.name.is_empty() => {}
                    Some(what) => {
                        place.wrong(what);
                        // What else is wrong with a preset is wrong for the same reason.
                        break;
                    }
                    None => known.push(declared),
                }
            }
        }
    }
}

fn clash(new: &Declared<'_>, known: &[Declared<'_>]) -> Option<String> {
    if let Some(same) = known.iter().find(|known| known.name == new.name && known.source == new.source) {
        return Some(format!("`{}` is already taken by logs{}", new.name, same.place));
    }
    if let Some(same) = known.iter().find(|known| known.name == new.name) {
        let differs = match () {
            () if same.kind != new.kind => "another type",
            () if same.labels != new.labels || same.preset != new.preset => "other labels",
            () if same.help != new.help => "another help",
            () => return None,
        };
        return Some(format!("`{}` has {differs} in logs{}", new.name, same.place));
    }
    let claims = names::claims(new.kind, new.name);
    let taken = |known: &&Declared<'_>| {
        names::claims(known.kind, known.name).iter().any(|name| claims.contains(name))
    };
    let other = known.iter().find(taken)?;
    Some(format!("`{}` cannot stand beside `{}` of logs{}", new.name, other.name, other.place))
}
