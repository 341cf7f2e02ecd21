//! Which devices and mount points are wanted: node_exporter's pairs of regular expressions.

use regex::Regex;

use vigie_pipeline::check::Place;

/// A pair of settings: what to include, what to exclude. At most one of them may be set; if none is, the
/// default exclusion applies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patterns<'c> {
    include: &'c str,
    exclude: &'c str,
}

impl<'c> Patterns<'c> {
    pub(super) fn new(include: &'c str, exclude: &'c str, default_exclude: &'static str) -> Self {
        let exclude = if include.is_empty() { or_default(exclude, default_exclude) } else { exclude };
        Self { include, exclude }
    }
}

/// An empty pattern stands for the default.
pub(super) fn or_default<'s>(pattern: &'s str, default: &'static str) -> &'s str {
    if pattern.is_empty() { default } else { pattern }
}

/// Checks that a setting is a regular expression.
pub(super) fn pattern(at: &Place<'_>, key: &str, pattern: &str) {
    at.key(key).ok(Regex::new(pattern));
}

/// Checks a pair of settings of which at most one may be set.
pub(super) fn pair(at: &Place<'_>, include: (&str, &str), exclude: (&str, &str)) {
    pattern(at, include.0, include.1);
    pattern(at, exclude.0, exclude.1);
    if !include.1.is_empty() && !exclude.1.is_empty() {
        at.key(exclude.0).wrong(format_args!("`{}` is set too: only one of the two may be", include.0));
    }
}

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
    use super::*;

    fn wants(include: &str, exclude: &str, disk: &str) -> bool {
        Filter::new(Patterns::new(include, exclude, "^(loop|sda)[0-9]+$")).unwrap().wants(disk)
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
