//! What a reading of the running configuration says: complete, still approved, back at its base.

use super::page::Page;
use super::session::CliSession;
use crate::adapters::device::ssh::lost;
use crate::adapters::device::{Candidate, Certainty, DeviceError, DeviceProblem};

/// Turns an error into one after which we know that nothing happened.
pub(super) fn refused(error: DeviceError) -> DeviceError {
    DeviceError { certainty: Certainty::Refused, ..error }
}

/// Adds to the error of a change what became of the way back: the base is there again, or nobody knows what is.
pub(super) fn told_way_back(error: DeviceError, back: Result<(), DeviceError>) -> DeviceError {
    match back {
        Ok(()) => {
            let message = format!("{}; the device is back at its base", error.message);
            DeviceError { message, ..error }
        }
        Err(second) => {
            let message = format!("{}; bringing the base back failed: {}", error.message, second.message);
            lost(DeviceError { message, hint: second.hint, ..error })
        }
    }
}

/// Reads the running configuration on a terminal.
///
/// # Errors
/// `Protocol` when the answer is cut off.
pub(super) async fn read_on(cli: &mut CliSession) -> Result<String, DeviceError> {
    let command = cli.page().session.running.command.clone();
    let reply = cli.type_line(&command).await.map_err(refused)?;
    complete(cli.page(), cli.name(), reply.output)
}

/// Checks that a device still prints what was approved.
///
/// # Errors
/// `Stale`, with the lines that changed in between.
pub(super) fn expect_approved(
    page: &Page,
    name: &str,
    candidate: &Candidate,
    running: &str,
) -> Result<(), DeviceError> {
    if page.same(&candidate.base, running) {
        return Ok(());
    }
    let lines = page.differences(&candidate.base, running);
    let message = format!("the running configuration of {name} is not the approved one any more:{lines}");
    Err(DeviceError::refused(DeviceProblem::Stale, message).hint("plan again"))
}

/// Checks that a device prints its base again.
///
/// # Errors
/// `Lost`, with the lines that differ.
pub(super) fn expect_base(page: &Page, name: &str, candidate: &Candidate, running: &str) -> Result<(), DeviceError> {
    if page.same(&candidate.base, running) {
        return Ok(());
    }
    let lines = page.differences(&candidate.base, running);
    let message = format!("{name} does not print its base again; what differs from the base:{lines}");
    Err(DeviceError::lost(DeviceProblem::Rejected, message).hint("bring these lines back by hand"))
}

/// Checks that a reading came whole.
pub(super) fn complete(page: &Page, name: &str, running: String) -> Result<String, DeviceError> {
    if page.is_complete(&running) {
        return Ok(running);
    }
    let message = match page.error_in(&running) {
        Some(words) => format!("{name}: reading the running configuration was answered with `{words}`"),
        None => format!("{name}: the running configuration came cut off, its last line is missing"),
    };
    Err(DeviceError::refused(DeviceProblem::Protocol, message))
}
