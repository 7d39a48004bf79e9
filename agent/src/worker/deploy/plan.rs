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
const START_NEW: Place = Place(5, "start-new");
const HEALTH: Place = Place(6, "health");
const REMOVE_OLD: Place = Place(7, "remove-old");
const PUT_BACK: Place = Place(8, "put-back");
const PRUNE: Place = Place(9, "prune");

/// As far as the steps differ when a service is handed over.
pub(super) const HANDOVER: Steps = Steps {
    start_new: Place(4, "start-new"),
    health: Place(5, "health"),
    remove_old: Place(8, "remove-old"),
    put_back: Place(9, "put-back"),
    prune: Place(10, "prune"),
};
pub(super) const SWITCH: Place = Place(6, "switch");
pub(super) const DRAIN: Place = Place(7, "drain");
/// Otherwise.
pub(super) const RECREATE: Steps = Steps {
    start_new: START_NEW,
    health: HEALTH,
    remove_old: REMOVE_OLD,
    put_back: PUT_BACK,
    prune: PRUNE,
};

/// Steps that have another place when a service is handed over.
pub(super) struct Steps {
    pub start_new: Place,
    pub health: Place,
    pub remove_old: Place,
    pub put_back: Place,
    pub prune: Place,
}

/// What the old container is called while it is set aside.
pub(super) fn aside_name(name: &str, order: OrderId) -> String {
    format!("{name}.before-{order}")
}
