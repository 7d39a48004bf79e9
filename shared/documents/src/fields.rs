//! Reading a map field by field: what is missing, of the wrong kind or unknown becomes a fault with its line, and
//! reading goes on.

use crate::{
    fault::Faults,
    node::{Entry, Node, Value},
};

/// A value and the path to it.
#[derive(Debug, Clone)]
pub(crate) struct Item<'a> {
    pub(crate) node: &'a Node,
    pub(crate) path: String,
}

/// The fields of a map that were not taken yet.
pub(crate) struct Fields<'a> {
    pub(crate) at: (u32, u32),
    path: String,
    entries: Vec<Option<&'a Entry>>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Takes a field; one that is null is none.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Item<'a>> {
        self.asked.push(name);
        self.take_named(name)
    }

    /// Takes a field whose name only the document knows.
    pub(crate) fn take_named(&mut self, name: &str) -> Option<Item<'a>> {
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.is_some_and(|entry| entry.key == name))?
            .take()?;
        let path = join(&self.path, name);
        (!matches!(entry.node.value, Value::Null)).then_some(Item {
            node: &entry.node,
            path,
        })
    }

    /// The field's value, without taking it.
    pub(crate) fn peek(&self, name: &str) -> Option<&'a Node> {
        let mut entries = self.entries.iter().flatten();
        entries
            .find(|entry| entry.key == name)
            .map(|entry| &entry.node)
            .filter(|node| !matches!(node.value, Value::Null))
    }

    /// A field that must be there.
    pub(crate) fn need(&mut self, name: &'static str, faults: &mut Faults) -> Option<Item<'a>> {
        let item = self.take(name);
        if item.is_none() {
            faults.add(self.at, &join(&self.path, name), "is missing");
        }
        item
    }

    /// A text that must be there.
    pub(crate) fn need_text(&mut self, name: &'static str, faults: &mut Faults) -> Option<String> {
        self.need(name, faults)?.text(faults)
    }

    /// A text.
    pub(crate) fn text(&mut self, name: &'static str, faults: &mut Faults) -> Option<String> {
        self.take(name)?.text(faults)
    }

    /// A yes or no; no if left out.
    pub(crate) fn flag(&mut self, name: &'static str, faults: &mut Faults) -> bool {
        self.take(name)
            .and_then(|item| item.flag(faults))
            .unwrap_or(false)
    }

    /// The path of a field.
    pub(crate) fn path_of(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// Names of the fields that nobody took.
    pub(crate) fn rest(&self) -> Vec<String> {
        self.entries
            .iter()
            .flatten()
            .map(|entry| entry.key.clone())
            .collect()
    }

    /// Whatever is left is unknown.
    pub(crate) fn finish(self, faults: &mut Faults) {
        for entry in self.entries.into_iter().flatten() {
            let known = self.asked.join(", ");
            faults.add(
                entry.at,
                &join(&self.path, &entry.key),
                format!("is not a field here; there are {known}"),
            );
        }
    }
}

impl<'a> Item<'a> {
    /// The whole document.
    pub(crate) fn root(node: &'a Node) -> Self {
        Self {
            node,
            path: String::new(),
        }
    }

    pub(crate) fn wrong(&self, faults: &mut Faults, message: impl Into<String>) {
        faults.add(self.node.at, &self.path, message);
    }

    pub(crate) fn fields(&self, faults: &mut Faults) -> Option<Fields<'a>> {
        let Value::Map(entries) = &self.node.value else {
            self.wrong(faults, "must be a map of fields");
            return None;
        };
        Some(Fields {
            at: self.node.at,
            path: self.path.clone(),
            entries: entries.iter().map(Some).collect(),
            asked: Vec::new(),
        })
    }

    pub(crate) fn items(&self, faults: &mut Faults) -> Vec<Item<'a>> {
        let Value::List(items) = &self.node.value else {
            self.wrong(faults, "must be a list");
            return Vec::new();
        };
        let items = items.iter().enumerate();
        items
            .map(|(nth, node)| Item {
                node,
                path: format!("{}[{nth}]", self.path),
            })
            .collect()
    }

    /// A list, or one value that stands for a list of one.
    pub(crate) fn one_or_more(&self, faults: &mut Faults) -> Vec<Item<'a>> {
        match &self.node.value {
            Value::List(_) => self.items(faults),
            _ => vec![self.clone()],
        }
    }

    /// A text. Whole numbers, true and false are taken as they are written; a number with a fraction is not, because
    /// its text is gone (`1.10` would be `1.1`).
    pub(crate) fn text(&self, faults: &mut Faults) -> Option<String> {
        match &self.node.value {
            Value::Text(text) if text.chars().all(is_text) => Some(text.clone()),
            Value::Text(_) => {
                self.wrong(faults, "holds a control character");
                None
            }
            Value::Int(number) => Some(number.to_string()),
            Value::Bool(value) => Some(value.to_string()),
            Value::Float(_) => {
                self.wrong(
                    faults,
                    "is a number with a fraction: put it in quotes, so that it stays as it is",
                );
                None
            }
            Value::Null | Value::List(_) | Value::Map(_) => {
                self.wrong(faults, "must be a text");
                None
            }
        }
    }

    /// A text and nothing that YAML takes for something else: `0123` must be quoted to stay what it is.
    pub(crate) fn quoted(&self, faults: &mut Faults) -> Option<String> {
        if let Value::Text(text) = &self.node.value {
            return Some(text.clone());
        }
        self.wrong(faults, "must be a text: put it in quotes");
        None
    }

    pub(crate) fn flag(&self, faults: &mut Faults) -> Option<bool> {
        if let Value::Bool(value) = self.node.value {
            return Some(value);
        }
        self.wrong(faults, "must be true or false");
        None
    }

    pub(crate) fn int(&self, faults: &mut Faults) -> Option<i64> {
        match &self.node.value {
            Value::Int(value) => Some(*value),
            // What a text field of a form holds.
            Value::Text(text) if text.trim().parse::<i64>().is_ok() => text.trim().parse().ok(),
            _ => {
                self.wrong(faults, "must be a whole number");
                None
            }
        }
    }

    /// One of these words, in any case.
    pub(crate) fn word<T: Copy>(&self, words: &[(&str, T)], faults: &mut Faults) -> Option<T> {
        let text = self.text(faults)?;
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        if found.is_none() {
            let known: Vec<&str> = words
                .iter()
                .map(|(word, _)| *word)
                .filter(|word| !word.is_empty())
                .collect();
            self.wrong(faults, format!("must be one of {}", known.join(", ")));
        }
        found.map(|(_, value)| *value)
    }
}

/// Texts may have lines and tabs, but nothing that a terminal would act on.
fn is_text(c: char) -> bool {
    !c.is_control() || matches!(c, '\n' | '\t' | '\r')
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}
