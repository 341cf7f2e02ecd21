//! `/-/ready/dependencies`: the board as JSON, for load balancers and whoever else asks every second.

use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use vigie_pipeline::dependencies::Check;

use super::routes::{Answer, text};

#[derive(Serialize)]
struct Body<'a> {
    status: &'static str,
    checks: Vec<Row<'a>>,
}

/// Every key is always there; null says that there is nothing to say.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    target: &'a str,
    status: &'static str,
    since: Option<Moment>,
    reason: Option<&'a str>,
    phase: Option<&'a str>,
    detail: Option<&'a str>,
    duration_seconds: Option<f64>,
    last_check: Option<Moment>,
}

/// Nanoseconds since the epoch, written as RFC 3339 has it, to the millisecond.
struct Moment(u64);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let moment = Timestamp::from_nanosecond(self.0.into()).expect("64 bits end in the year 2554");
        serializer.collect_str(&format_args!("{moment:.3}"))
    }
}

impl<'a> From<&'a Check> for Row<'a> {
    fn from(check: &'a Check) -> Self {
        let found = check.found.as_ref();
        let trouble = found.and_then(|found| found.last.trouble.as_ref());
        Self {
            name: &check.name,
            target: &check.target,
            status: match found {
                None => "unknown",
                Some(found) if found.is_up() => "up",
                Some(_) => "down",
            },
            since: found.map(|found| Moment(found.since)),
            reason: trouble.map(|trouble| trouble.reason),
            phase: trouble.and_then(|trouble| trouble.phase),
            detail: trouble.map(|trouble| trouble.detail.as_str()).filter(|detail| !detail.is_empty()),
            duration_seconds: found.map(|found| found.last.took.as_secs_f64()),
            last_check: found.map(|found| Moment(found.last.at)),
        }
    }
}

/// 200 if all are up, as where there are none; 503 else.
pub(super) fn answer(checks: &[Check]) -> Answer {
    let (status, words) = if checks.iter().all(Check::is_up) {
        (StatusCode::OK, "ready")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    let body = Body { status: words, checks: checks.iter().map(Row::from).collect() };
    let mut body = serde_json::to_vec(&body).expect("text and numbers are JSON");
    body.push(b'\n');
    let mut answer = text(status, body);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::time::Duration;

    use http_body_util::BodyExt;
    use serde_json::{Value, json};
    use vigie_pipeline::dependencies::{Dependencies, Finding, Trouble};

    use super::*;

    async fn asked(board: &Dependencies) -> (u16, Value) {
        let answer = answer(&board.read());
        assert_eq!(answer.headers()[CONTENT_TYPE], "application/json");
        let status = answer.status().as_u16();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.last(), Some(&b'\n'));
        (status, serde_json::from_slice(&body).unwrap())
    }

    fn finding(trouble: Option<Trouble>) -> Finding {
        Finding { at: 1_700_000_000_123_456_789, took: Duration::from_micros(1500), trouble }
    }

    #[tokio::test]
    async fn nothing_to_depend_on_is_ready() {
        assert_eq!(asked(&Dependencies::default()).await, (200, json!({"status": "ready", "checks": []})));
    }

    #[tokio::test]
    async fn ready_when_all_are_up_and_not_before_each_was_checked() {
        let board = Dependencies::default();
        let shop = board.register("shop", "http://shop/");
        let db = board.register("db", "db:5432");
        shop.report(finding(None));
        let (status, body) = asked(&board).await;
        assert_eq!((status, &body["status"]), (503, &json!("not ready")));
        let nothing = json!(null);
        let unknown = json!({
            "name": "db", "target": "db:5432", "status": "unknown", "since": nothing, "reason": nothing,
            "phase": nothing, "detail": nothing, "duration_seconds": nothing, "last_check": nothing,
        });
        let up = json!({
            "name": "shop", "target": "http://shop/", "status": "up", "since": "2023-11-14T22:13:20.123Z",
            "reason": nothing, "phase": nothing, "detail": nothing, "duration_seconds": 0.0015,
            "last_check": "2023-11-14T22:13:20.123Z",
        });
        assert_eq!(body["checks"], json!([unknown, up]));
        db.report(finding(None));
        let (status, body) = asked(&board).await;
        assert_eq!((status, &body["status"]), (200, &json!("ready")));
    }

    #[tokio::test]
    async fn one_that_is_down_says_why_whatever_the_words_hold() {
        let board = Dependencies::default();
        let shop = board.register("sh\"op", "http://shop/\n");
        let trouble = Trouble {
            reason: "http_status",
            phase: Some("transfer"),
            detail: "got 502: <\"bad\">\u{7}".to_owned(),
        };
        shop.report(finding(Some(trouble)));
        let (status, body) = asked(&board).await;
        let check = &body["checks"][0];
        assert_eq!(
            (status, &check["status"], &check["reason"]),
            (503, &json!("down"), &json!("http_status"))
        );
        assert_eq!(
            (&check["phase"], &check["detail"]),
            (&json!("transfer"), &json!("got 502: <\"bad\">\u{7}"))
        );
        assert_eq!((&check["name"], &check["target"]), (&json!("sh\"op"), &json!("http://shop/\n")));
        drop(shop);
        assert_eq!(asked(&board).await.0, 200);
    }

    #[tokio::test]
    async fn a_clock_that_is_far_off_is_told_as_it_is() {
        let board = Dependencies::default();
        let shop = board.register("shop", "a");
        for (at, expected) in [(0, "1970-01-01T00:00:00.000Z"), (u64::MAX, "2554-07-21T23:34:33.709Z")] {
            shop.report(Finding { at, ..finding(None) });
            assert_eq!(asked(&board).await.1["checks"][0]["last_check"], json!(expected));
        }
    }
}
