//! Backups made and restored on both databases.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use muster_base::{ExposeSecret, HostId, SecretId, SecretString};
use serde_json::json;

use super::*;
use crate::{
    access::Caller,
    app::App,
    config::{self, Config, Place},
    db::Databases,
    files::tests::new_file,
    keys::Keys,
    secrets,
    testing::{Test, both_databases},
};

const PASSPHRASE: &str = "correct horse battery staple";

fn parts(telemetry: bool) -> Parts {
    Parts {
        telemetry,
        files: true,
    }
}

fn passphrase() -> Unlock {
    Unlock::Passphrase(PASSPHRASE.into())
}

/// A control plane with a host, a secret, an order's number and somebody who is signed in.
async fn lived_in(test: &Test) -> (HostId, SecretId) {
    let file = test.data().join(config::FILE_NAME);
    fs::write(file, "[link]\ntrust_domain = \"kept.example\"\n").unwrap();
    let admin = test.admin().await;
    let (_, group) = admin.post("/api/v1/secrets/groups", json!({"name": "web"})).await;
    let new = json!({"groupId": group["id"], "name": "password", "value": "planted"});
    let (status, secret) = admin.post("/api/v1/secrets", new).await;
    assert_eq!(status, 201, "{secret}");
    let host: HostId = test.app.clock.new_id();
    store::add_host_for_tests(&test.app.db, test.default_org().await, host).await;
    test.app.fleet_keys().await.unwrap();
    (host, secret["id"].as_str().unwrap().parse().unwrap())
}

async fn made(test: &Test, name: &str, unlock: &Unlock, telemetry: bool) -> (PathBuf, Made) {
    let to = test.data().join(name);
    let file = test.data().join(config::FILE_NAME);
    let made = backup(&test.app, &file, &to, unlock, parts(telemetry))
        .await
        .unwrap();
    (to, made)
}

async fn reopened(data: &Path, url: Option<&SecretString>) -> App {
    let databases = Databases::existing(data, url).await.unwrap();
    let config = Config::load(data, None).unwrap();
    let keys = Keys::load(data).unwrap();
    App::new(config, databases, muster_base::Clock::system(), keys)
}

both_databases!(what_was_backed_up_is_there_again, |test| {
    let (host, secret) = lived_in(test).await;
    let (file, made) = made(test, "backup", &passphrase(), true).await;
    assert_eq!(made.bytes, fs::metadata(&file).unwrap().len());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let sealed = fs::read(&file).unwrap();
    for plain in ["planted", "kept.example", "password", "SQLite format 3"] {
        assert!(
            !sealed.windows(plain.len()).any(|w| w == plain.as_bytes()),
            "{plain}"
        );
    }

    let data = test.data().join("restored");
    let url = test.another_database().await;
    let clock = &test.app.clock;
    let restored = restore(&file, &data, &passphrase(), url.clone(), clock)
        .await
        .unwrap();
    assert_eq!((restored.hosts, &restored.manifest), (1, &made.manifest));
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&data).unwrap().flatten() {
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{:?}",
            entry.path()
        );
    }

    let app = reopened(&data, url.as_ref()).await;
    assert_eq!(app.config.link.trust_domain, "kept.example");
    let org = test.default_org().await;
    let values = secrets::resolve(&app, org, &[secret]).await.unwrap();
    assert_eq!(values[&secret].expose_secret(), "planted");
    let (ours, theirs) = (
        test.app.fleet_keys().await.unwrap(),
        app.fleet_keys().await.unwrap(),
    );
    assert_eq!(theirs.fingerprint(), ours.fingerprint());
    assert_eq!(
        store::live_sessions_for_tests(&app.db).await,
        0,
        "everybody is signed out"
    );
    assert_eq!(store::live_sessions_for_tests(&test.app.db).await, 1);
    let last = store::sequence_for_tests(&app.db, host).await;
    assert_eq!(
        last,
        Some(clock.now().0),
        "no number that a host may have seen is given again"
    );
    app.stop().await;
});

