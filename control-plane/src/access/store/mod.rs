//! SQL of this room.

pub(super) mod administrator;
pub(super) mod api_key;
pub(super) mod binding;
pub(super) mod challenge;
pub(super) mod department;
pub(super) mod device;
pub(super) mod grant;
pub(super) mod invitation;
pub(super) mod joining;
pub(super) mod member;
pub(super) mod message;
pub(super) mod org;
pub(super) mod own_operation;
pub(super) mod platform;
pub(super) mod proof;
pub(super) mod provider;
pub(super) mod role;
pub(super) mod second_factor;
pub(super) mod session;
pub(super) mod template;
pub(super) mod third_part;
pub(super) mod user;
pub(super) mod user_list;

/// The pattern of `like … escape '\'` for what begins with `text`, in lower case; none for no text.
fn beginning(text: &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let text = text.to_lowercase().replace('\\', "\\\\");
    Some(format!("{}%", text.replace('%', "\\%").replace('_', "\\_")))
}
