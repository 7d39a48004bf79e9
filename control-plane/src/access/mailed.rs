//! Mail beside a message: to those of its readers who want that (`mailMessages`) and whose address was verified, in the
//! language that they chose or last signed in with.

use muster_base::{UnixMs, UserId};

use super::{AccessError, store};
use crate::{
    app::App,
    db::Tx,
    notify::{self, Channel, Letter, Template},
};

/// It is worth nothing when somebody had to find out otherwise.
const LIFE_MS: i64 = UnixMs::DAY;

/// Writes to them. The caller wakes the outbox after the commit.
pub(super) async fn mail(
    app: &App,
    tx: &mut Tx,
    to: &[UserId],
    template: Template,
    blanks: &[(&'static str, &str)],
) -> Result<(), AccessError> {
    let expires = app.clock.now().plus_ms(LIFE_MS);
    for reader in store::user::list_mail_wanted(tx, &app.db, to).await? {
        let (address, language) = (reader.email.as_str(), reader.language());
        let letter = Letter::new(Channel::Mail, address, language, template, expires);
        let letter = blanks
            .iter()
            .fold(letter, |letter, (blank, text)| letter.with(blank, *text));
        notify::post(app, tx, letter.of_platform(reader.platform_id)).await?;
    }
    Ok(())
}
