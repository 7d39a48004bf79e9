//! What tests stand on: an [`App`] on a fresh database of each kind, and the HTTP side called without a socket. Scheduled
//! jobs don't run by themselves.
//!
//! ```ignore
//! both_databases!(a_host_is_renamed, |test| {
//!     let admin = test.admin().await;                     // super administrator in the default org
//!     let ann = test.member("ann", Role::Admin).await;    // signed-in user of the default org
//!     let (status, body) = ann.post("/api/v1/clusters", json!({"name": "web"})).await;
//!     assert_eq!(status, 201);
//! });
//! ```

mod bytes;
mod stream;
mod text;

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use axum::{
    Router,
    body::{self, Body, BodyDataStream},
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, header},
};
use muster_base::{Clock, ExposeSecret, OrgId, SecretString, UnixMs, UserId};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, migrate::Migrator, sqlite::SqliteConnectOptions};
use tower::ServiceExt;

use crate::{
    access::{self, Role, tests::provider_peer::Provider},
    app::App,
    config::{Config, SuperAdmin},
    db::{Databases, Db, SqlitePools, migrate, template},
    http,
    keys::Keys,
    notify::tests::{gateway::SmsGateway, peer::PostOffice},
};

/// Makes two tests of one body: on SQLite and on PostgreSQL.
macro_rules! both_databases {
    ($name:ident, |$test:ident| $body:block) => {
        async fn $name($test: &$crate::testing::Test) $body

        mod $name {
            #[tokio::test]
            async fn on_sqlite() {
                let test = $crate::testing::Test::sqlite().await;
                super::$name(&test).await;
                test.finish().await;
            }

            #[tokio::test]
            async fn on_postgres() {
                let test = $crate::testing::Test::postgres().await;
                super::$name(&test).await;
                test.finish().await;
            }
        }
    };
}
pub(crate) use both_databases;

/// An app on a fresh database.
pub(crate) struct Test {
    pub(crate) app: App,
    router: Router,
    /// A sign-in of the super administrator for making people, and when it was made: the throttle counts sign-ins.
    maker: tokio::sync::Mutex<Option<(String, UnixMs)>>,
    data: tempfile::TempDir,
    /// The mail server.
    pub(crate) post: PostOffice,
    /// The gateway for text messages.
    pub(crate) gateway: SmsGateway,
    /// The provider whose sign-in is believed.
    pub(crate) provider: Provider,
    /// PostgreSQL's server, and the databases made there.
    server: Option<SecretString>,
    databases: Mutex<Vec<String>>,
}

/// Somebody who calls the API.
pub(crate) struct Client<'t> {
    test: &'t Test,
    token: String,
    org: Option<String>,
    ip: Option<IpAddr>,
}

pub(crate) const PASSWORD: &str = "a password for tests";
/// When every test begins.
pub(crate) const START: UnixMs = UnixMs(1_780_000_000_000);
const ADMIN: &str = "root";

impl Test {
    pub(crate) async fn sqlite() -> Self {
        let data = tempfile::tempdir().unwrap();
        template::copy_sqlite(data.path()).await;
        Self::on_sqlite(data).await
    }

    async fn on_sqlite(data: tempfile::TempDir) -> Self {
        let databases = Databases::sqlite(data.path()).await.unwrap();
        Self::new(data, databases, None).await
    }

    /// On a database of its own in the server that `MUSTER_TEST_POSTGRES_URL` names.
    pub(crate) async fn postgres() -> Self {
        let server = postgres_server();
        let template = template::postgres(&server).await;
        let (name, url) = create_database(&server, &template).await;
        Self::on_postgres(server, name, &url).await
    }

    async fn on_postgres(server: SecretString, name: String, url: &SecretString) -> Self {
        let databases = Databases::postgres(url).await.unwrap();
        let data = tempfile::tempdir().unwrap();
        let test = Self::new(data, databases, Some(server)).await;
        test.databases.lock().unwrap().push(name);
        test
    }

