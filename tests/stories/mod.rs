//! The product's stories on three real routers: one file per story, sentences as names.

mod network;
mod service;

mod a_change_becomes_a_route;
