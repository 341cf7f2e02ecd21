#![allow(clippy::unwrap_used)]
use proptest::prelude::*;

use super::super::testing;
use super::*;

fn seen(line: &str) -> Option<Vec<String>> {
    testing::seen(line, parse)
}

#[test]
fn both_default_prefixes_are_understood() {
    assert_eq!(
        seen("2026-01-02 03:04:05.678 UTC [1] LOG:  database system is ready to accept connections").unwrap(),
        [
            "time=2026-01-02T03:04:05.678Z",
            "severity=9 LOG",
            "process.pid:=1",
            "~message=database system is ready to accept connections",
        ]
    );
    assert_eq!(
        seen("2026-01-02 04:04:05.678 CET [1234] bob@shop ERROR:  relation \"carts\" does not exist at character 15").unwrap(),
        [
            "time=2026-01-02T03:04:05.678Z",
            "severity=17 ERROR",
            "process.pid:=1234",
            "user.name=bob",
            "db.namespace=shop",
            "~message=relation \"carts\" does not exist at character 15",
        ]
    );
    let unknown =
        "2026-01-02 04:04:05.678 CET [9] [unknown]@[unknown] LOG:  connection received: host=[local]";
    assert_eq!(
        seen(unknown).unwrap()[1..],
        ["severity=9 LOG", "process.pid:=9", "~message=connection received: host=[local]"]
    );
}

#[test]
fn a_prefix_with_pairs_is_understood() {
    let line = "2026-01-02 05:04:05 +02 [1234]: [3-1] user=bob,db=shop,app=psql,client=10.0.0.7 LOG:  duration: 12.345 ms  statement: SELECT 1";
    assert_eq!(
        seen(line).unwrap(),
        [
            "time=2026-01-02T03:04:05Z",
            "severity=9 LOG",
            "process.pid:=1234",
            "user.name=bob",
            "db.namespace=shop",
            "application_name=psql",
            "client.address=10.0.0.7",
            "duration_ms:=12.345",
            "~message=duration: 12.345 ms  statement: SELECT 1",
        ]
    );
}

#[test]
fn each_word_has_its_severity_and_one_in_another_language_is_counted() {
    let severity = |word: &str| {
        seen(&format!("2026-01-02 04:04:05.678 CET [1] a@b {word}:  x: y:  z")).unwrap()[1].clone()
    };
    assert_eq!(severity("PANIC"), "severity=24 PANIC");
    assert_eq!(severity("FATAL"), "severity=21 FATAL");
    assert_eq!(severity("DEBUG1"), "severity=8 DEBUG1");
    assert_eq!(severity("STATEMENT"), "severity=0 STATEMENT");
    let french = seen("2026-01-02 04:04:05.678 CET [1] ERREUR:  la relation « carts » n'existe pas").unwrap();
    assert_eq!(french[1..3], ["severity=0 ERREUR", "!severity"]);
    let several = seen("2026-01-02 04:04:05.678 CET [1] ERROR:  a\n\tb").unwrap();
    assert_eq!(several.last().unwrap(), "~message=a\nb");
}

#[test]
fn what_tells_more_of_a_message_is_an_attribute_of_it() {
    let prefix = "2026-01-02 04:04:05.678 CET [1234] bob@shop";
    let record = format!(
        "{prefix} ERROR:  duplicate key\n\tof two lines\n{prefix} DETAIL:  Key (id)=(7) already exists.\n{prefix} HINT:  \n{prefix} CONTEXT:  SQL statement \"x\"\n\tPL/pgSQL function\n{prefix} STATEMENT:  SELECT fill()\n\t\tFROM a\n\t-- DETAIL:  none"
    );
    assert_eq!(
        seen(&record).unwrap()[1..],
        [
            "severity=17 ERROR",
            "process.pid:=1234",
            "user.name=bob",
            "db.namespace=shop",
            "detail=Key (id)=(7) already exists.",
            "hint=",
            "context=SQL statement \"x\"\nPL/pgSQL function",
            "db.query.text=SELECT fill()\n\tFROM a\n-- DETAIL:  none",
            "~message=duplicate key\nof two lines",
        ]
    );
    let other = seen(&format!("{prefix} LOG:  a\nwhat somebody else wrote: b\nLOG:  c")).unwrap();
    assert_eq!(other.last().unwrap(), "~message=a\nwhat somebody else wrote: b\nLOG:  c");
}

#[test]
fn what_is_no_line_of_postgresql_is_not_understood() {
    for line in [
        "",
        "\tFROM carts",
        "2026-01-02 04:04:05.678 CET [1] a message",
        "2026-01-02 04:04:05.678 CET LOG:  x",
        "2026-01-02 04:04:05.678 CET [x] LOG:  x",
        "2026-01-02 04:04:05,678 [1] note:  x",
    ] {
        assert_eq!(seen(line), None, "{line}");
    }
}

proptest! {
    #[test]
    fn what_postgresql_writes_comes_back(
        milli in 0u32..1000, pid in 1u32..4_000_000, user in "[a-z_]{1,10}", database in "[a-z_]{1,10}",
        word in "LOG|ERROR|FATAL|PANIC|WARNING|NOTICE|DETAIL|HINT|STATEMENT", message in "\\PC{0,40}",
    ) {
        let line = format!("2026-01-02 04:04:05.{milli:03} CET [{pid}] {user}@{database} {word}:  {message}");
        let seen = seen(&line).unwrap();
        prop_assert!(seen[1].ends_with(&word));
        prop_assert_eq!(&seen[2..5], [format!("process.pid:={pid}"), format!("user.name={user}"), format!("db.namespace={database}")]);
        prop_assert_eq!(seen.last().unwrap(), &format!("~message={message}"));
    }

    #[test]
    fn any_line_is_understood_or_not_never_a_panic(line in "\\PC{0,80}", alike in "2026-01-02 04:04:05[. A-Z0-9\\[\\]@:=,é]{0,40}") {
        let _ = (seen(&line), seen(&alike));
    }
}
