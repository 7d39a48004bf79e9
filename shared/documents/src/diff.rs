//! What is different between two revisions of a document, field by field. Entries of lists are told apart by their id
//! or name, so that one that was put elsewhere or renamed is not two others.

use serde_json::Value as Json;

/// A field that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// For instance `columns[mail].dataType`.
    pub path: String,
    /// What it was; none if it was not there.
    pub before: Option<Json>,
    /// What it is; none if it is not there any more.
    pub after: Option<Json>,
}

/// What is different, in the order of the fields.
pub fn diff(before: &Json, after: &Json) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    compare("", Some(before), Some(after), &mut changes);
    changes
}

fn compare(path: &str, before: Option<&Json>, after: Option<&Json>, changes: &mut Vec<FieldChange>) {
    match (before, after) {
        (Some(Json::Object(old)), Some(Json::Object(new))) => {
            let gone = old.keys().filter(|key| !new.contains_key(*key));
            for key in new.keys().chain(gone) {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                compare(&path, old.get(key), new.get(key), changes);
            }
        }
        (Some(Json::Array(old)), Some(Json::Array(new))) if keyed(old) && keyed(new) => {
            let gone = old.iter().filter(|entry| twin(new, entry).is_none());
            for entry in new {
                let old = twin(old, entry);
                compare(
                    &format!("{path}[{}]", name(old.unwrap_or(entry))),
                    old,
                    Some(entry),
                    changes,
                );
            }
            for entry in gone {
                compare(&format!("{path}[{}]", name(entry)), Some(entry), None, changes);
            }
            let order = |entries: &[Json], others: &[Json]| -> Vec<String> {
                entries
                    .iter()
                    .filter_map(|entry| twin(others, entry).map(|_| key(entry)))
                    .collect()
            };
            if order(old, new) != order(new, old) {
                let names = |entries: &[Json]| Some(entries.iter().map(name).collect());
                changes.push(FieldChange {
                    path: format!("{path} (order)"),
                    before: names(old),
                    after: names(new),
                });
            }
        }
        (before, after) if before != after => changes.push(FieldChange {
            path: path.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
        _ => {}
    }
}

fn keyed(entries: &[Json]) -> bool {
    entries.iter().all(|entry| entry.get("name").is_some())
}

fn twin<'a>(entries: &'a [Json], of: &Json) -> Option<&'a Json> {
    entries.iter().find(|entry| key(entry) == key(of))
}

fn key(entry: &Json) -> String {
    let id = entry.get("id").and_then(Json::as_str);
    id.map_or_else(|| name(entry), str::to_owned)
}

fn name(entry: &Json) -> String {
    entry
        .get("name")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(before: Json, after: Json) -> Vec<String> {
        let changes = diff(&before, &after);
        let text = |value: &Option<Json>| value.as_ref().map_or("-".to_owned(), ToString::to_string);
        changes
            .iter()
            .map(|c| format!("{} {} {}", c.path, text(&c.before), text(&c.after)))
            .collect()
    }

    #[test]
    fn a_renamed_column_is_one_change() {
        let before =
            json!({"columns": [{"id": "1", "name": "mail", "dataType": "text"}, {"id": "2", "name": "age"}]});
        let after = json!({"columns": [{"id": "1", "name": "email", "dataType": "text"}, {"id": "3", "name": "size"}]});
        let lines = shown(before, after);
        assert_eq!(lines[0], r#"columns[mail].name "mail" "email""#);
        assert!(lines[1].starts_with("columns[size] - {"), "{lines:?}");
        assert!(
            lines[2].starts_with("columns[age] {") && lines[2].ends_with("} -"),
            "{lines:?}"
        );
    }

    #[test]
    fn another_order_is_said_once() {
        let lines = shown(
            json!({"keys": [{"name": "a"}, {"name": "b"}]}),
            json!({"keys": [{"name": "b"}, {"name": "a"}]}),
        );
        assert_eq!(lines, [r#"keys (order) ["a","b"] ["b","a"]"#]);
        assert!(shown(json!({"a": [1, 2]}), json!({"a": [1, 2]})).is_empty());
        assert_eq!(
            shown(json!({"a": [1]}), json!({"a": [2], "b": 1})),
            ["a [1] [2]", "b - 1"]
        );
    }
}
