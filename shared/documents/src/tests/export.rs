//! Exporting a document and reading it gives the document.

use proptest::prelude::*;

use crate::{
    Spec, export, parse,
    table::{Check, Column, Index, IndexColumn, Key, Sorting, Table, TableValues},
};

prop_compose! {
    fn column()(
        name in "[a-zé_][a-zA-Z0-9_ ]{0,10}[a-z0-9]",
        data_type in "[a-z]{1,8}(\\([0-9]{1,3}\\))?",
        default_value in proptest::option::of("[!-~é\\n][ -~é\\n]{0,20}[!-~é]"),
        flags in any::<[bool; 4]>(),
        comment in proptest::option::of("[!-~é][ -~é]{0,20}"),
        id in any::<u128>(),
    ) -> Column {
        Column {
            id: Some(uuid::Uuid::from_u128(id)),
            name, data_type, default_value, comment,
            not_null: flags[0], auto_inc: flags[1], unique: flags[2], primary_key: flags[3],
            ..Column::default()
        }
    }
}

proptest! {
    #[test]
    fn any_table_comes_back(
        columns in proptest::collection::vec(column(), 1..5),
        script in proptest::option::of("[!-~é\\n][ -~é\\n]{0,40}[!-~]"),
    ) {
        let mut columns = columns;
        let mut seen = std::collections::BTreeSet::new();
        columns.retain(|column| seen.insert(column.name.to_lowercase()));
        let first = columns[0].name.clone();
        let values = TableValues {
            database: "shop".into(),
            namespace: None, comment: Some("yes".into()), engine: None, charset: None, collation: None,
            keys: vec![Key { name: Some("k".into()), primary_key: false, columns: vec![first.clone()] }],
            index: vec![Index {
                name: "i".into(),
                columns: vec![IndexColumn { name: first, sorting: Sorting::Desc, prefix: None }],
                unique: true, method: Some("btree".into()), condition: Some("a > 0".into()),
            }],
            checks: vec![Check { name: "c".into(), expression: "'~' <> 'null'".into() }],
            columns,
        };
        let table = Table {
            forms: None, values: Some(values), document: Some("# 0123\n\n- x".into()), sql_script: script,
            own: crate::kind::OwnValues::new(),
        };
        let spec = Spec::Table(Box::new(table));
        let yaml = export("t", Some("007"), &spec).unwrap();
        let again = parse(&yaml).unwrap_or_else(|faults| panic!("{faults:?}\n{yaml}")).remove(0);
        prop_assert_eq!(again.spec.to_json().unwrap(), spec.to_json().unwrap(), "{}", yaml);
        prop_assert_eq!(again.label.as_deref(), Some("007"));
    }
}

#[test]
fn a_password_is_never_written() {
    let text = "apiVersion: v1alpha1\nkind: Server\nmetadata: {name: main}\nspec:\n  basic: {ip: 10.0.0.1, environment: dev}\n  \
                database: {username: a, password: hunter2-planted, type: postgres, agent: db-1, databases: [shop]}\n";
    let document = parse(text).unwrap().remove(0);
    let Spec::Server(server) = &document.spec else {
        panic!()
    };
    assert!(server.values.as_ref().unwrap().database.password.is_some());
    let written = [
        export("main", None, &document.spec).unwrap(),
        document.spec.to_json().unwrap(),
        format!("{document:?}"),
    ];
    assert!(
        written.iter().all(|text| !text.contains("hunter2")),
        "{written:?}"
    );
}

#[test]
fn an_environment_s_policy_comes_back_with_its_nothings() {
    let text = "apiVersion: v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec:\n  type: production\n  policy:\n    \
        maxRows: null\n    flows: {safe: light}\n    windows: {zone: UTC, weekly: [{days: [monday], from: '02:00', to: '04:00'}]}\n";
    let read = |text: &str| {
        let mut documents = parse(text).unwrap_or_else(|faults| panic!("{faults:?}"));
        documents.remove(0).spec
    };
    let Spec::Environment(first) = read(text) else {
        panic!("not an environment")
    };
    let policy = first.policy.clone().unwrap();
    assert_eq!(policy["windows"]["weekly"][0]["from"], "02:00");
    assert!(policy.get("maxRows").is_some_and(serde_json::Value::is_null));
    let again = export("prod", None, &Spec::Environment(first.clone())).unwrap();
    let Spec::Environment(second) = read(&again) else {
        panic!("not an environment")
    };
    assert_eq!(second, first, "{again}");
    assert!(parse(&text.replace("policy:\n", "policy: strict\n  order:\n")).is_err());
}
