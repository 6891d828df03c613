//! The pure part: no async, no I/O, no clock, no randomness, ordered maps only.
//!
//! Modules stand in reading order; a module may use only modules above it.

pub mod config;
pub mod diagnostic;
pub mod limits;
pub mod name;
pub mod platform;
pub mod deploy;
pub mod plan;
pub mod run;
pub mod reconcile;
pub mod report;
pub mod revision;
pub mod secret;
pub mod snapshot;
