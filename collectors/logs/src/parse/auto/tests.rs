#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::*;
use crate::timestamp::Observer;

/// Lines of each format, and what `auto` calls it.
pub(in crate::parse) const SAMPLES: [(&str, &str); 16] = [
    ("json", r#"{"level":"info","msg":"a=b c=d"}"#),
    ("logfmt", r#"level=info msg="a message" status=200"#),
    (
        "nginx_combined",
        r#"203.0.113.9 - - [02/Jan/2026:03:04:05 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8""#,
    ),
    (
        "nginx_error",
        "2026/01/02 03:04:05 [error] 12#34: *5 open() \"/x\" failed (2: No such file or directory), client: 203.0.113.9",
    ),
    (
        "apache_error",
        "[Fri Jan 02 03:04:05.678901 2026] [core:error] [pid 12:tid 34] [client 203.0.113.9:5000] AH00126: Invalid URI, referer: https://a.example/",
    ),
    ("gunicorn", "[2026-01-02 03:04:05 +0000] [12] [INFO] Booting worker with pid: 12"),
    ("uvicorn", "INFO:     127.0.0.1:5000 - \"GET / HTTP/1.1\" 200 OK"),
    ("syslog", "Jan  2 03:04:05 web sshd[12]: Accepted publickey for bob"),
    ("syslog", "2026-01-02T03:04:05.678901+00:00 web CRON[12]: (root) CMD (true)"),
    ("postgres", "2026-01-02 03:04:05.678 UTC [12] bob@shop LOG:  ready"),
    ("redis", "12:M 02 Jan 2026 03:04:05.678 * Ready"),
    ("klog", "I0102 03:04:05.678901   12345 file.go:123] a message"),
    ("python", "2026-01-02 03:04:05,678 - shop.cart - INFO - a message"),
    ("python", "INFO:shop:a message"),
    ("django", r#"[02/Jan/2026 03:04:05] "GET / HTTP/1.1" 200 12"#),
    ("loguru", "2026-01-02 03:04:05.678 | INFO     | shop:pay:12 - a message"),
];

const JSON: &str = SAMPLES[0].1;
const REDIS: &str = "12:M 02 Jan 2026 03:04:05.678 * Ready";
const TEXT: &str = "Listening on port 8000, a=b";

struct Rig {
    auto: Auto,
    observer: Observer,
}

impl Rig {
    fn new() -> Self {
        let observer = Observer { at: 1_767_323_100_000_000_000, ..Observer::default() };
        Self { auto: Auto::new().unwrap(), observer }
    }

    /// Whether the line is understood: anything is found in it.
    fn line(&mut self, line: &str) -> bool {
        let context = Context { observer: &self.observer, is_inspected: false };
        let mut fields = Fields::default();
        let read = self.auto.parse(line, context, &mut fields);
        read.is_ok() && (!fields.is_empty() || fields.severity.0 != 0)
    }

    fn lines(&mut self, count: u32, line: &str) {
        for _ in 0..count {
            self.line(line);
        }
    }

    fn chosen(&self) -> Option<&'static str> {
        match self.auto.state {
            State::Chosen { format, .. } => Some(self.auto.formats[format].0.name()),
            _ => None,
        }
    }
}

#[test]
fn each_format_is_known_by_its_lines_and_none_of_them_is_lost() {
    for (name, line) in SAMPLES {
        let mut rig = Rig::new();
        for _ in 0..SAMPLE {
            assert_eq!(rig.chosen(), None);
            assert!(rig.line(line), "{line}");
        }
        assert_eq!(rig.chosen(), Some(name), "{line}");
    }
}

#[test]
fn a_second_is_enough_for_what_is_understood() {
    let mut rig = Rig::new();
    assert!(!rig.line(TEXT));
    rig.observer.at += 2 * PATIENCE;
    assert!(rig.line(JSON));
    assert_eq!(rig.chosen(), None);
    assert!(rig.line(JSON));
    assert_eq!(rig.chosen(), Some("json"));
}

#[test]
fn what_nothing_understands_is_text_and_is_looked_at_again() {
    let mut rig = Rig::new();
    for _ in 0..SAMPLE {
        assert!(!rig.line(TEXT));
    }
    assert_eq!(rig.auto.state, State::Plain { left: SAMPLE, rest: SAMPLE });
    for _ in 0..2 * SAMPLE {
        rig.line(JSON);
    }
    assert_eq!(rig.chosen(), Some("json"));
}

#[test]
fn a_choice_that_most_lines_do_not_fit_is_made_anew() {
    let mut rig = Rig::new();
    rig.lines(SAMPLE, JSON);
    // A few are no reason.
    rig.lines(WINDOW / 2, REDIS);
    rig.lines(WINDOW / 2, JSON);
    assert_eq!(rig.chosen(), Some("json"));
    rig.lines(WINDOW, REDIS);
    assert_eq!(rig.chosen(), None);
    (0..SAMPLE).for_each(|_| assert!(rig.line(REDIS)));
    assert_eq!(rig.chosen(), Some("redis"));
}

#[test]
fn the_choice_outlives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut rig = Rig::new();
    rig.auto.remember_in(directory.path(), "shop/../app");
    rig.lines(SAMPLE, REDIS);
    let mut next = Rig::new();
    next.auto.remember_in(directory.path(), "shop/../app");
    assert_eq!(next.chosen(), Some("redis"));
    let mut other = Rig::new();
    other.auto.remember_in(directory.path(), "app");
    assert_eq!(other.chosen(), None);
    // What is no format is as if it were not there.
    let file =
        std::fs::read_dir(directory.path().join("log-formats")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(file, "\u{fffd}").unwrap();
    let mut broken = Rig::new();
    broken.auto.remember_in(directory.path(), "shop/../app");
    assert_eq!(broken.chosen(), None);
}

proptest! {
    #[test]
    fn what_most_lines_are_is_chosen_whatever_is_between_them(main in 0..SAMPLES.len(), noise in prop::collection::vec(0..=SAMPLES.len(), 0..9)) {
        let mut rig = Rig::new();
        let mut others = noise.iter();
        for number in 0..SAMPLE {
            let other = if number % 2 == 1 { others.next() } else { None };
            let line = other.map_or(SAMPLES[main].1, |other| SAMPLES.get(*other).map_or(TEXT, |(_, line)| line));
            rig.line(line);
        }
        prop_assert_eq!(rig.chosen(), Some(SAMPLES[main].0));
    }
}
