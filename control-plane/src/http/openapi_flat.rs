//! Shapes that hold another shape's fields among their own. The document says this as "all of both"; where the other one
//! allows no further field, nothing could be both. Such a shape is written out instead.

use std::collections::BTreeMap;

use utoipa::openapi::{
    AllOf, Object, OpenApi, RefOr, Schema, Type,
    schema::{AdditionalProperties, ArrayItems, SchemaType},
};

/// Writes out the shapes of `document` that could never be met.
pub(super) fn write_out(document: &mut OpenApi) {
    let Some(components) = &mut document.components else {
        return;
    };
    let known = components.schemas.clone();
    for schema in components.schemas.values_mut() {
        look(schema, &known);
    }
}

/// Looks through a shape and what is written out in it: pages hold their items so.
fn look(schema: &mut RefOr<Schema>, known: &BTreeMap<String, RefOr<Schema>>) {
    match schema {
        RefOr::T(Schema::AllOf(all)) => {
            if let Some(object) = whole(all, known) {
                *schema = RefOr::T(Schema::Object(object));
            }
        }
        RefOr::T(Schema::Object(object)) => object.properties.values_mut().for_each(|one| look(one, known)),
        RefOr::T(Schema::Array(array)) => {
            if let ArrayItems::RefOrSchema(items) = &mut array.items {
                look(items, known);
            }
        }
        RefOr::T(_) | RefOr::Ref(_) => {}
    }
}

/// All fields of all parts, if one of the parts allows no further field.
fn whole(all: &AllOf, known: &BTreeMap<String, RefOr<Schema>>) -> Option<Object> {
    let mut whole = Object::new();
    whole.schema_type = SchemaType::Type(Type::Object);
    whole.description.clone_from(&all.description);
    let mut closed = false;
    for item in &all.items {
        let named = match item {
            RefOr::Ref(to) => known.get(to.ref_location.rsplit('/').next()?)?,
            own @ RefOr::T(_) => own,
        };
        let RefOr::T(Schema::Object(part)) = named else {
            return None;
        };
        closed |= matches!(
            part.additional_properties.as_deref(),
            Some(AdditionalProperties::FreeForm(false))
        );
        whole.properties.extend(part.properties.clone());
        whole.required.extend(part.required.iter().cloned());
    }
    closed.then_some(whole)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::document;

    #[test]
    fn no_shape_is_one_that_nothing_can_have() {
        let document = serde_json::to_value(document()).unwrap();
        let shapes = document["components"]["schemas"].as_object().unwrap();
        let is_closed = |part: &Value| {
            let name = part["$ref"].as_str().and_then(|to| to.rsplit('/').next());
            name.is_some_and(|name| shapes[name]["additionalProperties"] == false)
        };
        let impossible: Vec<_> = shapes
            .iter()
            .filter(|(_, shape)| {
                shape["allOf"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(is_closed))
            })
            .map(|(name, _)| name)
            .collect();
        assert!(impossible.is_empty(), "{impossible:?}");
        let rule = &shapes["AlertRule"];
        assert!(
            rule["properties"]["id"].is_object() && rule["properties"]["name"].is_object(),
            "{rule}"
        );
        assert_eq!(rule["additionalProperties"], Value::Null);
    }
}
