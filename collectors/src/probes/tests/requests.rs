//! What is sent, to whom.

use std::collections::BTreeMap;

use vigie_pipeline::secret::Secret;

use super::rig::{Running, assert_failed, assert_succeeded, config, first_run, with};
use super::servers::{answer, redirect, web};
use crate::probes::http::{Authorization, BasicAuth, HeaderValues, IpProtocol, OAuth2};

#[tokio::test]
async fn a_request_has_what_the_configuration_says() {
    let (at, seen) = web(|_| answer(200, "")).await;
    let config = with(format!("http://{at}/path?q=1#part"), |http| {
        http.method = "POST".into();
        http.body = "payload".into();
        http.headers = BTreeMap::from([
            ("X-Key".to_owned(), Secret::new("k")),
            ("host".to_owned(), Secret::new("shop.example:81")),
        ]);
        http.basic_auth = Some(BasicAuth {
            username: "me".into(),
            password: Some(Secret::new("pw")),
            ..BasicAuth::default()
        });
    });
    assert_succeeded(&first_run(&config).await);
    let request = seen.all().remove(0);
    let header = |name| request.headers().get(name).map(|value| value.to_str().unwrap());
    assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("POST", "/path?q=1"));
    assert_eq!(request.body(), "payload");
    assert_eq!(header("host"), Some("shop.example:81"));
    assert_eq!(header("x-key"), Some("k"));
    assert_eq!(header("authorization"), Some("Basic bWU6cHc="));
    assert_eq!(header("connection"), Some("close"));
    assert!(header("user-agent").unwrap().starts_with("vigie/"));
    assert_eq!((header("traceparent"), header("accept-encoding")), (None, None));
}

#[tokio::test]
async fn redirects_are_followed_and_counted() {
    let (at, seen) = web(|request| match request.uri().path() {
        "/a" => redirect(302, "b"),
        "/b" => redirect(308, "/c?x=1#y"),
        _ => answer(200, "there"),
    })
    .await;
    let series = first_run(&config(format!("http://{at}/a"))).await;
    assert_succeeded(&series);
    assert_eq!((series["probe_http_redirects"], series["probe_http_uncompressed_body_length"]), (2.0, 5.0));
    let paths: Vec<String> = seen.all().iter().take(3).map(|r| r.uri().to_string()).collect();
    assert_eq!(paths, ["/a", "/b", "/c?x=1"]);
}

#[tokio::test]
async fn a_redirect_changes_the_method_unless_it_says_that_it_does_not() {
    let (at, seen) = web(|request| match request.uri().path() {
        "/303" => redirect(303, "/"),
        "/307" => redirect(307, "/"),
        _ => answer(200, ""),
    })
    .await;
    for (path, method, body) in [("303", "GET", ""), ("307", "PUT", "payload")] {
        let before = seen.all().len();
        let config = with(format!("http://{at}/{path}"), |http| {
            http.method = "PUT".into();
            http.body = "payload".into();
        });
        assert_succeeded(&first_run(&config).await);
        let last = &seen.all()[before + 1];
        assert_eq!((last.method().as_str(), last.body().as_str()), (method, body), "{path}");
    }
}

#[tokio::test]
async fn secrets_do_not_follow_a_redirect_to_another_host() {
    let (other, seen) = web(|_| answer(200, "")).await;
    let elsewhere = format!("http://localhost:{}/", other.port());
    let (at, first) = web(move |_| redirect(302, &elsewhere)).await;
    let config = with(format!("http://{at}/"), |http| {
        http.preferred_ip_protocol = IpProtocol::Ip4;
        http.authorization =
            Some(Authorization { credentials: Some(Secret::new("token")), ..Authorization::default() });
        http.headers = BTreeMap::from([
            ("cookie".to_owned(), Secret::new("session=1")),
            ("x-plain".to_owned(), Secret::new("yes")),
        ]);
    });
    assert_succeeded(&first_run(&config).await);
    assert_eq!(first.all()[0].headers()["authorization"], "Bearer token");
    assert_eq!(first.all()[0].headers()["cookie"], "session=1");
    let seen = seen.all().remove(0);
    assert!(!seen.headers().contains_key("authorization") && !seen.headers().contains_key("cookie"));
    assert_eq!(seen.headers()["x-plain"], "yes");
}

#[tokio::test]
async fn redirects_end_after_ten() {
    let (at, seen) = web(|_| redirect(302, "/again")).await;
    let series = first_run(&config(format!("http://{at}/"))).await;
    assert_failed(&series, "too_many_redirects", "processing");
    assert_eq!((series["probe_http_redirects"], series["probe_http_status_code"]), (11.0, 302.0));
    assert_eq!(seen.all().len() % 11, 0);
}

#[tokio::test]
async fn a_redirect_to_something_else_than_http_fails() {
    let (at, _) = web(|_| redirect(302, "ftp://files.example/")).await;
    assert_failed(&first_run(&config(format!("http://{at}/"))).await, "bad_redirect", "processing");
}

