//! Making a plan real: waves of devices that are changed together or not at all.

pub mod wave;
pub mod rollout;
