use super::super::nginx::{COMBINED, format};
use super::*;
use crate::severity;

/// 2015-05-17T10:05:03Z
const AT: u64 = 1_431_857_103_000_000_000;
const TIME: &str = "17/May/2015:10:05:03 +0000";

fn of(text: &str, line: &str) -> Option<Vec<String>> {
    shown(&mut format(text).unwrap(), line)
}

#[test]
fn a_format_becomes_the_attributes_of_the_semantic_conventions() {
    let text = concat!(
        r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "#,
        r#""$http_user_agent" "$http_x_forwarded_for" $request_time $upstream_response_time $upstream_addr "#,
        r#"$request_id $http_traceparent"#
    );
    let line = concat!(
        r#"203.0.113.9 - bob smith [17/May/2015:10:05:03 +0000] "GET /a/b?c=d HTTP/1.1" 404 1043 "https://x/" "#,
        r#""Mozilla \x22x\x22" "10.0.0.1, 10.0.0.2" 0.250 0.100, 0.125 : - "#,
        r#"10.0.0.5:80, 10.0.0.6:80 : 10.0.0.7:80 4f 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"#
    );
    assert_eq!(
        of(text, line).unwrap(),
        [
            "client.address=203.0.113.9",
            "user.name=bob smith",
            "http.request.method=GET",
            "url.path=/a/b",
            "url.query=c=d",
            "network.protocol.version=1.1",
            "http.response.status_code=404i",
            "http.response.body.size=1043i",
            "http.request.header.referer=[https://x/]",
            "user_agent.original=Mozilla \"x\"",
            "http.request.header.x-forwarded-for=[10.0.0.1, 10.0.0.2]",
            "http.server.request.duration=0.25s",
            "upstream_response_time=0.225s",
            "upstream_addr=10.0.0.5:80, 10.0.0.6:80 : 10.0.0.7:80",
            "request_id=4f",
        ]
    );
    let fields = parsed(&mut format(text).unwrap(), line).unwrap();
    assert_eq!((fields.time, fields.severity), (AT, severity::of_status(404)));
    assert_eq!(fields.trace_id.unwrap()[..2], [0x0a, 0xf7]);
    assert_eq!(fields.span_id.unwrap()[..2], [0xb7, 0xad]);
}

#[test]
fn what_a_configuration_has_around_a_format_is_taken_off() {
    let plain = format!("{:?}", format(COMBINED).unwrap());
    let statement = "log_format main '$remote_addr - $remote_user [$time_local] \"$request\" '\n    \
                     '$status $body_bytes_sent \"$http_referer\" '\n    '\"$http_user_agent\"';";
    let joined = concat!(
        r#"'${remote_addr} - $remote_user [$time_local] "$request" ' "#,
        r#""$status $body_bytes_sent \"$http_referer\" \"$http_user_agent\"""#
    );
    for text in [statement, joined, "combined"] {
        assert_eq!(format!("{:?}", format(text).unwrap()), plain, "{text}");
    }
}

