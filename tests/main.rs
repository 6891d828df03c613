//! tests

mod git;
mod git_remote;
mod support;