    /// On a database that was made with the steps below `version` and that `fill` wrote to then.
    pub(crate) async fn upgraded_sqlite(version: i64, fill: impl AsyncFnOnce(&Db)) -> Self {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("muster.db");
        let options = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true);
        let pool = sqlx::SqlitePool::connect_with(options).await.unwrap();
        below(&migrate::SQLITE, version).run(&pool).await.unwrap();
        let (read, write) = (pool.clone(), pool);
        let db = Db::Sqlite(SqlitePools { read, write, path });
        fill(&db).await;
        db.close().await;
        Self::on_sqlite(data).await
    }

    /// As [`Test::upgraded_sqlite`], in PostgreSQL.
    pub(crate) async fn upgraded_postgres(version: i64, fill: impl AsyncFnOnce(&Db)) -> Self {
        let server = postgres_server();
        let (name, url) = create_database(&server, EMPTY).await;
        let pool = sqlx::PgPool::connect(url.expose_secret()).await.unwrap();
        below(&migrate::POSTGRES, version).run(&pool).await.unwrap();
        let db = Db::Postgres(pool);
        fill(&db).await;
        db.close().await;
        Self::on_postgres(server, name, &url).await
    }

    /// Another database beside the test's, empty; none for SQLite, which has one in each directory.
    pub(crate) async fn another_database(&self) -> Option<SecretString> {
        let (name, url) = create_database(self.server.as_ref()?, EMPTY).await;
        self.databases.lock().unwrap().push(name);
        Some(url)
    }

    async fn new(data: tempfile::TempDir, databases: Databases, server: Option<SecretString>) -> Self {
        let mut config = Config::load(data.path(), None).unwrap();
        let password_hash = access::hash_password(PASSWORD.into()).await.unwrap();
        config.super_admin = Some(SuperAdmin {
            account: ADMIN.into(),
            password_hash,
        });
        let post = PostOffice::open().await;
        config.mail = Some(post.config());
        let gateway = SmsGateway::open().await;
        config.sms = Some(gateway.config());
        let provider = Provider::open(START.0 / 1_000).await;
        config.sign_in.providers = provider.configs();
        // Not there until a test writes it: regions are networks.
        config.sign_in.region_file = Some(data.path().join("regions.mmdb"));
        // Whoever tests has what disk they have.
        config.files.keep_free_bytes = 0;
        let keys = Keys::load_or_create(data.path()).unwrap();
        let app = App::new(config, databases, Clock::manual(START), keys);
        app.start_rooms().await.unwrap();
        Self {
            router: http::router(app.clone()),
            app,
            maker: tokio::sync::Mutex::default(),
            data,
            post,
            gateway,
            provider,
            server,
            databases: Mutex::default(),
        }
    }

    /// Where its files are.
    pub(crate) fn data(&self) -> &std::path::Path {
        self.data.path()
    }

    /// Another process's app on the same databases, with these keys. It starts nothing.
    pub(crate) fn app_with(&self, keys: Keys) -> App {
        let databases = Databases {
            main: self.app.db.clone(),
            telemetry: self.app.telemetry_db.clone(),
        };
        App::new(self.app.config.clone(), databases, self.app.clock.clone(), keys)
    }

    /// Another process's app on the same databases, with another configuration. It starts nothing.
    pub(crate) fn app_with_config(&self, change: impl FnOnce(&mut Config)) -> App {
        let databases = Databases {
            main: self.app.db.clone(),
            telemetry: self.app.telemetry_db.clone(),
        };
        let mut config = self.app.config.clone();
        change(&mut config);
        App::new(config, databases, self.app.clock.clone(), self.app.keys.clone())
    }

    /// Stops the app and drops its database.
    pub(crate) async fn finish(self) {
        self.app.stop().await;
        let Some(server) = self.server else { return };
        let mut connection = PgConnection::connect(server.expose_secret()).await.unwrap();
        for name in self.databases.into_inner().unwrap() {
            let drop = sqlx::AssertSqlSafe(format!("drop database if exists {name} with (force)"));
            sqlx::query(drop).execute(&mut connection).await.unwrap();
        }
    }

    /// The super administrator, in the default org.
    pub(crate) async fn admin(&self) -> Client<'_> {
        self.sign_in(ADMIN, PASSWORD).await
    }

    /// The super administrator, for what tests need to be there.
    pub(crate) async fn maker(&self) -> Client<'_> {
        let mut maker = self.maker.lock().await;
        let now = self.app.clock.now();
        let fresh = maker
            .take()
            .filter(|(_, at)| now.ms_since(*at) < 10 * UnixMs::MINUTE);
        let (token, at) = match fresh {
            Some(fresh) => fresh,
            None => (self.admin().await.token, now),
        };
        *maker = Some((token.clone(), at));
        self.with_token(&token)
    }

    /// Nobody.
    pub(crate) fn nobody(&self) -> Client<'_> {
        Client {
            test: self,
            token: String::new(),
            org: None,
            ip: None,
        }
    }

    /// Signs in.
    pub(crate) async fn sign_in(&self, login: &str, password: &str) -> Client<'_> {
        let (status, body) = self
            .nobody()
            .post(
                "/api/v1/auth/login",
                json!({"login": login, "password": password}),
            )
            .await;
        assert_eq!(status, 200, "{body}");
        self.with_token(body["accessToken"].as_str().unwrap())
    }

    /// Somebody with this token or API key.
    pub(crate) fn with_token(&self, token: &str) -> Client<'_> {
        Client {
            test: self,
            token: token.to_owned(),
            org: None,
            ip: None,
        }
    }

    /// Adds a user without any org and signs them in.
    pub(crate) async fn user(&self, username: &str) -> (UserId, Client<'_>) {
        let body = json!({"username": username, "password": PASSWORD});
        let (status, user) = self.maker().await.post("/api/v1/users", body).await;
        assert_eq!(status, 201, "{user}");
        (
            user["id"].as_str().unwrap().parse().unwrap(),
            self.sign_in(username, PASSWORD).await,
        )
    }

    /// Adds a user to the default org and signs them in.
    pub(crate) async fn member(&self, username: &str, role: Role) -> Client<'_> {
        let (_, client) = self.user(username).await;
        let body = json!({"username": username, "role": role});
        let (status, member) = self.maker().await.post("/api/v1/members", body).await;
        assert_eq!(status, 201, "{member}");
        client
    }

    /// The owner of another org named `slug`, which is made for it.
    pub(crate) async fn stranger(&self, slug: &str) -> Client<'_> {
        let (id, client) = self.user(&format!("owner-of-{slug}")).await;
        let body = json!({"name": slug, "slug": slug, "ownerId": id});
        let (status, org) = self.maker().await.post("/api/v1/orgs", body).await;
        assert_eq!(status, 201, "{org}");
        client
    }

    /// The default org.
    pub(crate) async fn default_org(&self) -> OrgId {
        access::list_org_ids(&self.app).await.unwrap()[0]
    }
}

