#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, |line, context, fields| parse(line, context, fields, &mut String::new()))
}

#[test]
fn the_protocol_of_today_is_understood() {
    let line = "<165>1 2026-01-02T03:04:05.678Z web.example evntslog 12 ID47 [ex@32473 iut=\"3\" say=\"a \\\"b\\\" \\\\ \\] \\n\"][meta] \u{feff}a message";
    assert_eq!(
        seen(line).unwrap(),
        [
            "time=2026-01-02T03:04:05.678Z",
            "severity=10 notice",
            "syslog.facility=local4",
            "host.name=web.example",
            "syslog.appname=evntslog",
            "process.pid:=12",
            "syslog.msgid=ID47",
            r#"syslog.structured_data:={ex@32473:={iut=3, say=a "b" \ ] \n}, meta:={}}"#,
            "~message=a message",
        ]
    );
    // Of an example of the RFC: nothing is known, and nothing is said.
    assert_eq!(
        seen("<0>1 - - - - - -").unwrap(),
        ["severity=21 emerg", "!no_timestamp", "syslog.facility=kern", "~message="]
    );
    let odd = seen("<34>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710x - - %% It's time").unwrap();
    assert_eq!(
        odd[2..],
        [
            "syslog.facility=auth",
            "host.name=192.0.2.1",
            "syslog.appname=myproc",
            "syslog.procid=8710x",
            "~message=%% It's time"
        ]
    );
}

#[test]
fn what_came_before_is_understood_in_its_many_forms() {
    assert_eq!(
        seen("<38>Jan  2 04:04:05 web sshd[4711]: Failed password for root from 192.0.2.7 port 22 ssh2")
            .unwrap(),
        [
            "time=2026-01-02T03:04:05Z",
            "severity=9 info",
            "syslog.facility=auth",
            "host.name=web",
            "syslog.appname=sshd",
            "process.pid:=4711",
            "~message=Failed password for root from 192.0.2.7 port 22 ssh2",
        ]
    );
    for (line, expected) in [
        // Of a file.
        (
            "Jan  2 04:04:05 web kernel: [    0.000000] Linux",
            &["host.name=web", "syslog.appname=kernel", "~message=[    0.000000] Linux"][..],
        ),
        (
            "Jan  2 04:04:05 web postfix/smtpd[12]: connect",
            &["host.name=web", "syslog.appname=postfix/smtpd", "process.pid:=12", "~message=connect"],
        ),
        (
            "Jan  2 04:04:05 web (systemd)[12]: x: y",
            &["host.name=web", "syslog.appname=(systemd)", "process.pid:=12", "~message=x: y"],
        ),
        (
            "Jan 12 04:04:05 fe80::1 CRON[1]:(root) CMD",
            &["host.name=fe80::1", "syslog.appname=CRON", "process.pid:=1", "~message=(root) CMD"],
        ),
        ("Jan  2 04:04:05 web -- MARK --", &["host.name=web", "~message=-- MARK --"]),
        (
            "Jan  2 04:04:05 web last message repeated 3 times",
            &["host.name=web", "~message=last message repeated 3 times"],
        ),
        // As `logger` sends it to its own host: who writes, and nothing else.
        (
            "<13>Jan  2 04:04:05 root: hello",
            &["severity=10 notice", "syslog.facility=user", "syslog.appname=root", "~message=hello"],
        ),
        (
            "<13>root[7]: hello",
            &[
                "severity=10 notice",
                "!no_timestamp",
                "syslog.facility=user",
                "syslog.appname=root",
                "process.pid:=7",
                "~message=hello",
            ],
        ),
        (
            "<13>hello world",
            &["severity=10 notice", "!no_timestamp", "syslog.facility=user", "~message=hello world"],
        ),
        // rsyslog today.
        (
            "2026-01-02T04:04:05.678901+01:00 web sudo:      bob : TTY=pts/0",
            &["host.name=web", "syslog.appname=sudo", "~message=     bob : TTY=pts/0"],
        ),
    ] {
        let seen: Vec<_> =
            seen(line).unwrap().into_iter().filter(|field| !field.starts_with("time=")).collect();
        assert_eq!(seen, expected, "{line}");
    }
    assert_eq!(
        seen("2026-01-02T04:04:05.678901+01:00 web a: b").unwrap()[0],
        "time=2026-01-02T03:04:05.678901Z"
    );
}

