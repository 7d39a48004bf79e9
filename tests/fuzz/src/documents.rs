//! Documents of database change.

use muster_documents::{Spec, export, parse};

/// A text of documents.
pub fn documents(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let documents = match parse(text) {
        Ok(documents) => documents,
        Err(faults) => {
            assert!(!faults.is_empty(), "refused without a word");
            return;
        }
    };
    for document in documents {
        let json = document.spec.to_json().expect("what was read is kept");
        let kept = Spec::from_json(document.spec.kind(), &json).expect("what is kept is read");
        assert_eq!(kept.to_json().expect("as before"), json);
        assert_eq!(kept.is_draft(), document.spec.is_draft());
        let yaml = export(&document.name, document.label.as_deref(), &document.spec).expect("it is exported");
        let again = parse(&yaml).expect("an export is read").remove(0);
        assert_eq!(again.spec.to_json().expect("as before"), json);
        assert_eq!((again.name, again.label), (document.name, document.label));
    }
}
