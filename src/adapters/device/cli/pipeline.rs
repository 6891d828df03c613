//! Lines under way: several lines are typed before the first is answered, and every answer is still read by itself.
//!
//! Invariant: an answer belongs to the line whose echo stands before it; a line whose echo does not come is `Lost`.

use std::collections::VecDeque;

use super::session::{CliSession, Reply};
use crate::adapters::device::DeviceError;

/// Lines that are under way on one session.
pub(super) struct Pipeline {
    lines: VecDeque<String>,
    bytes: usize,
}

/// Most bytes under way; what a device keeps of typed-ahead input is small.
const BYTES_MAX: usize = 8192;

impl Pipeline {
    /// Nothing is under way.
    pub(super) fn new() -> Self {
        Self { lines: VecDeque::new(), bytes: 0 }
    }

    /// How many lines are under way.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Tells whether a line may be typed now: it is the only one, or it and those before it can be typed ahead.
    pub(super) fn takes(&self, session: &CliSession, line: &str, window: usize) -> bool {
        let Some(last) = self.lines.back() else { return true };
        let free = |line: &str| session.can_be_ahead(line) && !session.page().is_alone(line);
        self.lines.len() < window && self.bytes + line.len() < BYTES_MAX && free(last) && free(line)
    }

    /// Types a line.
    ///
    /// # Errors
    /// `Refused` when nothing was sent and nothing is under way, else `Lost`.
    pub(super) async fn send(&mut self, session: &mut CliSession, line: &str) -> Result<(), DeviceError> {
        if self.lines.is_empty() {
            session.begin(line).await?;
        } else {
            session.ahead(line).await?;
        }
        self.bytes += line.len();
        self.lines.push_back(line.to_owned());
        Ok(())
    }

    /// Waits for the answer to the oldest line.
    ///
    /// # Errors
    /// `Lost` when it does not come.
    pub(super) async fn reply(&mut self, session: &mut CliSession) -> Result<Reply, DeviceError> {
        let Some(line) = self.lines.pop_front() else { return Ok(session.nothing()) };
        self.bytes -= line.len();
        session.reply(&line).await
    }
}
