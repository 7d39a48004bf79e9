//! Each finding, by the condition that it is about.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt, path::Path};

use muster_base::{UnixMs, doctor::Severity};

use super::{disk::Room, *};
use crate::{
    access::Role,
    config::{self, SuperAdmin},
    keys::{FILE_NAME, MasterKey, Ring},
    schema::tests as schema_tests,
    testing::{Test, both_databases},
};

const OK: Severity = Severity::Ok;
const WARNING: Severity = Severity::Warning;
const PROBLEM: Severity = Severity::Problem;

/// A control plane that was set up, on ports that nobody has.
struct Clinic {
    test: Test,
    patient: Patient,
}

impl Clinic {
    async fn new() -> Self {
        let test = Test::sqlite().await;
        test.app.fleet_keys().await.unwrap();
        test.admin().await;
        let data = test.data().to_owned();
        fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
        let admin = SuperAdmin {
            account: "root".into(),
            password_hash: "$argon2id$x".into(),
        };
        let ports = "[http]\nlisten = \"127.0.0.1:0\"\n[link]\nlisten = \"127.0.0.1:0\"\n";
        let text = format!("{}{ports}", Config::initial_file(None, &admin));
        write_private(&data.join(config::FILE_NAME), &text);
        let root = data.join("root");
        fs::create_dir_all(root.join("run/systemd/timesync")).unwrap();
        fs::write(root.join("run/systemd/timesync/synchronized"), "").unwrap();
        let mut patient = Patient::new(&data, &data.join(config::FILE_NAME));
        patient.clock = test.app.clock.clone();
        patient.root = root;
        Self { test, patient }
    }

