#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

fn now() -> Timestamp {
    "2026-01-10T03:00:00Z".parse().unwrap()
}

async fn ask(method: &str, uri: &str, body: &[u8]) -> Result<Asked, Refusal> {
    let request = Request::builder().method(method).uri(uri);
    read(request.body(Full::new(Bytes::copy_from_slice(body))).unwrap(), now()).await
}

async fn what(uri: &str) -> What {
    let Ok(Asked::CheckIn(check_in)) = ask("GET", uri, b"").await else { panic!("{uri}") };
    assert_eq!((check_in.job.as_str(), check_in.at), ("backup", now()));
    check_in.what
}

fn ended(code: u8, output: Option<&str>) -> What {
    let output = output.map(str::to_owned);
    What::End(Ending { exit: Exit::Code(code), duration: None, peak_memory: None, output })
}

#[tokio::test]
async fn a_path_says_what_has_happened() {
    assert_eq!(what("/ping/backup").await, ended(0, None));
    assert_eq!(what("/ping/backup/").await, ended(0, None));
    assert_eq!(what("/ping/backup/start").await, What::Start);
    assert_eq!(what("/ping/backup/fail").await, ended(1, None));
    assert_eq!(what("/ping/backup/0").await, ended(0, None));
    assert_eq!(what("/ping/backup/255?x=1").await, ended(255, None));
}

#[tokio::test]
async fn a_body_is_its_last_lines_and_a_parameter_its_max_age() {
    let Ok(Asked::CheckIn(check_in)) = ask("POST", "/ping/a/3?rid=1&max_age=26h", b"token=x\n").await else {
        panic!("taken in")
    };
    assert_eq!(check_in.what, ended(3, Some("token=<redacted>")));
    assert_eq!(check_in.max_age, Some(Duration::from_secs(26 * 3600)));
    assert!(matches!(ask("DELETE", "/ping/a", b"").await, Ok(Asked::Forget(_))));
}

#[tokio::test]
async fn what_is_not_understood_is_told_with_what_to_try() {
    for (method, uri, status, says) in [
        ("GET", "/ping", 404, "try /ping/<job>"),
        ("GET", "/pong/a", 404, "try /ping/<job>"),
        ("GET", "/ping/a/stop", 404, "try /ping/<job>"),
        ("GET", "/ping/a/256", 404, "0 to 255"),
        ("GET", "/ping/a/-1", 404, "0 to 255"),
        ("GET", "/ping/a/+1", 404, "0 to 255"),
        ("GET", "/ping/a/start/x", 404, "try /ping/<job>"),
        ("GET", "/ping/", 400, "``: not the name of a job"),
        ("GET", "/ping/a%20b", 400, "up to 64 letters"),
        ("GET", "/ping/a?max_age=tomorrow", 400, "max_age: "),
        ("GET", "/ping/a?max_age=0s", 400, "not between"),
        ("PUT", "/ping/a", 405, "GET, HEAD, POST"),
        ("DELETE", "/ping/a/start", 405, "GET"),
        ("GET", "/report", 405, "POST"),
        ("POST", "/report", 400, "not a report"),
        ("GET", "/", 200, "/ping/<job>/start"),
    ] {
        let refusal = ask(method, uri, b"").await.unwrap_err();
        let answer = refusal.response();
        assert_eq!(answer.status().as_u16(), status, "{uri}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(body.contains(says) && body.ends_with('\n'), "{uri}: {body}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_bound_is_refused() {
    assert!(ask("POST", "/ping/a", &vec![b'x'; MAX_BODY]).await.is_ok());
    let refused = ask("POST", "/ping/a", &vec![b'x'; MAX_BODY + 1]).await.unwrap_err();
    assert_eq!(refused, Refusal::TooLarge(MAX_BODY));
    assert_eq!(
        ask("POST", "/report", &vec![b'x'; MAX_REPORT + 1]).await.unwrap_err(),
        Refusal::TooLarge(MAX_REPORT)
    );
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_check_in() {
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "http://evil.example")] {
        let request = Request::get("/ping/a").header(name, value).body(Full::new(Bytes::new())).unwrap();
        assert_eq!(read(request, now()).await.unwrap_err(), Refusal::Browser);
    }
    let typed =
        Request::get("/ping/a").header("sec-fetch-site", "none").body(Full::new(Bytes::new())).unwrap();
    assert!(read(typed, now()).await.is_ok());
}

proptest! {
    #[test]
    fn any_path_is_answered(path in "/[ping/a-c0-9.%_-]{0,30}|/ping/[a-z]{1,3}/[0-9]{0,4}", body in prop::collection::vec(any::<u8>(), 0..64)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        match runtime.block_on(ask("POST", &path, &body)) {
            Ok(Asked::CheckIn(check_in)) => prop_assert!(path.contains(check_in.job.as_str())),
            Ok(Asked::Forget(_)) => prop_assert!(false, "a POST forgets nothing"),
            Err(refusal) => prop_assert!(!refusal.response().status().is_server_error()),
        }
    }
}