fn postgres_server() -> SecretString {
    let server = std::env::var("MUSTER_TEST_POSTGRES_URL").expect(
        "MUSTER_TEST_POSTGRES_URL is not set: run `cargo verify`, which starts a PostgreSQL for tests",
    );
    SecretString::from(server)
}

/// Makes an empty database; its name and URL.
/// PostgreSQL's own template.
const EMPTY: &str = "template1";

async fn create_database(server: &SecretString, template: &str) -> (String, SecretString) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "muster_test_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    );
    let mut connection = PgConnection::connect(server.expose_secret()).await.unwrap();
    let create = sqlx::AssertSqlSafe(format!("create database {name} template {template}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    let (base, _) = server.expose_secret().rsplit_once('/').unwrap();
    (name.clone(), SecretString::from(format!("{base}/{name}")))
}

/// The steps before `version`.
fn below(migrator: &Migrator, version: i64) -> Migrator {
    let steps = migrator.iter().filter(|step| step.version < version);
    Migrator::with_migrations(steps.cloned().collect())
}

impl Client<'_> {
    /// The same person in another org, by id or slug.
    pub(crate) fn in_org(mut self, org: impl ToString) -> Self {
        self.org = Some(org.to_string());
        self
    }

    /// The same person from this address.
    pub(crate) fn at(mut self, ip: IpAddr) -> Self {
        self.ip = Some(ip);
        self
    }

    /// Where they call.
    pub(crate) fn test(&self) -> &Test {
        self.test
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call(Method::GET, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, Some(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        self.call(Method::PATCH, path, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        self.call(Method::DELETE, path, None).await
    }

    /// Status and body; a body that isn't JSON comes as a string, none as null.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        self.call_with(method, path, body, None).await
    }

    /// The status alone; whatever the answer goes on to say, which may have no end, is not waited for.
    pub(crate) async fn status(&self, method: Method, path: &str, body: Option<Value>) -> u16 {
        let request = self.request(method, path, body, &[]);
        let response = self.test.router.clone().oneshot(request).await.unwrap();
        response.status().as_u16()
    }

    /// As [`Client::call`], with a header.
    pub(crate) async fn call_with(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        extra: Option<(&str, &str)>,
    ) -> (u16, Value) {
        let extra: Vec<_> = extra.into_iter().collect();
        let (status, _, body) = self.respond(method, path, body, &extra).await;
        (status, body)
    }

    /// As [`Client::call`], with headers, and the answer's.
    pub(crate) async fn respond(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        extra: &[(&str, &str)],
    ) -> (u16, HeaderMap, Value) {
        self.answer(self.request(method, path, body, extra)).await
    }

    async fn answer(&self, request: Request<Body>) -> (u16, HeaderMap, Value) {
        let response = self.test.router.clone().oneshot(request).await.unwrap();
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let bytes = axum::body::to_bytes(response.into_body(), 16 << 20)
            .await
            .unwrap();
        let body = match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(_) if bytes.is_empty() => Value::Null,
            Err(_) => Value::String(String::from_utf8_lossy(&bytes).into_owned()),
        };
        (status, headers, body)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
        extra: &[(&str, &str)],
    ) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in extra {
            request = request.header(*name, *value);
        }
        if let Some(ip) = self.ip {
            request = request.extension(ConnectInfo(SocketAddr::new(ip, 1)));
        }
        if !self.token.is_empty() {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.token));
        }
        if let Some(org) = &self.org {
            request = request.header(http::ORG_HEADER, org);
        }
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string())),
            None => request.body(Body::empty()),
        };
        request.unwrap()
    }
}
