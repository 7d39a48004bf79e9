//! Those whose certificate is good, and who have gone mad; and strangers that ask to join in the same way.

use super::{REFUSED_WITHIN, Target, address};
use crate::gate::{Gate, client_config};
use crate::join::Admitted;
use anyhow::{Context as _, Result, bail};
use muster_base::random_array;
use muster_identity::certificate::PrivateKey;
use muster_identity::tls::{self, Credentials};
use muster_protocol::{
    ALPN, ALPN_JOIN, VERSIONS,
    latest::{AgentControl, Hello, HostFacts, JoinReply, JoinRequest, Report, ServerControl},
    read_frame, write_frame,
};
use quinn::{ClientConfig, Connection, RecvStream, SendStream};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

const PAUSE: Duration = Duration::from_millis(300);
/// How long something unfinished is held.
const HELD: Duration = Duration::from_secs(2);
/// More than anybody may have.
const STREAMS: usize = 64;

/// What is said where a frame is expected.
#[derive(Clone, Copy, Debug)]
enum Nonsense {
    TooLarge,
    Garbage,
    CutOff,
    /// A frame of nothing.
    Empty,
}

const NONSENSE: [Nonsense; 4] = [
    Nonsense::TooLarge,
    Nonsense::Garbage,
    Nonsense::CutOff,
    Nonsense::Empty,
];

impl Nonsense {
    fn bytes(self) -> Vec<u8> {
        let of_length = |length: u32, rest: &[u8]| [length.to_be_bytes().as_slice(), rest].concat();
        match self {
            Self::TooLarge => of_length(u32::MAX, &[0xff; 64]),
            Self::Garbage => of_length(512, &random_array::<512>()),
            Self::CutOff => of_length(1_000, &[7; 10]),
            Self::Empty => of_length(0, &[]),
        }
    }

    /// Says it; whoever is cut off ends the stream.
    async fn say(self, stream: &mut SendStream) -> Result<()> {
        stream.write_all(&self.bytes()).await?;
        if matches!(self, Self::CutOff) {
            stream.finish()?;
        }
        Ok(())
    }
}

/// What a host does that has gone mad.
#[derive(Clone, Copy, Debug)]
enum Madness {
    /// Instead of its greeting.
    AtFirst(Nonsense),
    /// After it, where it tells of itself.
    Told(Nonsense),
    /// Where it reports.
    Reported(Nonsense),
    /// Reports whose samples and rollups are none.
    NoSamples,
    /// Streams that are begun and never finished.
    Unfinished,
    /// As many streams as it can, and more.
    Streams,
}

impl Madness {
    fn all() -> impl Iterator<Item = Self> {
        let each = |of: fn(Nonsense) -> Self| NONSENSE.into_iter().map(of);
        each(Self::AtFirst)
            .chain(each(Self::Told))
            .chain(each(Self::Reported))
            .chain([Self::NoSamples, Self::Unfinished, Self::Streams])
    }

    const fn kind(self) -> &'static str {
        match self {
            Self::AtFirst(_) => "hosts without a greeting",
            Self::Told(Nonsense::TooLarge) | Self::Reported(Nonsense::TooLarge) => {
                "hosts with frames too large"
            }
            Self::Told(Nonsense::CutOff) | Self::Reported(Nonsense::CutOff) => "hosts with frames cut off",
            Self::Told(_) | Self::Reported(_) => "hosts with frames of garbage",
            Self::NoSamples => "hosts with samples that are none",
            Self::Unfinished => "hosts with streams never finished",
            Self::Streams => "hosts with too many streams",
        }
    }

    /// Whether the connection is to be ended for it.
    const fn is_refused(self) -> bool {
        !matches!(self, Self::Unfinished | Self::Streams)
    }
}

/// A host of the fleet, again and again.
pub(super) async fn mad(target: Arc<Target>, host: Admitted, number: usize) -> Result<()> {
    let gate = Gate::at(address(4, number), target.link)?;
    let config = config(&target, &host)?;
    loop {
        for madness in Madness::all() {
            let connection = gate
                .connect(config.clone())
                .await
                .context("a host is not let in")?;
            target.made(madness.kind());
            // Whatever breaks is the end that it is to have.
            let done = timeout(REFUSED_WITHIN, go_mad(&connection, &host, madness)).await;
            if done.is_err() {
                target.fault(format!("kept: {madness:?}"));
            }
            sleep(PAUSE).await;
        }
    }
}

