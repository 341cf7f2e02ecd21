//! Which devices and mount points are wanted: node_exporter's pairs of regular expressions.

use regex::Regex;

use super::config::Patterns;

/// What a pair of settings comes down to.
#[derive(Debug)]
pub(super) struct Filter {
    include: Option<Regex>,
    exclude: Option<Regex>,
}

impl Filter {
    pub(super) fn new(patterns: Patterns<'_>) -> Result<Self, regex::Error> {
        let compile = |pattern: &str| (!pattern.is_empty()).then(|| Regex::new(pattern)).transpose();
        Ok(Self { include: compile(patterns.include)?, exclude: compile(patterns.exclude)? })
    }

    /// Whether a thing of that name is wanted.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.include.as_ref().is_none_or(|include| include.is_match(name))
            && !self.exclude.as_ref().is_some_and(|exclude| exclude.is_match(name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::config::DiskStats;
    use super::*;

    fn wants(include: &str, exclude: &str, disk: &str) -> bool {
        let settings = DiskStats { device_include: include.into(), device_exclude: exclude.into() };
        Filter::new(settings.devices()).unwrap().wants(disk)
    }

    #[test]
    fn the_default_excludes_until_either_is_set() {
        assert!(!wants("", "", "loop0"));
        assert!(!wants("", "", "sda1"));
        assert!(wants("", "", "sda"));
        assert!(wants("loop", "", "loop0"));
        assert!(!wants("loop", "", "sda"));
        assert!(wants("", "sda", "loop0"));
        assert!(!wants("", "sda", "sda"));
    }
}
