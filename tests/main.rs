//! The tests that need more than one module: one binary, one link step.

mod support;

mod tidy;

mod wave;
//! tests
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod git;
mod git_remote;
mod secrets;
mod store;
mod support;

mod simulated;
