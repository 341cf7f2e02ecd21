//! Formats of any fields and literals: what was put into a line comes out of it again.

use proptest::prelude::*;

use super::super::{apache, nginx};
use super::*;

/// A variable, a directive that says the same, the attribute, and values with what they become.
#[derive(Debug, Clone)]
struct Sample {
    nginx: &'static str,
    apache: &'static str,
    attribute: &'static str,
    value: String,
    becomes: String,
}

fn sample() -> impl Strategy<Value = Sample> {
    let text = |nginx, apache, attribute, is_list: bool| {
        "[a-zé.\"\\\\\u{1}/0-9]{1,12}".prop_map(move |value: String| {
            let becomes = if is_list { format!("[{value}]") } else { value.clone() };
            Sample { nginx, apache, attribute, value, becomes }
        })
    };
    prop_oneof![
        text("$remote_addr", "%h", "client.address", false),
        text("$remote_user", "%u", "user.name", false),
        text("$http_user_agent", "%{User-Agent}i", "user_agent.original", false),
        text("$http_x_a", "%{X-A}i", "http.request.header.x-a", true),
        text("$sent_http_etag", "%{ETag}o", "http.response.header.etag", true),
        (0u16..1000).prop_map(|status| Sample {
            nginx: "$status",
            apache: "%>s",
            attribute: "http.response.status_code",
            value: format!("{status:03}"),
            becomes: format!("{status}i"),
        }),
        any::<u32>().prop_map(|bytes| Sample {
            nginx: "$body_bytes_sent",
            apache: "%B",
            attribute: "http.response.body.size",
            value: bytes.to_string(),
            becomes: format!("{bytes}i"),
        }),
        (0u32..100_000_000).prop_map(|millis| Sample {
            nginx: "$request_time",
            apache: "%{ms}T",
            attribute: "http.server.request.duration",
            value: millis.to_string(),
            becomes: format!("{}s", f64::from(millis) / 1000.0),
        }),
    ]
}

/// As nginx writes a value: everything but plain ASCII as `\xHH`.
fn escaped_by_nginx(value: &str) -> String {
    let escaped = value.bytes().map(|byte| match byte {
        b'"' | b'\\' | 0..32 | 127.. => format!("\\x{byte:02X}"),
        byte => char::from(byte).to_string(),
    });
    escaped.collect()
}

/// As Apache does.
fn escaped_by_apache(value: &str) -> String {
    let escaped = value.bytes().map(|byte| match byte {
        b'"' | b'\\' => format!("\\{}", char::from(byte)),
        0..32 | 127.. => format!("\\x{byte:02x}"),
        byte => char::from(byte).to_string(),
    });
    escaped.collect()
}

proptest! {
    #[test]
    fn what_a_server_writes_comes_out_again(
        samples in prop::collection::vec((sample(), "( |;| - |\\] \\[|\" \"|=\")"), 1..8), start in "[a-z\\[<]{0,3}",
        is_quoted in any::<bool>(),
    ) {
        let mut seen = std::collections::BTreeSet::new();
        let samples: Vec<_> = samples.into_iter().filter(|(sample, _)| seen.insert(sample.nginx)).collect();
        let (mut for_nginx, mut for_apache) = (start.clone(), start.clone());
        let (mut by_nginx, mut by_apache) = (start.clone(), start);
        for (Sample { nginx, apache, value, .. }, literal) in &samples {
            let quote = if is_quoted { "\"" } else { "" };
            let of_nginx = match *nginx {
                "$request_time" => format!("{:.3}", value.parse::<f64>().unwrap() / 1000.0),
                _ => escaped_by_nginx(value),
            };
            for (text, part) in [
                (&mut for_nginx, *nginx),
                (&mut for_apache, *apache),
                (&mut by_nginx, of_nginx.as_str()),
                (&mut by_apache, escaped_by_apache(value).as_str()),
            ] {
                text.extend([quote, part, quote, literal]);
            }
        }
        let expected: Vec<_> =
            samples.iter().map(|(sample, _)| (sample.attribute.to_owned(), sample.becomes.clone())).collect();
        let pairs_of = |mut format: AccessFormat, line: &str| parsed(&mut format, line).map(|fields| pairs(&fields));
        let expected = Some(expected);
        prop_assert_eq!(&pairs_of(nginx::format(&for_nginx).unwrap(), &by_nginx), &expected);
        prop_assert_eq!(&pairs_of(apache::format(&for_apache).unwrap(), &by_apache), &expected);
    }

    #[test]
    fn any_line_of_any_format_is_read_or_refused_never_a_panic(
        format in "(\\$(status|request|msec|time_local|request_time|x)| |\"|é|\\[|%\\{msec_frac\\}t|%t|%U%q|%D){0,10}",
        line in "(\\PC| |\"|\\\\|17/May/2015:10:05:03 \\+0000|é){0,30}",
    ) {
        for format in [nginx::format(&format), apache::format(&format)].iter_mut().flatten() {
            let _ = parsed(format, &line);
        }
    }
}
