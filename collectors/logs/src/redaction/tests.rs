//! Of all rules together.
#![allow(clippy::unwrap_used)]

mod linear;
mod model;
mod places;
mod secrets;

use super::*;

pub(super) fn entries(rules: &[Rule]) -> Vec<Redact> {
    rules.iter().map(|rule| serde_json::from_value(rule.as_str().into()).unwrap()).collect()
}

pub(super) fn redactor(rules: &[Rule]) -> Redactor {
    Redactor::new(&entries(rules), "").unwrap().unwrap()
}

/// `text` with these rules.
pub(super) fn shown_by(rules: &[Rule], text: &str) -> String {
    let mut out = String::new();
    if redactor(rules).text(text, &mut out) { out } else { text.to_owned() }
}

fn with(json: &str) -> Redactor {
    Redactor::new(&serde_json::from_str::<Vec<Redact>>(json).unwrap(), "a key").unwrap().unwrap()
}

fn shown_with(json: &str, text: &str) -> String {
    let mut out = String::new();
    if with(json).text(text, &mut out) { out } else { text.to_owned() }
}

#[test]
fn what_looks_like_a_secret_is_masked_and_stays_so() {
    for (text, shown) in [
        ("DB_PASSWORD=hunter2 ok", "DB_PASSWORD=<redacted> ok"),
        ("PGPASSWORD=hunter2 ok", "PGPASSWORD=<redacted> ok"),
        ("bypass: none", "bypass: none"),
        ("got Bearer abcdefghij", "got Bearer <redacted>"),
        ("t eyJhbGciOi.eyJzdWIi.c2ln.", "t <redacted>."),
        ("redis://me:pw@host/0", "redis://<redacted>@host/0"),
        ("nothing to hide: 3 rows, bob@example.org", "nothing to hide: 3 rows, bob@example.org"),
    ] {
        assert_eq!(redact(text), shown);
        assert_eq!(redact(shown), shown);
    }
}

#[test]
fn the_same_secret_has_the_same_hash_however_it_is_written() {
    let rules = r#"[{"rule":"all","with":"hash"}]"#;
    let shown = shown_with(rules, "bob@x.org Bob%40x.org 4111111111111111 4111-1111-1111-1111 ann@x.org");
    let words: Vec<&str> = shown.split(' ').collect();
    assert_eq!((words[0], words[2]), (words[1], words[3]));
    assert_ne!(words[0], words[4]);
    assert!(words[0].starts_with("<email:") && words[0].len() == 7 + 16 + 1, "{shown}");
    assert_eq!(shown_with(rules, &shown), shown, "twice");
    let mut other = String::new();
    let entries: Vec<Redact> = serde_json::from_str(rules).unwrap();
    Redactor::new(&entries, "another key").unwrap().unwrap().text("bob@x.org", &mut other);
    assert_ne!(other, words[0]);
    assert!(matches!(Redactor::new(&entries, ""), Err(Error::Key)));
}

#[test]
fn own_patterns_and_texts_stand_beside_the_known_rules() {
    let rules = r#"["all", {"rule":"email","replace":"(mail)"}, {"pattern":"ORD-\\d+","name":"order"},
        {"pattern":"(?i)tenant \\w+","replace":"tenant"}]"#;
    assert_eq!(
        shown_with(rules, "ORD-17 of bob@x.org, Tenant acme from ::1"),
        "<order> of (mail), tenant from <ip>"
    );
    assert_eq!(with(rules).names().next(), Some("order"));
}

#[test]
fn of_findings_that_overlap_nothing_is_left() {
    let all = r#"["all"]"#;
    for (text, shown) in [
        // The longest, ...
        ("token=bob@x.org ", "token=<password> "),
        // ... the first, ...
        ("redis://a:b@10.0.0.1/x", "redis://<password>@<ip>/x"),
        // ... and both together.
        ("password=a Bearer abcdefghij", "password=<password> Bearer <bearer>"),
        ("Cookie: sid=a; token=eyJhbGciOi.eyJzdWIi.c2ln", "Cookie: <password>"),
        ("Authorization: Bearer eyJhbGciOi.eyJzdWIi.c2ln", "Authorization: <bearer>"),
        ("token=eyJhbGciOi.eyJzdWIi.c2ln", "token=<jwt>"),
    ] {
        assert_eq!(shown_with(all, text), shown);
        assert_eq!(shown_with(all, shown), shown, "twice");
    }
    let own = r#"["email", {"pattern":"x.org and","name":"own"}]"#;
    assert_eq!(shown_with(own, "bob@x.org and"), "<email>");
}

#[test]
fn what_is_found_is_counted_by_rule() {
    let mut redactor = redactor(&[Rule::Ip, Rule::Email]);
    let mut out = String::new();
    assert!(redactor.text("1.2.3.4 ::1 bob@x.org", &mut out));
    assert!(!redactor.text("nothing", &mut out));
    let counted: Vec<(&str, u64)> = redactor.names().zip(redactor.counts().iter().copied()).collect();
    assert_eq!(counted, [("email", 1), ("ip", 2)]);
    redactor.reset_counts();
    assert_eq!(redactor.counts(), [0, 0]);
}
