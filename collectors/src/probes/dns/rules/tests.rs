#![allow(clippy::unwrap_used)]

use super::*;

/// An answer with these addresses of the root.
fn response(addresses: &[[u8; 4]]) -> Response {
    let mut bytes = vec![0, 7, 0x81, 0x80, 0, 0, 0, addresses.len() as u8, 0, 0, 0, 0];
    for address in addresses {
        bytes.extend([0, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        bytes.extend(address);
    }
    Response::parse(bytes).unwrap()
}

const ONE: [u8; 4] = [127, 0, 0, 1];
const OTHER: [u8; 4] = [192, 0, 2, 1];

fn judged(change: impl FnOnce(&mut RrValidator), addresses: &[[u8; 4]]) -> Result<(), String> {
    let mut config = RrValidator::default();
    change(&mut config);
    let response = response(addresses);
    Section::new("answer", &config).unwrap().judge(&response, &response.answers)
}

fn patterns(patterns: &[&str]) -> Vec<String> {
    patterns.iter().map(|pattern| (*pattern).to_owned()).collect()
}

#[test]
fn no_record_may_match_what_is_refused() {
    let refused = |rules: &mut RrValidator| rules.fail_if_matches_regexp = patterns(&["x", r"127\.0"]);
    assert_eq!(
        judged(refused, &[OTHER, ONE]),
        Err(r#"the answer record ".\t60\tIN\tA\t127.0.0.1" matches `127\.0`"#.into())
    );
    assert_eq!(judged(refused, &[OTHER]), Ok(()));
    assert_eq!(judged(refused, &[]), Ok(()));
}

#[test]
fn every_record_has_to_match_what_is_wanted_of_all() {
    let wanted = |rules: &mut RrValidator| rules.fail_if_not_matches_regexp = patterns(&["\tA\t", "127"]);
    assert_eq!(judged(wanted, &[ONE]), Ok(()));
    assert!(judged(wanted, &[ONE, OTHER]).unwrap_err().ends_with("does not match `127`"));
    assert_eq!(judged(wanted, &[]), Err("no answer record to match".into()));
}

#[test]
fn one_record_has_to_match_one_of_what_is_wanted_of_any() {
    let wanted = |rules: &mut RrValidator| rules.fail_if_none_matches_regexp = patterns(&["x", "127"]);
    assert_eq!(judged(wanted, &[OTHER, ONE]), Ok(()));
    assert_eq!(judged(wanted, &[OTHER]), Err("no answer record matches".into()));
    assert_eq!(judged(wanted, &[]), Err("no answer record to match".into()));
}

#[test]
fn what_all_are_to_match_is_judged_as_upstream_does() {
    let all = |rules: &mut RrValidator| rules.fail_if_all_match_regexp = patterns(&["127"]);
    assert_eq!(judged(all, &[ONE]), Ok(()));
    assert_eq!(judged(all, &[ONE, OTHER]), Err("not all answer records match".into()));
    assert_eq!(judged(all, &[]), Ok(()));
}

#[test]
fn response_codes_have_names_and_noerror_is_the_one_that_is_meant() {
    assert_eq!(Rules::rcodes(&[]), [0]);
    assert_eq!(Rules::rcodes(&patterns(&["NXDOMAIN", "NOERROR"])), [3, 0]);
}
