//! The tests that need more than one module: one binary, one link step.

mod conformance_secrets;
mod wave;
mod zz_tmp;
