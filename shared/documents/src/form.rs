//! Forms: how a document is filled in, as data.
//!
//! A form is a list of groups, each a FormKit schema. A document that carries `spec.forms` replaces the built-in form
//! for itself: its fields are checked by their own rules, and those that Muster doesn't know are kept. A schema's
//! nodes are fields only (`$formkit`); `$el`, `$cmp` and expressions are refused, because whoever renders them would
//! run what the document's author wrote.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::{
    fault::Faults,
    fields::{Fields, Item},
    node::{Node, Value},
    rule,
};

/// The inputs that a form may have.
const INPUTS: &[(&str, &str)] = &[
    ("text", "text"),
    ("textarea", "textarea"),
    ("number", "number"),
    ("password", "password"),
    ("select", "select"),
    ("radio", "radio"),
    ("checkbox", "checkbox"),
    ("switch", "switch"),
    ("date", "date"),
    ("markdown", "markdown"),
    ("sql", "sql"),
];

/// Properties of a field that say only how it looks.
const LOOKS: [&str; 4] = ["help", "placeholder", "suffix", "prefix"];

/// A part of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FormGroup {
    /// By which its values stand in `spec`.
    pub group: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Its fields.
    pub form_schema: Vec<FormField>,
}

/// One field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormField {
    /// Which input it is, for instance `text`.
    #[serde(rename = "$formkit")]
    pub input: String,
    /// The name of its value.
    pub name: String,
    /// Its title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Rules such as `required|length:1,20`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validation: Option<String>,
    /// What may be chosen; empty where anything may.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<FormOption>,
    /// What it has to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Json>,
    /// How it looks: `help`, `placeholder`, `prefix`, `suffix`.
    #[serde(flatten)]
    pub looks: Map<String, Json>,
}

/// Something that may be chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormOption {
    /// For people.
    pub label: String,
    /// What is kept.
    pub value: String,
}

/// A form of a document's own, if it carries one.
pub(crate) fn read(spec: &mut Fields<'_>, faults: &mut Faults) -> Option<Vec<FormGroup>> {
    let item = spec.take("forms")?;
    let mut groups: Vec<FormGroup> = Vec::new();
    for item in item.items(faults) {
        let Some(group) = group(&item, faults) else {
            continue;
        };
        if groups.iter().any(|other| other.group == group.group) {
            item.wrong(faults, format!("the group {} stands here twice", group.group));
        }
        groups.push(group);
    }
    Some(groups)
}

fn group(item: &Item<'_>, faults: &mut Faults) -> Option<FormGroup> {
    let mut fields = item.fields(faults)?;
    let group = fields.need("group", faults).and_then(|item| name(&item, faults));
    let label = fields.text("label", faults);
    let mut form_schema: Vec<FormField> = Vec::new();
    let listed = fields.need("formSchema", faults);
    let listed = listed.map(|list| list.items(faults)).unwrap_or_default();
    for item in listed {
        let Some(field) = field(&item, faults) else {
            continue;
        };
        if form_schema.iter().any(|other| other.name == field.name) {
            item.wrong(faults, format!("the field {} stands here twice", field.name));
        }
        form_schema.push(field);
    }
    fields.finish(faults);
    Some(FormGroup {
        group: group?,
        label,
        form_schema,
    })
}

fn field(item: &Item<'_>, faults: &mut Faults) -> Option<FormField> {
    let mut fields = item.fields(faults)?;
    let input = fields
        .need("$formkit", faults)
        .and_then(|item| item.word(INPUTS, faults));
    let name = fields.need("name", faults).and_then(|item| name(&item, faults));
    let label = fields.text("label", faults);
    let validation = fields.take("validation").and_then(|item| {
        let text = item.text(faults)?;
        match rule::read(&text) {
            Ok(_) => Some(text),
            Err(why) => {
                item.wrong(faults, why);
                None
            }
        }
    });
    let options = fields
        .take("options")
        .map(|item| item.items(faults))
        .unwrap_or_default();
    let options = options.iter().filter_map(|item| option(item, faults)).collect();
    let value = fields.take("value").map(|item| item.node.json());
    let mut looks = Map::new();
    for look in LOOKS {
        if let Some(text) = fields.text(look, faults) {
            looks.insert(look.to_owned(), text.into());
        }
    }
    fields.finish(faults);
    Some(FormField {
        input: input?.to_owned(),
        name: name?,
        label,
        validation,
        options,
        value,
        looks,
    })
}

fn option(item: &Item<'_>, faults: &mut Faults) -> Option<FormOption> {
    if !matches!(item.node.value, Value::Map(_)) {
        let text = item.text(faults)?;
        return Some(FormOption {
            label: text.clone(),
            value: text,
        });
    }
    let mut fields = item.fields(faults)?;
    let label = fields.need_text("label", faults);
    let value = fields.need_text("value", faults);
    fields.finish(faults);
    Some(FormOption {
        label: label?,
        value: value?,
    })
}

/// Names of groups and fields become keys of the document.
fn name(item: &Item<'_>, faults: &mut Faults) -> Option<String> {
    let text = item.text(faults)?;
    let good = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !good {
        item.wrong(faults, "must be 1 to 64 letters, digits, _ and -");
        return None;
    }
    Some(text)
}

/// The group of that name.
pub(crate) fn find<'f>(form: Option<&'f Vec<FormGroup>>, name: &str) -> Option<&'f FormGroup> {
    form?.iter().find(|group| group.group == name)
}

impl FormGroup {
    /// Checks the values of this group by the rules of its fields.
    pub(crate) fn check(&self, values: &Fields<'_>, faults: &mut Faults) {
        for field in &self.form_schema {
            let node = values.peek(&field.name);
            let at = node.map_or(values.at, |node| node.at);
            if let Some(why) = field.flaw(node) {
                faults.add(at, &values.path_of(&field.name), why);
            }
        }
    }

    /// Takes the fields that only this form knows.
    pub(crate) fn take_own(&self, values: &mut Fields<'_>) -> Map<String, Json> {
        let mut own = Map::new();
        for name in values.rest() {
            if self.form_schema.iter().any(|field| field.name == name)
                && let Some(item) = values.take_named(&name)
            {
                own.insert(name, item.node.json());
            }
        }
        own
    }
}

impl FormField {
    fn flaw(&self, node: Option<&Node>) -> Option<String> {
        let texts: Vec<String> = match node.map(|node| &node.value) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::List(items)) => items.iter().filter_map(shown).collect(),
            Some(_) => node.and_then(shown).into_iter().collect(),
        };
        for rule in rule::read(self.validation.as_deref().unwrap_or_default()).unwrap_or_default() {
            if let Some(why) = rule.flaw(&texts) {
                return Some(why);
            }
        }
        let chosen = |text: &String| {
            self.options
                .iter()
                .any(|option| option.value.eq_ignore_ascii_case(text))
        };
        if !self.options.is_empty() && !texts.iter().all(chosen) {
            let known: Vec<&str> = self.options.iter().map(|option| option.value.as_str()).collect();
            return Some(format!("must be one of {}", known.join(", ")));
        }
        None
    }
}

/// A single value as a form shows it.
fn shown(node: &Node) -> Option<String> {
    match &node.value {
        Value::Text(text) => Some(text.clone()),
        Value::Int(value) => Some(value.to_string()),
        Value::Float(value) => Some(value.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}
