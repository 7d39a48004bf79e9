//! The steps' names and places, and the names of containers.

use muster_base::OrderId;

/// A step: its place and its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place(pub u32, pub &'static str);

pub(super) const VERIFY: Place = Place(0, "verify");
pub(super) const AUTHENTICATE: Place = Place(1, "authenticate");
pub(super) const PULL: Place = Place(2, "pull");
pub(super) const SET_ASIDE: Place = Place(3, "set-aside");
pub(super) const STOP_OLD: Place = Place(4, "stop-old");
pub(super) const START_NEW: Place = Place(5, "start-new");
pub(super) const HEALTH: Place = Place(6, "health");
pub(super) const REMOVE_OLD: Place = Place(7, "remove-old");
pub(super) const PUT_BACK: Place = Place(8, "put-back");

/// What the old container is called while it is set aside.
pub(super) fn aside_name(name: &str, order: OrderId) -> String {
    format!("{name}.before-{order}")
}