#[tokio::test]
async fn a_secret_file_that_is_gone_is_a_failure_of_its_own() {
    let (at, seen) = web(|_| answer(200, "")).await;
    let config = with(format!("http://{at}/"), |http| {
        http.authorization = Some(Authorization {
            credentials_file: Some("/nonexistent/token".into()),
            ..Authorization::default()
        });
    });
    assert_failed(&first_run(&config).await, "credentials", "processing");
    assert!(seen.all().is_empty());
}

#[tokio::test]
async fn headers_may_come_from_files_and_secret_ones_stay_at_home() {
    let (other, elsewhere) = web(|_| answer(200, "")).await;
    let there = format!("http://localhost:{}/", other.port());
    let (at, seen) = web(move |_| redirect(302, &there)).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "from a file\n").unwrap();
    let values = HeaderValues {
        values: vec!["seen".into()],
        secrets: vec![Secret::new("hidden")],
        files: vec![file.path().into()],
    };
    let config = with(format!("http://{at}/"), |http| {
        http.preferred_ip_protocol = IpProtocol::Ip4;
        http.http_headers = BTreeMap::from([("X-Many".to_owned(), values)]);
    });
    assert_succeeded(&first_run(&config).await);
    let all = |request: &http::Request<String>| {
        let values = request.headers().get_all("x-many").iter();
        values.map(|value| value.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(all(&seen.all()[0]), ["seen", "hidden", "from a file"]);
    assert_eq!(all(&elsewhere.all()[0]), ["seen"]);
}

#[tokio::test]
async fn a_body_may_come_from_a_file_that_changes() {
    let (at, seen) = web(|_| answer(200, "")).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "first").unwrap();
    let config = with(format!("http://{at}/"), |http| {
        http.method = "POST".into();
        http.body_file = Some(file.path().into());
    });
    let running = Running::new(&config);
    assert_succeeded(&running.after_runs(1.0).await);
    std::fs::write(file.path(), "then").unwrap();
    running.after_runs(3.0).await;
    assert_eq!((seen.all()[0].body().as_str(), seen.all()[2].body().as_str()), ("first", "then"));
    drop(file);
    assert_failed(&running.after_runs(5.0).await, "credentials", "processing");
}

/// Fetches tokens from `tokens` for `url`.
fn with_tokens(url: String, tokens: std::net::SocketAddr) -> crate::probes::Config {
    with(url, |http| {
        http.oauth2 = Some(OAuth2 {
            client_id: "me".into(),
            client_secret: Some(Secret::new("p&w")),
            scopes: vec!["read".into(), "write".into()],
            token_url: format!("http://{tokens}/token"),
            endpoint_params: BTreeMap::from([("audience".to_owned(), Secret::new("us"))]),
            ..OAuth2::default()
        });
    })
}

#[tokio::test]
async fn a_token_is_fetched_once_and_sent_until_it_is_refused() {
    let (tokens, asked) = web(|_| answer(200, r#"{"access_token": "t0ken", "expires_in": 60}"#)).await;
    let (at, seen) = web(|request| answer(if request.uri().path() == "/old" { 401 } else { 200 }, "")).await;
    let series = Running::new(&with_tokens(format!("http://{at}/"), tokens)).after_runs(3.0).await;
    assert_succeeded(&series);
    assert_eq!(seen.all()[2].headers()["authorization"], "Bearer t0ken");
    let asked_once = asked.all();
    assert_eq!(asked_once.len(), 1);
    assert_eq!(asked_once[0].headers()["authorization"], "Basic bWU6cCUyNnc=");
    assert_eq!(asked_once[0].body(), "grant_type=client_credentials&scope=read+write&audience=us");
    let refused = Running::new(&with_tokens(format!("http://{at}/old"), tokens)).after_runs(3.0).await;
    assert_failed(&refused, "http_status", "processing");
    assert!(asked.all().len() >= 4, "asked again after each refusal");
}

#[tokio::test]
async fn a_client_may_have_to_name_itself_in_the_body() {
    let (tokens, _) = web(|request| match request.body().contains("client_id=me&client_secret=p%26w") {
        true => answer(200, r#"{"access_token": "t"}"#),
        false => answer(401, ""),
    })
    .await;
    let (at, _) = web(|_| answer(200, "")).await;
    assert_succeeded(&first_run(&with_tokens(format!("http://{at}/"), tokens)).await);
}

#[tokio::test]
async fn a_token_that_is_not_to_be_had_is_a_failure_of_its_own() {
    let (at, seen) = web(|_| answer(200, "")).await;
    let (tokens, _) = web(|_| answer(403, "")).await;
    assert_failed(&first_run(&with_tokens(format!("http://{at}/"), tokens)).await, "credentials", "login");
    let config = crate::probes::Config {
        timeout: vigie_pipeline::units::HumanDuration::millis(150),
        ..with_tokens(format!("http://{at}/"), super::servers::silent().await)
    };
    assert_failed(&first_run(&config).await, "credentials", "login");
    assert!(seen.all().is_empty());
}
