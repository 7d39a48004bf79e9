//! Old rows in files: one chain with the table, whatever happens to either.

use std::{fs, path::PathBuf};

use muster_base::UnixMs;
use serde_json::{Value, json};

use crate::{
    access::Role,
    app::App,
    audit::{Archive, Chain, archive::archive, verify_all},
    backup::{Parts, Unlock, backup, restore},
    config::{self, Config},
    db::{Databases, DbError},
    doctor::{self, Patient},
    in_tx,
    keys::Keys,
    testing::{Client, Test, both_databases},
    with_tx,
};

const PASSWORD: &str = "a password for tests";

/// The default org's log has four rows, which are old by now.
async fn old_rows(test: &Test) -> Client<'_> {
    let olga = test.member("olga", Role::Owner).await;
    for name in ["one", "two", "three"] {
        assert_eq!(olga.patch("/api/v1/org", json!({"name": name})).await.0, 200);
    }
    later(test).await
}

/// A hundred days later.
async fn later(test: &Test) -> Client<'_> {
    test.app.clock.advance(100 * UnixMs::DAY);
    test.sign_in("olga", PASSWORD).await
}

fn keeping(test: &Test) -> App {
    test.app_with_config(|config| config.audit.keep_days = Some(60))
}

async fn verified(olga: &Client<'_>) -> Value {
    let (status, verification) = olga.get("/api/v1/audit/verify").await;
    assert_eq!(status, 200, "{verification}");
    verification
}

/// The files of the default org.
async fn files(test: &Test) -> Vec<PathBuf> {
    let folder = Archive::of(&test.app)
        .folder
        .join(test.default_org().await.to_string());
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
}

async fn run(test: &Test, sql: &'static str) {
    let scope = test.default_org().await.to_string();
    let run = async || -> Result<(), DbError> {
        in_tx!(test.app.db, |tx| with_tx!(tx, |conn| {
            sqlx::query(sql).bind(&scope).execute(conn).await?;
        }));
        Ok(())
    };
    run().await.unwrap();
}

/// Sequence numbers of the export, in its order.
async fn exported(olga: &Client<'_>, query: &str) -> Vec<i64> {
    let (status, lines) = olga.get(&format!("/api/v1/audit/export{query}")).await;
    assert_eq!(status, 200, "{lines}");
    let text = lines.as_str().map_or_else(|| lines.to_string(), str::to_owned);
    let row = |line: &str| {
        serde_json::from_str::<Value>(line).unwrap()["seq"]
            .as_i64()
            .unwrap()
    };
    text.lines().map(row).collect()
}

both_databases!(
    old_rows_move_into_files_and_stay_one_chain_with_the_table,
    |test| {
        let olga = old_rows(test).await;
        archive(&test.app).await.unwrap();
        assert_eq!(
            verified(&olga).await["archived"],
            0,
            "nothing leaves the table unasked"
        );

        let keeping = keeping(test);
        archive(&keeping).await.unwrap();
        let whole = json!({
            "intact": true, "rows": 5, "archived": 4, "firstBroken": null, "archiveUnreadable": false,
        });
        assert_eq!(verified(&olga).await, whole);
        let (_, rows) = olga.get("/api/v1/audit").await;
        let rows = rows["items"].as_array().unwrap();
        assert_eq!(rows.len(), 1, "the table has what is new: {rows:?}");
        assert_eq!(rows[0]["operation"], "audit:archive");
        assert_eq!(exported(&olga, "").await, [1, 2, 3, 4, 5]);
        assert_eq!(exported(&olga, "?operation=org:write").await, [2, 3, 4]);
        assert_eq!(exported(&olga, "?operation=audit:archive").await, [5]);

        archive(&keeping).await.unwrap();
        assert_eq!(verified(&olga).await, whole, "what is not due stays");
        let olga = later(test).await;
        assert_eq!(olga.patch("/api/v1/org", json!({"name": "four"})).await.0, 200);
        archive(&keeping).await.unwrap();
        assert_eq!(files(test).await.len(), 2);
        assert_eq!(exported(&olga, "").await, [1, 2, 3, 4, 5, 6, 7]);
        let verification = verified(&olga).await;
        assert_eq!(verification["intact"], true, "{verification}");
        assert_eq!(verification["archived"], 5, "{verification}");
        run(
            test,
            "update audit_log set detail = 'x' where scope = $1 and seq = 6",
        )
        .await;
        assert_eq!(
            verified(&olga).await["firstBroken"],
            6,
            "the table is checked behind the files"
        );
    }
);

