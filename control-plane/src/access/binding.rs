//! Bindings: what else signs somebody in.
//!
//! A verified e-mail address and mobile number are in the profile and shown with the others; an account at a provider is
//! bound by signing in there ([`super::provider`]), which takes the password again. Taking one away does not: it opens no door,
//! and those that are left were there before. A (platform, type, account) is one user's at most. The dictionary of types
//! gives each a name and an icon; the super administrator edits them and may add types.

use muster_base::{UnixMs, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{AccessError, Identity, platform::check_image, store, user};
use crate::{
    app::App,
    audit::{self, Entry},
    db::DbError,
    flaw::Flaw,
    in_tx,
};

/// Longest code: an id, which is the code of a type that was given none.
const CODE_CHARS: usize = 36;

/// Types that there always are, with their names.
const BUILT_IN: [(&str, &str); 5] = [
    ("mobile", "Mobile"),
    ("email", "E-mail"),
    ("github", "GitHub"),
    ("gitee", "Gitee"),
    ("oidc", "OpenID Connect"),
];

/// Something that signs a user in.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Binding {
    /// Whom it signs in.
    pub user_id: UserId,
    /// A type's code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The address, the number, or the account as the provider knows it for ever.
    pub type_account: String,
    /// For people.
    pub other: String,
    /// Whether the user showed that it is theirs.
    pub verified: bool,
    /// Since when; null for what is not verified.
    #[schema(required)]
    pub created_at: Option<UnixMs>,
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Bindings {
    /// The profile's first.
    pub items: Vec<Binding>,
}

/// Which one.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BindingQuery {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its account.
    pub type_account: String,
}

/// A type of binding.
#[derive(Debug, Clone, Serialize, ToSchema, sqlx::FromRow)]
#[serde(rename_all = "camelCase")]
pub struct BindingType {
    /// Id.
    pub id: uuid::Uuid,
    /// Unique.
    pub code: String,
    /// For people.
    pub name: String,
    /// An image's address or data URI; may be empty.
    pub icon: String,
}

/// All of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct BindingTypes {
    /// By code.
    pub items: Vec<BindingType>,
}

/// A type as it is to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BindingTypeBody {
    /// For people, 1 to 64 characters.
    pub name: String,
    /// An https address, or a data URI of an image.
    pub icon: Option<String>,
}

/// A type to be added.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewBindingType {
    /// Lower-case letters, digits and dashes, at most 36, unique; its id if left out or empty.
    pub code: Option<String>,
    /// For people, 1 to 64 characters.
    pub name: String,
    /// An https address, or a data URI of an image.
    pub icon: Option<String>,
}

/// One's own bindings.
pub(super) async fn list(app: &App, who: &Identity) -> Result<Bindings, AccessError> {
    let user = user::get(app, who.require_user()?).await?;
    let own = |kind: &str, account: Option<String>, since: Option<UnixMs>| {
        account.map(|account| Binding {
            user_id: user.id,
            kind: kind.to_owned(),
            other: account.clone(),
            type_account: account,
            verified: since.is_some(),
            created_at: since,
        })
    };
    let email = own("email", user.email.clone(), user.email_verified_at);
    let mobile = own("mobile", user.mobile.clone(), user.mobile_verified_at);
    let mut items: Vec<Binding> = email.into_iter().chain(mobile).collect();
    items.extend(store::binding::list(&app.db, user.id).await?);
    Ok(Bindings { items })
}

/// Binds an account to the user.
pub(super) async fn insert(
    app: &App,
    who: &Identity,
    kind: &str,
    account: &str,
    name: &str,
) -> Result<(), AccessError> {
    let (user, now) = (who.require_user()?, app.clock.now());
    let write = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            store::binding::insert(tx, user, (kind, account, name), now).await?;
            let entry = Entry::done("user:bind", "user", user).detail(format!("{kind}: {name}"));
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    write().await.map_err(|error| match error {
        AccessError::Db(error) if error.is_unique_violation() => AccessError::Taken("account"),
        other => other,
    })
}

/// Takes one of one's own bindings away.
pub(super) async fn delete(app: &App, who: &Identity, query: BindingQuery) -> Result<(), AccessError> {
    let user = who.require_user()?;
    if matches!(query.kind.as_str(), "email" | "mobile") {
        return Err(AccessError::Conflict {
            code: "in-profile",
            message: "this one is in your profile: change it there".to_owned(),
        });
    }
    in_tx!(app.db, |tx| {
        if !store::binding::delete(tx, user, &query.kind, &query.type_account).await? {
            return Err(AccessError::NoBinding);
        }
        let entry = Entry::done("user:unbind", "user", user).detail(query.kind);
        audit::record(app, tx, who, None, entry).await?;
    });
    Ok(())
}

/// The dictionary of types.
pub(super) async fn list_types(app: &App) -> Result<BindingTypes, AccessError> {
    let items = store::binding::list_types(&app.db).await?;
    Ok(BindingTypes { items })
}

/// Adds a type, or changes its name and icon.
pub(super) async fn put_type(
    app: &App,
    who: &Identity,
    code: &str,
    body: BindingTypeBody,
) -> Result<BindingType, AccessError> {
    who.require_super_admin()?;
    let kind = checked(app, Some(code), body)?;
    Ok(in_tx!(app.db, |tx| {
        let kind = store::binding::upsert_type(tx, &kind).await?;
        let entry = Entry::done("bindingType:put", "bindingType", &kind.code).after(&kind.name);
        audit::record(app, tx, who, None, entry).await?;
        kind
    }))
}

/// Adds a type; one without a code uses its id.
pub(super) async fn create_type(
    app: &App,
    who: &Identity,
    new: NewBindingType,
) -> Result<BindingType, AccessError> {
    who.require_super_admin()?;
    let NewBindingType { code, name, icon } = new;
    let code = code.filter(|code| !code.is_empty());
    let kind = checked(app, code.as_deref(), BindingTypeBody { name, icon })?;
    let create = async || -> Result<(), AccessError> {
        in_tx!(app.db, |tx| {
            store::binding::insert_type(tx, &kind).await?;
            let entry = Entry::done("bindingType:create", "bindingType", &kind.code).after(&kind.name);
            audit::record(app, tx, who, None, entry).await?;
        });
        Ok(())
    };
    create().await.map_err(|error| match error {
        AccessError::Db(error) if error.is_unique_violation() => AccessError::Taken("code"),
        other => other,
    })?;
    Ok(kind)
}

fn checked(app: &App, code: Option<&str>, body: BindingTypeBody) -> Result<BindingType, AccessError> {
    let id: uuid::Uuid = app.clock.new_id();
    let code = code.map_or_else(|| id.to_string(), str::to_owned);
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if code.is_empty() || code.len() > CODE_CHARS || !code.chars().all(good) {
        return Err(AccessError::invalid("code", Flaw::Slug(CODE_CHARS)));
    }
    let name = body.name.trim().to_owned();
    if !(1..=64).contains(&name.chars().count()) {
        return Err(AccessError::invalid("name", Flaw::Length(1, 64)));
    }
    Ok(BindingType {
        id,
        code,
        name,
        icon: check_image("icon", body.icon.unwrap_or_default())?,
    })
}

/// Makes the types that there always are.
pub(super) async fn ensure_types(app: &App) -> Result<(), DbError> {
    in_tx!(app.db, |tx| {
        for (code, name) in BUILT_IN {
            store::binding::seed_type(tx, app.clock.new_id(), code, name).await?;
        }
    });
    Ok(())
}
