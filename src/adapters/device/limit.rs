//! How many logins go on at the same time, for each device and each site. Sessions that stand do not count, so that a
//! second session for a proof never waits for the first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::access::LoginLimit;
use super::{DeviceError, DeviceProblem, Target};

/// Longest wait for a turn. Every login is bounded by itself, so a queue that stands this long means a wrong limit.
const TURN_TIMEOUT: Duration = Duration::from_secs(600);

/// The limits that are in use; clones share them.
#[derive(Clone, Debug, Default)]
pub struct LoginLimits(Arc<Mutex<BTreeMap<LoginLimit, Arc<Semaphore>>>>);

/// The right to log in, given back when it is dropped.
#[derive(Debug)]
pub struct Turn {
    _permits: Vec<OwnedSemaphorePermit>,
}

impl LoginLimits {
    /// Waits until a login at a target may begin.
    ///
    /// # Errors
    /// `Refused` when no turn comes.
    pub async fn turn(&self, target: &Target) -> Result<Turn, DeviceError> {
        let mut permits = Vec::new();
        for limit in &target.access.limits {
            let waiting = self.semaphore(limit).acquire_owned();
            match timeout(TURN_TIMEOUT, waiting).await {
                Ok(Ok(permit)) => permits.push(permit),
                Ok(Err(_)) | Err(_) => {
                    let message = format!(
                        "{}: no turn to log in within {TURN_TIMEOUT:?}: at most {} at a time for {}",
                        target.device, limit.logins_max, limit.name
                    );
                    let hint = "raise `logins` in reconverge.yaml";
                    return Err(DeviceError::refused(DeviceProblem::Timeout, message).hint(hint));
                }
            }
        }
        Ok(Turn { _permits: permits })
    }

    fn semaphore(&self, limit: &LoginLimit) -> Arc<Semaphore> {
        let mut limits = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // nobody waits for a semaphore that only the map knows, and all its permits are back
        limits.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
        let most = usize::try_from(limit.logins_max.max(1)).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        Arc::clone(limits.entry(limit.clone()).or_insert_with(|| Arc::new(Semaphore::new(most))))
    }
}
