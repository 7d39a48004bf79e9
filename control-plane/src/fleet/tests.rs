//! This room through HTTP, on both databases.
