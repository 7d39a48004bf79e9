//! What documents of each kind say, one file for each but tables.

pub mod database;
pub mod environment;
pub mod flow;
pub mod project;
pub mod server;
pub mod view;

use serde_json::{Map, Value as Json};

use crate::{
    FormGroup,
    fault::Faults,
    fields::{Fields, Item},
    form,
    node::Value,
};

/// Values of fields that only the document's own form knows, by group.
pub type OwnValues = Map<String, Json>;

/// Reads the group `name` of a spec: checked by the document's form, then by `read`.
pub(crate) fn group<'a, T>(
    spec: &mut Fields<'a>,
    name: &'static str,
    forms: Option<&Vec<FormGroup>>,
    own: &mut OwnValues,
    faults: &mut Faults,
    read: impl FnOnce(&mut Fields<'a>, &mut Faults) -> Option<T>,
) -> Option<T> {
    let item = spec.take(name)?;
    let mut fields = item.fields(faults)?;
    let form = form::find(forms, name);
    if let Some(form) = form {
        form.check(&fields, faults);
    }
    let value = read(&mut fields, faults);
    if let Some(form) = form {
        let values = form.take_own(&mut fields);
        if !values.is_empty() {
            own.insert(name.to_owned(), values.into());
        }
    }
    fields.finish(faults);
    value
}

/// Takes the groups that only the document's own form knows: one map of values each, or a list of them.
pub(crate) fn own_groups(
    spec: &mut Fields<'_>,
    forms: Option<&Vec<FormGroup>>,
    own: &mut OwnValues,
    faults: &mut Faults,
) {
    for name in spec.rest() {
        let Some(form) = form::find(forms, &name) else {
            continue;
        };
        let Some(item) = spec.take_named(&name) else {
            continue;
        };
        let mut one = |item: &Item<'_>| -> Option<Json> {
            let mut fields = item.fields(faults)?;
            form.check(&fields, faults);
            let values = form.take_own(&mut fields);
            fields.finish(faults);
            Some(values.into())
        };
        let values = match &item.node.value {
            Value::List(items) => {
                let items = items.iter().enumerate().map(|(nth, node)| Item {
                    node,
                    path: format!("{}[{nth}]", item.path),
                });
                Some(items.filter_map(|item| one(&item)).collect())
            }
            _ => one(&item),
        };
        own.extend(values.map(|values| (name, values)));
    }
}

/// The text of the group `document`, in Markdown: `{content: …}`, or the text itself.
pub(crate) fn long_text(
    spec: &mut Fields<'_>,
    (group_name, field): (&'static str, &'static str),
    forms: Option<&Vec<FormGroup>>,
    own: &mut OwnValues,
    faults: &mut Faults,
) -> Option<String> {
    match spec.peek(group_name).map(|node| &node.value) {
        Some(Value::Map(_)) => group(spec, group_name, forms, own, faults, |fields, faults| {
            fields.text(field, faults)
        }),
        _ => spec.text(group_name, faults),
    }
    .filter(|text| !text.is_empty())
}

/// Whether nothing but a form is there.
pub(crate) fn is_draft(spec: &Fields<'_>, forms: Option<&Vec<FormGroup>>) -> bool {
    forms.is_some() && spec.rest().is_empty()
}
