//! tests

mod conformance;
mod platforms;
