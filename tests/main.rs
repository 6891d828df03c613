//! tests

mod git;
mod git_remote;
mod secrets;
mod store;
mod support;