    async fn says(&self, check: &str, severity: Severity) -> String {
        let report = examine(&self.patient).await;
        let found: Vec<_> = report.of(check).collect();
        let worst = found.iter().max_by_key(|finding| finding.severity);
        let worst = worst.unwrap_or_else(|| panic!("nothing of {check}: {report}"));
        assert_eq!(worst.severity, severity, "{report}");
        if severity > OK {
            assert!(!worst.why.is_empty() && !worst.todo.is_empty(), "{report}");
        }
        worst.what.clone()
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.patient.data.join(name)
    }
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

#[tokio::test]
async fn a_sound_control_plane_has_nothing_wrong() {
    let clinic = Clinic::new().await;
    let report = examine(&clinic.patient).await;
    // How full the disk is that tests run on is not theirs to say.
    let wrong = report
        .findings
        .iter()
        .filter(|finding| finding.severity > OK && finding.check != "disk.space");
    assert_eq!(wrong.count(), 0, "{report}");
    for check in [
        "setup.data",
        "setup.superAdmin",
        "disk.space",
        "disk.inodes",
        "disk.write",
        "ports.http",
        "ports.agents",
        "keys.master",
        "keys.sealed",
        "keys.ca",
        "clock.synchronised",
        "clock.backwards",
        "clock.hosts",
        "database.reachable",
        "database.schema",
        "database.integrity",
        "releases.signatures",
    ] {
        assert!(
            report.of(check).count() > 0,
            "{check} was not looked at: {report}"
        );
    }
    assert_eq!(
        fs::read_dir(&clinic.patient.data)
            .unwrap()
            .flatten()
            .filter(|e| e.file_name().to_string_lossy().starts_with("doctor"))
            .count(),
        0
    );
    clinic.test.finish().await;
}

#[tokio::test]
async fn files_that_others_can_read_and_a_missing_directory() {
    let clinic = Clinic::new().await;
    let open = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    open(&clinic.patient.data, 0o755);
    clinic.says("setup.data", PROBLEM).await;
    open(&clinic.patient.data, 0o700);
    open(&clinic.patient.config, 0o644);
    clinic.says("setup.configFile", PROBLEM).await;
    open(&clinic.file(FILE_NAME), 0o640);
    clinic.says("keys.master", PROBLEM).await;

    let nowhere = Patient::new(Path::new("/nowhere/at/all"), Path::new("/nowhere/muster.toml"));
    let report = examine(&nowhere).await;
    assert_eq!(report.exit_code(), 2, "{report}");
    assert!(report.of("setup.data").any(|finding| finding.severity == PROBLEM));
    clinic.test.finish().await;
}

#[tokio::test]
async fn a_configuration_that_can_t_be_used_or_names_nobody() {
    let clinic = Clinic::new().await;
    write_private(&clinic.patient.config, "[http]\nlissten = 1\n");
    assert!(clinic.says("setup.config", PROBLEM).await.contains("lissten"));
    write_private(&clinic.patient.config, "[http]\nlisten = \"127.0.0.1:0\"\n");
    clinic.says("setup.superAdmin", PROBLEM).await;
    clinic.test.finish().await;
}

#[tokio::test]
async fn a_master_key_that_is_missing_malformed_or_another() {
    let clinic = Clinic::new().await;
    let path = clinic.file(FILE_NAME);
    let right = fs::read_to_string(&path).unwrap();

    fs::remove_file(&path).unwrap();
    clinic.says("keys.master", PROBLEM).await;
    write_private(&path, "not a key");
    clinic.says("keys.master", PROBLEM).await;
    write_private(&path, &"ab".repeat(32));
    clinic.says("keys.sealed", PROBLEM).await;
    clinic.says("keys.fleet", PROBLEM).await;

    let ring = Ring::parse(&right).unwrap();
    let next = Ring {
        next: Some(MasterKey::generate()),
        ..ring
    };
    write_private(&path, &next.to_text());
    clinic.says("keys.rotation", WARNING).await;
    clinic.says("keys.sealed", OK).await;
    clinic.test.finish().await;
}

#[tokio::test]
async fn a_ca_that_ends_and_a_rotation_that_does_not() {
    let clinic = Clinic::new().await;
    let who = rotation_identity();
    crate::fleet::rotation::rotate(&clinic.test.app, &who, crate::fleet::rotation::FleetKeyKind::Ca)
        .await
        .unwrap();
    clinic.test.app.clock.advance(60 * UnixMs::DAY);
    clinic.says("keys.fleetRotation", WARNING).await;
    clinic.says("keys.ca", OK).await;
    clinic.test.app.clock.advance(3_500 * UnixMs::DAY);
    clinic.says("keys.ca", WARNING).await;
    clinic.test.app.clock.advance(100 * UnixMs::DAY);
    clinic.says("keys.ca", PROBLEM).await;
    clinic.test.finish().await;
}

fn rotation_identity() -> crate::access::Identity {
    crate::access::Identity {
        actor: crate::access::Actor::SuperAdmin {
            account: "root".to_owned(),
            session: None,
        },
        ip: None,
        platform: None,
    }
}

#[tokio::test]
async fn releases_that_are_not_what_was_approved() {
    let clinic = Clinic::new().await;
    clinic.says("releases.signatures", OK).await;
    let test = &clinic.test;
    let (host, admin) = (schema_tests::host(test).await, test.admin().await);
    let (status, server) = admin
        .post(
            "/api/v1/schema/servers",
            schema_tests::new_server("pg", "Postgres", host),
        )
        .await;
    assert_eq!(status, 201, "{server}");
    let (ann, bob) = (
        test.member("ann", Role::Member).await,
        test.member("bob", Role::Admin).await,
    );
    schema_tests::release(&ann, &bob, "1.0", &["pg"], "create table t (id int)").await;
    let what = clinic.says("releases.signatures", OK).await;
    assert!(what.contains("1 releases"), "{what}");
    store::change_release_for_tests(&test.app.db).await;
    let what = clinic.says("releases.signatures", PROBLEM).await;
    assert!(what.contains("1.0 (prod)"), "{what}");
    store::take_signatures_off_for_tests(&test.app.db).await;
    clinic.says("releases.signatures", WARNING).await;
    clinic.test.finish().await;
}

#[tokio::test]
async fn clocks_that_are_not_kept_go_back_or_differ() {
    let clinic = Clinic::new().await;
    fs::remove_dir_all(clinic.patient.root.join("run")).unwrap();
    clinic.says("clock.synchronised", WARNING).await;

    let mut earlier = clinic.patient.clone();
    earlier.clock = Clock::manual(clinic.patient.clock.now().plus_ms(-UnixMs::HOUR));
    let report = examine(&earlier).await;
    assert!(
        report
            .of("clock.backwards")
            .any(|finding| finding.severity == PROBLEM),
        "{report}"
    );

    for (ahead_ms, severity) in [(0, OK), (-4_000, OK), (6_000, WARNING), (-3_600_000, PROBLEM)] {
        assert_eq!(clock::compare(ahead_ms).severity, severity, "{ahead_ms}");
    }
    let org = clinic.test.default_org().await;
    crate::fleet::add_skewed_host_for_tests(&clinic.test.app, org, "late", -90_000).await;
    assert!(
        clinic
            .says("clock.hosts", WARNING)
            .await
            .contains("late by -90 s")
    );
    clinic.test.finish().await;
}

#[test]
fn disks_that_are_full_remote_volatile_or_can_t_be_written_to() {
    let room = |bytes_free, inodes_free| {
        let room = Room {
            bytes: 100 << 30,
            bytes_free,
            inodes: 1_000,
            inodes_free,
        };
        disk::room(room)
            .iter()
            .map(|finding| finding.severity)
            .collect::<Vec<_>>()
    };
    assert_eq!(room(50 << 30, 500), [OK, OK]);
    assert_eq!(room(4 << 30, 500), [WARNING, OK]);
    assert_eq!(room(100 << 20, 500), [PROBLEM, OK]);
    assert_eq!(room(50 << 30, 10), [OK, WARNING]);

    let data = tempfile::tempdir().unwrap();
    let mounts = |kind: &str| {
        format!(
            "21 1 8:1 / / rw - ext4 /dev/sda1 rw\n22 21 0:5 / {} rw shared:1 - {kind} server:/x rw\n",
            data.path().canonicalize().unwrap().display()
        )
    };
    for (kind, severity) in [("ext4", OK), ("nfs4", PROBLEM), ("tmpfs", WARNING)] {
        let found = disk::kind(data.path(), &mounts(kind)).unwrap();
        assert_eq!(found.severity, severity, "{kind}");
    }
    let other = disk::kind(Path::new("/"), &mounts("nfs4")).unwrap();
    assert_eq!(other.severity, OK, "the mount below is not meant");
}

#[tokio::test]
async fn a_directory_that_takes_no_file() {
    let clinic = Clinic::new().await;
    // A file of the probe's name is in the way: root may write to directories that nobody else may.
    let blocked = clinic.file(&format!("doctor-{}.tmp", std::process::id()));
    fs::create_dir(&blocked).unwrap();
    clinic.says("disk.write", PROBLEM).await;
    fs::remove_dir(&blocked).unwrap();
    clinic.test.finish().await;
}

#[tokio::test]
async fn databases_that_are_missing_old_new_or_damaged() {
    let clinic = Clinic::new().await;
    for (schema, severity) in [
        (Schema::Current, OK),
        (Schema::Behind(vec![13]), WARNING),
        (Schema::Empty, WARNING),
        (Schema::Ahead(vec![99]), PROBLEM),
        (Schema::Different(3), PROBLEM),
    ] {
        assert_eq!(database::steps(&schema).severity, severity, "{schema:?}");
    }
    assert_eq!(database::postgres(120_007).severity, PROBLEM);
    assert_eq!(database::postgres(150_003).severity, OK);

    store::forget_newest_step_for_tests(&clinic.test.app.db).await;
    clinic.says("database.schema", WARNING).await;
    let Clinic { test, patient } = clinic;
    test.app.stop().await;

    let file = patient.data.join("muster.db");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0xa5);
    fs::write(&file, &bytes).unwrap();
    let report = examine(&patient).await;
    assert_eq!(report.exit_code(), 2, "{report}");
    // Where the damage lies decides whether it can be opened at all.
    let noticed = ["database.integrity", "database.reachable"];
    assert!(
        noticed
            .iter()
            .flat_map(|check| report.of(check))
            .any(|finding| finding.severity == PROBLEM),
        "{report}"
    );

