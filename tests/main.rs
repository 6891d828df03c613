//! tests

mod simulated;
