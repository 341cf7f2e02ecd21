//! `vmstat`: what the memory management has done.
//!
//! `/proc/vmstat` has a name and a number on each line (proc_vmstat(5)), well over a hundred; only those
//! that `vmstat.fields` matches are exposed.

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::names::Names;
use super::parse;
use crate::system::config::Roots;
use crate::system::filter::{or_default, pattern};

const FIELDS: &str = "^(oom_kill|pgpg|pswp|pg.*fault).*";

/// Settings of the group `vmstat`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct VmStatSettings {
    /// Fields to expose.
    pub fields: String,
}

impl Check for VmStatSettings {
    fn check(&self, at: &mut Place<'_>) {
        pattern(at, "fields", &self.fields);
    }
}

pub(super) struct VmStat {
    file: KeptFile,
    names: Names,
    fields: Regex,
}

impl VmStat {
    pub(super) fn new(roots: &Roots, settings: &VmStatSettings) -> Result<Self, Error> {
        let file = KeptFile::new(roots.procfs.join("vmstat"));
        Ok(Self { file, names: Names::default(), fields: Regex::new(or_default(&settings.fields, FIELDS))? })
    }
}

impl Sampler for VmStat {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        self.names.rewind();
        let mut unread = None;
        for line in parse::lines(self.file.read()?) {
            let (name, rest) = parse::first_word(line);
            let Some(family) = self.names.family(name, |name| family(name, &self.fields)) else { continue };
            match parse::number(rest.trim_ascii()) {
                Some(value) => page.set(family, Labels::NONE, value),
                None => unread = unread.or_else(|| Some(parse::label(line).into_owned())),
            }
        }
        match unread {
            Some(line) => Err(self.file.malformed(format!("`{line}`")).into()),
            None => Ok(()),
        }
    }
}

fn family(name: &str, fields: &Regex) -> Option<Family> {
    let met = || {
        let help = format!("/proc/vmstat information field {name}.");
        Family::met(format!("node_vmstat_{name}"), Kind::Untyped, help)
    };
    fields.is_match(name).then(met)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::Fixture;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_fields_that_match_are_exposed() {
        let text = "nr_free_pages 977769\npgfault 2320168809\noom_kill 1\n";
        let host = Fixture::new().with("proc/vmstat", text);
        let mut default = VmStat::new(host.roots(), &VmStatSettings::default()).unwrap();
        let (series, result) = host.sample(&mut default);
        result.unwrap();
        assert_eq!(series, ["node_vmstat_pgfault 2320168809", "node_vmstat_oom_kill 1"]);
        let free = VmStatSettings { fields: "^nr_free".into() };
        let (series, _) = host.sample(&mut VmStat::new(host.roots(), &free).unwrap());
        assert_eq!(series, ["node_vmstat_nr_free_pages 977769"]);
    }

    #[test]
    fn a_field_without_a_number_is_named_and_the_others_are_kept() {
        let host = Fixture::new().with("proc/vmstat", "pgfault\noom_kill 1\n");
        let mut vmstat = VmStat::new(host.roots(), &VmStatSettings::default()).unwrap();
        let (series, result) = host.sample(&mut vmstat);
        assert_eq!(series, ["node_vmstat_oom_kill 1"]);
        assert!(result.unwrap_err().to_string().contains("`pgfault`"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_bytes_are_read_or_refused(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let host = Fixture::new().with("proc/vmstat", text);
            let all = VmStatSettings { fields: ".".into() };
            let _ = host.sample(&mut VmStat::new(host.roots(), &all).unwrap());
        }
    }
}