both_databases!(what_is_not_right_is_refused_and_leaves_no_control_plane, |test| {
    lived_in(test).await;
    let (file, _) = made(test, "backup", &passphrase(), false).await;
    let config = test.data().join(config::FILE_NAME);
    let again = backup(&test.app, &config, &file, &passphrase(), parts(true)).await;
    assert!(matches!(again, Err(BackupError::Exists(_))));

    let clock = &test.app.clock;
    let full = restore(&file, test.data(), &passphrase(), None, clock).await;
    assert!(matches!(full, Err(BackupError::Exists(_))));

    let wrong = Unlock::Passphrase("another passphrase".into());
    let refused = restore(&file, &test.data().join("a"), &wrong, None, clock).await;
    assert!(matches!(refused, Err(BackupError::Damaged(_))), "{refused:?}");
    let short = restore(
        &file,
        &test.data().join("b"),
        &Unlock::Passphrase("x".into()),
        None,
        clock,
    )
    .await;
    assert!(matches!(short, Err(BackupError::Passphrase)));

    let sealed = fs::read(&file).unwrap();
    let mut changed = sealed.clone();
    changed[sealed.len() / 2] ^= 1;
    let cases = [
        &sealed[..sealed.len() - 1],
        &sealed[..sealed.len() / 2],
        &changed[..],
        b"no backup at all",
    ];
    for (n, bytes) in cases.iter().enumerate() {
        let (broken, data) = (
            test.data().join(format!("broken-{n}")),
            test.data().join(format!("to-{n}")),
        );
        fs::write(&broken, bytes).unwrap();
        let refused = restore(&broken, &data, &passphrase(), None, clock).await;
        assert!(
            matches!(refused, Err(BackupError::Damaged(_) | BackupError::NotABackup(_))),
            "{n}: {refused:?}"
        );
        assert!(!data.join(config::FILE_NAME).exists());
    }
    assert!(!test.data().join("backup.partial").exists());
});

both_databases!(files_come_back_with_their_bytes, |test| {
    lived_in(test).await;
    let admin = test.admin().await;
    let id = new_file(&admin, "kept", None, b"the bytes").await;
    // What is not finished is no object yet.
    let org = test
        .data()
        .join("files")
        .join(test.default_org().await.to_string());
    fs::write(org.join("unfinished#1"), "x").unwrap();
    let (file, made) = made(test, "backup", &passphrase(), false).await;
    assert_eq!(made.files, FilesTaken::Taken { count: 1, bytes: 9 });
    let data = test.data().join("restored");
    let url = test.another_database().await;
    restore(&file, &data, &passphrase(), url.clone(), &test.app.clock)
        .await
        .unwrap();
    let app = reopened(&data, url.as_ref()).await;
    let caller = Caller::system("test", test.default_org().await);
    let bytes = crate::files::tests::read(&app, &caller, id.parse().unwrap()).await;
    assert_eq!(bytes, b"the bytes");
    app.stop().await;

    let config = test.data().join(config::FILE_NAME);
    let without = Parts {
        telemetry: false,
        files: false,
    };
    let to = test.data().join("without");
    let made = backup(&test.app, &config, &to, &passphrase(), without)
        .await
        .unwrap();
    assert_eq!(made.files, FilesTaken::LeftOut);
    let away = test.app_with_config(|config| config.files.url = Some(Place::Folder("/srv/files".into())));
    let to = test.data().join("away");
    let made = backup(&away, &config, &to, &passphrase(), parts(false))
        .await
        .unwrap();
    assert_eq!(made.files, FilesTaken::Elsewhere);
});

#[tokio::test]
async fn a_recovery_key_opens_what_it_sealed_and_must_be_private() {
    let test = Test::sqlite().await;
    lived_in(&test).await;
    let path = test.data().join("recovery.key");
    fs::write(&path, "ab".repeat(32) + "\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(
        RecoveryKey::read(&path),
        Err(BackupError::RecoveryKey(_))
    ));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let unlock = || Unlock::RecoveryKey(RecoveryKey::read(&path).unwrap());

    let (file, _) = made(&test, "backup", &unlock(), false).await;
    let data = test.data().join("restored");
    restore(&file, &data, &unlock(), None, &test.app.clock)
        .await
        .unwrap();
    let by_passphrase = restore(
        &file,
        &test.data().join("x"),
        &passphrase(),
        None,
        &test.app.clock,
    )
    .await;
    assert!(matches!(by_passphrase, Err(BackupError::NotABackup(_))));
    test.finish().await;
}
