//! The product's stories on three real routers: one file per story, sentences as names.

mod network;
mod service;

mod a_change_becomes_a_route;
mod a_bad_change_comes_back;
mod an_unknown_router_is_never_fine;
mod hand_edits_are_seen;
mod traps_of_frr;
mod a_killed_service;
mod words_that_help;
mod remote_repositories;
