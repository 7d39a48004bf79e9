//! What is wrong with a text is said with its line.

use super::{faults, table};
use crate::{Spec, parse};

const HEAD: &str = "apiVersion: v1alpha1\nkind: TableSnapshot\nmetadata: {name: t_user}\nspec:\n";

#[test]
fn everything_wrong_is_said_at_once_with_its_line() {
    let text = format!(
        "{HEAD}  database: shop\n  columns:\n    - {{name: id, dataType: bigint, notnull: true}}\n    - {{name: age}}\n  \
         keys:\n    - {{columns: [ix]}}\n"
    );
    let found = faults(&text);
    assert!(
        found[0].starts_with("line 7: spec.columns[0].notnull: is not a field here; there are "),
        "{found:?}"
    );
    assert!(
        found.contains(&"line 8: spec.columns[1].dataType: is missing".to_owned()),
        "{found:?}"
    );
}

#[test]
fn keys_and_indexes_are_over_columns_that_are_there() {
    let text = format!(
        "{HEAD}  database: shop\n  columns:\n    - {{name: id, dataType: int}}\n  keys:\n    - {{columns: [ix]}}\n"
    );
    assert_eq!(faults(&text).len(), 1);
    assert!(
        faults(&text)[0].ends_with("spec.keys: there is no column ix"),
        "{:?}",
        faults(&text)
    );
}

#[test]
fn unknown_kinds_versions_and_heads_are_refused() {
    let found = faults("apiVersion: v2\nkind: Table\nmetadata: {name: x}\nspec: {}\n");
    assert!(
        found[0].contains("must be v1alpha1") && found[1].contains("Table can't be applied"),
        "{found:?}"
    );
    assert!(
        faults("apiVersion: v1alpha1\nkind: Pod\nmetadata: {name: x}\nspec: {}\n")[0].contains("is no kind")
    );
    assert!(
        faults("a: [")[0].contains("not readable as YAML"),
        "{:?}",
        faults("a: [")
    );
    assert_eq!(faults(""), ["holds no document"]);
    assert!(faults("- 1")[0].contains("must be a map of fields"));
}

#[test]
fn the_same_document_twice_is_refused() {
    let one = "apiVersion: v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {label: a}\n";
    let found = faults(&format!("{one}---\n{one}"));
    assert!(
        found[0].contains("Environment dev stands in line 1 too"),
        "{found:?}"
    );
}

#[test]
fn json_is_read_too() {
    let json = r#"{"apiVersion":"v1alpha1","kind":"Project","metadata":{"name":"shop"},"spec":{"databases":["shop"]}}"#;
    let Spec::Project(project) = &parse(json).unwrap()[0].spec else {
        panic!()
    };
    assert_eq!(project.databases, ["shop"]);
}

#[test]
fn a_number_that_would_not_stay_as_it_is_written_must_be_quoted() {
    let column = |default: &str| {
        format!(
            "{HEAD}  database: shop\n  columns:\n    - {{name: a, dataType: numeric, defaultValue: {default}}}\n"
        )
    };
    assert!(
        faults(&column("1.10"))[0].contains("put it in quotes"),
        "{:?}",
        faults(&column("1.10"))
    );
    let (_, values, _) = table(&column("'1.10'"));
    assert_eq!(values.columns[0].default_value.as_deref(), Some("1.10"));
    let server = "apiVersion: v1alpha1\nkind: Server\nmetadata: {name: main}\nspec:\n  basic: {ip: 10.0.0.1, environment: dev}\n  \
                  database: {username: a, password: 0123, type: MySQL}\n";
    assert!(
        faults(server)[0].contains("spec.database.password: must be a text"),
        "{:?}",
        faults(server)
    );
}

#[test]
fn a_column_may_be_called_what_old_yaml_took_for_yes_or_no() {
    for name in ["n", "y", "no", "yes", "on", "off", "N"] {
        let text = format!("{HEAD}  database: shop\n  columns:\n    - {{name: {name}, dataType: int}}\n");
        assert_eq!(table(&text).1.columns[0].name, name);
    }
}

