#![allow(clippy::unwrap_used)]

use super::*;
use proptest::prelude::*;

fn target(url: &str) -> Target {
    Target::as_is(url).unwrap()
}

/// The place of the proxy that these variables name for `url`.
fn proxy(url: &str, variables: &[(&str, &str)]) -> Option<String> {
    let read =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let found = Proxy::of_environment(&target(url), read).unwrap();
    found.map(|proxy| format!("{}:{}", proxy.host, proxy.port))
}

#[test]
fn the_scheme_of_the_destination_says_which_variable_counts_and_lower_case_wins() {
    let both = [("HTTP_PROXY", "http://a:1"), ("HTTPS_PROXY", "http://b:2")];
    assert_eq!(proxy("http://otlp.example", &both).unwrap(), "a:1");
    assert_eq!(proxy("https://otlp.example", &both).unwrap(), "b:2");
    let lower = [("HTTP_PROXY", "http://a:1"), ("http_proxy", "c:3")];
    assert_eq!(proxy("http://otlp.example", &lower).unwrap(), "c:3");
    assert_eq!(proxy("http://otlp.example", &[("HTTP_PROXY", "")]), None);
    assert_eq!(proxy("http://otlp.example", &[]), None);
}

#[test]
fn those_who_are_exempt_are_reached_without() {
    let exempt =
        |url: &str, list: &str| proxy(url, &[("HTTP_PROXY", "http://a:1"), ("NO_PROXY", list)]).is_none();
    for (url, list) in [
        ("http://otlp.example", "*"),
        ("http://otlp.example", "other, otlp.example"),
        ("http://otlp.example", "EXAMPLE"),
        ("http://a.otlp.example", ".otlp.example"),
        ("http://a.otlp.example", "*.otlp.example"),
        ("http://otlp.example:4318", "otlp.example:4318"),
        ("http://10.1.2.3", "10.0.0.0/8"),
        ("http://10.1.2.3", "10.1.2.3"),
        ("http://[fd00::1]", "fd00::/8"),
        ("http://[fd00::1]:4318", "[fd00::1]:4318"),
    ] {
        assert!(exempt(url, list), "{url} {list}");
    }
    for (url, list) in [
        ("http://otlp.example", "lp.example"),
        ("http://otlp.example", "otlp.example.org"),
        ("http://otlp.example:4318", "otlp.example:80"),
        ("http://11.1.2.3", "10.0.0.0/8"),
        ("http://10.1.2.3", "10.1.2.4, 10.0.0.0/x"),
        ("http://otlp.example", ",, ."),
    ] {
        assert!(!exempt(url, list), "{url} {list}");
    }
}

#[test]
fn loopback_is_never_asked_of_a_proxy() {
    for url in ["http://127.0.0.1:4318", "http://localhost:4318", "http://[::1]"] {
        assert_eq!(proxy(url, &[("HTTP_PROXY", "http://a:1")]), None, "{url}");
    }
}

#[test]
fn what_is_no_proxy_is_said_without_quoting_it() {
    for value in ["socks5://user:hunter2@a:1", "http://user:hunter2@", "http://user:hunter2@a:1/path"] {
        let read = |name: &str| (name == "HTTP_PROXY").then(|| value.to_owned());
        let error = Proxy::of_environment(&target("http://otlp.example"), read).err().unwrap().to_string();
        assert!(error.starts_with("HTTP_PROXY: not the URL"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn credentials_go_with_the_request_and_are_not_shown() {
    let proxy = Proxy::parse("http://us%65r:p%40ss@a:1").unwrap();
    let authorization = proxy.authorization().unwrap();
    assert_eq!(authorization, &format!("Basic {}", STANDARD.encode("user:p@ss")));
    assert!(authorization.is_sensitive());
}

proptest! {
    #[test]
    fn no_list_and_no_url_is_too_odd(list in "[ -~]{0,60}", url in "\\PC{0,40}") {
        let _ = is_exempt("otlp.example", 1, &list);
        let _ = is_exempt("10.0.0.1", 80, &list);
        let _ = Proxy::parse(&url);
    }
}
