#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use vigie_pipeline::check::{Check, KeyPath, Place, problems};

use super::*;

struct Conversation(Vec<QueryResponse>, bool);

impl Check for Conversation {
    fn check(&self, at: &mut Place<'_>) {
        check(&self.0, self.1, at);
    }
}

fn mistakes(json: &str, encrypted: bool) -> Vec<String> {
    let steps: Vec<QueryResponse> = serde_json::from_str(json).unwrap();
    let found = problems(KeyPath::default(), &Conversation(steps, encrypted));
    found.iter().map(|problem| format!("{}: {}", problem.path, problem.what)).collect()
}

fn step(expect: &str, send: &str, labels: &[(&str, &str)]) -> Step {
    let label = |(name, value): &(&str, &str)| ExpectLabel { name: (*name).into(), value: (*value).into() };
    Step::new(&QueryResponse {
        expect: Some(expect.into()),
        send: Some(Secret::new(send)),
        labels: labels.iter().map(label).collect(),
        ..QueryResponse::default()
    })
    .unwrap()
}

#[test]
fn what_is_sent_has_what_was_matched() {
    let step = step("PING :(?P<who>[^ ]+)(!)?", "PONG ${1} $who $$5 ${2}${9}.", &[("who", "<$who>")]);
    let answer = step.answer(b":x PING :irc.example").unwrap();
    assert_eq!(answer.send, b"PONG irc.example irc.example $5 .");
    assert_eq!(answer.labels, [("who".to_owned(), "<irc.example>".to_owned())]);
    assert_eq!(step.answer(b"PONG"), None);
}

#[test]
fn what_is_sent_does_not_come_back_in_an_excerpt() {
    let mut excerpt = Excerpt::default();
    hide(b"AUTH PLAIN AGFsaWNlAGh1bnRlcjI=", &mut excerpt);
    hide(b"STARTTLS", &mut excerpt);
    excerpt.add(b"500 AUTH of AGFsaWNlAGh1bnRlcjI= refused before STARTTLS");
    assert_eq!(excerpt.shown().unwrap(), "500 AUTH of <redacted> refused before STARTTLS");
}

#[test]
fn every_mistake_of_a_conversation_is_told() {
    let json = r#"[
        {"expect": "(", "expect_bytes": "x"},
        {"labels": [{"name": "a", "value": "b"}]},
        {"expect": "x", "labels": [{"name": "a"}, {"value": "b"}, {"name": "instance"}, {"name": "a-b"}]},
        {"starttls": true}, {"starttls": true}
    ]"#;
    let told = mistakes(json, false);
    let places: Vec<&str> = told.iter().map(|mistake| mistake.split_once(": ").unwrap().0).collect();
    assert_eq!(
        places,
        [
            "[0].expect",
            "[0].expect_bytes",
            "[1].labels",
            "[2].labels[1].name",
            "[2].labels[2].name",
            "[2].labels[3].name",
            "[2].labels[0].name",
            "[4].starttls",
        ]
    );
    assert_eq!(
        mistakes(r#"[{"starttls": true}]"#, true),
        ["[0].starttls: the connection is encrypted already"]
    );
}

proptest! {
    #[test]
    fn a_label_is_bounded_whatever_the_peer_says(text in prop::collection::vec(any::<u8>(), 0..3_000)) {
        let answer = step("(?s-u)(.*)", "", &[("all", "${1}${1}")]).answer(&text).unwrap();
        prop_assert!(answer.labels[0].1.chars().count() <= LONGEST_VALUE);
    }
}

#[test]
fn bytes_that_are_no_text_are_given_in_base64() {
    let step = QueryResponse {
        send_base64: Some(Secret::new("AAAACATSFi8=")),
        expect_base64: "/w==".into(),
        ..QueryResponse::default()
    };
    let ready = Step::new(&step).unwrap();
    assert_eq!(ready.plain().send, [0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]);
    assert!(matches!(&ready.expect, Expect::Bytes(bytes) if bytes == &[0xff]));
    assert!(!format!("{ready:?}").contains("22"));
    for wrong in ["?", "AAA"] {
        let step = QueryResponse { send_base64: Some(Secret::new(wrong)), ..QueryResponse::default() };
        assert!(Step::new(&step).is_err(), "{wrong}");
    }
}
