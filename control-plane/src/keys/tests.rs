//! Reading and writing key files, and rotations that die between any two steps.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use serde_json::json;

use super::*;
use crate::{
    app::App,
    keys::rotate::{RotateError, Step},
    secrets::seal::SealError,
    testing::{Client, Test, both_databases},
};

#[test]
fn a_created_key_is_private_and_is_read_back() {
    let data = tempfile::tempdir().unwrap();
    let made = Keys::load_or_create(data.path()).unwrap();
    let mode = fs::metadata(data.path().join(FILE_NAME))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(Keys::load(data.path()).unwrap().id(), made.id());
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let data = tempfile::tempdir().unwrap();
    Keys::load_or_create(data.path()).unwrap();
    let path = data.path().join(FILE_NAME);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(Keys::load(data.path()), Err(KeyError::Exposed(_))));
}

#[test]
fn purposes_have_different_keys() {
    let keys = Keys::new([7; 32]);
    assert_ne!(keys.derive(Purpose::Secrets), keys.derive(Purpose::Csrf));
    assert_ne!(keys.derive(Purpose::Secrets).as_slice(), [0; 32]);
}

#[test]
fn a_ring_is_read_back_and_anything_else_refused() {
    let ring = Ring {
        current: MasterKey::generate(),
        previous: vec![MasterKey::generate(), MasterKey::generate()],
        next: Some(MasterKey::generate()),
    };
    let again = Ring::parse(&ring.to_text()).unwrap();
    assert_eq!(again.ids(), ring.ids());
    assert_eq!(again.next.unwrap().id(), ring.next.unwrap().id());
    let key = "ab".repeat(32);
    assert_eq!(Ring::parse(&format!("{key}, {key}\n")).unwrap().previous.len(), 1);
    for text in [
        "",
        "next:",
        "abc",
        &format!("{key},next:x"),
        &format!("next:{key}"),
    ] {
        assert!(matches!(Ring::parse(text), Err(KeyError::Malformed)), "{text}");
    }
}

#[test]
fn a_key_that_left_the_file_still_opens_until_the_process_ends() {
    let data = tempfile::tempdir().unwrap();
    let keys = Keys::load_or_create(data.path()).unwrap();
    let old = keys.id();
    keys.source().write(&Ring::of(MasterKey::generate())).unwrap();
    assert!(keys.reload().unwrap());
    assert_ne!(keys.id(), old);
    assert!(keys.ring().knows(&old));
    assert!(!keys.reload().unwrap(), "nothing changed");
    assert!(!Keys::load(data.path()).unwrap().ring().knows(&old));
}

/// The same database at a process that starts now.
fn restarted(test: &Test) -> App {
    let keys = Keys::load(test.data()).unwrap();
    test.app_with(keys)
}

async fn step_of_a_new_process(test: &Test) -> Result<Step, RotateError> {
    rotate::step(&restarted(test), Duration::ZERO).await
}

async fn reveals(admin: &Client<'_>, path: &str) {
    let (status, shown) = admin.post(&format!("{path}/reveal"), json!({})).await;
    assert_eq!((status, &shown["value"]), (200, &json!("planted")), "{shown}");
}

async fn secret(admin: &Client<'_>, name: &str) -> String {
    let (status, group) = admin
        .post("/api/v1/secrets/groups", json!({"name": format!("of-{name}")}))
        .await;
    assert_eq!(status, 201, "{group}");
    let new = json!({"groupId": group["id"], "name": name, "value": "planted"});
    let (status, made) = admin.post("/api/v1/secrets", new).await;
    assert_eq!(status, 201, "{made}");
    format!("/api/v1/secrets/{}", made["id"].as_str().unwrap())
}

/// The serving control plane says that it has what is in the file now.
async fn serves(test: &Test) {
    test.app.keys.reload().unwrap();
    presence::tell_for_tests(&test.app).await;
}

