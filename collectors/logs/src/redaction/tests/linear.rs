//! Hostile lines: one that is sixteen times as long takes about sixteen times as long, not 256 times. By the time
//! that the thread has used, with much room between the two.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use vigie_pipeline::otlp::attributes::{field::LOG, put_str};

use super::*;

/// The processor's time that this thread has used.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// The time of the fastest of some runs.
fn fastest(mut run: impl FnMut()) -> Duration {
    let mut timed = || {
        let start = used();
        run();
        used() - start
    };
    (0..3).map(|_| timed()).min().unwrap_or_default()
}

/// Sixteen times as long; 256 times as slow if it were quadratic.
fn check(what: &str, a: Duration, b: Duration) {
    assert!(b < a * 64 + Duration::from_millis(20), "{what:?}: {a:?}, then {b:?}");
}

#[test]
fn a_hostile_line_takes_as_much_longer_as_it_is_longer() {
    let mut redactor = redactor(&Rule::ALL);
    for piece in [
        "@",
        "a@",
        "a@b.",
        "1.",
        "1.1.1.1.",
        ":",
        "1:",
        "::",
        "a::1:",
        "4111 ",
        "4111-1111",
        "DE89 ",
        "eyJ",
        "-eyJaaaaa",
        "eyJ.",
        "password=",
        "password=\"",
        "password=,a",
        "password:{",
        "\"password\":{\"",
        "token=[",
        "pwd=/",
        "pwd='/",
        "://",
        "a://b:c",
        "a://@",
        "--token ",
        "--a",
        "basic ",
        "bearer a",
        "digest a=\"",
        "digest a=b,",
        "Authorization: digest a=",
        "cookie: a;",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "ghp_",
        "sk-",
        "github_pat_",
        "SG.",
        "\\",
        "\\u0040",
        "%40",
        "%25",
        "\\\"",
        "\\\\",
        "\"password\":\"\\\"",
        "'",
        "y '",
        "by '",
        "password '",
        "identified by '",
        "password: |\n ",
        " ",
        "a@tcp(",
        "a:b@tcp(",
        "é@é.é",
        "[",
        "(\"token\", ",
        "\"token\",\"value\":",
        "AKIA",
        "----",
        "1-",
        "4111+",
    ] {
        let short = piece.repeat(20_000 / piece.len());
        let long = piece.repeat(320_000 / piece.len());
        let mut time = |text: &str| {
            let mut out = String::new();
            fastest(|| _ = redactor.text(text, &mut out))
        };
        check(piece, time(&short), time(&long));
    }
}

#[test]
fn as_many_more_attributes_take_as_much_longer() {
    let mut redactor = redactor(&Rule::ALL);
    for key in ["a", "value", "name", "::1"] {
        let mut time = |count| {
            let mut bytes = Vec::new();
            (0..count).for_each(|_| put_str(&mut bytes, LOG, key, "x"));
            fastest(|| _ = redactor.attributes(&mut bytes.clone()))
        };
        check(key, time(2_000), time(32_000));
    }
}
