use super::Reason;
use crate::series::testing::Bench;

/// The reasons that a line tells of, with how often.
fn told(bench: &mut Bench) -> Vec<(String, String)> {
    let rows = bench.told();
    assert_eq!(rows.len(), Reason::ALL.len(), "all are there from the start");
    let row = |row: String| {
        let (_, rest) = row.split_once("{reason=\"")?;
        let (reason, value) = rest.split_once("\"} ")?;
        (value != "0").then(|| (reason.to_owned(), value.to_owned()))
    };
    rows.into_iter().filter_map(row).collect()
}

fn of_line(line: &str) -> Vec<(String, String)> {
    let mut bench = Bench::new(r#"[{"security": {}}]"#);
    bench.line(line);
    told(&mut bench)
}

#[test]
fn lines_of_auth_log_are_counted_by_reason() {
    for (line, reason, count) in [
        (
            "May  1 10:00:00 web1 sshd[812]: Failed password for root from 203.0.113.9 port 4222 ssh2",
            "ssh_failed_login",
            1,
        ),
        (
            "2024-05-01T10:00:00.123456+02:00 web1 sshd-session[812]: Failed password for invalid user bob from 203.0.113.9 port 4222 ssh2",
            "ssh_failed_login",
            1,
        ),
        (
            "May  1 10:00:00 web1 sshd[812]: Failed keyboard-interactive/pam for root from 203.0.113.9 port 4222 ssh2",
            "ssh_failed_login",
            1,
        ),
        (
            "May  1 10:00:00 web1 sshd[812]: Invalid user bob from 203.0.113.9 port 4222",
            "ssh_invalid_user",
            1,
        ),
        (
            "May  1 10:00:00 web1 sshd[812]: User bob from 203.0.113.9 not allowed because not listed in AllowUsers",
            "ssh_not_allowed",
            1,
        ),
        (
            "May  1 10:00:00 web1 sshd[812]: ROOT LOGIN REFUSED FROM 203.0.113.9 port 4222",
            "ssh_not_allowed",
            1,
        ),
        (
            "May  1 10:00:00 web1 sshd[812]: error: maximum authentication attempts exceeded for root from 203.0.113.9 port 4222 ssh2 [preauth]",
            "ssh_too_many_attempts",
            1,
        ),
        (
            "May  1 10:00:00 web1 sshd[812]: message repeated 4 times: [ Failed password for root from 203.0.113.9 port 4222 ssh2]",
            "ssh_failed_login",
            4,
        ),
        (
            "May  1 10:00:00 web1 sshd[812]: PAM 2 more authentication failures; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=root",
            "pam_failed",
            2,
        ),
        (
            "May  1 10:00:00 web1 sshd[812]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9  user=root",
            "pam_failed",
            1,
        ),
        (
            "May  1 10:00:00 web1 sudo:      bob : 3 incorrect password attempts ; TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id",
            "sudo_failed",
            3,
        ),
        (
            "May  1 10:00:00 web1 sudo[99]:      bob : a password is required ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id",
            "sudo_failed",
            1,
        ),
        (
            "May  1 10:00:00 web1 sudo:      bob : user NOT in sudoers ; TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id",
            "sudo_not_allowed",
            1,
        ),
        (
            "May  1 10:00:00 web1 sudo:      bob : command not allowed ; TTY=pts/0 ; PWD=/home/bob ; USER=root ; COMMAND=/usr/bin/id",
            "sudo_not_allowed",
            1,
        ),
        (
            "May  1 10:00:00 web1 sudo: pam_unix(sudo:auth): authentication failure; logname=bob uid=1000 euid=0 tty=/dev/pts/0 ruser=bob rhost=  user=bob",
            "pam_failed",
            1,
        ),
        ("May  1 10:00:00 web1 su[7]: FAILED SU (to root) bob on pts/0", "su_failed", 1),
        (
            "May  1 10:00:00 web1 login[7]: pam_unix(login:auth): authentication failure; logname=LOGIN uid=0",
            "pam_failed",
            1,
        ),
    ] {
        assert_eq!(of_line(line), [(reason.to_owned(), count.to_string())], "{line}");
    }
}

#[test]
fn what_somebody_typed_makes_no_event() {
    for line in [
        "May  1 10:00:00 web1 sshd[812]: Accepted publickey for bob from 203.0.113.9 port 4222 ssh2: ED25519 SHA256:x",
        "May  1 10:00:00 web1 sshd[812]: Failed publickey for bob from 203.0.113.9 port 4222 ssh2: ED25519 SHA256:x",
        "May  1 10:00:00 web1 sshd[812]: Failed none for bob from 203.0.113.9 port 4222 ssh2",
        "May  1 10:00:00 web1 sshd[812]: Connection closed by invalid user Failed password for 203.0.113.9 port 1 [preauth]",
        "May  1 10:00:00 web1 app[1]: Failed password for root from 203.0.113.9 port 4222 ssh2",
        "May  1 10:00:00 web1 app[1]: sshd[812]: Failed password for root from 203.0.113.9 port 4222 ssh2",
        "May  1 10:00:00 web1 sudo:      bob : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/echo user NOT in sudoers",
        "May  1 10:00:00 web1 sudo: pam_unix(sudo:session): session opened for user root(uid=0) by bob(uid=1000)",
        "May  1 10:00:00 web1 sshd[812]: message repeated many times: [ Failed password for root]",
        "Failed password for root from 203.0.113.9",
        "",
    ] {
        assert_eq!(of_line(line), [], "{line}");
    }
}

#[test]
fn fields_of_syslog_and_of_the_journal_say_who_speaks() {
    let mut bench = Bench::new(r#"[{"security": {}}]"#);
    bench
        .record(&[("SYSLOG_IDENTIFIER", "sshd"), ("MESSAGE", "Invalid user bob from 203.0.113.9 port 4222")]);
    let mut syslog = crate::series::testing::fields(&[("syslog.appname", "sshd")]);
    syslog.body = Some("Failed password for root from 203.0.113.9 port 4222 ssh2".to_owned());
    bench.record_at(0, &syslog);
    syslog.body = Some(
        "May  1 10:00:00 web1 sshd[812]: Failed password for root from 203.0.113.9 port 4222 ssh2".to_owned(),
    );
    bench.record_at(0, &syslog);
    let count = |reason: &str, count: &str| (reason.to_owned(), count.to_owned());
    assert_eq!(told(&mut bench), [count("ssh_failed_login", "2"), count("ssh_invalid_user", "1")]);
}

#[test]
fn refusals_of_a_web_server_are_counted_and_so_are_bursts() {
    let mut bench = Bench::new(r#"[{"security": {}}]"#);
    for number in 0..30 {
        let status = if number % 3 == 0 { "403" } else { "401" };
        bench.record(&[("http.response.status_code", status), ("client.address", "203.0.113.9")]);
        bench.record(&[("http.response.status_code", "404"), ("client.address", "203.0.113.9")]);
    }
    let count = |reason: &str, count: &str| (reason.to_owned(), count.to_owned());
    assert_eq!(
        told(&mut bench),
        [count("http_unauthorized", "20"), count("http_forbidden", "10"), count("http_burst", "1")]
    );
}
