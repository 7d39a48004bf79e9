//! YAML (and so JSON) as a tree that knows its lines. The only file that names the YAML library for reading.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, SeqAccess, Visitor},
};
use serde_saphyr::{Budget, Spanned};

use crate::Fault;

/// Limits of one text.
const MAX_BYTES: usize = 1 << 20;
const MAX_DOCUMENTS: usize = 1_000;
const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 100_000;

/// A value and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    /// Line and column, from 1.
    pub(crate) at: (u32, u32),
    pub(crate) value: Value,
}

/// What stands there. Numbers are told from texts by the rules of YAML 1.2.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    /// A number with a fraction or out of range: its text is lost, so nothing that keeps texts takes it.
    Float(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One field of a map.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) at: (u32, u32),
    pub(crate) node: Node,
}

/// Reads every document of a text. Empty ones are left out.
pub(crate) fn read(text: &str) -> Result<Vec<Node>, Fault> {
    let whole = |message: String| Fault {
        line: 0,
        column: 0,
        path: String::new(),
        message,
    };
    if text.len() > MAX_BYTES {
        return Err(whole(format!("the text is larger than {MAX_BYTES} bytes")));
    }
    if text.contains('\0') {
        return Err(whole("the text holds the character U+0000".into()));
    }
    // Anchors repeat what was written once; a text that grows while it is read is not worth its trouble here.
    let mut budget = Budget::default();
    budget.max_depth = MAX_DEPTH;
    budget.max_documents = MAX_DOCUMENTS;
    budget.max_nodes = MAX_NODES;
    budget.max_aliases = 0;
    let options = serde_saphyr::options! {
        budget: Some(budget),
        with_snippet: false,
        // Only true and false: a column may be called n, y, on or no.
        strict_booleans: true,
    };
    serde_saphyr::from_multiple_with_options::<Node>(text, options).map_err(|error| {
        let at = error.location();
        Fault {
            line: at.map_or(0, |at| small(at.line())),
            column: at.map_or(0, |at| small(at.column())),
            path: String::new(),
            message: plain(&error.to_string()),
        }
    })
}

/// The library's sentence without its own words for the place.
fn plain(message: &str) -> String {
    let first = message.lines().next().unwrap_or(message);
    let cut = first.find(" at line ").unwrap_or(first.len());
    format!("not readable as YAML: {}", &first[..cut])
}

fn small(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn place<T>(spanned: &Spanned<T>) -> (u32, u32) {
    (
        small(spanned.referenced.line()),
        small(spanned.referenced.column()),
    )
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Self {
            at: place(&spanned),
            value: spanned.value,
        })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        #[expect(clippy::cast_precision_loss, reason = "out of range either way")]
        let large = value as f64;
        Ok(i64::try_from(value).map_or(Value::Float(large), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::Text(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(node) = items.next_element()? {
            list.push(node);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some((key, node)) = entries.next_entry::<Spanned<String>, Node>()? {
            map.push(Entry {
                at: place(&key),
                key: key.value,
                node,
            });
        }
        Ok(Value::Map(map))
    }
}

impl Node {
    /// The value as JSON; a number that JSON has no word for is null.
    pub(crate) fn json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Text(value) => value.clone().into(),
            Value::List(items) => items.iter().map(Self::json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.json()))
                .collect(),
        }
    }
}
