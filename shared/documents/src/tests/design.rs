//! Designs as schemas, and the way from one to another.

use muster_schema::{Dialect, PlanOptions};

use super::design;
use crate::{ChangeError, Design, change};

const ORG: &str = "apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {name: t_org}\nspec:\n  database: shop\n  columns:\n    \
                   - {name: id, dataType: bigint, primaryKey: true, autoInc: true}\n    \
                   - {name: code, dataType: varchar(32), notNull: true, unique: true}\n";
const USER: &str = "apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {name: t_user}\nspec:\n  database: shop\n  \
                    comment: People\n  columns:\n    \
                    - {name: id, dataType: bigint, primaryKey: true, autoInc: true, comment: It's a number}\n    \
                    - {name: org_id, dataType: bigint, notNull: true, reference: {table: t_org, column: id, enforced: true, onDelete: cascade}}\n    \
                    - {name: mail, dataType: varchar(64), defaultValue: \"'a''b'\"}\n    \
                    - {name: age, dataType: int, defaultValue: 0}\n  \
                    index:\n    - {name: by_mail, columns: [{name: mail, sorting: DESC}, org_id]}\n  \
                    checks:\n    - {name: adult, expression: age >= 0}\n";

const BOTH: [Dialect; 2] = [Dialect::Postgres, Dialect::MySql];

fn sql(from: Option<&Design>, to: &Design) -> String {
    change(from, to, &PlanOptions::default())
        .unwrap_or_else(|error| panic!("{error:?}"))
        .sql()
}

#[test]
fn two_tables_with_a_reference_are_made_in_order() {
    for dialect in BOTH {
        let text = sql(None, &design(dialect, &[USER, ORG])).to_lowercase();
        let (org, user) = (text.find("t_org").unwrap(), text.find("foreign key").unwrap());
        assert!(org < user, "{text}");
        assert!(text.contains("on delete cascade"), "{text}");
    }
}

#[test]
fn a_design_against_itself_changes_nothing() {
    for dialect in BOTH {
        let design = design(dialect, &[ORG, USER]);
        let change = change(Some(&design), &design, &PlanOptions::default()).unwrap();
        assert!(change.is_empty(), "{}", change.sql());
    }
}

#[test]
fn a_new_name_under_the_same_id_is_a_rename() {
    for dialect in BOTH {
        let before = design(dialect, &[ORG, USER]);
        let mut after = before.clone();
        after.tables[1].table.columns[2].name = "email".into();
        after.tables[1].table.index[0].columns[0].name = "email".into();
        let text = sql(Some(&before), &after);
        assert!(!text.to_lowercase().contains("drop column"), "{text}");
        assert!(text.contains("mail") && text.contains("email"), "{text}");
        let mut after = before.clone();
        after.tables[0].name = "t_team".into();
        after.tables[1].table.columns[1].reference.as_mut().unwrap().table = "t_team".into();
        let text = sql(Some(&before), &after).to_lowercase();
        assert!(text.contains("rename") && !text.contains("drop table"), "{text}");
    }
}

#[test]
fn the_way_back_says_what_does_not_come_back() {
    let before = design(Dialect::Postgres, &[ORG, USER]);
    let mut after = before.clone();
    after.tables[1].table.columns.remove(3);
    after.tables[1].table.checks.clear();
    after.tables[1].sql_script = Some("update t_user set mail = null".into());
    let change = change(Some(&before), &after, &PlanOptions::default()).unwrap();
    assert!(
        change.sql().ends_with("update t_user set mail = null;\n"),
        "{}",
        change.sql()
    );
    let (back, lost) = change.way_back();
    assert!(back.contains("add column age integer"), "{back}");
    assert!(
        lost.iter().any(|lost| lost.contains("script of t_user")),
        "{lost:?}"
    );
    assert!(lost.len() >= 2, "{lost:?}");
}

#[test]
fn no_fragment_says_more_than_it_claims_to() {
    let with = |from: &str, to: &str| {
        let text = USER.replace(from, to);
        assert_ne!(text, USER, "{from}");
        design(Dialect::Postgres, &[ORG, &text]).schema()
    };
    assert!(with("dataType: int,", "dataType: int not null,").is_err());
    assert!(with("dataType: int,", "dataType: 'int); drop table t_org; --',").is_err());
    assert!(with("dataType: int,", "dataType: 'int, sneaky text',").is_err());
    assert!(with("defaultValue: 0", "defaultValue: 0 not null").is_err());
    assert!(with("defaultValue: 0", "defaultValue: 0 references t_org (id)").is_err());
    assert!(with("defaultValue: 0", "defaultValue: zero").is_err());
    assert!(with("expression: age >= 0", "expression: 'age >= 0), check (1 = 0'").is_err());
    assert!(with("expression: age >= 0", "expression: 'age >= 0) -- '").is_err());
    assert!(with("expression: age >= 0", "expression: age >= 1").is_ok());
}

#[test]
fn what_the_database_can_t_hold_to_is_said_before_anything_is_planned() {
    let faults = |texts: &[&str]| match change(None, &design(Dialect::MySql, texts), &PlanOptions::default())
    {
        Err(ChangeError::Design(faults)) => faults.into_iter().map(|fault| fault.message).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert!(
        faults(&[USER])[0].contains("there is no table t_org"),
        "{:?}",
        faults(&[USER])
    );
    let loose = ORG.replace("primaryKey: true, autoInc: true", "notNull: true");
    assert!(faults(&[USER, &loose])[0].contains("t_org.id is not unique there"));
    let uncounted = ORG.replace("primaryKey: true, autoInc: true", "autoInc: true");
    assert!(faults(&[&uncounted])[0].contains("MySQL counts only"));
}

#[test]
fn a_part_is_published_without_the_rest() {
    let before = design(Dialect::Postgres, &[ORG, USER]);
    let mut latest = before.clone();
    latest.tables[0].table.columns[1].comment = Some("new".into());
    latest.tables[1].table.columns[3].comment = Some("new too".into());
    let to = before.with(&latest, &[latest.tables[0].id].into());
    let text = sql(Some(&before), &to);
    assert!(text.contains("t_org") && !text.contains("t_user"), "{text}");
    latest.tables.remove(1);
    let to = before.with(&latest, &[before.tables[1].id].into());
    assert!(sql(Some(&before), &to).contains("drop table"));
}
