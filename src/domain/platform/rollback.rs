//! How a device comes back by itself when a change is not confirmed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a device comes back by itself when a change is not confirmed (sE4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RollbackClass {
    /// A timer of the operating system survives the loss of management.
    A,
    /// A job that we started on the device restores it.
    B,
    /// Only the controller can undo.
    C,
}

impl RollbackClass {
    /// Tells whether an unconfirmed change goes away without us.
    pub fn has_timer(self) -> bool {
        self != Self::C
    }

    /// Says it in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::A => "A: the device's own timer brings it back",
            Self::B => "B: a timer that we start on the device brings it back",
            Self::C => "C: only the controller can bring it back",
        }
    }
}
