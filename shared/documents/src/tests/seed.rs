//! The blocks that the product was asked for with, as they stand.

use muster_schema::Dialect;

use crate::{Kind, Spec, export, parse};

const ENVIRONMENTS: &str = include_str!("../../tests/seed/environments.yaml");
const SERVER: &str = include_str!("../../tests/seed/server.yaml");
const DATABASE: &str = include_str!("../../tests/seed/database.yaml");
const TABLE: &str = include_str!("../../tests/seed/table.yaml");
const RELEASE: &str = include_str!("../../tests/seed/release.yaml");

#[test]
fn environments_are_three_documents() {
    let documents = parse(ENVIRONMENTS).unwrap();
    let names: Vec<_> = documents
        .iter()
        .map(|document| (document.name.as_str(), document.line))
        .collect();
    assert_eq!(names, [("dev", 1), ("prod", 8), ("test", 15)]);
    let Spec::Environment(first) = &documents[0].spec else {
        panic!()
    };
    assert_eq!(first.label.as_deref(), Some("开发环境"));
}

#[test]
fn forms_without_values_are_drafts() {
    for (text, kind, groups) in [
        (SERVER, Kind::Server, vec!["basic", "database"]),
        (DATABASE, Kind::DatabaseSnapshot, vec!["basic", "document"]),
        (
            TABLE,
            Kind::TableSnapshot,
            vec!["basic", "keys", "index", "document", "sqlScript"],
        ),
    ] {
        let document = parse(text).unwrap().remove(0);
        assert_eq!(document.spec.kind(), kind);
        assert!(document.spec.is_draft());
        let json: serde_json::Value = serde_json::from_str(&document.spec.to_json().unwrap()).unwrap();
        let found: Vec<_> = json["forms"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| group["group"].as_str().unwrap())
            .collect();
        assert_eq!(found, groups);
        assert!(
            Spec::from_json(kind, &document.spec.to_json().unwrap())
                .unwrap()
                .is_draft()
        );
    }
    assert_eq!(parse(SERVER).unwrap()[0].label.as_deref(), Some("本地服务器"));
}

#[test]
fn a_draft_s_export_is_the_draft() {
    for text in [SERVER, DATABASE, TABLE] {
        let document = parse(text).unwrap().remove(0);
        let yaml = export(&document.name, document.label.as_deref(), &document.spec).unwrap();
        let again = parse(&yaml).unwrap().remove(0);
        assert_eq!(again.spec.to_json().unwrap(), document.spec.to_json().unwrap());
    }
}

#[test]
fn a_release_can_t_be_applied() {
    let faults = parse(RELEASE).unwrap_err();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!((faults[0].line, faults[0].path.as_str()), (2, "kind"));
    assert!(
        faults[0]
            .message
            .contains("made by the last approval of a ticket"),
        "{}",
        faults[0]
    );
}

#[test]
fn everything_of_the_seed_but_the_release_is_applied_in_one_file() {
    let all = [ENVIRONMENTS, SERVER, DATABASE, TABLE].join("\n---\n");
    assert_eq!(parse(&all).unwrap().len(), 6);
}

#[test]
fn a_seed_s_form_is_filled_in_by_group() {
    let filled = format!(
        "{TABLE}\n  basic:\n    - database: halo_db\n      name: id\n      dataType: bigint\n      primaryKey: true\n      \
         autoInc: true\n      comment: number\n    - database: halo_db\n      name: mail\n      dataType: varchar(64)\n      \
         notNull: true\n      comment: address\n  index:\n    - name: by_mail\n      column: mail\n      sorting: DESC\n  \
         document:\n    content: '# Users'\n"
    );
    let documents = parse(&filled).unwrap_or_else(|faults| panic!("{faults:?}"));
    let Spec::Table(table) = &documents[0].spec else {
        panic!()
    };
    let values = table.values.as_ref().unwrap();
    assert_eq!((values.database.as_str(), values.columns.len()), ("halo_db", 2));
    assert_eq!(table.document.as_deref(), Some("# Users"));
    let (name, values, sql_script) = super::table(&filled);
    let design = crate::Design {
        dialect: Dialect::MySql,
        tables: vec![crate::DesignTable {
            id: uuid::Uuid::nil(),
            name,
            table: values,
            sql_script,
        }],
        views: Vec::new(),
    };
    assert!(design.schema().is_ok());
}

#[test]
fn the_seed_s_own_rules_hold() {
    let without =
        format!("{TABLE}\n  basic:\n    - database: halo_db\n      name: id\n      dataType: bigint\n");
    let faults = super::faults(&without);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert!(
        faults[0].ends_with("spec.basic[0].comment: is required"),
        "{faults:?}"
    );
}
