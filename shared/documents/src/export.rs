//! Documents as YAML, in a form that can be applied again.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, SeqAccess, Visitor},
    ser::{SerializeMap, SerializeSeq},
};
use serde_json::Value as Json;

use crate::{API_VERSION, Spec};

/// Why something can't be written.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// What is kept is no JSON.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// The YAML can't be written.
    #[error("can't be written as YAML: {0}")]
    Yaml(String),
}

/// One document as YAML.
pub fn export(name: &str, label: Option<&str>, spec: &Spec) -> Result<String, ExportError> {
    let mut tree: Tree = serde_json::from_str(&spec.to_json()?)?;
    tree.put_own_back();
    let text = |text: &str| Tree::Leaf(Json::from(text));
    let mut head = vec![("name".to_owned(), text(name))];
    head.extend(label.map(|label| ("label".to_owned(), text(label))));
    let document = Tree::Map(vec![
        ("apiVersion".to_owned(), text(API_VERSION)),
        ("kind".to_owned(), text(spec.kind().as_str())),
        ("metadata".to_owned(), Tree::Map(head)),
        ("spec".to_owned(), tree),
    ]);
    serde_saphyr::to_string(&document).map_err(|error| ExportError::Yaml(error.to_string()))
}

/// JSON whose maps keep their order, so that a document reads as people write it.
enum Tree {
    Leaf(Json),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Tree {
    /// Values that only the document's own form knows go back into their groups and columns.
    fn put_own_back(&mut self) {
        match self {
            Self::Leaf(_) => {}
            Self::List(items) => items.iter_mut().for_each(Self::put_own_back),
            Self::Map(entries) => {
                let own = entries
                    .iter()
                    .position(|(key, _)| key == "own")
                    .map(|at| entries.remove(at).1);
                for (key, value) in own.into_iter().flat_map(Self::into_entries) {
                    match entries.iter_mut().find(|(other, _)| *other == key) {
                        Some((_, Self::Map(group))) => group.extend(value.into_entries()),
                        Some((_, group @ Self::Leaf(_))) if key == "document" || key == "sqlScript" => {
                            let field = if key == "document" { "content" } else { "sql" };
                            let text = std::mem::replace(group, Self::List(Vec::new()));
                            let mut fields = vec![(field.to_owned(), text)];
                            fields.extend(value.into_entries());
                            *group = Self::Map(fields);
                        }
                        _ => entries.push((key, value)),
                    }
                }
                for (_, value) in entries {
                    value.put_own_back();
                }
            }
        }
    }

    fn into_entries(self) -> Vec<(String, Self)> {
        match self {
            Self::Map(entries) => entries,
            Self::Leaf(_) | Self::List(_) => Vec::new(),
        }
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Leaf(value) => value.serialize(serializer),
            Self::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Self::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries
                    .iter()
                    .try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyTree)
    }
}

struct AnyTree;

impl<'de> Visitor<'de> for AnyTree {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Leaf(value.into()))
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Leaf(Json::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Tree::Map(map))
    }
}
