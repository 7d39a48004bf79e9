//! The dictionaries of the image hub: what types of images there are, and what sources. Some are everybody's and can't be
//! changed; an org adds its own.

use muster_base::OrgId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DeliveryError, fields::Fields, store};
use crate::{
    access::{Caller, Operation},
    app::App,
    audit::{self, Entry},
    flaw::Flaw,
    in_tx,
};

/// Own words of an org, of each kind.
const MOST: usize = 100;

/// Types that everybody has.
const TYPES: &[(&str, &str)] = &[
    ("os", "Operating system"),
    ("database", "Database"),
    ("server", "Server"),
    ("cache", "Cache and queue"),
    ("runtime", "Language and runtime"),
    ("tool", "Tool"),
    ("other", "Other"),
];

/// Sources that everybody has.
const SOURCES: &[(&str, &str)] = &[
    ("dockerHub", "Docker Hub"),
    ("private", "Private registry"),
    ("custom", "Custom"),
];

/// Which dictionary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum WordKind {
    /// What an image is.
    Type,
    /// Where it comes from.
    Source,
}

impl WordKind {
    fn read(text: &str) -> Option<Self> {
        [Self::Type, Self::Source]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Source => "source",
        }
    }

    const fn built_in(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Type => TYPES,
            Self::Source => SOURCES,
        }
    }
}

/// A word of a dictionary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageWord {
    /// Which dictionary it is of.
    pub kind: WordKind,
    /// Stands in images; unique in its dictionary.
    pub code: String,
    /// For people.
    pub name: String,
    /// Everybody has it; it can't be changed.
    pub built_in: bool,
}

/// A word to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewImageWord {
    /// Which dictionary.
    pub kind: WordKind,
    /// Letters, digits, `_` and `-`.
    pub code: String,
    /// For people.
    pub name: String,
}

/// Both dictionaries: everybody's words first, then the org's by code.
pub(super) async fn list(app: &App, caller: &Caller) -> Result<Vec<ImageWord>, DeliveryError> {
    caller.require(Operation::RegistryRead)?;
    let mut words = Vec::new();
    for kind in [WordKind::Type, WordKind::Source] {
        let everybody_s = kind.built_in().iter().map(|(code, name)| ImageWord {
            kind,
            code: (*code).to_owned(),
            name: (*name).to_owned(),
            built_in: true,
        });
        words.extend(everybody_s);
        let own = store::image_hub::list_words(&app.db, caller.org(), kind).await?;
        words.extend(own.into_iter().map(|(code, name)| ImageWord {
            kind,
            code,
            name,
            built_in: false,
        }));
    }
    Ok(words)
}

pub(super) async fn create(
    app: &App,
    caller: &Caller,
    new: NewImageWord,
) -> Result<ImageWord, DeliveryError> {
    caller.require(Operation::RegistryWrite)?;
    let org = caller.org();
    let mut fields = Fields::default();
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    let is_word = (1..=64).contains(&new.code.len()) && new.code.bytes().all(plain);
    fields.check(is_word, "code", Flaw::Word);
    fields.name("name", &new.name);
    fields.finish()?;
    let word = ImageWord {
        kind: new.kind,
        code: new.code,
        name: new.name,
        built_in: false,
    };
    let taken = || DeliveryError::NameTaken {
        what: "word",
        name: word.code.clone(),
    };
    if word.kind.built_in().iter().any(|(code, _)| *code == word.code) {
        return Err(taken());
    }
    if store::image_hub::list_words(&app.db, org, word.kind).await?.len() >= MOST {
        return Err(DeliveryError::invalid("code", Flaw::TooMany(MOST)));
    }
    in_tx!(app.db, |tx| {
        if !store::image_hub::insert_word(tx, org, &word).await? {
            return Err(taken());
        }
        let entry = Entry::done(Operation::RegistryWrite, "imageWord", &word.code).after(&word);
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(word)
}

/// Takes an own word away that no image has.
pub(super) async fn delete(app: &App, caller: &Caller, kind: &str, code: &str) -> Result<(), DeliveryError> {
    caller.require(Operation::RegistryWrite)?;
    let org = caller.org();
    let kind = WordKind::read(kind).ok_or(DeliveryError::NotFound("dictionary"))?;
    in_tx!(app.db, |tx| {
        if !store::image_hub::delete_word(tx, org, kind, code).await? {
            return Err(DeliveryError::NotFound("own word of this dictionary"));
        }
        if store::image_hub::word_used(tx, org, kind, code).await? {
            return Err(DeliveryError::WordInUse);
        }
        let entry = Entry::done(Operation::RegistryWrite, "imageWord", code)
            .detail(format!("taken out of the dictionary of {}s", kind.as_str()));
        audit::record(app, tx, caller, Some(org), entry).await?;
    });
    Ok(())
}

/// Whether the dictionary has this word for the org.
pub(super) async fn exists(app: &App, org: OrgId, kind: WordKind, code: &str) -> Result<bool, DeliveryError> {
    if kind.built_in().iter().any(|(known, _)| *known == code) {
        return Ok(true);
    }
    let own = store::image_hub::list_words(&app.db, org, kind).await?;
    Ok(own.iter().any(|(known, _)| known == code))
}
