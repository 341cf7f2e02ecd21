#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;
use std::net::SocketAddr;

use http_body_util::Full;
use vigie_pipeline::secret::Secret;

use super::{Extract, Step};
use crate::probes::Config;
use crate::probes::http;
use crate::probes::tests::rig::{Running, Series, assert_failed, assert_succeeded, config};
use crate::probes::tests::servers::{Answer, Seen, answer, web};

/// A shop: a form with a token and a cookie, a login that needs both, a page that needs what the login gave.
async fn shop() -> (SocketAddr, Seen) {
    web(|request: &::http::Request<String>| -> Answer {
        let header =
            |name: &str| request.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default();
        match request.uri().path() {
            "/login" if request.method() == "GET" => ::http::Response::builder()
                .header("set-cookie", "visit=v1")
                .body(Full::from(r#"<input name="csrf" value="a+b/c=">"#))
                .unwrap(),
            "/login" => match (request.body().as_str(), header("cookie")) {
                ("csrf=a%2Bb%2Fc%3D&user=me", "visit=v1") => answer(200, r#"{"token": "t\"0k en", "id": 7}"#),
                _ => answer(403, "no"),
            },
            "/orders/7" if header("authorization") == "Bearer t\"0k en" => answer(200, "orders"),
            _ => answer(404, ""),
        }
    })
    .await
}

fn step(name: &str, url: &str, change: impl FnOnce(&mut Step)) -> Step {
    let http = http::Config { url: url.into(), ..http::Config::default() };
    let mut step = Step { name: name.into(), http, extract: BTreeMap::new() };
    change(&mut step);
    step
}

fn json(path: &str) -> Extract {
    Extract { json: Some(path.into()), ..Extract::default() }
}

fn header(name: &str) -> Extract {
    Extract { header: Some(name.into()), ..Extract::default() }
}

fn regex(pattern: &str) -> Extract {
    Extract { regex: Some(pattern.into()), ..Extract::default() }
}

/// The three steps of a visitor.
fn visit() -> Vec<Step> {
    vec![
        step("form", "/login", |step| {
            step.extract = [("csrf".to_owned(), regex(r#"name="csrf" value="([^"]+)""#))].into();
        }),
        step("login", "/login", |step| {
            step.http.method = "POST".into();
            step.http.body = "csrf={{csrf}}&user=me".into();
            step.http.headers =
                [("Content-Type".to_owned(), Secret::new("application/x-www-form-urlencoded"))].into();
            step.extract = [("token".to_owned(), json("$.token")), ("id".to_owned(), json("$.id"))].into();
        }),
        step("orders", "/orders/{{id}}", |step| {
            step.http.headers = [("Authorization".to_owned(), Secret::new("Bearer {{token}}"))].into();
        }),
    ]
}

fn flow(at: SocketAddr, steps: Vec<Step>) -> Config {
    let flow = super::Config { url: format!("http://{at}/"), steps, cookies: true };
    Config { http: None, flow: Some(flow), ..config("") }
}

async fn first_run(config: &Config) -> Series {
    Running::new(config).after_runs(1.0).await
}

#[tokio::test]
async fn each_step_has_what_those_before_it_were_told() {
    let (at, seen) = shop().await;
    let series = first_run(&flow(at, visit())).await;
    assert_succeeded(&series);
    let paths: Vec<String> = seen.all().iter().take(3).map(|r| r.uri().path().to_owned()).collect();
    assert_eq!(paths, ["/login", "/login", "/orders/7"]);
    for step in ["form", "login", "orders"] {
        assert_eq!(series[&format!("probe_flow_step_success{{step={step}}}")], 1.0);
        assert_eq!(series[&format!("probe_flow_step_status_code{{step={step}}}")], 200.0);
        let took = series[&format!("probe_flow_step_duration_seconds{{step={step}}}")];
        let connect = series[&format!("probe_flow_duration_seconds{{step={step},phase=connect}}")];
        assert!(connect > 0.0 && connect < took, "{step}");
    }
    let all: f64 =
        series.iter().filter(|(name, _)| name.starts_with("probe_flow_step_duration")).map(|(_, v)| v).sum();
    assert!(all <= series["probe_duration_seconds"]);
    assert!(!series.keys().any(|name| name.starts_with("probe_flow_failed_step_info")));
}

#[tokio::test]
async fn a_step_that_fails_is_named_and_ends_the_flow() {
    let (at, seen) = shop().await;
    let mut steps = visit();
    steps[1].http.body = "csrf=wrong".into();
    let running = Running::new(&flow(at, steps));
    let series = running.after_runs(1.0).await;
    assert_failed(&series, "http_status", "processing");
    assert_eq!(series["probe_flow_failed_step_info{step=login}"], 1.0);
    assert_eq!(series["probe_flow_step_success{step=form}"], 1.0);
    assert_eq!(series["probe_flow_step_success{step=login}"], 0.0);
    assert_eq!(series["probe_flow_step_status_code{step=login}"], 403.0);
    assert_eq!(series["probe_flow_step_success{step=orders}"], 0.0);
    assert_eq!(series["probe_flow_step_duration_seconds{step=orders}"], 0.0);
    assert!(seen.all().iter().all(|request| request.uri().path() == "/login"));
    let told = format!("{:?}", running.records());
    assert!(told.contains("step login: status 403"), "{told}");
}

#[tokio::test]
async fn a_value_that_is_not_there_fails_the_step_that_should_have_it() {
    let (at, _) = shop().await;
    let mut steps = visit();
    steps[0].extract = [("csrf".to_owned(), header("x-csrf"))].into();
    let series = first_run(&flow(at, steps)).await;
    assert_failed(&series, "flow_extract", "transfer");
    assert_eq!(series["probe_flow_failed_step_info{step=form}"], 1.0);
}

#[tokio::test]
async fn without_cookies_nothing_is_remembered() {
    let (at, seen) = shop().await;
    let mut config = flow(at, visit());
    config.flow.as_mut().unwrap().cookies = false;
    assert_failed(&first_run(&config).await, "http_status", "processing");
    assert!(seen.all().iter().all(|request| !request.headers().contains_key("cookie")));
}

#[tokio::test]
async fn each_step_of_a_traced_flow_is_a_span_with_its_phases_and_the_server_knows_it() {
    let (at, seen) = shop().await;
    let running = Running::new(&Config { trace: true, ..flow(at, visit()) });
    running.after_runs(1.0).await;
    let spans = running.spans();
    let named = |name: &str| spans.iter().find(|span| span.name == name).unwrap().clone();
    let (root, login) = (named("flow"), named("login"));
    assert_eq!(login.parent_span_id, root.span_id);
    let phases: Vec<&str> = spans
        .iter()
        .filter(|span| span.parent_span_id == login.span_id)
        .map(|span| span.name.as_str())
        .collect();
    assert_eq!(phases, ["connect", "processing", "transfer"]);
    let hex: String = login.span_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let told = seen.all()[1].headers()["traceparent"].to_str().unwrap().to_owned();
    assert_eq!(told.split('-').nth(2), Some(hex.as_str()));
}

#[tokio::test]
async fn what_was_extracted_is_shown_nowhere() {
    let (at, _) = web(|request| match request.uri().path() {
        "/one" => answer(200, "the code is hush-hush"),
        _ => answer(500, "you said hush-hush"),
    })
    .await;
    let steps = vec![
        step("one", "/one", |step| {
            step.extract = [("code".to_owned(), regex("is (.+)"))].into();
        }),
        step("two", "/two/{{code}}", |_| {}),
    ];
    let running = Running::new(&Config { trace: true, ..flow(at, steps) });
    let series = running.after_runs(1.0).await;
    assert_failed(&series, "http_status", "processing");
    let told = format!("{:?}{:?}{series:?}", running.records(), running.spans());
    assert!(!told.contains("hush"), "{told}");
    assert!(told.contains("you said <redacted>"), "{told}");
}