    fs::remove_file(&file).unwrap();
    let report = examine(&patient).await;
    assert!(
        report
            .of("database.reachable")
            .any(|finding| finding.severity == PROBLEM),
        "{report}"
    );
    assert!(!file.exists(), "the doctor makes nothing");
}

#[tokio::test]
async fn ports_that_others_have_or_nobody_answers_on() {
    let clinic = Clinic::new().await;
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let config = |http: SocketAddr, link: SocketAddr| {
        let mut config = clinic.test.app.config.clone();
        config.http.listen = http;
        config.link.listen = link;
        config
    };
    let taken = config(tcp.local_addr().unwrap(), udp.local_addr().unwrap());
    let findings = ports::look(&taken, &clinic.patient.data).await;
    assert_eq!(worst(&findings, "ports.http"), PROBLEM, "{findings:?}");
    assert_eq!(worst(&findings, "ports.agents"), PROBLEM, "{findings:?}");

    // Somebody serves the directory, but nobody is on its ports.
    let lock = fs::File::create(clinic.file("muster.lock")).unwrap();
    lock.lock().unwrap();
    drop((tcp, udp));
    let findings = ports::look(&taken, &clinic.patient.data).await;
    assert_eq!(worst(&findings, "ports.http"), PROBLEM, "{findings:?}");
    assert_eq!(worst(&findings, "ports.agents"), PROBLEM, "{findings:?}");
    clinic.test.finish().await;
}

