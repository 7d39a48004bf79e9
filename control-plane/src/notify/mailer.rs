//! Mail by SMTP. The only place that names lettre.

use std::time::Duration;

use lettre::{
    Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
        extension::ClientId,
    },
};
use muster_base::{ExposeSecret, LetterId, SecretString};

use super::template::Words;
use crate::{
    config::{MailConfig, MailSecurity},
    error::chain,
};

/// For each of the server's answers.
const ANSWER: Duration = Duration::from_secs(20);
/// For the whole conversation; ends before a claim does.
const WHOLE: Duration = Duration::from_mins(1);
/// What is kept of a server's words.
const WORDS: usize = 300;

/// Why something was not sent, in words for an administrator.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The server's: whatever else waits would meet it, too.
    Server(String),
    /// This letter's, and it may pass.
    Later(String),
    /// This letter's, for good.
    Refused(String),
}

/// A connection to nowhere yet, with everything that it needs.
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Mailer {
    /// By these settings; says which of them can't be used.
    pub(super) async fn new(config: &MailConfig) -> Result<Self, String> {
        let from: Mailbox = config
            .from
            .parse()
            .map_err(|_| "[mail] from is not an address: write `Muster <muster@example.com>`".to_owned())?;
        let port = config.port.unwrap_or(match config.security {
            MailSecurity::None => 25,
            MailSecurity::Starttls => 587,
            MailSecurity::Tls => 465,
        });
        let tls = match config.security {
            MailSecurity::None => Tls::None,
            MailSecurity::Starttls => Tls::Required(tls(config).await?),
            MailSecurity::Tls => Tls::Wrapper(tls(config).await?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&config.host)
            .port(port)
            .tls(tls)
            .timeout(Some(ANSWER));
        if let Some(name) = own_name() {
            builder = builder.hello_name(ClientId::Domain(name));
        }
        if let Some(username) = &config.username {
            let password = password(config)
                .await?
                .ok_or("[mail] has a username and no password")?;
            let password = password.expose_secret().to_owned();
            builder = builder.credentials(Credentials::new(username.clone(), password));
        }
        Ok(Self {
            transport: builder.build(),
            from,
        })
    }

    /// Sends one mail.
    pub(super) async fn send(&self, id: LetterId, to: &str, words: &Words) -> Result<(), Fault> {
        let to: Address = to
            .parse()
            .map_err(|_| Fault::Refused("this is not an e-mail address".to_owned()))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(words.subject.as_str())
            // The same one however often it is sent, so that a second copy is known as one.
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .header(ContentType::TEXT_PLAIN)
            .header(AutoSubmitted)
            .body(words.text.expose_secret().to_owned())
            .map_err(|error| Fault::Refused(told(&error)))?;
        match tokio::time::timeout(WHOLE, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(fault(&error)),
            Err(_) => Err(Fault::Server("the mail server takes too long".to_owned())),
        }
    }
}

async fn tls(config: &MailConfig) -> Result<TlsParameters, String> {
    let mut builder = TlsParameters::builder(config.host.clone());
    if let Some(path) = &config.ca_file {
        let unusable = |why: String| format!("[mail] ca_file {} can't be used: {why}", path.display());
        let pem = tokio::fs::read(path)
            .await
            .map_err(|error| unusable(told(&error)))?;
        let certificate = Certificate::from_pem(&pem).map_err(|error| unusable(told(&error)))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder
        .build_rustls()
        .map_err(|error| format!("TLS can't be used: {}", told(&error)))
}

async fn password(config: &MailConfig) -> Result<Option<SecretString>, String> {
    let Some(path) = &config.password_file else {
        return Ok(config.password.clone());
    };
    let text = tokio::fs::read_to_string(path)
        .await
        .map_err(|error| format!("[mail] password_file {} can't be read: {error}", path.display()))?;
    Ok(Some(SecretString::from(text.trim_end_matches(['\r', '\n']))))
}

/// What we call ourselves.
fn own_name() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

fn fault(error: &lettre::transport::smtp::Error) -> Fault {
    let words = told(error);
    let Some(status) = error.status() else {
        return Fault::Server(words);
    };
    match u16::from(status) {
        421 => Fault::Server(words),
        // The mailbox is not there, elsewhere, full or has an impossible name.
        550..=553 | 556 => Fault::Refused(words),
        400..=499 => Fault::Later(words),
        _ => Fault::Server(words),
    }
}

/// The first of the server's words, on one line.
fn told(error: &dyn std::error::Error) -> String {
    let words = chain(error);
    let plain = words.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(WORDS).collect()
}

/// Says that nobody wrote this by hand, so that no absence note is sent back.
#[derive(Debug, Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