both_databases!(keys_that_change_while_a_process_starts_are_noticed, |test| {
    // It has read its keys, and watches nothing yet.
    let starting = restarted(test);
    let Step::Announced(new) = rotate::begin(&restarted(test).keys).unwrap() else {
        panic!("nothing was begun");
    };
    presence::start(&starting);
    let knows = async {
        while !starting.keys.ring().knows(&new) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let noticed = tokio::time::timeout(Duration::from_secs(20), knows).await;
    starting.stop().await;
    noticed.expect("the new key is known");
});

both_databases!(a_rotation_that_dies_after_each_step_goes_on, |test| {
    let admin = test.admin().await;
    let (old, path) = (test.app.keys.id(), secret(&admin, "first").await);
    test.app.fleet_keys().await.unwrap();
    serves(test).await;

    let Step::Announced(new) = rotate::begin(&restarted(test).keys).unwrap() else {
        panic!("nothing was begun");
    };
    assert!(
        matches!(step_of_a_new_process(test).await.unwrap(), Step::WaitsFor(planes) if planes.len() == 1)
    );
    assert!(matches!(rotate::begin(&restarted(test).keys).unwrap(), Step::Stable(id) if id == old));
    serves(test).await;
    assert!(matches!(step_of_a_new_process(test).await.unwrap(), Step::Switched(id) if id == new));
    // The control plane that has not noticed still seals with the old one, and can read what the new one seals.
    let path_of_old = secret(&admin, "second").await;
    assert!(matches!(
        step_of_a_new_process(test).await.unwrap(),
        Step::WaitsFor(_)
    ));
    serves(test).await;
    reveals(&admin, &path).await;
    assert!(matches!(step_of_a_new_process(test).await.unwrap(), Step::Rewrapped(n) if n == 4));
    assert!(matches!(
        rotate::step(&restarted(test), Duration::from_mins(5))
            .await
            .unwrap(),
        Step::Settling
    ));
    assert!(
        matches!(step_of_a_new_process(test).await.unwrap(), Step::Dropped(ids) if ids == std::slice::from_ref(&old))
    );
    assert!(matches!(step_of_a_new_process(test).await.unwrap(), Step::Stable(id) if id == new));

    // A process that never knew the old key reads everything, the fleet's keys included.
    let fresh = restarted(test);
    assert_eq!(fresh.keys.ring().ids(), std::slice::from_ref(&new));
    fresh.fleet_keys().await.unwrap();
    let census = census(&fresh.db, &fresh.keys).await.unwrap();
    assert_eq!((census.known[&new], census.unknown.len()), (4, 0));
    for path in [&path, &path_of_old] {
        reveals(&admin, path).await;
    }
});

both_databases!(a_key_that_a_value_still_needs_is_not_dropped, |test| {
    let admin = test.admin().await;
    let path = secret(&admin, "damaged").await;
    store::sealed::damage_for_tests(&test.app.db).await;
    let (status, _) = admin.post(&format!("{path}/reveal"), json!({})).await;
    assert_eq!(status, 500);

    rotate::begin(&restarted(test).keys).unwrap();
    presence::forget_for_tests(&test.app).await;
    assert!(matches!(
        step_of_a_new_process(test).await.unwrap(),
        Step::Switched(_)
    ));
    let mut ended = step_of_a_new_process(test).await;
    while matches!(ended, Ok(Step::Rewrapped(_))) {
        ended = step_of_a_new_process(test).await;
    }
    assert!(matches!(ended, Err(RotateError::Damaged(1))), "{ended:?}");
    assert_eq!(Keys::load(test.data()).unwrap().ring().previous.len(), 1);
});

both_databases!(sign_ins_outlive_a_rotation, |test| {
    let ann = test.member("ann", crate::access::Role::Viewer).await;
    let source = test.app.keys.source().clone();
    let old = source.read().unwrap().current;
    let next = Ring {
        previous: vec![old],
        ..Ring::of(MasterKey::generate())
    };
    source.write(&next).unwrap();
    test.app.keys.reload().unwrap();
    assert_eq!(ann.get("/api/v1/hosts").await.0, 200);
    source.write(&Ring::of(next.current)).unwrap();
    test.app.keys.reload().unwrap();
    assert_eq!(ann.get("/api/v1/hosts").await.0, 200, "until the process ends");
});

#[test]
fn a_value_of_a_key_that_is_not_here_names_it() {
    use crate::secrets::seal::{Place, Sealer};
    let place = Place {
        org: muster_base::OrgId::from_uuid(uuid::Uuid::nil()),
        kind: "secret",
        id: uuid::Uuid::nil(),
        version: 0,
    };
    let sealed = Sealer::of(&Keys::new([1; 32]), Purpose::Secrets)
        .seal(&place, b"x")
        .unwrap();
    let stranger = Sealer::of(&Keys::new([2; 32]), Purpose::Secrets);
    assert!(matches!(
        stranger.open(&place, &sealed),
        Err(SealError::UnknownKey(_))
    ));
}
