#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, parse)
}

#[test]
fn a_line_says_what_failed_and_for_whom() {
    let line = concat!(
        r#"2026/01/02 03:04:05 [error] 12#34: *5 open() "/srv/x, y" failed (2: No such file or directory), "#,
        r#"client: 203.0.113.9, server: shop, request: "GET /x, y?z HTTP/1.1", upstream: "http://10.0.0.5/x", "#,
        r#"host: "shop.example:8080", referrer: "https://y/""#
    );
    assert_eq!(
        seen(line).unwrap()[1..],
        [
            "severity=17 error",
            "process.pid:=12",
            "thread.id:=34",
            "connection:=5",
            "client.address=203.0.113.9",
            "server_name=shop",
            "http.request.method=GET",
            "url.path=/x, y",
            "url.query=z",
            "network.protocol.version=1.1",
            "upstream=http://10.0.0.5/x",
            "server.address=shop.example",
            r#"http.request.header.referer:=[Some(StringValue("https://y/"))]"#,
            "~request=GET /x, y?z HTTP/1.1",
            "~request_uri=/x, y?z",
            "~message=open() \"/srv/x, y\" failed (2: No such file or directory)",
        ]
    );
}

#[test]
fn lines_without_a_request_have_a_message_alone() {
    let last = |line: &str| seen(line).unwrap().pop().unwrap();
    assert_eq!(last("2026/01/02 03:04:05 [notice] 1#1: nginx/1.24.0"), "~message=nginx/1.24.0");
    assert_eq!(last("2026/01/02 03:04:05 [emerg] 1#0: "), "~message=");
    assert_eq!(last("2026/01/02 03:04:05 [warn] 1#0: *x y"), "~message=*x y");
}

#[test]
fn what_a_client_says_is_not_taken_for_what_nginx_says() {
    let spoofed = concat!(
        r#"2026/01/02 03:04:05 [error] 1#1: *5 open() "/x, client: 1.1.1.1, server: a" failed, client: 2.2.2.2, "#,
        r#"server: _, request: "GET /x", host: "b", referrer: "y HTTP/1.1", host: "c""#
    );
    // There is no telling any more: nothing is said about the client.
    assert!(!seen(spoofed).unwrap().iter().any(|field| field.contains("=1.1.1.1")));
    let path = r#"2026/01/02 03:04:05 [error] 1#1: *5 "/x, client: 1.1.1.1, server: a" forbidden, client: 2.2.2.2, server: _"#;
    assert!(seen(path).unwrap().contains(&"client.address=2.2.2.2".to_owned()));
}

#[test]
fn a_line_cut_off_in_a_value_is_understood() {
    let line = r#"2026/01/02 03:04:05 [error] 1#1: *5 x, client: 2.2.2.2, server: _, request: "GET /abc"#;
    assert!(seen(line).unwrap().contains(&"url.original=GET /abc".to_owned()));
}

#[test]
fn other_lines_are_refused() {
    for line in
        ["", "2026/01/02 03:04:05", "2026/01/02 03:04:05 [error] x#1: y", "2026/01/02 03:04:05 [odd] 1#1: y"]
    {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_never_a_panic(rest in "(\\PC|\"|, client: |, request: |, host: |: ){0,30}") {
        let line = format!("2026/01/02 03:04:05 [error] 1#1: *5 {rest}");
        prop_assert!(seen(&line).is_some());
        let _ = seen(&rest);
    }
}
