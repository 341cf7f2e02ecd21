#![allow(clippy::unwrap_used)]

use std::time::Duration;

use proptest::prelude::*;
use vigie_collectors::probes::blackbox::Module;
use vigie_collectors::probes::http;

use super::*;

fn read(text: &str) -> Result<BTreeMap<String, Module>, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("blackbox.yml");
    std::fs::write(&file, text).unwrap();
    load(&file).map(|(modules, _)| modules.modules).map_err(|mistakes| mistakes.to_string())
}

/// The module `m` with this section of HTTP.
fn http(section: &str) -> http::Config {
    read(&format!("modules: {{ m: {{ prober: http, http: {section} }} }}")).unwrap().remove("m").unwrap().http
}

#[test]
fn nothing_is_blackbox_exporters_default() {
    let modules = read("modules: { m: { prober: http } }").unwrap();
    let module = &modules["m"];
    assert_eq!(module.timeout.0, Duration::ZERO);
    let unlimited = vigie_pipeline::units::ByteSize(0);
    assert_eq!(module.http, http::Config { body_size_limit: unlimited, ..http::Config::default() });
    assert!(read("").unwrap().is_empty());
}

#[test]
fn texts_truths_and_sizes_mean_what_they_mean_to_blackbox_exporter() {
    let http = http(
        "{ body_size_limit: 10MB, fail_if_ssl: yes, no_follow_redirects: true, body: 5, \
         headers: { A: 1, B: true }, bearer_token: t, fail_if_body_matches_regexp: ['{\"a\"'] }",
    );
    assert_eq!(http.body_size_limit.0, 10 << 20);
    assert!(http.fail_if_ssl && !http.follow_redirects);
    assert_eq!(
        (http.body.as_str(), http.headers["A"].reveal(), http.headers["B"].reveal()),
        ("5", "1", "true")
    );
    assert_eq!(http.authorization.unwrap().credentials.unwrap().reveal(), "t");
    assert_eq!(http.fail_if_body_matches_regexp, [r#"\{"a""#]);
}

#[test]
fn what_is_empty_is_not_there() {
    let empty =
        http("{ method: '', preferred_ip_protocol: '', bearer_token: '', tls_config: { server_name: '' } }");
    assert_eq!(empty, http("{}"));
}

#[test]
fn variables_are_not_expanded() {
    assert_eq!(http("{ body: '${1} $$ ${HOME}' }").body, "${1} $$ ${HOME}");
}

#[test]
fn merge_keys_add_what_is_not_there() {
    let modules = read(
        "modules:\n  a: &a { prober: http, timeout: 5s, http: { method: HEAD, body: x } }\n  b: { <<: *a, timeout: 2s }\n  \
         c: { <<: [ { timeout: 1s }, *a ] }\n",
    )
    .unwrap();
    assert_eq!((modules["b"].timeout.0.as_secs(), modules["b"].http.method.as_str()), (2, "HEAD"));
    assert_eq!((modules["c"].timeout.0.as_secs(), modules["c"].http.method.as_str()), (1, "HEAD"));
    assert!(read("modules: { a: { <<: 5 } }").unwrap_err().contains("`<<` takes a mapping"));
}

#[test]
fn bytes_are_decoded_where_they_are_marked() {
    let http = http("{ body: !!binary aGVs bG8=, method: aGVs }");
    assert_eq!((http.body.as_str(), http.method.as_str()), ("hello", "aGVs"));
    let wrong = read("modules: { m: { prober: http, http: { body: !!binary '?' } } }").unwrap_err();
    assert!(wrong.contains("blackbox.yml:1:45: modules.m.http.body: not base64"), "{wrong}");
}

#[test]
fn bytes_that_are_no_text_are_sent_as_they_are() {
    let tcp = "tcp: { query_response: [ { send: !!binary AAAACATSFi8= }, { expect_bytes: !!binary /w== } ] }";
    let modules = read(&format!("modules: {{ m: {{ prober: tcp, {tcp} }} }}")).unwrap();
    let steps = &modules["m"].tcp.query_response;
    assert_eq!(steps[0].send_base64.as_ref().unwrap().reveal(), "AAAACATSFi8=");
    assert_eq!(steps[1].expect_base64, "/w==");
    let wrong = read("modules: { m: { prober: http, http: { body: !!binary /w== } } }").unwrap_err();
    assert!(wrong.contains("modules.m.http.body: these bytes are no text"), "{wrong}");
}

#[test]
fn a_secret_is_not_shown_by_what_is_said_of_it() {
    let told = read("modules: { m: { prober: http, http: { bearer_token: [hush], headers: { A: 1.5 } } } }");
    let told = told.unwrap_err();
    assert!(!told.contains("hush") && told.contains("headers.A"), "{told}");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in r"(modules|: |prober|http|\{|\}|<<|&a |\*a |!!binary |m|, |yes|5|\n  |\[|\]){0,40}") {
        let _ = read(&text);
    }
}
