//! TLS, good and bad.

use super::certificates::{Authority, Identity};
use super::rig::{Series, assert_failed, assert_succeeded, first_run, phase, with};
use super::servers::{answer, redirect, secure, web};
use crate::probes::Config;

const HTTP: &[&[u8]] = &[b"http/1.1"];
const BOTH: &[&[u8]] = &[b"h2", b"http/1.1"];

/// 1 January of some years in Unix time.
const Y2020: f64 = 1_577_836_800.0;
const Y2070: f64 = 3_155_760_000.0;

fn trusting(url: String, authority: &Authority) -> Config {
    with(url, |http| http.tls_config.ca_file = Some(authority.file.path().into()))
}

/// The label of the one series of this name.
fn labels<'a>(series: &'a Series, name: &str) -> &'a str {
    let mut found = series.keys().filter_map(|key| key.strip_prefix(name)?.strip_prefix('{'));
    let labels = found.next().unwrap_or_else(|| panic!("no {name}: {series:#?}"));
    assert_eq!(found.next(), None);
    labels.trim_end_matches('}')
}

#[tokio::test]
async fn a_trusted_certificate_is_described() {
    let authority = Authority::new();
    let leaf = authority.issue(&["localhost", "shop.example", "127.0.0.1"], 2020, 2070);
    let (at, _) = secure(leaf.server(HTTP), |_| answer(200, "secret")).await;
    let series = first_run(&trusting(format!("https://{at}/"), &authority)).await;
    assert_succeeded(&series);
    assert_eq!((series["probe_http_ssl"], series["probe_http_version"]), (1.0, 1.1));
    assert_eq!(series["probe_ssl_earliest_cert_expiry"], Y2070);
    assert_eq!(series["probe_ssl_last_chain_expiry_timestamp_seconds"], Y2070);
    assert_eq!(labels(&series, "probe_tls_version_info"), "version=TLS 1.3");
    assert_eq!(labels(&series, "probe_tls_cipher_info"), "cipher=TLS_AES_128_GCM_SHA256");
    let info = labels(&series, "probe_ssl_last_chain_info");
    assert!(info.contains("issuer=CN=Test CA"), "{info}");
    assert!(info.contains("serialnumber=0abc,"), "{info}");
    assert!(info.ends_with("subjectalternative=localhost,shop.example"), "{info}");
    let fingerprint = info.split_once("fingerprint_sha256=").unwrap().1.split_once(',').unwrap().0;
    assert!(fingerprint.len() == 64 && fingerprint.bytes().all(|b| b.is_ascii_hexdigit()));
    assert!(phase(&series, "tls") > 0.0);
}

#[tokio::test]
async fn http_2_is_spoken_where_both_can() {
    let authority = Authority::new();
    let leaf = authority.issue(&["127.0.0.1"], 2020, 2070);
    let (at, seen) = secure(leaf.server(BOTH), |_| answer(200, "hello")).await;
    let url = format!("https://{at}/x?y");
    let series = first_run(&trusting(url.clone(), &authority)).await;
    assert_succeeded(&series);
    assert_eq!((series["probe_http_version"], series["probe_http_uncompressed_body_length"]), (2.0, 5.0));
    assert!(phase(&series, "processing") > 0.0 && phase(&series, "transfer") > 0.0);
    assert_eq!(seen.all()[0].uri().to_string(), url);
    let mut old = trusting(url, &authority);
    old.http.as_mut().unwrap().enable_http2 = false;
    assert_eq!(first_run(&old).await["probe_http_version"], 1.1);
}

#[tokio::test]
async fn an_expired_certificate_still_tells_its_expiry() {
    let authority = Authority::new();
    let leaf = authority.issue(&["127.0.0.1"], 2010, 2020);
    let (at, _) = secure(leaf.server(HTTP), |_| answer(200, "")).await;
    let series = first_run(&trusting(format!("https://{at}/"), &authority)).await;
    assert_failed(&series, "tls_expired", "tls");
    assert_eq!(series["probe_ssl_earliest_cert_expiry"], Y2020);
    assert!(labels(&series, "probe_ssl_last_chain_info").contains("subject=CN=leaf"));
    assert_eq!(series["probe_http_ssl"], 0.0);
}

