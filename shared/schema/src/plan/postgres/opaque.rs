//! What isn't modelled: made, replaced and dropped as its definition says.

use super::Work;
use crate::model::OpaqueKind;

impl Work<'_> {
    /// What neither this library nor its plans know: a plan that could touch it is refused.
    pub(super) fn unknown(&mut self) {
        for key in self.from.opaque.keys().chain(self.to.opaque.keys()) {
            if key.kind == OpaqueKind::Other && self.from.opaque.get(key) != self.to.opaque.get(key) {
                self.refused
                    .push(format!("{key} is of a kind that is not modelled"));
            }
        }
    }

    pub(super) fn opaque(&mut self) {
        for key in self.lost.clone() {
            self.refuse(format!(
                "{key} goes with what it stands on, and can't be made again yet"
            ));
        }
    }
}
