//! What means the same: expressions as people write them, and as a server reports them.
//!
//! A server keeps trees, not text, and writes them anew: with brackets around everything, with the casts that it
//! added, names qualified, `in` as `= any`. So both sides are read into [`Node`]s in which what means nothing is
//! gone, and compared by [`same()`]. Only what a server adds by itself may stand on one side alone (a constant's cast,
//! a column's table); whatever else differs is a difference. A text that isn't understood is no tree, and whoever
//! reads it says so.

mod literal;
mod same;
mod tree;

pub(crate) mod mysql;
pub(crate) mod postgres;

pub(crate) use same::same;
pub(crate) use tree::Node;

/// What a set operation is called, after its word: `all` counts, `distinct` is so anyway.
fn set_operation(cursor: &mut crate::read::Cursor<'_>, word: &str) -> String {
    let all = cursor.take("all");
    cursor.take("distinct");
    if all {
        format!("{word} all")
    } else {
        word.to_owned()
    }
}
