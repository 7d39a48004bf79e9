//! The documents in which people write environments, database servers, databases, tables, views, approval flows and
//! projects: `apiVersion: v1alpha1`, `kind`, `metadata`, `spec`, in YAML or JSON, many to a file.
//!
//! A library without I/O. It is apart from `muster-schema`, which knows SQL and nothing of documents, and from the
//! control plane, so that a command line can check a file by itself. The only crate that reads documents' YAML.
//!
//! ```text
//! text ──parse──► Documents, or every fault with its line
//!                    │ settle_ids: which column is which, so that renames are known
//!                    ▼
//!        kept as JSON ──export──► the text again
//!                    │ Design: a database's tables and views
//!                    ▼
//!        change(from, to) ──► a plan of muster-schema, with the tables' scripts
//! ```
//!
//! # Invariants
//! - What isn't understood is refused with its line: no field is left out silently.
//! - What publishing makes (`Release`, `Database`, `Table`, `View`) can't be applied.
//! - A document with a form and no values is a draft: it is kept, and can't be published.
//! - A password that was read is in no text or JSON that is written.
//! - No fragment of SQL in a document reaches a plan unless it was read back from the plan as what it claims to be.
//! - Exporting a document and reading it gives the document.
#![deny(missing_docs)]

mod built_in;
mod design;
mod diff;
mod document;
mod export;
mod fault;
mod fields;
mod form;
mod import;
pub mod kind;
mod node;
mod rule;
mod spelling;
pub mod table;
#[cfg(test)]
mod tests;

pub use self::{
    built_in::{Language, form as built_in_form},
    design::{Change, ChangeError, Design, DesignFault, DesignTable, DesignView, change},
    diff::{FieldChange, diff},
    document::{API_VERSION, Document, Kind, Spec, parse},
    export::{ExportError, export},
    fault::Fault,
    form::{FormField, FormGroup, FormOption},
    import::{Imported, NotCarried, carried, import, on_server_of},
};
