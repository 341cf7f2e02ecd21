//! `sysctl`: settings of the kernel that the configuration names.
//!
//! `fs.file-nr` is `/proc/sys/fs/file-nr`. A value of several numbers has an `index` label, or, when the configuration
//! gives its parts names (`fs.file-nr:total,current,max`), a metric for each. Values that are words are labels.

use std::collections::HashSet;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};
use vigie_pipeline::metric::{Family, Kind};
use vigie_pipeline::page::{Labels, Page};
use vigie_pipeline::plug::{Error, Sampler};

use super::file::KeptFile;
use super::parse;
use crate::system::config::Roots;

static INFO: Family = Family::gauge("node_sysctl_info", "sysctl info");

/// Settings of the group `sysctl`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SysctlSettings {
    /// Kernel settings that are numbers, as `fs.file-nr` or with names of its numbers as `fs.file-nr:total,current,max`.
    #[schemars(extend("x-commas" = true))]
    pub include: Vec<String>,
    /// Kernel settings that are words, as `kernel.core_pattern`.
    pub include_info: Vec<String>,
}

impl Check for SysctlSettings {
    fn check(&self, at: &mut Place<'_>) {
        for (key, settings) in [("include", &self.include), ("include_info", &self.include_info)] {
            for (at, setting) in at.key(key).each(settings) {
                if path(name_and_parts(setting).0).is_none() {
                    at.wrong("not the name of a kernel setting; write for example `kernel.threads-max`");
                }
            }
        }
    }
}

pub(super) struct Sysctl {
    numbers: Vec<Numbers>,
    words: Vec<(String, KeptFile)>,
}

/// A setting that is one number or several.
struct Numbers {
    file: KeptFile,
    /// One for all of them, or one for each.
    families: Vec<Arc<Family>>,
    named: bool,
}

impl Sysctl {
    pub(super) fn new(roots: &Roots, settings: &SysctlSettings) -> Self {
        let file = |name: &str| Some(KeptFile::new(roots.procfs.join("sys").join(path(name)?)));
        let mut seen = HashSet::new();
        let once = settings.include.iter().filter(|setting| seen.insert(setting.as_str()));
        let numbers = once.filter_map(|setting| {
            let (name, parts) = name_and_parts(setting);
            Some(Numbers { file: file(name)?, families: families(name, &parts), named: !parts.is_empty() })
        });
        let words = settings.include_info.iter().filter_map(|name| Some((name.clone(), file(name)?)));
        Self { numbers: numbers.collect(), words: words.collect() }
    }
}

impl Sampler for Sysctl {
    fn sample(&mut self, page: &mut Page) -> Result<(), Error> {
        let mut wrong: Option<Error> = None;
        for numbers in &mut self.numbers {
            wrong = wrong.or(numbers.write(page).err());
        }
        for (name, file) in &mut self.words {
            match file.read() {
                Ok(text) => {
                    for (index, word) in parse::words(text).enumerate() {
                        let labels = page.labels(&[
                            ("index", itoa::Buffer::new().format(index)),
                            ("name", name),
                            ("value", &parse::label(word)),
                        ]);
                        page.set(&INFO, labels, 1.0);
                    }
                }
                Err(error) => wrong = wrong.or(Some(error.into())),
            }
        }
        wrong.map_or(Ok(()), Err)
    }
}

impl Numbers {
    fn write(&mut self, page: &mut Page) -> Result<(), Error> {
        let text = self.file.read()?;
        let values: Option<Vec<f64>> = parse::words(text).map(parse::number).collect();
        let values = values.ok_or_else(|| self.file.malformed("not numbers; name it in `include_info`"))?;
        if self.named {
            if values.len() != self.families.len() {
                let what = format!("{} numbers for {} names", values.len(), self.families.len());
                return Err(self.file.malformed(what).into());
            }
            for (family, value) in self.families.iter().zip(values) {
                page.set(family, Labels::NONE, value);
            }
            return Ok(());
        }
        let several = values.len() > 1;
        for (index, value) in values.into_iter().enumerate() {
            let labels = match several {
                true => page.labels(&[("index", itoa::Buffer::new().format(index))]),
                false => Labels::NONE,
            };
            page.set(&self.families[0], labels, value);
        }
        Ok(())
    }
}

