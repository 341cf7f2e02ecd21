#![allow(clippy::unwrap_used)]

use super::*;

/// A header with these flags and counts, and what follows.
fn message(flags: [u8; 2], counts: [u8; 4], rest: &[u8]) -> Vec<u8> {
    let [questions, answers, authorities, additionals] = counts;
    let mut bytes = vec![0, 7, flags[0], flags[1]];
    bytes.extend([0, questions, 0, answers, 0, authorities, 0, additionals]);
    bytes.extend(rest);
    bytes
}

fn name(text: &str) -> Vec<Vec<u8>> {
    domain_name(text).unwrap().iter().map(<[u8]>::to_vec).collect()
}

#[test]
fn a_question_is_asked_as_it_stands() {
    let name = domain_name("Example.com").unwrap();
    let question = Question { name, kind: 257, class: 3, recursion_desired: true };
    let expected = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07Example\x03com\x00\x01\x01\x00\x03";
    assert_eq!(question.encode(0x1234).unwrap(), expected);
    let asked = Question { recursion_desired: false, kind: 65_280, ..question };
    assert_eq!(asked.encode(0).unwrap()[2..4], [0, 0]);
}

#[test]
fn names_may_have_any_characters() {
    let labels = |text: &[&[u8]]| text.iter().map(|label| label.to_vec()).collect::<Vec<_>>();
    assert_eq!(name("_sip._tcp.example.com."), labels(&[b"_sip", b"_tcp", b"example", b"com"]));
    assert_eq!(name("*.example"), labels(&[b"*", b"example"]));
    assert_eq!(name(r"a\.b\.c.d\046\000"), labels(&[b"a.b.c", b"d.\0"]));
    assert_eq!(name("."), labels(&[]));
    for text in ["a..b", ".a", "a..", "a\\", "a\\25", "a\\256", "..", &"a".repeat(64), &"a.".repeat(200)] {
        assert!(domain_name(text).is_err(), "{text}");
    }
}

#[test]
fn a_header_alone_is_an_answer_whatever_it_counts() {
    let response = Response::parse(message([0x81, 0x85], [1, 0, 0, 0], &[])).unwrap();
    assert_eq!((response.rcode, response.truncated, response.records().count()), (5, false, 0));
    assert_eq!(response.summary(), "REFUSED");
}

#[test]
fn sections_are_told_apart_and_edns_extends_the_code() {
    let record = |kind: u8, ttl: [u8; 4]| [&[0, 0, kind, 0, 1][..], &ttl, &[0, 0]].concat();
    let rest = [record(1, [0; 4]), record(1, [0; 4]), record(2, [0; 4]), record(41, [1, 0, 0, 0])].concat();
    let response = Response::parse(message([0x83, 0x80], [0, 2, 1, 1], &rest)).unwrap();
    let counts = (response.answers.len(), response.authorities.len(), response.additionals.len());
    assert_eq!((counts, response.rcode, response.truncated), ((2, 1, 1), 16, true));
    assert_eq!(response.serial(), None);
}

#[test]
fn what_is_no_answer_is_an_error() {
    assert!(matches!(Response::parse(message([1, 0], [0; 4], &[])), Err(Malformed::NoAnswer)));
    assert!(Response::parse(b"\0\x07\x81".to_vec()).is_err());
    assert!(Response::parse(message([0x81, 0x80], [0, 9, 0, 0], &[0, 0, 1, 0, 1])).is_err());
}

#[test]
fn names_that_point_at_each_other_end() {
    let rest = [0xc0, 14, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0];
    assert!(Response::parse(message([0x81, 0x80], [0, 1, 0, 0], &rest)).is_err());
}
