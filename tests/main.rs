//! The tests that need more than one module: one binary, one link step.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

mod cli;
mod conformance;
mod conformance_flat;
mod conformance_secrets;
mod demo;
mod device;
mod frr_judge;
mod git;
mod git_remote;
mod grouping;
mod intents;
mod inventories;
mod laws;
mod laws_flat;
mod management;
mod masking;
mod netconf;
mod platforms;
mod schemas;
mod secret_compare;
mod secrets;
mod simulated;
mod store;
mod stories;
mod templates;
mod tidy;
mod wave;
