//! Drives the domain with the adapters.
