//! The pure part: no async, no I/O, no clock, no randomness, ordered maps only.
//!
//! Modules stand in reading order; a module may use only modules above it.

pub mod name;
pub mod revision;
pub mod snapshot;
pub mod diagnostic;
pub mod limits;
pub mod secret;
pub mod config;
pub mod platform;
pub mod yaml;
pub mod xml;
pub mod schedule;
pub mod inventory;
pub mod checks;
pub mod intent;
pub mod render;
pub mod deploy;
pub mod plan;
pub mod run;
pub mod reconcile;
pub mod report;
