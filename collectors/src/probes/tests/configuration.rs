//! What is wrong with a configuration is said, and nothing in one is a panic.

use proptest::prelude::*;
use vigie_pipeline::budget::Budget;
use vigie_pipeline::check::{KeyPath, problems};
use vigie_pipeline::clock::Clock;
use vigie_pipeline::plug::Surroundings;

use crate::probes::command::Allowed;
use crate::probes::{Config, recipes};

fn read(json: &str) -> Config {
    serde_json::from_str(json).unwrap()
}

fn mistakes(json: &str) -> Vec<String> {
    problems(KeyPath::default().key("probe"), &read(json))
        .iter()
        .map(|problem| format!("{}: {}", problem.path, problem.what))
        .collect()
}

fn surroundings() -> Surroundings {
    Surroundings::new(std::env::temp_dir(), Clock::system(), Budget::new(1 << 20))
}

#[test]
fn a_name_and_a_url_are_enough() {
    let json = r#"{"name": "home", "http": {"url": "https://shop.example"}}"#;
    assert_eq!(mistakes(json), [""; 0]);
    let config = read(json);
    assert_eq!((config.interval.0.as_secs(), config.timeout.0.as_secs()), (15, 5));
    assert_eq!((config.retries, config.trace), (0, false));
}

#[test]
fn a_probe_needs_a_name_and_a_kind() {
    assert_eq!(
        mistakes("{}"),
        ["probe.name: required", "probe: no kind of probe given: write for example `http: { url: … }`"]
    );
    assert!(serde_json::from_str::<Config>(r#"{"name": "x", "gopher": {}}"#).is_err());
}

#[test]
fn every_mistake_is_reported_at_its_place() {
    let json = r#"{
        "name": "home", "interval": "0", "retries": 1000,
        "http": {
            "url": "ftp://shop.example", "method": "GE T", "headers": {"a b": "x", "content-length": "1", "ok": "a\nb"},
            "valid_status_codes": [20, 200], "valid_http_versions": ["2"],
            "fail_if_ssl": true, "fail_if_not_ssl": true, "fail_if_body_matches_regexp": ["fine", "("],
            "tls_config": {"ca_file": "/nonexistent/ca.pem", "key_file": "/nonexistent/key.pem", "server_name": "a b"},
            "basic_auth": {"username": "a:b", "password": "x", "password_file": "y"},
            "authorization": {"type": "Basic"}
        }
    }"#;
    let places: Vec<String> =
        mistakes(json).iter().map(|m| m.split_once(": ").unwrap().0.replace("probe.", "")).collect();
    assert_eq!(
        places,
        [
            "http.url",
            "http.method",
            "http.headers.a b",
            "http.headers.content-length",
            "http.headers.ok",
            "http.valid_status_codes[0]",
            "http.valid_http_versions[0]",
            "http.fail_if_not_ssl",
            "http.fail_if_body_matches_regexp[1]",
            "http.tls_config.ca_file",
            "http.tls_config.key_file",
            "http.tls_config.server_name",
            "http.basic_auth.username",
            "http.basic_auth.password_file",
            "http.authorization.type",
            "http.authorization",
            "http.authorization",
            "interval",
            "retries",
        ]
    );
}

#[test]
fn a_bad_secret_is_not_quoted() {
    let json = r#"{"name": "x", "http": {"url": "http://a", "headers": {"x-key": "hush\n"},
        "authorization": {"credentials": "hush\n"}}}"#;
    let told = mistakes(json);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|mistake| !mistake.contains("hush")), "{told:?}");
    assert!(!format!("{:?}", read(json)).contains("hush"));
}

proptest! {
    /// What passes the check can be built; what does not is an error there as well, never a panic.
    #[test]
    fn any_configuration_is_refused_or_built(
        url in "\\PC{0,40}|https?://[a-z0-9.:]{1,20}/\\PC{0,20}", method in "[A-Z]{1,8}|\\PC{0,5}",
        name in "[a-zA-Z-]{1,12}|\\PC{0,6}", value in "\\PC{0,12}|[ -~]{0,12}",
        regex in "\\PC{0,12}|[a-z.*+?()\\[\\]]{0,10}", code in any::<u16>(),
    ) {
        let mut config = Config { name: "x".into(), http: Some(Default::default()), ..Config::default() };
        let http = config.http.as_mut().unwrap();
        http.url = url;
        http.method = method;
        http.headers.insert(name, vigie_pipeline::secret::Secret::new(value));
        http.fail_if_body_matches_regexp.push(regex);
        http.valid_status_codes.push(code);
        // The roots of the system are read once for each TLS target: not what this is about.
        http.tls_config.insecure_skip_verify = true;
        let wrong = problems(KeyPath::default(), &config);
        let built = recipes(&[config], |_| Ok(Vec::new()), &Allowed::default())[0].build(&surroundings());
        if wrong.is_empty() {
            prop_assert!(built.is_ok());
        }
    }
}
