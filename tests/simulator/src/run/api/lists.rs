//! Which lists and searches there are, by the OpenAPI document that is served, and how each is asked.
//!
//! A list is what answers `items`, or takes words to search for. One that is not in [`LISTS`] makes the measurement fail
//! with its name, and so does a line without a list: add the line here, and what fills it to `copies`.

use super::known::{ELSEWHERE, LISTS, List};
use anyhow::{Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;

/// A list of the document.
pub(super) struct Found<'a> {
    pub(super) list: &'static List,
    parameters: Vec<&'a str>,
    /// The longest page.
    most: Option<u64>,
}

impl Found<'_> {
    /// What is asked after `?`, without the second page, which is known from the first one only.
    pub(super) fn questions(&self) -> Vec<String> {
        let mut questions = vec![String::new()];
        if let Some(most) = self.most {
            questions.push(format!("limit={most}"));
        }
        if self.parameters.contains(&"search") {
            questions.push(format!("search={}", self.list.word));
            questions.push("search=nobody-knows-it".to_owned());
        }
        questions.extend(self.list.more.iter().map(|&more| more.to_owned()));
        questions
    }
}

/// All lists of the document, in its order.
pub(super) fn read(document: &Value) -> Result<Vec<Found<'_>>> {
    let mut found = Vec::new();
    let mut unknown = Vec::new();
    let mut seen = BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let get = &item["get"];
        let parameters: Vec<&str> = get["parameters"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|parameter| parameter["in"] == "query")
            .filter_map(|parameter| parameter["name"].as_str())
            .collect();
        let answer = &get["responses"]["200"]["content"]["application/json"]["schema"];
        if !has_items(document, answer) && !parameters.contains(&"search") {
            continue;
        }
        seen.insert(path.as_str());
        if ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == path) {
            continue;
        }
        match LISTS.iter().find(|list| list.path == path) {
            Some(list) => found.push(Found {
                list,
                most: longest_page(get),
                parameters,
            }),
            None => unknown.push(path.as_str()),
        }
    }
    let known = LISTS
        .iter()
        .map(|list| list.path)
        .chain(ELSEWHERE.iter().map(|(path, _)| *path));
    let gone: Vec<&str> = known.filter(|path| !seen.contains(path)).collect();
    if !unknown.is_empty() {
        bail!(
            "nobody knows how to fill and ask these lists: {}",
            unknown.join(", ")
        );
    }
    if !gone.is_empty() {
        bail!(
            "these lists are not in the document any more: {}",
            gone.join(", ")
        );
    }
    Ok(found)
}

/// What its `limit` may be at most; without a word of that what pages have.
fn longest_page(get: &Value) -> Option<u64> {
    let mut parameters = get["parameters"].as_array().into_iter().flatten();
    let limit = parameters.find(|parameter| parameter["name"] == "limit")?;
    Some(limit["schema"]["maximum"].as_u64().unwrap_or(500))
}

/// Whether an answer has items in `items`, and not only their number.
fn has_items(document: &Value, schema: &Value) -> bool {
    if let Some(pointer) = schema["$ref"].as_str() {
        let resolved = document.pointer(pointer.trim_start_matches('#'));
        return resolved.is_some_and(|schema| has_items(document, schema));
    }
    let mut parts = schema["allOf"].as_array().into_iter().flatten();
    schema["properties"]["items"]["type"] == "array" || parts.any(|part| has_items(document, part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(paths: &[&str]) -> Value {
        let list = json!({"get": {
            "parameters": [{"in": "query", "name": "limit"}, {"in": "path", "name": "id"}],
            "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}}},
        }});
        let page = json!({"properties": {"items": {"type": "array"}, "nextCursor": {}}});
        let paths: serde_json::Map<_, _> = paths
            .iter()
            .map(|path| ((*path).to_owned(), list.clone()))
            .collect();
        json!({"paths": paths, "components": {"schemas": {"Page": page}}})
    }

    fn known() -> Vec<&'static str> {
        let elsewhere = ELSEWHERE.iter().map(|(path, _)| *path);
        LISTS.iter().map(|list| list.path).chain(elsewhere).collect()
    }

    #[test]
    fn a_list_that_nobody_knows_is_named() -> Result<()> {
        let mut paths = known();
        assert_eq!(read(&document(&paths))?.len(), LISTS.len());
        paths.push("/api/v1/novelties");
        let error = read(&document(&paths)).err().map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.ends_with(": /api/v1/novelties")));
        let error = read(&document(&known()[1..]))
            .err()
            .map(|error| error.to_string());
        assert!(error.is_some_and(|error| error.ends_with(": /api/v1/administrators")));
        Ok(())
    }

    #[test]
    fn what_answers_no_items_and_searches_nothing_is_no_list() -> Result<()> {
        let mut document = document(&known());
        document["paths"]["/api/v1/me"] = json!({"get": {"responses": {"200": {}}}, "post": {}});
        assert_eq!(read(&document)?.len(), LISTS.len());
        Ok(())
    }
}