#[test]
fn only_true_and_false_are_booleans() {
    let text = |word: &str| {
        format!(
            "{HEAD}  database: shop\n  columns:\n    - {{name: id, dataType: int, notNull: {word}, comment: {word}}}\n"
        )
    };
    for word in ["yes", "no", "on", "off", "y", "n", "Yes"] {
        assert!(
            faults(&text(word))[0].starts_with("line 7: spec.columns[0].notNull: "),
            "{word}: {:?}",
            faults(&text(word))
        );
        let commented = text(word).replace(&format!("notNull: {word}"), "notNull: true");
        assert_eq!(table(&commented).1.columns[0].comment.as_deref(), Some(word));
    }
}

#[test]
fn anchors_and_deep_texts_are_refused() {
    assert!(parse("a: &x [1]\nb: *x\n").is_err());
    assert!(parse(&format!("a: {}", "[".repeat(64))).is_err());
    assert!(parse(&"x".repeat(2 << 20)).is_err());
}

#[test]
fn a_length_stands_beside_its_type_or_in_it() {
    let column = |of: &str| format!("{HEAD}  database: shop\n  columns:\n    - {{name: a, {of}}}\n");
    let data_type = |of: &str| table(&column(of)).1.columns[0].data_type.clone();
    assert_eq!(data_type("dataType: varchar, length: 64"), "varchar(64)");
    assert_eq!(
        data_type("dataType: decimal, precision: 10, scale: 2"),
        "decimal(10,2)"
    );
    assert_eq!(
        data_type("dataType: timestamp with time zone, precision: 3"),
        "timestamp(3) with time zone"
    );
    assert!(faults(&column("dataType: varchar(3), length: 64"))[0].contains("has its length already"));
}

#[test]
fn a_form_runs_nothing() {
    let form =
        |node: &str| format!("{HEAD}  forms:\n    - group: basic\n      formSchema:\n        - {node}\n");
    assert!(parse(&form("{$formkit: text, name: a, validation: required}")).is_ok());
    for node in [
        "{$el: script, children: x}",
        "{$cmp: Evil}",
        "{$formkit: text, name: a, if: '$x'}",
        "{$formkit: evil, name: a}",
    ] {
        assert!(parse(&form(node)).is_err(), "{node}");
    }
    assert!(
        faults(&form("{$formkit: text, name: a, validation: nonsense}"))[0]
            .contains("there is no rule nonsense")
    );
}

#[test]
fn a_document_s_own_fields_are_checked_and_kept() {
    let text = "apiVersion: v1alpha1\nkind: DatabaseSnapshot\nmetadata: {name: shop}\nspec:\n  forms:\n    - group: basic\n      \
                formSchema:\n        - {$formkit: text, name: owner, validation: 'required|length:2,8'}\n    - group: cost\n      \
                formSchema:\n        - {$formkit: number, name: perMonth, validation: number}\n  basic:\n    name: shop\n    \
                comment: Orders\n    type: mysql\n    owner: team-a\n  cost:\n    perMonth: 12\n";
    let document = parse(text).unwrap().remove(0);
    let Spec::Database(database) = &document.spec else {
        panic!()
    };
    assert_eq!(database.own["basic"]["owner"], "team-a");
    assert_eq!(database.own["cost"]["perMonth"], 12);
    let yaml = crate::export(&document.name, None, &document.spec).unwrap();
    assert_eq!(
        parse(&yaml).unwrap()[0].spec.to_json().unwrap(),
        document.spec.to_json().unwrap(),
        "{yaml}"
    );
    assert!(
        faults(&text.replace("owner: team-a", "owner: x"))[0].ends_with("owner: must have 2 to 8 characters")
    );
    assert!(faults(&text.replace("    owner: team-a\n", ""))[0].ends_with("owner: is required"));
}

proptest::proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "[ -~\\n\\té]{0,200}") {
        // Neither panics, whatever stands there.
        let _read = parse(&text);
        let _read = parse(&format!("{HEAD}  {text}"));
    }
}
