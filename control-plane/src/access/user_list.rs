//! The list of users, for administrators: with filters, in keyset pages, limited to the platforms they administer.

use muster_base::{PlatformId, UnixMs, UserId};
use serde::Deserialize;
use utoipa::IntoParams;

use super::{AccessError, Identity, User, administrator::Authority, store};
use crate::{
    app::App,
    http::page::{Cursor, Page, PageQuery},
};

/// `GET /api/v1/users?…`
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UserQuery {
    /// Only users of this platform.
    pub platform_id: Option<PlatformId>,
    /// The beginning of the account, name, e-mail address, mobile number or nick name, or the whole legacy id.
    pub search: Option<String>,
    /// Added at this time or later.
    pub registered_from: Option<UnixMs>,
    /// Added before this time.
    pub registered_to: Option<UnixMs>,
    /// Last signed in at this time or later.
    pub last_login_from: Option<UnixMs>,
    /// Last signed in before this time.
    pub last_login_to: Option<UnixMs>,
    /// Last signed in from this region.
    pub region: Option<String>,
    /// How many items, 1–500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<u16>,
    /// `nextCursor` of the page before.
    pub cursor: Option<String>,
}

/// Users, newest first.
pub(super) async fn list(app: &App, who: &Identity, query: UserQuery) -> Result<Page<User>, AccessError> {
    let authority = Authority::require_any(app, who).await?;
    if let Some(platform) = query.platform_id {
        authority.see(platform)?;
    }
    let page = PageQuery::new(query.limit, query.cursor.clone());
    let after = page.cursor::<UserId>()?;
    let rows = store::user_list::list(&app.db, authority.keys(), &query, after, page.fetch()).await?;
    Ok(page.page(rows, |user| Cursor::of(&user.id)))
}
