//! Exit codes, shared by all commands.

use std::process::{ExitCode, Termination};

/// What the shell is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing to change.
    Done,
    /// Something went wrong.
    Failed,
    /// There are changes (plan, diff, drift).
    Changes,
    /// A gate refused.
    Refused,
    /// Some devices failed.
    Partly,
}

impl Exit {
    /// Returns the number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Refused => 3,
            Self::Partly => 4,
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