#[tokio::test]
async fn each_fault_of_a_certificate_has_its_reason() {
    let (authority, other) = (Authority::new(), Authority::new());
    for (leaf, reason) in [
        (authority.issue(&["127.0.0.1"], 2080, 2085), "tls_not_yet_valid"),
        (authority.issue(&["shop.example"], 2020, 2070), "tls_wrong_host"),
        (other.issue(&["127.0.0.1"], 2020, 2070), "tls_untrusted"),
        (Identity::self_signed("127.0.0.1"), "tls_untrusted"),
    ] {
        let (at, seen) = secure(leaf.server(HTTP), |_| answer(200, "")).await;
        let series = first_run(&trusting(format!("https://{at}/"), &authority)).await;
        assert_failed(&series, reason, "tls");
        assert!(series.contains_key("probe_ssl_earliest_cert_expiry"), "{reason}");
        assert!(seen.all().is_empty(), "{reason}");
    }
}

#[tokio::test]
async fn a_certificate_that_is_trusted_by_name_needs_no_authority() {
    let own = Identity::self_signed("127.0.0.1");
    let (file, _) = own.files();
    let (at, _) = secure(own.server(HTTP), |_| answer(200, "")).await;
    let named = |host| {
        with(format!("https://{at}/"), |http| {
            http.tls_config.ca_file = Some(file.path().into());
            http.tls_config.server_name = Some(host);
        })
    };
    let series = first_run(&named("127.0.0.1".to_owned())).await;
    assert_succeeded(&series);
    assert_eq!(
        series["probe_ssl_last_chain_expiry_timestamp_seconds"],
        series["probe_ssl_earliest_cert_expiry"]
    );
    assert_failed(&first_run(&named("other.example".to_owned())).await, "tls_wrong_host", "tls");
}

#[tokio::test]
async fn whoever_trusts_all_has_no_verified_chain() {
    let leaf = Authority::new().issue(&["nobody.example"], 2010, 2020);
    let (at, _) = secure(leaf.server(HTTP), |_| answer(200, "")).await;
    let series =
        first_run(&with(format!("https://{at}/"), |http| http.tls_config.insecure_skip_verify = true)).await;
    assert_succeeded(&series);
    assert_eq!(series["probe_ssl_earliest_cert_expiry"], Y2020);
    // Go's zero time, as upstream has it.
    assert_eq!(series["probe_ssl_last_chain_expiry_timestamp_seconds"], -62_135_596_800.0);
}

#[tokio::test]
async fn a_server_may_demand_a_certificate() {
    let authority = Authority::new();
    let server = authority.issue(&["127.0.0.1"], 2020, 2070);
    let (at, _) = secure(authority.mutual(&server), |_| answer(200, "")).await;
    let url = format!("https://{at}/");
    let (certificate, key) = authority.issue(&["client"], 2020, 2070).files();
    let mut config = trusting(url.clone(), &authority);
    let tls = &mut config.http.as_mut().unwrap().tls_config;
    tls.cert_file = Some(certificate.path().into());
    tls.key_file = Some(key.path().into());
    assert_succeeded(&first_run(&config).await);
    // In TLS 1.3 the server's refusal comes after the client's side of the handshake has ended.
    let series = first_run(&trusting(url, &authority)).await;
    assert_failed(&series, "tls_handshake", "processing");
}

#[tokio::test]
async fn a_plain_target_may_redirect_to_one_with_tls() {
    let authority = Authority::new();
    let leaf = authority.issue(&["127.0.0.1"], 2020, 2070);
    let (secure_at, _) = secure(leaf.server(HTTP), |_| answer(200, "")).await;
    let to = format!("https://{secure_at}/");
    let (at, _) = web(move |_| redirect(301, &to)).await;
    let mut config = trusting(format!("http://{at}/"), &authority);
    let series = first_run(&config).await;
    assert_succeeded(&series);
    assert_eq!((series["probe_http_ssl"], series["probe_http_redirects"]), (1.0, 1.0));
    config.http.as_mut().unwrap().fail_if_ssl = true;
    assert_failed(&first_run(&config).await, "tls_forbidden", "tls");
}
