//! A mail server for tests: SMTP spoken over a real socket, in any of the ways in which servers disappoint.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::config::{MailConfig, MailSecurity};

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Takes everything.
    Takes,
    /// Takes the connection and says nothing.
    Hangs,
    /// Answers the recipient with this.
    Answers(&'static str),
    /// Wants nobody, from the greeting on.
    Greets(&'static str),
    /// Closes the connection in the middle of the mail.
    DiesInTheMiddle,
    /// Takes the mail and dies before it says so.
    DiesBeforeItSaysSo,
}

/// A mail that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) to: String,
    /// Header and body, decoded.
    pub(crate) text: String,
    /// Who signed in, as it was sent.
    pub(crate) auth: Option<String>,
}

/// The server.
pub(crate) struct PostOffice {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: CancellationToken,
}

struct Shared {
    manner: Mutex<Manner>,
    starttls: bool,
    mails: watch::Sender<Vec<Mail>>,
    /// Connections so far.
    calls: watch::Sender<usize>,
    tls: Option<Arc<rustls::ServerConfig>>,
}

impl PostOffice {
    pub(crate) async fn open() -> Self {
        Self::open_with(None).await
    }

    /// With a certificate it offers STARTTLS.
    pub(crate) async fn open_with(tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            manner: Mutex::new(Manner::Takes),
            starttls: tls.is_some(),
            mails: watch::Sender::new(Vec::new()),
            calls: watch::Sender::new(0),
            tls,
        });
        let stop = CancellationToken::new();
        let (serving, stopped) = (Arc::clone(&shared), stop.clone());
        TaskTracker::new().spawn(stopped.run_until_cancelled_owned(async move {
            let tasks = TaskTracker::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                serving.calls.send_modify(|calls| *calls += 1);
                let serving = Arc::clone(&serving);
                tasks.spawn(async move {
                    // A client that hangs up is the client's affair.
                    serve(stream, &serving).await.ok();
                });
            }
        }));
        Self {
            address,
            shared,
            stop,
        }
    }

    pub(crate) fn config(&self) -> MailConfig {
        MailConfig {
            host: self.address.ip().to_string(),
            port: Some(self.address.port()),
            security: MailSecurity::None,
            username: None,
            password: None,
            password_file: None,
            from: "Muster <muster@example.org>".to_owned(),
            ca_file: None,
        }
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.shared.manner.lock().unwrap() = manner;
    }

    /// Nobody listens any more.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }

    /// How many connections there were.
    pub(crate) fn calls(&self) -> usize {
        *self.shared.calls.borrow()
    }

    /// The mails so far.
    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.shared.mails.borrow().clone()
    }

    /// The mails to this address, once there are so many.
    pub(crate) async fn wait_for(&self, to: &str, count: usize) -> Vec<Mail> {
        let mut mails = self.shared.mails.subscribe();
        let of =
            |mails: &Vec<Mail>| -> Vec<Mail> { mails.iter().filter(|mail| mail.to == to).cloned().collect() };
        let arrived = tokio::time::timeout(
            Duration::from_secs(20),
            mails.wait_for(|mails| of(mails).len() >= count),
        );
        let arrived = arrived
            .await
            .unwrap_or_else(|_| panic!("no mail {count} to {to}"));
        of(&arrived.unwrap())
    }
}

impl Drop for PostOffice {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    let manner = *shared.manner.lock().unwrap();
    match manner {
        Manner::Hangs => {
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            while stream.read_line(&mut line).await? > 0 {}
            return Ok(());
        }
        Manner::Greets(greeting) => {
            let mut stream = stream;
            return stream.write_all(format!("{greeting}\r\n").as_bytes()).await;
        }
        Manner::Takes | Manner::Answers(_) | Manner::DiesInTheMiddle | Manner::DiesBeforeItSaysSo => {}
    }
    let mut plain = BufReader::new(stream);
    plain.get_mut().write_all(b"220 test ESMTP\r\n").await?;
    if !converse(&mut plain, shared, manner, shared.starttls).await? {
        return Ok(());
    }
    let tls = tokio_rustls::TlsAcceptor::from(shared.tls.clone().expect("a certificate"));
    let mut sealed = BufReader::new(tls.accept(plain.into_inner()).await?);
    converse(&mut sealed, shared, manner, false).await.map(|_| ())
}

/// Whether TLS is to begin.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    shared: &Shared,
    manner: Manner,
    starttls: bool,
) -> std::io::Result<bool> {
    let (mut to, mut auth) = (String::new(), None);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(false);
        }
        let line = line.trim_end();
        let answer = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" if starttls => "250-test\r\n250 STARTTLS",
            "EHLO" => "250-test\r\n250-8BITMIME\r\n250 AUTH PLAIN",
            "STARTTLS" => {
                stream.get_mut().write_all(b"220 go ahead\r\n").await?;
                return Ok(true);
            }
            "AUTH" => {
                auth = Some(line.to_owned());
                "235 in"
            }
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                match manner {
                    Manner::Answers(answer) => answer,
                    _ => "250 fine",
                }
            }
            "DATA" => {
                stream.get_mut().write_all(b"354 go on\r\n").await?;
                if manner == Manner::DiesInTheMiddle {
                    stream.read_line(&mut String::new()).await?;
                    return Ok(false);
                }
                let text = data(stream).await?;
                let mail = Mail {
                    to: to.clone(),
                    text,
                    auth: auth.clone(),
                };
                shared.mails.send_modify(|mails| mails.push(mail));
                if manner == Manner::DiesBeforeItSaysSo {
                    return Ok(false);
                }
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 fine",
        };
        stream
            .get_mut()
            .write_all(format!("{answer}\r\n").as_bytes())
            .await?;
    }
}

async fn data<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(decoded(&text));
        }
        text.push_str(&line);
    }
}

/// Undoes the transfer encoding of the body.
fn decoded(mail: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let (head, body) = mail.split_once("\r\n\r\n").unwrap_or((mail, ""));
    let encoding = head.to_lowercase();
    let body = if encoding.contains("transfer-encoding: base64") {
        let joined: String = body.split_whitespace().collect();
        String::from_utf8(STANDARD.decode(joined).unwrap()).unwrap()
    } else if encoding.contains("transfer-encoding: quoted-printable") {
        unquoted(body)
    } else {
        body.to_owned()
    };
    format!("{head}\r\n\r\n{body}")
}

fn unquoted(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'=' && after.len() >= 2 {
            let hex = std::str::from_utf8(&after[..2]).unwrap();
            bytes.push(u8::from_str_radix(hex, 16).unwrap());
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).unwrap()
}