both_databases!(a_file_that_is_lost_changed_or_exchanged_shows, |test| {
    drop(old_rows(test).await);
    let keeping = keeping(test);
    archive(&keeping).await.unwrap();
    let olga = later(test).await;
    archive(&keeping).await.unwrap();
    let [first, second] = files(test).await.try_into().unwrap();
    let bytes = fs::read(&first).unwrap();
    let unreadable = json!({
        "intact": false, "rows": 0, "archived": 0, "firstBroken": 1, "archiveUnreadable": true,
    });

    fs::remove_file(&first).unwrap();
    assert_eq!(verified(&olga).await, unreadable, "lost");
    assert_eq!(olga.get("/api/v1/audit/export").await.0, 409);
    let mut changed = bytes.clone();
    changed[bytes.len() / 2] ^= 1;
    fs::write(&first, changed).unwrap();
    assert_eq!(verified(&olga).await, unreadable, "changed");
    fs::copy(&second, &first).unwrap();
    assert_eq!(verified(&olga).await, unreadable, "another file in its place");
    fs::write(&first, &bytes).unwrap();
    assert_eq!(verified(&olga).await["intact"], true, "brought back");

    let copy = first.with_file_name("copy.audit");
    fs::copy(&first, &copy).unwrap();
    run(
        test,
        "update audit_archives set file = scope || '/copy.audit' where scope = $1 and first_seq = 1",
    )
    .await;
    let verification = verified(&olga).await;
    assert_eq!(
        (&verification["firstBroken"], &verification["archiveUnreadable"]),
        (&json!(1), &json!(false)),
        "the log itself says which file it was"
    );
    run(
        test,
        "delete from audit_archives where scope = $1 and first_seq = 1",
    )
    .await;
    assert_eq!(
        verified(&olga).await["firstBroken"],
        1,
        "rows are in no file and not in the table"
    );
});

both_databases!(
    nothing_is_archived_from_a_broken_chain_or_onto_a_disk_that_fails,
    |test| {
        let olga = old_rows(test).await;
        let keeping = keeping(test);
        let folder = Archive::of(&test.app).folder;
        // Where the folder should be is something else: every write fails.
        fs::write(&folder, "in the way").unwrap();
        assert!(archive(&keeping).await.is_err());
        let verification = verified(&olga).await;
        assert_eq!(
            (&verification["intact"], &verification["rows"]),
            (&json!(true), &json!(4))
        );
        assert_eq!(verification["archived"], 0);
        fs::remove_file(&folder).unwrap();

        run(
            test,
            "update audit_log set actor_name = 'nobody' where scope = $1 and seq = 3",
        )
        .await;
        assert!(archive(&keeping).await.is_err());
        let verification = verified(&olga).await;
        assert_eq!(
            (&verification["firstBroken"], &verification["archived"]),
            (&json!(3), &json!(0))
        );
        let platform = verify_all(&test.app.db, &Archive::of(&test.app)).await.unwrap();
        let (_, platform) = platform
            .into_iter()
            .find(|(scope, _)| scope == "platform")
            .unwrap();
        assert!(
            matches!(platform, Chain::Intact { archived, .. } if archived > 0),
            "one log's fault is not another's: {platform:?}"
        );
    }
);

both_databases!(a_backup_takes_the_files_along, |test| {
    let file = test.data().join(config::FILE_NAME);
    fs::write(&file, "").unwrap();
    drop(old_rows(test).await);
    archive(&keeping(test)).await.unwrap();
    let unlock = Unlock::Passphrase("correct horse battery staple".into());
    let to = test.data().join("backup");
    let parts = Parts {
        telemetry: false,
        files: false,
    };
    backup(&test.app, &file, &to, &unlock, parts).await.unwrap();
    let data = test.data().join("restored");
    let url = test.another_database().await;
    restore(&to, &data, &unlock, url.clone(), &test.app.clock)
        .await
        .unwrap();
    let databases = Databases::existing(&data, url.as_ref()).await.unwrap();
    let app = App::new(
        Config::load(&data, None).unwrap(),
        databases,
        test.app.clock.clone(),
        Keys::load(&data).unwrap(),
    );
    let logs = verify_all(&app.db, &Archive::of(&app)).await.unwrap();
    assert!(logs.len() >= 2, "{logs:?}");
    for (scope, held) in logs {
        assert!(
            matches!(held, Chain::Intact { archived, .. } if archived > 0),
            "{scope}: {held:?}"
        );
    }
    app.stop().await;
});

#[tokio::test]
async fn the_doctor_walks_files_and_table() {
    let test = Test::sqlite().await;
    fs::write(test.data().join(config::FILE_NAME), "").unwrap();
    drop(old_rows(&test).await);
    archive(&keeping(&test)).await.unwrap();
    let patient = Patient::new(test.data(), &test.data().join(config::FILE_NAME));
    let report = doctor::examine_audit(&patient).await.to_string();
    assert!(report.contains("5 rows, 4 of them archived"), "{report}");
    for file in files(&test).await {
        fs::remove_file(file).unwrap();
    }
    let report = doctor::examine_audit(&patient).await;
    assert_eq!(report.exit_code(), 2, "{report}");
    assert!(report.to_string().contains("can't be read"), "{report}");
    test.finish().await;
}
