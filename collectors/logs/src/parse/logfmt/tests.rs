#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::format::LineFormat;
use super::super::testing::{self, understood};
use super::*;
use crate::config::Config;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, |line, _, fields| parse(line, fields, &mut String::new()))
}

#[test]
fn pairs_become_attributes_of_the_kind_that_they_look_like() {
    let line = r#"ts=2026-01-02T03:04:05Z level=info msg="say \"hi\"\t\u00e9\\" status=200 took=0.25 ok=true off=false id="7" empty= none="" cached"#;
    assert_eq!(
        seen(line).unwrap(),
        [
            "ts=2026-01-02T03:04:05Z",
            "level=info",
            "msg=say \"hi\"\té\\",
            "status:=200",
            "took:=0.25",
            "ok:=true",
            "off:=false",
            "id=7",
            "empty=",
            "none=",
            "cached:=true",
        ]
    );
}

#[test]
fn of_one_key_the_last_value_counts_and_values_may_hold_what_is_no_blank() {
    assert_eq!(
        seen("a=1 a=2 url=http://x/?q=1 k.v-x/y@z=é w=a\"b").unwrap(),
        ["a:=2", "url=http://x/?q=1", "k.v-x/y@z=é", "w=a\"b"]
    );
    assert_eq!(seen("  a=b\tc=d  ").unwrap(), ["a=b", "c=d"]);
    assert_eq!(seen("big=92233720368547758089 hex=0x10").unwrap(), ["big=92233720368547758089", "hex=0x10"]);
}

#[test]
fn what_is_no_logfmt_is_not_understood() {
    for line in [
        "",
        "   ",
        "only words here",
        "a=\"open",
        "=1",
        "a=1 =2",
        "a=\"b\"c",
        "\"quoted\" a=1",
        "a\"b=1",
        r#"a="\x4""#,
    ] {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn what_a_logger_writes_comes_back(pairs in prop::collection::vec(("[a-zA-Z_é][a-z0-9_.é-]{0,12}", "\\PC{0,20}|[\\n\\t\"\\\\ a]{0,9}"), 1..8)) {
        let line = pairs.iter().map(|(key, value)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t");
            format!("{key}=\"{value}\"")
        });
        let line = line.collect::<Vec<_>>().join(" ");
        let is_last = |at: usize| pairs[at + 1..].iter().all(|(key, _)| *key != pairs[at].0);
        let last = pairs.iter().enumerate().filter(|(at, _)| is_last(*at));
        let expected: Vec<_> = last.map(|(_, (key, value))| format!("{key}={value}")).collect();
        prop_assert_eq!(seen(&line), (!expected.is_empty()).then_some(expected));
    }

    #[test]
    fn any_line_is_understood_or_not_never_a_panic(line in "\\PC{0,80}", alike in "[a=\"\\\\ xu0é]{0,40}") {
        let _ = (seen(&line), seen(&alike));
    }
}

#[test]
fn lines_below_the_pairs_are_no_pairs_and_stay_with_the_body() {
    let config =
        Config { parse: LineFormat::Logfmt.into(), body: Some("msg".to_owned()), ..Config::default() };
    let found = understood(&config, "level=error msg=failed\ngoroutine 1 [running]:\nmain.main()").unwrap();
    assert_eq!(found.shown(), ["level=error"]);
    assert_eq!(found.fields.body.as_deref(), Some("failed\ngoroutine 1 [running]:\nmain.main()"));
    let quoted = understood(&config, "level=error msg=\"one\ntwo\" a=b").unwrap();
    assert_eq!(
        (quoted.shown(), quoted.fields.body.as_deref()),
        (vec!["level=error".into(), "a=b".into()], Some("one\ntwo"))
    );
}
