//! All I/O: one folder per outside system, its door in `mod.rs`.

pub mod clock;
pub mod device;
pub mod git;
pub mod secrets;
pub mod store;
