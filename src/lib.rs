//! Reconverge: a declarative GitOps reconciler for network intent.
//!
//! Look at the world, decide purely, act through narrow doors, write down what happened, say it to people.
//!
//! Five layers, one direction: [`domain`] (pure) ← [`adapters`] (all I/O) ← [`engine`] ← [`server`] ← [`cli`].
//! A layer uses only what stands left of it; `tests/tidy` enforces it.

pub mod domain;

pub mod adapters;

pub mod engine;

pub mod server;

pub mod cli;
