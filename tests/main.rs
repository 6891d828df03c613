//! Everything that needs the built crate from outside, in one binary.

mod intents;
mod schemas;
mod templates;
