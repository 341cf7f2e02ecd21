#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use vigie_collectors::processes::NameRule;

use super::*;

fn read(text: &str) -> Result<Vec<NameRule>, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("process.yml");
    std::fs::write(&file, text).unwrap();
    let text =
        |mistakes: Mistakes| mistakes.to_string().replace(&format!("{}/", directory.path().display()), "");
    load(&file).map(|(names, _)| names.process_names).map_err(text)
}

fn texts(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(|text| (*text).to_owned()).collect())
}

#[test]
fn a_file_of_process_exporter_is_read_as_it_is() {
    let rules = read(
        "process_names:\n\
         # the names of two programs\n\
         - comm:\n  - bash\n  - 7zip\n  - 42\n  - true\n\
         - name: '{{.ExeFull}}:{{.Matches.Cfgfile}}'\n  exe: &exe\n  - /usr/local/bin/exporter\n  cmdline:\n  - -config.path\\s+(?P<Cfgfile>\\S+)\n\
         - exe: *exe\n  comm:\n  cmdline: [ '\\<{\"a\"$', '${HOME}' ]\n",
    )
    .unwrap();
    assert_eq!(
        rules,
        [
            NameRule { comm: texts(&["bash", "7zip", "42", "true"]), ..NameRule::default() },
            NameRule {
                name: "{{.ExeFull}}:{{.Matches.Cfgfile}}".to_owned(),
                exe: texts(&["/usr/local/bin/exporter"]),
                cmdline: texts(&[r"-config.path[\t\n\f\r ]+(?P<Cfgfile>[^\t\n\f\r ]+)"]),
                ..NameRule::default()
            },
            NameRule {
                exe: texts(&["/usr/local/bin/exporter"]),
                cmdline: texts(&[r#"<\{"a"$"#, r"$\{HOME\}"]),
                ..NameRule::default()
            },
        ]
    );
    assert_eq!(read("").unwrap(), []);
    assert_eq!(read("process_names:\n").unwrap(), []);
    let json = r#"{"process_names": [{"name": "{{.Comm}}", "cmdline": [".+"]}]}"#;
    let everything =
        NameRule { name: "{{.Comm}}".to_owned(), cmdline: texts(&[".+"]), ..NameRule::default() };
    assert_eq!(read(json).unwrap(), [everything]);
}

#[test]
fn mistakes_are_told_where_they_stand() {
    for (text, told) in [
        ("process_name: []", "process.yml:1:1: process_name: unknown key (did you mean `process_names`?)"),
        (
            "process_names:\n- comm: [a]\n  command: [b]\n",
            "process.yml:3:3: process_names[0].command: unknown key",
        ),
        ("process_names:\n- comm: nginx\n", "process.yml:2:9: process_names[0].comm: expected a list"),
        (
            "process_names:\n- name: a\n",
            "process.yml:2:3: process_names[0]: one of comm, exe and cmdline is required",
        ),
        (
            "process_names:\n- comm: [a]\n- cmdline:\n  - '(['\n",
            "process.yml:4:5: process_names[1].cmdline[0]: unclosed character class",
        ),
        (
            "process_names:\n- name: '{{.Comm'\n  comm: [a]\n",
            "process.yml:2:9: process_names[0].name: `{{` is not closed by `}}`",
        ),
        (
            "process_names:\n- name: '{{.ExeBaes}}'\n  comm: [a]\n",
            "process.yml:2:9: process_names[0].name: there is no field `.ExeBaes` (did you mean `.ExeBase`?)",
        ),
        (
            "process_names:\n- cmdline: ['(?P<A>x)']\n  name: '{{.Matches.B}}'\n",
            "process.yml:3:9: process_names[0].name: no regular expression of `cmdline` has a group `(?P<B>…)`",
        ),
        ("- comm: [a]\n", "process.yml:1:1: the top level must be a mapping of sections, found a list"),
    ] {
        let wrong = read(text).unwrap_err();
        assert!(wrong.starts_with(told), "{text}\n{wrong}");
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(
        text in r"(process_names|: |- |name|comm|cmdline|\{|\}|<<|&a |\*a |\{\{.Comm\}\}|'|, |yes|5|\n|  |\[|\]|\(){0,40}",
    ) {
        let _ = read(&text);
    }
}
