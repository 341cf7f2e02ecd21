//! process-exporter's own file: rules by which processes are put into groups and these get their names.

use regex::Regex;
use serde::{Deserialize, Serialize};
use vigie_pipeline::check::{Check, Place};

use super::matcher::Template;

/// The whole file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProcessNames {
    /// A process belongs to the group of the first that it matches.
    pub process_names: Vec<NameRule>,
}

/// What is there must match.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NameRule {
    /// The template of the group's name; if it is empty, that of [`NameRule::template`].
    pub name: String,
    /// Any of these is the process's name as the kernel has it.
    pub comm: Option<Vec<String>>,
    /// Any of these is the first word of the command line: with a slash the whole of it, without one its last
    /// component.
    pub exe: Option<Vec<String>>,
    /// Each of these regular expressions matches the command line, its words joined by blanks.
    pub cmdline: Option<Vec<String>>,
}

impl NameRule {
    /// The template that counts.
    pub(super) fn template(&self) -> &str {
        if self.name.is_empty() { "{{.ExeBase}}" } else { &self.name }
    }
}

impl Check for ProcessNames {
    fn check(&self, at: &mut Place<'_>) {
        at.key("process_names").check_each(&self.process_names);
    }
}

impl Check for NameRule {
    fn check(&self, at: &mut Place<'_>) {
        if (&self.comm, &self.exe, &self.cmdline) == (&None, &None, &None) {
            at.wrong("one of comm, exe and cmdline is required");
        }
        let mut groups: Vec<String> = Vec::new();
        let regexes = at.key("cmdline");
        for (at, regex) in regexes.each(self.cmdline.iter().flatten()) {
            let regex = at.ok(Regex::new(regex));
            groups.extend(regex.iter().flat_map(Regex::capture_names).flatten().map(str::to_owned));
        }
        let at = at.key("name");
        let Some(template) = at.ok(Template::parse(self.template())) else { return };
        for asked in template.matches().filter(|asked| !asked.is_empty()) {
            if !groups.iter().any(|group| group == asked) {
                at.wrong(format_args!("no regular expression of `cmdline` has a group `(?P<{asked}>…)`"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vigie_pipeline::check::{KeyPath, problems};

    fn told(rule: NameRule) -> Vec<String> {
        let file = ProcessNames { process_names: vec![rule] };
        let problems = problems(KeyPath::default(), &file);
        problems.iter().map(|problem| format!("{}: {}", problem.path, problem.what)).collect()
    }

    #[test]
    fn what_process_exporter_takes_is_no_mistake() {
        let cmdline = Some(vec![r"-c (?P<File>\S+)".to_owned(), "(x)".to_owned()]);
        for name in
            ["", "{{.ExeFull}}:{{.Matches.File}}", "{{index .Matches `File`}}{{index .Matches ``}}", "a"]
        {
            let rule = NameRule { name: name.to_owned(), cmdline: cmdline.clone(), ..NameRule::default() };
            assert_eq!(told(rule), [] as [&str; 0], "{name}");
        }
        // It cannot match, as with process-exporter.
        let long = NameRule { comm: Some(vec!["longer-than-fifteen".to_owned()]), ..NameRule::default() };
        assert_eq!(told(long), [] as [&str; 0]);
    }

    #[test]
    fn mistakes_are_told_at_their_keys() {
        assert_eq!(told(NameRule::default()), ["process_names[0]: one of comm, exe and cmdline is required"]);
        let rule = NameRule {
            name: "{{.Matches.Fil}}".to_owned(),
            cmdline: Some(vec!["(?P<File>x)".to_owned(), "(".to_owned()]),
            ..NameRule::default()
        };
        assert_eq!(
            told(rule),
            [
                "process_names[0].cmdline[1]: unclosed group",
                "process_names[0].name: no regular expression of `cmdline` has a group `(?P<Fil>…)`",
            ]
        );
        let rule = NameRule { name: "{{.Com}}".to_owned(), comm: Some(Vec::new()), ..NameRule::default() };
        assert_eq!(told(rule), ["process_names[0].name: there is no field `.Com` (did you mean `.Comm`?)"]);
    }
}
