use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, IsCa, KeyPair};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use vigie_pipeline::receipt::Fate;

use crate::otlp::config::{Config, Tls};
use crate::otlp::rig::{Receiver, Rig, config};

/// An authority, and a directory for what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { issuer, directory: tempfile::tempdir().unwrap() };
        authority.write("ca.pem", &authority.issuer.pem());
        authority
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory.path().join(name), text).unwrap();
    }

    fn tls(&self) -> Tls {
        Tls { ca_file: Some(self.directory.path().join("ca.pem").into()), ..Tls::default() }
    }

    /// A certificate for `name` and its key.
    fn sign(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.issuer);
        (certificate.unwrap(), key)
    }

    /// A receiver that shows a certificate for `name`, and wants one of this authority where `mutual`.
    async fn receiver(&self, name: &str, mutual: bool) -> Receiver {
        let (certificate, key) = self.sign(name);
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        Receiver::start_tls(TlsAcceptor::from(Arc::new(config))).await
    }
}

fn with_tls(receiver: &Receiver, tls: Tls) -> Config {
    Config { tls, ..config(&format!("https://127.0.0.1:{}", receiver.port)) }
}

async fn arrives(mut receiver: Receiver, tls: Tls) {
    let mut rig = Rig::new();
    let (_stopper, _running) = rig.run(&with_tls(&receiver, tls));
    rig.offer(1, &["x"]).await;
    assert_eq!(receiver.next().await.lines(), ["x"]);
    assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::DELIVERED);
    assert_eq!(rig.events("retried"), 0.0);
}

/// Nothing is sent, and the phase that failed is told.
async fn is_not_trusted(mut receiver: Receiver, tls: Tls, phase: &str) {
    let rig = Rig::new();
    let (_stopper, _running) = rig.run(&with_tls(&receiver, tls));
    rig.offer(1, &["x"]).await;
    while rig.connection_errors(phase) < 2.0 {
        tokio::task::yield_now().await;
    }
    assert!(receiver.got.try_recv().is_err());
    assert_eq!((rig.events("delivered"), rig.events("dropped")), (0.0, 0.0));
}

#[tokio::test]
async fn a_receiver_that_the_authority_vouches_for_is_trusted() {
    let authority = Authority::new();
    arrives(authority.receiver("127.0.0.1", false).await, authority.tls()).await;
}

#[tokio::test]
async fn a_receiver_that_another_authority_vouches_for_gets_nothing() {
    let receiver = Authority::new().receiver("127.0.0.1", false).await;
    is_not_trusted(receiver, Authority::new().tls(), "tls").await;
}

#[tokio::test]
async fn a_receiver_under_another_name_gets_nothing_unless_the_name_is_expected() {
    let authority = Authority::new();
    is_not_trusted(authority.receiver("otlp.example", false).await, authority.tls(), "tls").await;
    let tls = Tls { server_name: Some("otlp.example".into()), ..authority.tls() };
    arrives(authority.receiver("otlp.example", false).await, tls).await;
}

#[tokio::test]
async fn whoever_answers_is_trusted_when_told_so() {
    let receiver = Authority::new().receiver("otlp.example", false).await;
    arrives(receiver, Tls { insecure_skip_verify: true, ..Tls::default() }).await;
}

#[tokio::test]
async fn the_agent_shows_its_certificate_where_one_is_wanted() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign("agent");
    authority.write("cert.pem", &certificate.pem());
    authority.write("key.pem", &key.serialize_pem());
    let file = |name: &str| Some(authority.directory.path().join(name).into());
    let tls = Tls { cert_file: file("cert.pem"), key_file: file("key.pem"), ..authority.tls() };
    arrives(authority.receiver("127.0.0.1", true).await, tls).await;
    // With TLS 1.3 the refusal comes after the handshake, as the answer to the first request.
    is_not_trusted(authority.receiver("127.0.0.1", true).await, authority.tls(), "wait").await;
}

/// A pair of files for `name`, which this authority vouches for.
fn write_pair(authority: &Authority, name: &str) {
    let (certificate, key) = authority.sign(name);
    authority.write("cert.pem", &certificate.pem());
    authority.write("key.pem", &key.serialize_pem());
}

#[tokio::test]
async fn a_renewed_certificate_is_used_by_the_next_connection_and_a_broken_one_is_not() {
    let (old, new) = (Authority::new(), Authority::new());
    write_pair(&old, "agent");
    let file = |name: &str| Some(old.directory.path().join(name).into());
    let tls = Tls { cert_file: file("cert.pem"), key_file: file("key.pem"), ..old.tls() };
    let mut rig = Rig::new();
    let mut receiver = old.receiver("127.0.0.1", true).await;
    let (_stopper, _running) = rig.run(&with_tls(&receiver, tls));
    let reads = |rig: &Rig, outcome: &str| {
        let labels = format!("exporter=\"default\",outcome=\"{outcome}\"");
        rig.metric("vigie_export_certificate_reads_total", &labels)
    };
    let mut token = 0;
    let mut arrives = async |rig: &mut Rig, receiver: &mut Receiver| {
        token += 1;
        receiver.hang_up().await;
        rig.offer(token, &["x"]).await;
        receiver.next().await;
        assert_eq!(rig.outlet.settled.recv().await.unwrap().fate, Fate::DELIVERED);
    };
    arrives(&mut rig, &mut receiver).await;
    assert_eq!((reads(&rig, "used"), reads(&rig, "failed")), (0.0, 0.0));
    // A key that does not fit, and half a file.
    old.write("key.pem", &KeyPair::generate().unwrap().serialize_pem());
    arrives(&mut rig, &mut receiver).await;
    arrives(&mut rig, &mut receiver).await;
    assert_eq!((reads(&rig, "used"), reads(&rig, "failed")), (0.0, 1.0));
    write_pair(&old, "agent");
    arrives(&mut rig, &mut receiver).await;
    assert_eq!(reads(&rig, "used"), 1.0);
    // Another authority altogether: whom it vouches for is trusted from now on, and nobody else.
    old.write("ca.pem", &new.issuer.pem());
    receiver.hang_up().await;
    rig.offer(99, &["x"]).await;
    while rig.connection_errors("tls") < 1.0 {
        tokio::task::yield_now().await;
    }
    old.write("ca.pem", &old.issuer.pem());
    assert_eq!(rig.outlet.settled.recv().await.unwrap().token, 99);
}
