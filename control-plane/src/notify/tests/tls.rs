//! What is sent only to who it is for: TLS, and signing in at the server.

use std::sync::Arc;

use muster_base::UnixMs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::{
    super::{
        Language, Template,
        mailer::{Fault, Mailer},
    },
    peer::PostOffice,
};
use crate::config::{MailConfig, MailSecurity};

/// A server with a certificate for `name`, and the file of who issued it.
async fn with_certificate(name: &str) -> (PostOffice, tempfile::NamedTempFile) {
    let issued = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), issued.cert.pem()).unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(issued.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![issued.cert.der().clone()], key)
        .unwrap();
    (PostOffice::open_with(Some(Arc::new(config))).await, file)
}

async fn send(config: &MailConfig) -> Result<(), Fault> {
    let mailer = Mailer::new(config).await.map_err(Fault::Server)?;
    let parameters = [("by".to_owned(), "root".to_owned())].into();
    let words = Template::Test.words(Language::En, &parameters, None).unwrap();
    let id = muster_base::Clock::manual(UnixMs(0)).new_id();
    mailer.send(id, "nora@example.org", &words).await
}

#[tokio::test]
async fn a_certificate_of_one_s_own_ca_is_believed_and_the_password_goes_inside() {
    let (office, ca) = with_certificate("localhost").await;
    let password = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(password.path(), "planted\n").unwrap();
    let mut config = MailConfig {
        host: "localhost".to_owned(),
        security: MailSecurity::Starttls,
        username: Some("muster".to_owned()),
        password_file: Some(password.path().to_owned()),
        ca_file: Some(ca.path().to_owned()),
        ..office.config()
    };
    send(&config).await.unwrap();
    let mail = office.mails().remove(0);
    // base64 of NUL muster NUL planted
    assert!(mail.auth.unwrap().ends_with("AG11c3RlcgBwbGFudGVk"));

    config.ca_file = None;
    let fault = send(&config).await.unwrap_err();
    assert!(
        matches!(&fault, Fault::Server(why) if !why.contains("planted")),
        "{fault:?}"
    );
    assert_eq!(office.mails().len(), 1, "an unknown issuer is not believed");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_believed() {
    let (office, ca) = with_certificate("mail.example.org").await;
    let config = MailConfig {
        host: "localhost".to_owned(),
        security: MailSecurity::Starttls,
        ca_file: Some(ca.path().to_owned()),
        ..office.config()
    };
    assert!(matches!(send(&config).await, Err(Fault::Server(_))));
    assert!(office.mails().is_empty());
}

#[tokio::test]
async fn a_server_that_can_t_do_tls_gets_nothing() {
    let office = PostOffice::open().await;
    let config = MailConfig {
        security: MailSecurity::Starttls,
        username: Some("muster".to_owned()),
        password: Some("planted".into()),
        ..office.config()
    };
    assert!(matches!(send(&config).await, Err(Fault::Server(_))));
    assert!(office.mails().is_empty() && office.calls() == 1);
}

#[tokio::test]
async fn settings_that_can_t_be_used_say_which() {
    let office = PostOffice::open().await;
    let config = MailConfig {
        from: "nobody".to_owned(),
        ..office.config()
    };
    assert!(matches!(send(&config).await, Err(Fault::Server(why)) if why.contains("from")));
    let config = MailConfig {
        username: Some("muster".to_owned()),
        password_file: Some("/nowhere".into()),
        ..office.config()
    };
    assert!(matches!(send(&config).await, Err(Fault::Server(why)) if why.contains("/nowhere")));
}