#[test]
fn each_way_to_escape_is_taken_back() {
    let json = concat!(
        r#"escape=json '{"time":"$time_iso8601","request":"$request","status":$status,"#,
        r#""agent":"$http_user_agent","user":"$remote_user"}'"#
    );
    let line = concat!(
        r#"{"time":"2015-05-17T10:05:03+00:00","request":"GET /\u001f\"x HTTP/1.1","status":200,"#,
        r#""agent":"a\\\"b, \"c\": \"d","user":""}"#
    );
    assert_eq!(
        of(json, line).unwrap(),
        [
            "http.request.method=GET",
            "url.path=/\u{1f}\"x",
            "network.protocol.version=1.1",
            "http.response.status_code=200i",
            "user_agent.original=a\\\"b, \"c\": \"d",
        ]
    );
    assert_eq!(
        of(r#"escape=none "$http_user_agent" $status"#, r#""a "quoted\x22" 1" 200"#).unwrap(),
        [r#"user_agent.original=a "quoted\x22" 1"#, "http.response.status_code=200i"]
    );
    assert_eq!(
        of(r#"escape=default "$http_user_agent" $status"#, r#""a \x22quoted\x5C" 200"#).unwrap(),
        [r#"user_agent.original=a "quoted\"#, "http.response.status_code=200i"]
    );
}

#[test]
fn a_field_ends_where_the_next_one_can_begin() {
    assert_eq!(
        of("$remote_addr:$remote_port $status", "2001:db8::1:8080 200").unwrap(),
        ["client.address=2001:db8::1", "client.port=8080i", "http.response.status_code=200i"]
    );
    let users = of("$remote_user [$time_local] $status", &format!("a [b] [17/ [c [{TIME}] 204"));
    assert_eq!(users.unwrap()[0], "user.name=a [b] [17/ [c");
    assert_eq!(
        of("$http_user_agent $status $request_method", "curl 8 x 404 GET").unwrap()[..2],
        ["user_agent.original=curl 8 x", "http.response.status_code=404i"]
    );
    assert_eq!(
        of("$scheme://$host$request_uri $status", "https://a.example/b?c=/d 200").unwrap(),
        [
            "url.scheme=https",
            "server.address=a.example",
            "url.path=/b",
            "url.query=c=/d",
            "http.response.status_code=200i"
        ]
    );
    assert_eq!(
        of("$request_method $uri$is_args$args $status", "GET /b?c=d 200").unwrap()[1..3],
        ["url.path=/b", "url.query=c=d"]
    );
}

#[test]
fn the_most_precise_time_is_the_records() {
    let format = &mut format("[$time_local] $msec $time_iso8601 $status").unwrap();
    let line = format!("[{TIME}] 1431857103.250 2015-05-17T12:05:03+02:00 200");
    assert_eq!(parsed(format, &line).unwrap().time, AT + 250_000_000);
    let local = format!("time_local={TIME}");
    assert_eq!(
        shown(format, &line).unwrap(),
        [&local, "time_iso8601=2015-05-17T12:05:03+02:00", "http.response.status_code=200i"]
    );
}

#[test]
fn no_attribute_comes_twice() {
    let text = "$request_method $uri $request_uri $args $uri ($request)";
    assert_eq!(
        of(text, "GET /x /x?a=b a=b /x (GET /x?a=b HTTP/1.1)").unwrap(),
        [
            "request_method=GET",
            "uri=/x",
            "request_uri=/x?a=b",
            "args=a=b",
            "http.request.method=GET",
            "url.path=/x",
            "url.query=a=b",
            "network.protocol.version=1.1",
        ]
    );
    assert_eq!(
        of("$host $server_name $status $status", "a.example b.example 200 200").unwrap(),
        [
            "server.address=a.example",
            "server_name=b.example",
            "http.response.status_code=200i",
            "status=200i"
        ]
    );
}

#[test]
fn fields_can_be_named_as_nginx_does() {
    let named = |text: &str, name: &str| format(text).unwrap().attribute(name);
    assert_eq!(named("$status", "status").unwrap(), "http.response.status_code");
    assert_eq!(named("$request", "uri").unwrap(), "url.path");
    assert_eq!(named("$host $server_name", "server_name").unwrap(), "server_name");
    assert_eq!(named("$server_name", "server_name").unwrap(), "server.address");
    assert_eq!(named("$http_x_a", "http_x_a").unwrap(), "http.request.header.x-a");
    assert_eq!(named("$request", "request"), Some("request".to_owned()));
    assert_eq!(named("$status", "nothing"), None);
}

#[test]
fn unknown_variables_are_fields_of_their_own_names() {
    let text =
        "$geoip_country_code|$cookie_shop|$sent_http_x_cache|${my_var}s|$upstream_status|$upstream_http_x";
    assert_eq!(
        of(text, "FR|-|HIT|é s|502, 200|").unwrap(),
        [
            "geoip_country_code=FR",
            "http.response.header.x-cache=[HIT]",
            "my_var=é ",
            "upstream_status=502, 200"
        ]
    );
}

#[test]
fn the_span_of_nginx_itself_wins_over_the_one_it_was_called_from() {
    let text = "$otel_trace_id $otel_span_id $http_traceparent";
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let of = |line: &str| parsed(&mut format(text).unwrap(), line).unwrap();
    assert_eq!(of(&format!("{trace} {span} 00-{trace}-00000000000000ff-01")).span_id.unwrap()[0], 0xb7);
    assert_eq!(of(&format!("- - 00-{trace}-{span}-01")).span_id.unwrap()[0], 0xb7);
    assert_eq!(of(&format!("{} - -", "0".repeat(32))).faults, []);
    for wrong in ["00-x-y-01", "zz", "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"] {
        let fields = of(&format!("- - {wrong}"));
        assert_eq!(
            (fields.trace_id, fields.faults.as_slice()),
            (None, &[Reason::TraceContext][..]),
            "{wrong}"
        );
        assert_eq!(pairs(&fields), [("traceparent".to_owned(), wrong.to_owned())]);
    }
}

#[test]
fn a_line_cut_off_in_its_last_field_is_understood() {
    let full =
        r#"::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "Mozilla/5.0 (compatible)""#;
    let begin = full.find("Mozilla").unwrap();
    for end in 0..=full.len() {
        let attributes = of(COMBINED, &full[..end]);
        assert_eq!(attributes.is_some(), end >= begin, "{}", &full[..end]);
        if end > begin {
            let agent = full[begin..end].trim_end_matches('"');
            assert_eq!(attributes.unwrap().last().unwrap(), &format!("user_agent.original={agent}"));
        }
    }
    // A number of which a part is missing is another number.
    assert_eq!(of("\"$request\" $status;", "\"GET / HTTP/1.1\" 20"), None);
}

#[test]
fn other_lines_are_refused() {
    let text = r#"$remote_addr [$time_local] "$request" $status $request_time"#;
    let good = format!("::1 [{TIME}] \"GET / HTTP/1.1\" 200 0.003");
    assert!(of(text, &good).is_some());
    for (part, other) in [("May", "Mai"), ("200", "2000"), ("200", "OK"), ("0.003", "inf"), ("0.003", "fast")]
    {
        assert_eq!(of(text, &good.replace(part, other)), None, "{other}");
    }
    assert_eq!(of("$status x", "200 xy"), None);
    assert_eq!(of("x $status", "y 200"), None);
}

#[test]
fn a_format_that_cannot_work_says_why() {
    let error = |text: &str| format(text).unwrap_err().to_string();
    assert_eq!(
        error("$remote_addr$status"),
        "`$remote_addr` and `$status` have nothing between them: nobody can tell where the one ends"
    );
    assert_eq!(error(""), "it has no field: write it as the server's configuration has it");
    assert_eq!(error("cost: 5 $ each"), "`$` must be followed by the name of a variable: `$ each`");
    assert_eq!(error("'$status"), "unclosed `'`");
    assert_eq!(error("${status"), "unclosed `{`");
    assert_eq!(error("escape=xml '$status'"), "unknown `escape=xml`; known are default, json, none");
}
