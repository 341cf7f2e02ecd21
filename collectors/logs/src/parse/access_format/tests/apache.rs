use super::super::apache::format;
use super::*;

/// 2015-05-17T10:05:03Z
const AT: u64 = 1_431_857_103_000_000_000;

fn of(text: &str, line: &str) -> Option<Vec<String>> {
    shown(&mut format(text).unwrap(), line)
}

#[test]
fn a_format_becomes_the_attributes_of_the_semantic_conventions() {
    let text = concat!(
        r#"%v:%p %h %l %u %t \"%r\" %>s %b %D \"%{Referer}i\" \"%{User-Agent}i\" %{X-Request-Id}o "#,
        r#"%{traceparent}i %I %O %X %{UNIQUE_ID}e %{SSL_PROTOCOL}x %P"#
    );
    let line = concat!(
        r#"shop.example:443 203.0.113.9 - bob [17/May/2015:10:05:03 +0000] "GET /a?b=c HTTP/2.0" 503 - 1500000 "#,
        r#""-" "Mozilla \"x\"" 4f - 10 20 + u1 TLSv1.3 77"#
    );
    assert_eq!(
        of(text, line).unwrap(),
        [
            "server.address=shop.example",
            "server.port=443i",
            "client.address=203.0.113.9",
            "user.name=bob",
            "http.request.method=GET",
            "url.path=/a",
            "url.query=b=c",
            "network.protocol.version=2.0",
            "http.response.status_code=503i",
            "http.server.request.duration=1.5s",
            "user_agent.original=Mozilla \"x\"",
            "http.response.header.x-request-id=[4f]",
            "http.request.size=10i",
            "http.response.size=20i",
            "connection_status=+",
            "UNIQUE_ID=u1",
            "tls.protocol.version=1.3",
            "process.pid=77i",
        ]
    );
    assert_eq!(parsed(&mut format(text).unwrap(), line).unwrap().time, AT);
}

#[test]
fn names_of_formats_and_statements_are_formats() {
    let statement = r#"LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\"" combined"#;
    assert_eq!(format!("{:?}", format(statement).unwrap()), format!("{:?}", format("combined").unwrap()));
    let line = r#"::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#;
    assert_eq!(of("common", line).unwrap()[0], "client.address=::1");
    assert_eq!(of("vhost_common", &format!("a.example {line}")).unwrap()[0], "server.address=a.example");
    assert_eq!(of("combined", line), None);
}

#[test]
fn times_of_every_kind_are_the_records() {
    let time =
        |text: &str, line: &str| parsed(&mut format(text).unwrap(), line).map_or(0, |fields| fields.time);
    for (text, line, beyond) in [
        ("%t %s", "[17/May/2015:12:05:03 +0200] 200", 0),
        ("%{sec}t %s", "1431857103 200", 0),
        ("%{msec}t", "1431857103250", 250_000_000),
        ("%{begin:usec}t %h", "1431857103000250 ::1", 250_000),
        ("%{%Y-%m-%d %H:%M:%S %z}t %h", "2015-05-17 10:05:03 +0000 ::1", 0),
        ("[%{%d/%b/%Y:%H:%M:%S %z}t] %h", "[17/May/2015:10:05:03 +0000] ::1", 0),
        ("%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t %h", "17/May/2015 10:05:03.250 +0000 ::1", 250_000_000),
        ("%{sec}t.%{usec_frac}t %h", "1431857103.000250 ::1", 250_000),
        ("%t %{usec}t", "[17/May/2015:10:05:03 +0000] 1431857103000250", 250_000),
    ] {
        assert_eq!(time(text, line), AT + beyond, "{text}");
    }
}

#[test]
fn durations_are_seconds_and_the_finest_counts() {
    assert_eq!(of("%T %D", "1 1250000").unwrap(), ["http.server.request.duration=1.25s"]);
    assert_eq!(of("%{ms}T", "1250").unwrap(), ["http.server.request.duration=1.25s"]);
    assert_eq!(of("%{us}T/%T", "500/0").unwrap(), ["http.server.request.duration=0.0005s"]);
    assert_eq!(of("%{s}T", "3").unwrap(), ["http.server.request.duration=3s"]);
    assert_eq!(of("%^FB %s", "250 200").unwrap()[0], "time_to_first_byte=0.00025s");
}

#[test]
fn modifiers_are_understood() {
    assert_eq!(
        of("%400,501{User-agent}i|%!200,304{Referer}i|%<s|%>s|100%%", "-|https://x/|302|200|100%").unwrap(),
        ["http.request.header.referer=[https://x/]", "http.response.status_code=302i", "status=200i"]
    );
    let attributes = [
        "client.address=::1",
        "network.peer.address=::2",
        "client.port=80i",
        "http.request.method=_OTHER",
        "http.request.method_original=BREW",
        "url.path=/a",
        "url.query=b",
        "network.protocol.version=1.1",
    ];
    let text = "%a %{c}a %{remote}p %m %U%q %H";
    assert_eq!(of(text, "::1 ::2 80 BREW /a?b HTTP/1.1").unwrap(), attributes);
    assert_eq!(of(&text.replace("%q", " %q"), "::1 ::2 80 BREW /a ?b HTTP/1.1").unwrap(), attributes);
}

#[test]
fn a_format_that_cannot_work_says_why() {
    let error = |text: &str| format(text).unwrap_err().to_string();
    assert_eq!(error("%h %Z"), "Apache has no `%Z`");
    assert_eq!(error("%h %>{X}Q"), "Apache has no `%>{X}Q`");
    assert_eq!(error("%h %"), "Apache has no `%`");
    assert_eq!(
        error("%h%l %u"),
        "`%h` and `%l` have nothing between them: nobody can tell where the one ends"
    );
    assert_eq!(error("%{User-Agent"), "unclosed `{`");
    assert_eq!(error("LogFormat \"%h"), "unclosed `\"`");
    assert_eq!(error("nothing"), "it has no field: write it as the server's configuration has it");
}