#[test]
fn what_is_no_syslog_is_not_understood() {
    for line in [
        "",
        "hello world",
        "<192>Jan  2 04:04:05 web a: b",
        "<>Jan  2 04:04:05 web a: b",
        "<1234>x",
        "Jan  2 04:04:05",
        "Jan 32 04:04:05 web a: b",
        "<34>1 yesterday web a - - - x",
        "<34>1 2026-01-02T03:04:05Z web a - -",
        "<34>1 2026-01-02T03:04:05Z web a - - [x y=1] z",
        "<34>1 2026-01-02T03:04:05Z web a - - [x y=\"1\" z",
        // A time, a level and words are of many loggers.
        "2026-01-02T03:04:05Z INFO app: started",
        "2026-01-02T03:04:05Z  INFO app: started",
        "2026-01-02 04:04:05,678 - root - INFO - x",
        "2026-01-02T03:04:05Z some words",
        "2026-01-02T03:04:05Z stdout F x",
    ] {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn what_a_daemon_writes_comes_back(
        priority in prop::option::of(0u16..192), iso in any::<bool>(), host in "[a-z][a-z0-9.-]{0,20}", tag in "[a-z][a-z/_.-]{0,20}",
        pid in prop::option::of(1u32..4_000_000), message in "[^ \\n\\r]\\PC{0,40}",
    ) {
        prop_assume!(!iso || severity::read(&host).is_none());
        let before = priority.map(|number| format!("<{number}>")).unwrap_or_default();
        let time = if iso { "2026-01-02T04:04:05.678901+01:00" } else { "Jan  2 04:04:05" };
        let process = pid.map(|pid| format!("[{pid}]")).unwrap_or_default();
        let seen = seen(&format!("{before}{time} {host} {tag}{process}: {message}")).unwrap();
        let end = [Some(format!("host.name={host}")), Some(format!("syslog.appname={tag}")), pid.map(|pid| format!("process.pid:={pid}")), Some(format!("~message={message}"))];
        let end: Vec<_> = end.into_iter().flatten().collect();
        prop_assert!(seen.ends_with(&end), "{:?}", seen);
        prop_assert!(seen[0].starts_with("time=2026-01-02T03:04:05"));
    }

    #[test]
    fn structured_data_comes_back(elements in prop::collection::vec(("[a-z@0-9]{1,8}", prop::collection::vec(("[a-z]{1,8}", "\\PC{0,12}|[\\]\"\\\\]{0,5}"), 0..4)), 1..4), message in "\\PC{0,20}") {
        let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace(']', "\\]");
        let parameters = |list: &[(String, String)]| list.iter().map(|(key, value)| format!(" {key}=\"{}\"", escaped(value))).collect::<String>();
        let data: String = elements.iter().map(|(id, list)| format!("[{id}{}]", parameters(list))).collect();
        let seen = seen(&format!("<14>1 2026-01-02T03:04:05Z h a - - {data} {message}")).unwrap();
        let shown = |list: &[(String, String)]| list.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(", ");
        let all = elements.iter().map(|(id, list)| format!("{id}:={{{}}}", shown(list))).collect::<Vec<_>>().join(", ");
        let data = format!("syslog.structured_data:={{{all}}}");
        prop_assert!(seen.contains(&data), "{:?} {}", seen, data);
        prop_assert_eq!(seen.last().unwrap(), &format!("~message={}", message.strip_prefix('\u{feff}').unwrap_or(&message)));
    }

    #[test]
    fn any_line_is_understood_or_not_never_a_panic(
        line in "\\PC{0,80}", alike in "<[0-9]{1,3}>1? ?(Jan  2 04:04:05 |- )?[a-z\\[\\]:=\"\\\\ é-]{0,40}",
    ) {
        let _ = (seen(&line), seen(&alike));
    }
}