/// `fs.file-nr:total,current`
fn name_and_parts(setting: &str) -> (&str, Vec<&str>) {
    match setting.split_once(':') {
        None => (setting, Vec::new()),
        Some((name, parts)) => (name, parts.split(',').map(str::trim).collect()),
    }
}

/// Where a setting is below `/proc/sys`. A dot separates steps; a slash is a dot in the name of one, as sysctl(8) has it.
fn path(name: &str) -> Option<String> {
    let steps: Vec<String> = name.split('.').map(|step| step.replace('/', ".")).collect();
    let is_step = |step: &String| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '@' | ':');
        !step.is_empty() && step.chars().all(allowed) && step.chars().any(|c| c != '.')
    };
    steps.iter().all(is_step).then(|| steps.join("/"))
}

fn families(name: &str, parts: &[&str]) -> Vec<Arc<Family>> {
    let clean = |text: &str| -> String {
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
    };
    let family = |suffix: String, help: String| {
        Arc::new(Family::met(format!("node_sysctl_{}{suffix}", clean(name)), Kind::Untyped, help))
    };
    if parts.is_empty() {
        return vec![family(String::new(), format!("sysctl {name}"))];
    }
    let part = |(index, part): (usize, &&str)| {
        family(format!("_{}", clean(part)), format!("sysctl {name}, field {index}"))
    };
    parts.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::fixture::{Fixture, survives_any_bytes};
    use super::*;
    use vigie_pipeline::check::{KeyPath, problems};

    fn settings(include: &[&str], include_info: &[&str]) -> SysctlSettings {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        SysctlSettings { include: owned(include), include_info: owned(include_info) }
    }

    #[test]
    fn numbers_have_an_index_or_names_and_words_are_labels() {
        let host = Fixture::new()
            .with("proc/sys/fs/file-nr", "1024\t0\t9\n")
            .with("proc/sys/kernel/threads-max", "7801\n")
            .with("proc/sys/kernel/seccomp/actions", "trap allow\n");
        let settings = settings(
            &["fs.file-nr", "fs.file-nr:total,current,max", "kernel.threads-max"],
            &["kernel.seccomp.actions"],
        );
        let (series, result) = host.sample(&mut Sysctl::new(host.roots(), &settings));
        result.unwrap();
        assert_eq!(
            series,
            [
                "node_sysctl_fs_file_nr{index=\"0\"} 1024",
                "node_sysctl_fs_file_nr{index=\"1\"} 0",
                "node_sysctl_fs_file_nr{index=\"2\"} 9",
                "node_sysctl_fs_file_nr_total 1024",
                "node_sysctl_fs_file_nr_current 0",
                "node_sysctl_fs_file_nr_max 9",
                "node_sysctl_kernel_threads_max 7801",
                "node_sysctl_info{index=\"0\",name=\"kernel.seccomp.actions\",value=\"trap\"} 1",
                "node_sysctl_info{index=\"1\",name=\"kernel.seccomp.actions\",value=\"allow\"} 1"
            ]
        );
    }

    #[test]
    fn a_name_leads_nowhere_else() {
        assert_eq!(path("net.ipv4.conf.eth0/100.forwarding").unwrap(), "net/ipv4/conf/eth0.100/forwarding");
        for name in ["", "..", "kernel...x", "kernel.//", "a b", "kernel."] {
            assert_eq!(path(name), None, "{name}");
        }
        let wrong = problems(KeyPath::default(), &settings(&["kernel"], &["//.x"]));
        assert_eq!(wrong.len(), 1);
        assert_eq!(wrong[0].path.to_string(), "include_info[0]");
    }

    #[test]
    fn one_that_is_not_there_is_an_error_that_keeps_the_others() {
        let host = Fixture::new().with("proc/sys/kernel/b", "1\n");
        let settings = settings(&["kernel.a", "kernel.b"], &[]);
        let (series, result) = host.sample(&mut Sysctl::new(host.roots(), &settings));
        assert_eq!(series, ["node_sysctl_kernel_b 1"]);
        assert!(result.is_err());
    }

    survives_any_bytes!("proc/sys/fs/file-nr", "1024\t0\t9\n", host => {
        Sysctl::new(host.roots(), &settings(&["fs.file-nr"], &["fs.file-nr"]))
    });
}
