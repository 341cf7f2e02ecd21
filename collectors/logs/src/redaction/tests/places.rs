//! Where in a record a secret may stand.

use crate::Config;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ScopeLogs};
use prost::Message;

/// The record that a line makes.
fn record_of(config: &str, line: &str) -> LogRecord {
    let config: Config = serde_json::from_str(config).unwrap();
    let bytes = crate::fuzz::records(&config, [format!("{line}\n").as_bytes()]);
    ScopeLogs::decode(&bytes[..]).unwrap().log_records.remove(0)
}

fn body(record: &LogRecord) -> &str {
    match record.body.as_ref().unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text,
        other => panic!("{other:?}"),
    }
}

/// The attributes as JSON would have them.
fn attributes(record: &LogRecord) -> String {
    let mut bytes = Vec::new();
    LogRecord { attributes: record.attributes.clone(), ..LogRecord::default() }.encode(&mut bytes).unwrap();
    let mut out = String::new();
    vigie_pipeline::otlp::view::Attributes::new(&bytes, 6).write_json(&mut out);
    out
}

fn shown(redact: &str, line: &str) -> (String, String) {
    let record = record_of(&format!(r#"{{"name":"a","parse":"json","redact":{redact}}}"#), line);
    (body(&record).to_owned(), attributes(&record))
}

#[test]
fn a_field_goes_by_its_name_at_any_depth() {
    for (line, expected) in [
        (r#"{"password":"x","n":1}"#, r#"{"password":"<password>","n":1}"#),
        (r#"{"password":12,"n":1}"#, r#"{"password":"<password>","n":1}"#),
        (r#"{"user":{"apiKey":"x"},"n":1}"#, r#"{"user":{"apiKey":"<api_key>"},"n":1}"#),
        (
            r#"{"a":[{"http.request.header.authorization":["Basic x"]}]}"#,
            r#"{"a":[{"http.request.header.authorization":"<bearer>"}]}"#,
        ),
        (r#"{"Set-Cookie":{"a":"b"}}"#, r#"{"Set-Cookie":"<password>"}"#),
        (r#"{"a":[{"name":"PASSWORD","value":"x"}]}"#, r#"{"a":[{"name":"PASSWORD","value":"<password>"}]}"#),
        (r#"{"password":null,"token":true,"secret":""}"#, r#"{"password":null,"token":true,"secret":""}"#),
        (
            r#"{"n":4111111111111111,"a":[4111111111111111]}"#,
            r#"{"n":"<credit_card>","a":["<credit_card>"]}"#,
        ),
        (r#"{"bob@x.org":{"a":"::1"}}"#, r#"{"<email>":{"a":"<ip>"}}"#),
    ] {
        let (_, attributes) = shown(r#"["all"]"#, line);
        assert_eq!(attributes, expected);
    }
}

#[test]
fn the_body_keeps_nothing_that_an_attribute_must_not() {
    for line in [
        r#"{"mail":"bob\u0040x.org"}"#,
        r#"{"m":"\u0062ob@x.\u006frg"}"#,
        r#"{"pass\u0077ord":"a\"hunter2-\u0031"}"#,
        r#"{"token":{"a":"hunter2-1","b":["hunter2-1"]}}"#,
        r#"{"url":"https:\/\/bob:hunter2-1@h\/?a=%62ob%40x.org"}"#,
        r#"{"m":"{\"password\":\"hunter2-1\"}"}"#,
        r#"{"name":"token","kind":"header","value":"hunter2-1"}"#,
        r#"{"n": 4111111111111111}"#,
    ] {
        let (body, attributes) = shown(r#"["all"]"#, line);
        for secret in ["bob@x", "\\u0040", "\\u0062", "hunter2", "2-1", "2-\\u0031", "%62", "4111"] {
            assert!(!body.contains(secret), "{line}: {body}");
            assert!(!attributes.contains(secret), "{line}: {attributes}");
        }
        let json: Result<serde_json::Value, _> = serde_json::from_str(&body);
        assert!(json.is_ok(), "still JSON: {body}");
    }
}

#[test]
fn what_the_body_tells_for_a_secret_is_one_in_an_attribute_that_tells_nothing() {
    let config =
        r#"{"name":"a","parse":{"regex":"password=(?P<n>\\S+) from (?P<m>.*)"},"redact":["password"]}"#;
    let record = record_of(config, "password=hunter2 from hunter23");
    assert_eq!(body(&record), "password=<password> from hunter23");
    assert_eq!(attributes(&record), r#"{"n":"<password>","m":"hunter23"}"#);
}

#[test]
fn what_is_dropped_is_gone_and_the_body_has_its_name() {
    let rules = r#"[{"rule":"email","with":"drop"}, {"rule":"password","with":"drop"}]"#;
    let line = r#"{"a":"of bob@x.org","b":{"password":"x","c":["a@b.cd",1]},"d":1}"#;
    let (body, attributes) = shown(rules, line);
    assert_eq!(attributes, r#"{"b":{"c":[1]},"d":1}"#);
    assert_eq!(body, r#"{"a":"of <email>","b":{"password":"<password>","c":["<email>",1]},"d":1}"#);
}

#[test]
fn body_severity_and_hidden_fields_are_redacted_and_constants_are_not() {
    let config = r#"{"name":"a","parse":"json","redact":["email"],"body":"m","severity":{"field":"s"},
        "attributes":{"owner":"ops@x.org"}}"#;
    let record = record_of(config, r#"{"m":"to bob@x.org","s":"error bob@x.org","t":"bob@x.org"}"#);
    assert_eq!(body(&record), "to <email>");
    assert_eq!(record.severity_text, "error <email>");
    assert_eq!(attributes(&record), r#"{"t":"<email>"}"#);
}

#[test]
fn conditions_see_what_the_line_says() {
    let config = r#"{"name":"a","redact":["email"],"keep":[{"regex":"bob@"}]}"#;
    assert_eq!(body(&record_of(config, "bob@x.org")), "<email>");
}

#[test]
fn a_name_that_is_also_a_secret_of_one_record_stays_a_name() {
    let regex = r#"{"regex":"password=(?P<n>\\S+) (?P<stotos>\\S+) (?P<status>.*)"}"#;
    let config = format!(r#"{{"name":"a","parse":{regex},"redact":["password"]}}"#);
    let config: Config = serde_json::from_str(&config).unwrap();
    // The two other names are remembered in the same place, so that each is looked into again and again.
    // Only the body says that it is one: it is looked for in the attributes.
    let lines = "password=status y x\npassword=other y ok\n";
    let bytes = crate::fuzz::records(&config, [lines.as_bytes()]);
    for record in ScopeLogs::decode(&bytes[..]).unwrap().log_records {
        let keys: Vec<&str> = record.attributes.iter().map(|pair| pair.key.as_str()).collect();
        assert_eq!(keys, ["n", "stotos", "status"]);
    }
}
