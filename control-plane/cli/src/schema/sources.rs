//! Files of documents as one text, of which every line knows its file.

use muster_documents::parse;

/// Files in their order.
#[derive(Default)]
pub(super) struct Sources {
    text: String,
    files: Vec<Source>,
}

struct Source {
    name: String,
    text: String,
    /// Its first line in the whole text, from 1.
    first: usize,
}

impl Sources {
    pub(super) fn add(&mut self, name: &str, text: &str) {
        if !self.text.is_empty() {
            if !self.text.ends_with('\n') {
                self.text.push('\n');
            }
            self.text.push_str("---\n");
        }
        self.files.push(Source {
            name: name.to_owned(),
            text: text.to_owned(),
            first: self.text.matches('\n').count() + 1,
        });
        self.text.push_str(text);
    }

    /// All of them, with `---` between.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What is wrong with them, each with its file and line. What stands in two files is found once each is readable.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut found = Vec::new();
        for file in &self.files {
            for fault in parse(&file.text).err().unwrap_or_default() {
                let place = match fault.line {
                    0 => file.name.clone(),
                    line => format!("{}:{line}", file.name),
                };
                found.push(said(&place, &fault.path, &fault.message));
            }
        }
        if found.is_empty() && self.files.len() > 1 {
            for fault in parse(&self.text).err().unwrap_or_default() {
                let line = usize::try_from(fault.line).unwrap_or(0);
                found.push(said(&self.place(line), &fault.path, &fault.message));
            }
        }
        found
    }

    /// A fault that the control plane found: its `line 7: …` is one of the whole text.
    pub(super) fn placed(&self, field: &str, message: &str) -> String {
        let lined = message
            .strip_prefix("line ")
            .and_then(|rest| rest.split_once(": "))
            .and_then(|(line, rest)| Some((line.parse().ok()?, rest)));
        match lined {
            Some((line, rest)) => said(&self.place(line), field, rest),
            None => said("", field, message),
        }
    }

    fn place(&self, line: usize) -> String {
        let file = self.files.iter().rev().find(|file| file.first <= line);
        file.map_or_else(String::new, |file| {
            format!("{}:{}", file.name, line - file.first + 1)
        })
    }
}

/// `file:line: field: message`, without what is empty.
fn said(place: &str, field: &str, message: &str) -> String {
    let parts = [place, field, message];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEV: &str = "apiVersion: v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {label: Dev}";

    #[test]
    fn lines_are_those_of_their_files() {
        let mut sources = Sources::default();
        sources.add("a.yaml", DEV);
        sources.add(
            "b.yaml",
            &format!("---\n{}\n", DEV.replace("name: dev", "name: qa")),
        );
        assert_eq!(sources.faults(), Vec::<String>::new());
        assert_eq!(sources.place(4), "a.yaml:4");
        // The fifth line is the `---` between them.
        assert_eq!(sources.place(6), "b.yaml:1");
        assert_eq!(
            sources.placed("spec", "line 7: Environment qa: is wrong"),
            "b.yaml:2: spec: Environment qa: is wrong"
        );
        assert_eq!(sources.placed("database", "is missing"), "database: is missing");
    }

    #[test]
    fn what_stands_in_two_files_is_found() {
        let mut sources = Sources::default();
        sources.add("a.yaml", DEV);
        sources.add("b.yaml", DEV);
        let faults = sources.faults();
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("b.yaml:1: metadata.name: "), "{faults:?}");
    }
}
