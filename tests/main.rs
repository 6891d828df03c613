//! The tests that need more than one module: one binary, one link step.

mod support;

mod tidy;

mod wave;
