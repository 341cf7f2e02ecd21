#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, parse)
}

#[test]
fn a_line_of_the_access_log_is_one_of_a_server() {
    let fields =
        seen(r#"INFO:     2001:db8::1:5000 - "POST /a?b=c HTTP/1.1" 503 Service Unavailable"#).unwrap();
    for field in [
        "severity=17",
        "client.address=2001:db8::1",
        "client.port:=5000",
        "http.request.method=POST",
        "url.path=/a",
        "url.query=b=c",
        "network.protocol.version=1.1",
        "http.response.status_code:=503",
    ] {
        assert!(fields.iter().any(|seen| seen.trim_end() == field), "{field} is not in {fields:?}");
    }
    let without_client = seen(r#"INFO:      - "GET /a HTTP/1.1" 200 OK"#).unwrap();
    assert!(!without_client.iter().any(|field| field.starts_with("client")), "{without_client:?}");
    assert!(without_client.contains(&"url.path=/a".to_owned()));
}

#[test]
fn other_lines_have_a_level_and_a_message() {
    assert_eq!(
        seen("WARNING:  Invalid HTTP request received.").unwrap(),
        ["severity=13 WARNING", "~message=Invalid HTTP request received."]
    );
    assert_eq!(seen(r#"INFO:     127.0.0.1:5 - "WebSocket /ws" [accepted]"#).unwrap()[0], "severity=9 INFO");
    for line in ["", "INFO", "INFO:x", "Info: x", "ODD:  x", "  File \"x\", line 5"] {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_never_a_panic(rest in "(\\PC| - \"|\" 200 |:){0,20}") {
        let line = format!("INFO:     {rest}");
        prop_assert!(seen(&line).is_some());
        let _ = seen(&rest);
    }
}
