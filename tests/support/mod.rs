//! What several tests need: hermetic repositories and servers for them.

pub(crate) mod git_http;
pub(crate) mod repository;
