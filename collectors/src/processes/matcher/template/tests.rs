#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::processes::fixture::{FakeProc, Process};
use crate::processes::matcher::{Candidate, Ports, Users};
use crate::processes::procfs::{Buffer, Procfs};
use crate::processes::stat;

/// The name of a process by a template, and regular expressions for its command line.
fn name_of(process: &Process, template: &str, regexes: &[&str]) -> String {
    let fake = FakeProc::new();
    fake.set(process);
    std::fs::write(
        fake.path().join(format!("{}/cgroup", process.pid)),
        "1:name=systemd:/a.slice\n0::/a.slice/b:c\n",
    )
    .unwrap();
    let procfs = Procfs::open(fake.path()).unwrap();
    let mut buffer = Buffer::default();
    let content = procfs.read(process.pid, "stat", &mut buffer).unwrap().to_vec();
    let (comm, stat) = stat::parse(&content).unwrap();
    let host = Host { users: Users::new(fake.path()), ports: Ports::default(), boot_time: Some(1_000_000) };
    let mut subject = Subject::new(Candidate { pid: process.pid, comm, stat: &stat }, &procfs, &mut buffer);
    let regexes: Vec<_> = regexes.iter().map(|regex| Regex::new(regex).unwrap()).collect();
    Template::parse(template).unwrap().render(&mut subject, &host, &regexes)
}

fn named(template: &str) -> String {
    let process = Process {
        pid: 7,
        comm: "java",
        cmdline: "/opt/jdk/bin/java\0-jar\0shop.jar\0",
        start: 170,
        ..Process::default()
    };
    name_of(&process, template, &[r"-jar (?P<Jar>\S+)\.jar", "(o)(p)"])
}

#[test]
fn every_field_is_what_process_exporter_makes_of_it() {
    let own = rustix::process::geteuid().as_raw().to_string();
    for (template, name) in [
        ("{{.Comm}}", "java"),
        ("{{.ExeBase}}:{{.PID}}", "java:7"),
        ("{{ .ExeFull }}", "/opt/jdk/bin/java"),
        ("{{.Username}}", own.as_str()),
        ("{{.StartTime}}", "1970-01-12 13:46:41.7 +0000 UTC"),
        ("{{.Cgroups}}", "[/a.slice /a.slice/b:c]"),
        ("{{index .Cgroups 1}}", "/a.slice/b:c"),
        ("a{{index .Cgroups 2}}b", "a"),
        ("{{.Matches.Jar}}!", "shop!"),
        ("{{.Matches}}", "map[:p Jar:shop]"),
        (r#"{{index .Matches "Jar"}}{{index .Matches `None`}}"#, "shop"),
        ("{{.Matches.None}}", "<no value>"),
    ] {
        assert_eq!(named(template), name, "{template}");
    }
}

#[test]
fn blanks_comments_and_literals_are_gos() {
    for (template, name) in [
        ("", ""),
        ("plain }} text", "plain }} text"),
        ("a {{- .Comm -}} b", "ajavab"),
        ("a {{-\n.Comm -}}\n\t b", "ajavab"),
        ("a{{/* .Nothing }} */}}b", "ab"),
        ("a {{- /* x */ -}} b", "ab"),
        (r#"{{"{{"}}{{`}}`}}{{"\"\\"}}"#, r#"{{}}"\"#),
    ] {
        assert_eq!(named(template), name, "{template}");
    }
    let kernel = Process { comm: "kworker/0:1", cmdline: "", ..Process::default() };
    assert_eq!(
        name_of(&kernel, "{{.ExeFull}} {{.ExeBase}} {{.Matches}}", &[".*"]),
        "kworker/0:1 kworker/0:1 map[:]"
    );
}

#[test]
fn a_time_has_no_zeros_at_the_end_of_its_fraction() {
    for (start, time) in [(0, "00:00:00"), (5, "00:00:00.05"), (150, "00:00:01.5"), (12_399, "00:02:03.99")] {
        assert_eq!(start_time(start, Some(0)), format!("1970-01-01 {time} +0000 UTC"));
    }
}

#[test]
fn what_is_not_understood_is_told() {
    let wrong = |template: &str| Template::parse(template).unwrap_err();
    assert_eq!(wrong("{{.Com}}"), "there is no field `.Com` (did you mean `.Comm`?)");
    assert_eq!(wrong("{{.comm}}"), "there is no field `.comm` (did you mean `.Comm`?)");
    assert_eq!(
        wrong("{{.Whatever}}"),
        "there is no field `.Whatever`: there are .Comm, .ExeBase, .ExeFull, .Username, .PID, .StartTime, .Cgroups, .Matches"
    );
    assert_eq!(wrong("{{.Comm.Upper}}"), "there is no `.Upper` in that");
    assert_eq!(wrong("{{.Matches.a.b}}"), "there is no `.b` in that");
    for open in ["{{.Comm", "a{{", "{{.Comm}", "{{ .Comm -"] {
        assert!(Template::parse(open).is_err(), "{open}");
    }
    assert_eq!(wrong("{{.Comm"), "`{{` is not closed by `}}`");
    assert_eq!(wrong("{{}}"), "nothing stands between the braces");
    assert_eq!(wrong("{{/* x"), "a comment is not closed by `*/`");
    assert_eq!(wrong("{{index .Matches 1}}"), "`index .Matches` takes a name in quotes");
    assert_eq!(wrong("{{index .Cgroups `a`}}"), "`index .Cgroups` takes a number");
    assert_eq!(wrong("{{\"a}}"), "a quoted text is not closed");
    for (template, word) in [
        ("{{if .Comm}}x{{end}}", "if"),
        ("{{.Comm | printf \"%s\"}}", "|"),
        ("{{printf \"%s\" .Comm}}", "printf"),
        ("{{$x := .Comm}}", "$"),
        ("{{.Matches.my-name}}", "-"),
        ("{{.Comm .PID}}", "."),
    ] {
        assert!(
            wrong(template).starts_with(&format!("`{word}` is not understood here: ")),
            "{template}: {}",
            wrong(template)
        );
    }
}

#[test]
fn a_name_is_cut_where_a_character_ends() {
    let long = "é".repeat(LONGEST);
    let template = Template::parse(&format!("x{long}")).unwrap();
    assert_eq!(template.fixed().unwrap(), format!("x{}", "é".repeat(LONGEST / 2 - 1)));
    assert_eq!(Template::parse("é").unwrap().fixed().unwrap(), "é");
    assert_eq!(Template::parse("a{{.Comm}}").unwrap().fixed(), None);
}

proptest! {
    #[test]
    fn a_text_without_braces_stands_for_itself(text in "[^{]{0,40}") {
        prop_assert_eq!(Template::parse(&text).unwrap().fixed(), Some(text));
    }

    #[test]
    fn a_quoted_text_stands_for_itself(text in "\\PC{0,20}") {
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let template = Template::parse(&format!("{{{{\"{quoted}\"}}}}")).unwrap();
        prop_assert_eq!(template.fixed(), Some(text));
    }

    #[test]
    fn any_text_is_read_or_refused(
        text in r#"\PC{0,20}|(\{\{|\}\}|-| |\.Comm|\.Matches|\.x|index|/\*|\*/|"|`|\\|é|1){0,12}"#,
    ) {
        if let Ok(template) = Template::parse(&text) {
            let _ = (template.fixed(), template.matches().count());
        }
    }
}