fn config(target: &Target, host: &Admitted) -> Result<ClientConfig> {
    let credentials = Credentials {
        certificate_der: host.joined.certificate_der.clone(),
        key: PrivateKey::from_pkcs8_der(host.key.pkcs8_der())?,
        roots_der: host.joined.roots_der.clone(),
    };
    let domain = host.joined.trust_domain.parse()?;
    client_config(tls::agent_config(&credentials, &domain, &target.clock, ALPN)?)
}

/// Ends with the connection, if that is to be ended for it.
async fn go_mad(connection: &Connection, host: &Admitted, madness: Madness) -> Result<()> {
    let (mut send, mut receive) = connection.open_bi().await?;
    if !matches!(madness, Madness::AtFirst(_)) {
        greet(host, &mut send, &mut receive).await?;
    }
    match madness {
        Madness::AtFirst(nonsense) | Madness::Told(nonsense) => nonsense.say(&mut send).await?,
        Madness::Reported(nonsense) => {
            let mut reports = connection.open_uni().await?;
            nonsense.say(&mut reports).await?;
            connection.closed().await;
        }
        Madness::NoSamples => {
            let report = Report {
                samples: random_array::<700>().to_vec(),
                rollups: random_array::<700>().to_vec(),
                ..Report::default()
            };
            let mut reports = connection.open_uni().await?;
            write_frame(&mut reports, &report).await?;
            connection.closed().await;
        }
        Madness::Unfinished => {
            let (mut one, mut two) = (connection.open_uni().await?, connection.open_uni().await?);
            let (mut bytes, _answer) = connection.open_bi().await?;
            for stream in [&mut one, &mut two, &mut bytes] {
                stream.write_all(&500_000_u32.to_be_bytes()).await?;
                stream.write_all(&[1; 10_000]).await?;
            }
            sleep(HELD).await;
        }
        Madness::Streams => {
            let mut streams = Vec::new();
            let many = async {
                while streams.len() < STREAMS {
                    let mut stream = connection.open_uni().await?;
                    stream.write_all(&[0, 0]).await?;
                    streams.push(stream);
                }
                anyhow::Ok(())
            };
            drop(timeout(HELD, many).await);
        }
    }
    if madness.is_refused() {
        connection.closed().await;
    }
    Ok(())
}

async fn greet(host: &Admitted, send: &mut SendStream, receive: &mut RecvStream) -> Result<()> {
    let hello = Hello {
        versions: VERSIONS,
        facts: host.facts.clone(),
        now: muster_base::Clock::system().now(),
        seal_public_key: host.seal_public_key.clone(),
    };
    write_frame(send, &AgentControl::Hello(Box::new(hello))).await?;
    match read_frame(receive).await? {
        Some(ServerControl::Welcome(_)) => Ok(()),
        other => bail!("not welcome: {other:?}"),
    }
}

/// Strangers that ask to join and make no sense, or have no token.
pub(super) async fn joiners(target: Arc<Target>) -> Result<()> {
    let gate = Gate::at(address(7, 0), target.link)?;
    let tls = tls::join_config(target.ca_fingerprint, &target.clock, ALPN_JOIN)?;
    let config = client_config(tls)?;
    loop {
        for nonsense in NONSENSE {
            let Ok(connection) = gate.connect(config.clone()).await else {
                continue;
            };
            target.made("joins of garbage");
            let (mut send, _receive) = connection.open_bi().await?;
            drop(nonsense.say(&mut send).await);
            if timeout(REFUSED_WITHIN, connection.closed()).await.is_err() {
                target.fault(format!("kept: a join that says {nonsense:?}"));
            }
            sleep(PAUSE).await;
        }
        if let Ok(connection) = gate.connect(config.clone()).await {
            target.made("joins without a token that holds");
            if let Ok(Some(JoinReply::Joined(_))) = ask_in_vain(&connection).await {
                target.fault("a stranger has joined".to_owned());
            }
        }
    }
}

async fn ask_in_vain(connection: &Connection) -> Result<Option<JoinReply>> {
    let request = JoinRequest {
        token: "mjt_there-is-no-such-token".to_owned(),
        csr_der: random_array::<300>().to_vec(),
        seal_public_key: random_array::<32>().to_vec(),
        versions: VERSIONS,
        facts: HostFacts::default(),
    };
    let (mut send, mut receive) = connection.open_bi().await?;
    write_frame(&mut send, &request).await?;
    send.finish()?;
    let reply = timeout(REFUSED_WITHIN, read_frame(&mut receive)).await?;
    Ok(reply?)
}
