//! A host that has joined, and the control plane's pen.

use std::{
    cell::Cell,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use muster_agent::{
    collect::ContainerDirectory,
    config::{DataDir, RunConfig},
    identity::{WorkerIdentity, resident_pinned_keys},
    link::{Downloads, IncomingOrder, OrderRequest},
    orders::{
        Orders, OrdersConfig,
        verify::{Trust, kind},
        workers::Workers,
    },
    worker::wire::{Answer, Coming, Request},
};
use muster_base::{ApplicationId, Clock, HostId, OrderId, OrgId, UnixMs, sha256};
use muster_identity::{
    keys::{PinnedKeys, SigningKey},
    order::OrderHead,
    seal::{SealKey, seal},
};
use muster_protocol::{
    latest::{
        BytesReply, ContainerSpec, DeploySpec, HealthCheck, OrderEvent, OrderOutcome, OrderPayload,
        OrderRefusal, OrderReply, PortMapping, Protocol, PullAuth, SealedSecrets, SecretValues, SignedOrder,
        SigningKeyNotice, StepReport, StepStatus,
    },
    read_frame, write_frame,
};
use tempfile::TempDir;
use tokio::{
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::engine::{self, PASSWORD, Place};

pub(crate) const PATIENCE: Duration = Duration::from_mins(1);
/// Allows what the tests deploy.
pub(crate) const POLICY: &str = "[images]\nregistries = [\"127.0.0.1:*\", \"localhost:*\"]\n";

pub(crate) struct TestHost {
    dir: TempDir,
    pub(crate) org: OrgId,
    pub(crate) host: HostId,
    pub(crate) clock: Clock,
    pub(crate) signer: SigningKey,
    /// What this host's deploys are of, unless they say otherwise.
    pub(crate) application: ApplicationId,
    seal_key: Vec<u8>,
    sequence: Cell<u64>,
    docker_host: String,
}

impl TestHost {
    pub(crate) fn new(policy: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::system();
        let (org, host) = (clock.new_id(), clock.new_id());
        let signer = SigningKey::generate().unwrap();
        let identity = WorkerIdentity {
            org,
            host,
            pinned: PinnedKeys::from_join([signer.public_key()]),
            seal_key: SealKey::generate().unwrap(),
        };
        std::fs::create_dir(dir.path().join("resident")).unwrap();
        identity.save(&DataDir::new(dir.path())).unwrap();
        let path = dir.path().join("policy.toml");
        std::fs::write(&path, policy).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        Self {
            seal_key: identity.seal_key.public_key().to_vec(),
            dir,
            org,
            host,
            application: clock.new_id(),
            clock,
            signer,
            sequence: Cell::new(0),
            docker_host: engine::docker_host(),
        }
    }

    /// With an engine of the test's own, or with a broken way to one.
    pub(crate) fn at_engine(self, docker_host: impl Into<String>) -> Self {
        Self {
            docker_host: docker_host.into(),
            ..self
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A web server under the place's name and port.
    pub(crate) fn web(&self, place: &Place, tag: &str) -> DeploySpec {
        DeploySpec {
            deployment: self.clock.new_id(),
            application: self.application,
            environment: "test".to_owned(),
            version: tag.to_owned(),
            image: engine::image(tag),
            digest: None,
            pull_auth: PullAuth::UsernamePassword {
                username: engine::registry_user(),
                password_secret: PASSWORD.to_owned(),
            },
            container: ContainerSpec {
                name: place.name.clone(),
                ports: vec![PortMapping {
                    host_ip: Some("127.0.0.1".to_owned()),
                    host_port: place.port,
                    container_port: 8080,
                    protocol: Protocol::Tcp,
                }],
                health: HealthCheck::Http {
                    port: 8080,
                    path: "/healthz".to_owned(),
                    interval_ms: 50,
                    timeout_ms: 1_000,
                },
                ..ContainerSpec::default()
            },
            health_timeout_ms: 20_000,
            stop_grace_ms: 1_000,
        }
    }

    pub(crate) fn head(&self, payload: &OrderPayload) -> OrderHead {
        let now = self.clock.now();
        self.sequence.set(self.sequence.get() + 1);
        OrderHead {
            order: self.clock.new_id(),
            org: self.org,
            host: self.host,
            kind: kind(payload),
            payload: sha256(&[]),
            sealed: sha256(&[]),
            not_before: now,
            expires: now.plus_ms(UnixMs::HOUR),
            sequence: self.sequence.get(),
            approvals: Vec::new(),
        }
    }

    /// Signs a deploy with the registry's password.
    pub(crate) fn deploy(&self, spec: DeploySpec) -> SignedOrder {
        self.deploy_with(spec, &[(PASSWORD, &engine::registry_password())])
    }

    pub(crate) fn deploy_with(&self, spec: DeploySpec, secrets: &[(&str, &str)]) -> SignedOrder {
        let payload = OrderPayload::Deploy(Box::new(spec));
        let head = self.head(&payload);
        self.sign(head, &payload, secrets, &self.signer)
    }

    pub(crate) fn sign(
        &self,
        mut head: OrderHead,
        payload: &OrderPayload,
        secrets: &[(&str, &str)],
        signer: &SigningKey,
    ) -> SignedOrder {
        let named = secrets.iter();
        let values = SecretValues(named.map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect());
        let plain = muster_protocol::encode(&values).unwrap();
        let sealed = seal(&self.seal_key, head.order, self.host, &plain).unwrap();
        let sealed = muster_protocol::encode(&SealedSecrets {
            recipient: sealed.recipient,
            encapsulated: sealed.encapsulated,
            ciphertext: sealed.ciphertext,
        })
        .unwrap();
        let payload = muster_protocol::encode(payload).unwrap();
        head.payload = sha256(&payload);
        head.sealed = sha256(&sealed);
        let signature = head.sign(signer).unwrap();
        SignedOrder {
            body: signature.body,
            key_id: signature.key_id,
            signature: signature.signature,
            payload,
            sealed,
        }
    }

    /// The worker's command line.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(worker_binary());
        command
            .arg("--data")
            .arg(self.path())
            .arg("--policy")
            .arg(self.path().join("policy.toml"))
            .args(["--docker-host", &self.docker_host])
            .kill_on_drop(true);
        command
    }

    /// Starts the worker's binary with an order, without any resident.
    pub(crate) async fn worker(&self, order: &SignedOrder) -> Worker {
        self.worker_told(order, Vec::new()).await
    }

    /// The same, told of signing keys.
    pub(crate) async fn worker_told(&self, order: &SignedOrder, keys: Vec<SigningKeyNotice>) -> Worker {
        let mut command = self.command();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let request = Request::Order {
            order: Box::new(order.clone()),
            keys,
        };
        write_frame(&mut input, &request).await.unwrap();
        Worker {
            output: child.stdout.take().unwrap(),
            input,
            child,
        }
    }

    /// Starts the resident's orders room, which starts workers as children.
    pub(crate) fn resident(&self) -> Resident {
        self.resident_with(Workers::new(&self.config()))
    }

    pub(crate) fn config(&self) -> RunConfig {
        RunConfig {
            policy: self.path().join("policy.toml"),
            docker_host: self.docker_host.clone(),
            worker: Some(worker_binary()),
            ..RunConfig::new(self.path())
        }
    }

    pub(crate) fn resident_with(&self, workers: Workers) -> Resident {
        let config = self.config();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let orders = Orders::start(
            OrdersConfig {
                dir: config.data.resident().join("orders"),
                trust: Trust {
                    org: self.org,
                    host: self.host,
                    keys: resident_pinned_keys(&config.data).unwrap(),
                },
                workers,
                clock: self.clock.clone(),
                keys: watch::channel(Vec::new()).1,
                containers: ContainerDirectory::default(),
                downloads: Downloads::default(),
            },
            tasks.clone(),
            stop.clone(),
        )
        .unwrap();
        let (incoming, queue) = mpsc::channel(8);
        tasks.spawn(orders.serve(queue));
        Resident {
            incoming,
            tasks,
            stop,
        }
    }
}

fn worker_binary() -> PathBuf {
    env!("CARGO_BIN_EXE_muster-worker").into()
}

/// A worker at work.
pub(crate) struct Worker {
    output: ChildStdout,
    input: ChildStdin,
    child: Child,
}

impl Worker {
    pub(crate) async fn next(&mut self) -> Option<OrderReply> {
        match timeout(PATIENCE, read_frame::<Answer>(&mut self.output))
            .await
            .unwrap()
        {
            Ok(Some(Answer::Reply(reply))) => Some(reply),
            Ok(Some(other)) => panic!("unexpected {other:?}"),
            Ok(None) | Err(_) => None,
        }
    }

    /// The next that it says or asks.
    pub(crate) async fn hear(&mut self) -> Option<Answer> {
        let heard = timeout(PATIENCE, read_frame::<Answer>(&mut self.output)).await;
        heard.unwrap().ok().flatten()
    }

    /// Tells it of bytes.
    pub(crate) async fn tell(&mut self, bytes: BytesReply) {
        write_frame(&mut self.input, &Request::Bytes(Coming::Said(bytes)))
            .await
            .unwrap();
    }

    /// Goes away, as a resident does.
    pub(crate) async fn leave(self) {
        let Self {
            mut output,
            input,
            mut child,
        } = self;
        drop(input);
        while let Ok(Some(_)) = read_frame::<Answer>(&mut output).await {}
        timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    }

    /// Everything that it says, until it ends; `meddle` is done when a step has this status.
    pub(crate) async fn all_but(mut self, step: &str, at: StepStatus, meddle: impl FnOnce()) -> Said {
        let mut said = Vec::new();
        while let Some(reply) = self.next().await {
            let now = is_step(&reply, step, at);
            said.push(reply);
            if now {
                meddle();
                return self.rest(said).await;
            }
        }
        panic!("it ended before {step} was {at:?}: {said:#?}");
    }

    /// Everything that it says, until it ends.
    pub(crate) async fn all(self) -> Said {
        self.rest(Vec::new()).await
    }

    async fn rest(mut self, mut said: Vec<OrderReply>) -> Said {
        while let Some(reply) = self.next().await {
            said.push(reply);
        }
        self.child.wait().await.unwrap();
        Said(said)
    }

    /// Kills it with SIGKILL.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// The resident's orders room, and a link to it.
pub(crate) struct Resident {
    incoming: mpsc::Sender<IncomingOrder>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Resident {
    pub(crate) async fn ask(&self, request: OrderRequest) -> mpsc::Receiver<OrderReply> {
        let (replies, said) = mpsc::channel(4);
        let incoming = IncomingOrder {
            request,
            replies,
            stored: oneshot::channel().1,
        };
        self.incoming.send(incoming).await.unwrap();
        said
    }

    /// How the order ended that somebody wants stopped.
    pub(crate) async fn cancel(&self, order: OrderId) -> OrderOutcome {
        let mut stream = self.ask(OrderRequest::Cancel(order)).await;
        loop {
            match tokio::time::timeout(PATIENCE, stream.recv()).await.unwrap() {
                Some(OrderReply::Outcome(outcome)) => return *outcome,
                Some(OrderReply::Accepted | OrderReply::Event(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Everything that is said to an order, until the stream ends.
    pub(crate) async fn order(&self, order: &SignedOrder) -> Said {
        let mut stream = self.ask(OrderRequest::Run(Box::new(order.clone()))).await;
        let mut said = Vec::new();
        while let Some(reply) = timeout(PATIENCE, stream.recv()).await.unwrap() {
            said.push(reply);
        }
        Said(said)
    }

    /// Stops as the agent does: workers live on.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        timeout(PATIENCE, self.tasks.wait()).await.unwrap();
    }
}

/// What was said to an order.
#[derive(Debug)]
pub(crate) struct Said(pub(crate) Vec<OrderReply>);

impl Said {
    pub(crate) fn outcome(&self) -> &OrderOutcome {
        match self.0.last() {
            Some(OrderReply::Outcome(outcome)) => outcome,
            _ => panic!("no outcome: {self:#?}"),
        }
    }

    pub(crate) fn refusal(&self) -> &OrderRefusal {
        match self.0.last() {
            Some(OrderReply::Refused(refusal)) => refusal,
            _ => panic!("no refusal: {self:#?}"),
        }
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &OrderEvent> {
        self.0.iter().filter_map(|reply| match reply {
            OrderReply::Event(event) => Some(event),
            OrderReply::Accepted | OrderReply::Refused(_) | OrderReply::Outcome(_) => None,
        })
    }

    /// The steps that ended so, in order.
    pub(crate) fn steps(&self, wanted: StepStatus) -> Vec<&str> {
        self.events()
            .filter_map(|event| match &event.what {
                StepReport::Step { name, status, .. } if *status == wanted => Some(name.as_str()),
                StepReport::Step { .. } | StepReport::Log(_) => None,
            })
            .collect()
    }

    pub(crate) fn log(&self) -> String {
        let lines = self.events().filter_map(|event| match &event.what {
            StepReport::Log(line) => Some(line.as_str()),
            StepReport::Step { .. } => None,
        });
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Whether the reply says that a step has this status now.
pub(crate) fn is_step(reply: &OrderReply, step: &str, at: StepStatus) -> bool {
    match reply {
        OrderReply::Event(event) => match &event.what {
            StepReport::Step { name, status, .. } => name == step && *status == at,
            StepReport::Log(_) => false,
        },
        OrderReply::Accepted | OrderReply::Refused(_) | OrderReply::Outcome(_) => false,
    }
}

pub(crate) fn order_id(order: &SignedOrder) -> OrderId {
    OrderHead::from_bytes(&order.body).unwrap().order
}