fn worst(findings: &[Finding], check: &str) -> Severity {
    let of = findings.iter().filter(|finding| finding.check == check);
    of.map(|finding| finding.severity).max().unwrap()
}

both_databases!(a_changed_audit_row_is_found_and_its_neighbours_are_not, |test| {
    test.admin()
        .await
        .post("/api/v1/clusters", serde_json::json!({"name": "web"}))
        .await;
    let databases = Databases {
        main: test.app.db.clone(),
        telemetry: test.app.telemetry_db.clone(),
    };
    let findings = audit::look(&databases, &Archive::of(&test.app)).await;
    assert!(findings.len() >= 2, "{findings:?}");
    assert!(
        findings.iter().all(|finding| finding.severity == OK),
        "{findings:?}"
    );
    store::change_audit_row_for_tests(&test.app.db).await;
    let findings = audit::look(&databases, &Archive::of(&test.app)).await;
    let broken: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity == PROBLEM)
        .collect();
    assert_eq!(broken.len(), 1, "{findings:?}");
    assert!(broken[0].what.starts_with("platform: row 1 "), "{broken:?}");
});

both_databases!(the_database_s_clock_is_asked, |test| {
    let now = store::now(&test.app.db).await.unwrap();
    match &test.app.db {
        crate::db::Db::Sqlite(_) => assert_eq!(now, None),
        crate::db::Db::Postgres(_) => {
            let ahead_ms = Clock::system().now().ms_since(now.unwrap());
            assert_eq!(clock::compare(ahead_ms).severity, OK);
        }
    }
    assert!(store::postgres_version(&test.app.db).await.unwrap() >= 130_000);
});

both_databases!(tables_of_days_that_are_missing_are_told, |test| {
    let findings = partitions::look(&test.app).await;
    if !test.app.telemetry_db.has_partitions() {
        assert_eq!(findings.len(), 0);
        return;
    }
    assert_eq!(findings[0].severity, OK, "{findings:?}");
    // Nobody made any for a week, and nobody dropped any.
    test.app.clock.advance(8 * UnixMs::DAY);
    let findings = partitions::look(&test.app).await;
    let missing: Vec<_> = findings.iter().filter(|one| one.severity == PROBLEM).collect();
    assert!(missing.iter().all(|one| one.check == "database.partitions"));
    assert!(
        missing.iter().any(|one| one.what.contains("samples_20260604")),
        "{findings:?}"
    );
});
