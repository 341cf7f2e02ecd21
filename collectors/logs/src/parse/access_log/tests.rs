#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use crate::condition::Condition;
use crate::config::Config;
use crate::filters::Verdict;
use crate::parse::format::LineFormat;
use crate::parse::testing::{Understood, understood};

fn config() -> Config {
    Config { parse: LineFormat::NginxCombined.into(), ..Config::default() }
}

fn parsed(line: &str) -> Option<Understood> {
    understood(&config(), line).ok()
}

fn shown(line: &str) -> Vec<String> {
    parsed(line).unwrap().shown()
}

#[test]
fn a_combined_line_becomes_the_attributes_of_the_semantic_conventions() {
    let line = r#"203.0.113.9 - bob smith [17/May/2015:10:05:03 +0000] "GET /a/b?c=d HTTP/1.1" 404 1043 "https://x/" "Mozilla/5.0 (\"x\")""#;
    assert_eq!(
        shown(line),
        [
            "client.address=203.0.113.9",
            "user.name=bob smith",
            "http.request.method=GET",
            "url.path=/a/b",
            "url.query=c=d",
            "network.protocol.version=1.1",
            "http.response.status_code=404",
            "http.response.body.size=1043",
            "http.request.header.referer=[https://x/]",
            "user_agent.original=Mozilla/5.0 (\"x\")",
        ]
    );
    let fields = parsed(line).unwrap().fields;
    assert_eq!((fields.time, fields.severity.0), (1_431_857_103_000_000_000, 13));
}

#[test]
fn common_lines_extra_fields_and_dashes_are_understood() {
    let start = "::1 - - [17/May/2015:10:05:03 +0000]";
    let common = shown(&format!("{start} \"HEAD / HTTP/2.0\" 200 -"));
    assert_eq!(
        common[1..],
        [
            "http.request.method=HEAD",
            "url.path=/",
            "network.protocol.version=2.0",
            "http.response.status_code=200"
        ]
    );
    let extra = shown(&format!("{start} \"FOO http://y/z HTTP/1.0\" 200 0 \"-\" \"-\" \"10.0.0.1\" 0.003"));
    let expected = [
        "http.request.method=_OTHER",
        "http.request.method_original=FOO",
        "url.original=http://y/z",
        "network.protocol.version=1.0",
        "http.response.status_code=200",
        "http.response.body.size=0",
    ];
    assert_eq!(extra[1..], expected);
}

#[test]
fn what_scanners_send_is_kept() {
    let start = "::1 - - [17/May/2015:10:05:03 +0000]";
    assert_eq!(
        shown(&format!(r#"{start} "\x16\x03\x01" 400 150 "-" "-""#))[1],
        "url.original=\u{16}\u{3}\u{1}"
    );
    assert_eq!(shown(&format!(r#"{start} "\xff\x" 400 150 "-" "-""#))[1], "url.original=\u{fffd}x");
    assert_eq!(shown(&format!(r#"{start} "" 400 0 "-" "-""#))[1], "url.original=");
}

#[test]
fn a_line_cut_off_in_the_user_agent_is_understood() {
    let cut = r#"::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0 (compatible"#;
    assert_eq!(shown(cut).last().unwrap(), "user_agent.original=Mozilla/5.0 (compatible");
}

#[test]
fn fields_go_by_both_of_their_names() {
    let line = r#"::1 - - [17/May/2015:10:05:03 +0000] "GET /health HTTP/1.1" 503 5 "-" "curl/8""#;
    let filter = |field: &str, regex: &str| {
        vec![Condition { field: Some(field.into()), regex: Some(regex.into()), ..Condition::default() }]
    };
    let verdict = |config: Config| understood(&config, line).unwrap().verdict;
    assert_eq!(verdict(Config { keep: filter("status", "^5"), ..config() }), Verdict::Pass);
    assert_eq!(
        verdict(Config { keep: filter("http.response.status_code", "^2"), ..config() }),
        Verdict::NotKept
    );
    assert_eq!(verdict(Config { drop: filter("url.path", "^/health$"), ..config() }), Verdict::Dropped);
    let understood = understood(&Config { body: Some("request".into()), ..config() }, line).unwrap();
    assert_eq!(understood.fields.body.as_deref(), Some("GET /health HTTP/1.1"));
    assert!(understood.shown().contains(&"url.path=/health".to_owned()));
}

#[test]
fn apache_may_name_the_host_first() {
    let line = r#"::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#;
    let shown = |line: &str| {
        let config = Config { parse: LineFormat::ApacheCombined.into(), ..Config::default() };
        understood(&config, line).ok().map(|line| line.shown()[..3].to_vec())
    };
    let host = ["server.address=shop.example", "server.port=443", "client.address=::1"];
    assert_eq!(shown(&format!("shop.example:443 {line}")).unwrap(), host);
    assert_eq!(shown(&format!("[::2]:80 {line}")).unwrap()[0], "server.address=[::2]");
    assert_eq!(shown(line).unwrap()[0], "client.address=::1");
    assert_eq!(parsed(line).unwrap().shown()[0], "client.address=::1");
}

#[test]
fn other_lines_are_refused() {
    let good = r#"::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "curl/8""#;
    assert!(parsed(good).is_some());
    for end in 0..good.len() {
        let cut = &good[..end];
        let is_common = cut.ends_with(" 5");
        let is_cut_in_agent = cut.contains("\"-\" \"");
        assert_eq!(parsed(cut).is_some(), is_common || is_cut_in_agent, "{cut}");
    }
    assert!(parsed(&good.replace("May", "Mai")).is_none());
    assert!(parsed(&good.replace(" 200 ", " 2000 ")).is_none());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_never_a_panic(
        client in "[^ ]{1,10}", user in "\\PC{0,10}", request in "\\PC{0,40}", status in "[0-9x-]{1,4}",
        agent in "[\\\\x\"a-fé ]{0,30}", other in "\\PC{0,80}",
    ) {
        let line = format!("{client} - {user} [17/May/2015:10:05:03 +0000] \"{request}\" {status} 1 \"-\" \"{agent}\"");
        let _ = parsed(&line);
        let _ = parsed(&other);
    }
}
