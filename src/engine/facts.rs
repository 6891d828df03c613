//! Device facts through the door: runs the commands of a page and makes their shape; a getter that fails is a failure.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::adapters::device::{Device, DeviceError, DeviceProblem};
use crate::domain::facts::page::{Page, Way};
use crate::domain::facts::{Arguments, FactError, Getter};
use crate::domain::inventory;

use super::Context;

/// Why there are no facts of a device.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// The device cannot be asked, or refused a command.
    #[error("{getter}: {error}")]
    Device {
        /// What was asked.
        getter: Getter,
        /// What became of it.
        error: DeviceError,
    },
    /// The platform has no such getter, or the answer was not understood.
    #[error(transparent)]
    Facts(#[from] FactError),
}

impl Context {
    /// Asks a device for facts, over a session of its own.
    ///
    /// # Errors
    /// When the device cannot be reached, refuses a command, or answers what its page does not understand; never an empty result
    /// in place of one.
    pub async fn facts(
        &self,
        device: &inventory::Device,
        getter: Getter,
        arguments: &Arguments,
    ) -> Result<Value, FactsError> {
        let platform = device.platform.as_str();
        let page =
            Page::of(platform).ok_or_else(|| FactError::Unsupported { platform: platform.to_owned(), getter })?;
        let mut session = self.connect(device).await.map_err(|error| FactsError::Device { getter, error })?;
        read(session.as_mut(), &page, getter, arguments).await
    }
}

/// Asks over an open session. When the device does not know the commands of one way, or answers them in another form, the next
/// way of the page is tried; the last failure counts.
///
/// # Errors
/// As [`Context::facts`].
pub async fn read(
    session: &mut dyn Device,
    page: &Page,
    getter: Getter,
    arguments: &Arguments,
) -> Result<Value, FactsError> {
    let ways = page.ways(getter)?;
    let mut failure = FactsError::Facts(FactError::Unsupported { platform: page.platform.clone(), getter });
    for way in ways {
        match try_way(session, page, getter, arguments, way).await {
            Err(FactsError::Device { getter, error }) if error.problem != DeviceProblem::Rejected => {
                return Err(FactsError::Device { getter, error });
            }
            Err(error) => failure = error,
            Ok(facts) => return Ok(facts),
        }
    }
    Err(failure)
}

async fn try_way(
    session: &mut dyn Device,
    page: &Page,
    getter: Getter,
    arguments: &Arguments,
    way: &Way,
) -> Result<Value, FactsError> {
    let mut outputs = BTreeMap::new();
    for (name, source) in &way.commands {
        let command = page.command(getter, source, arguments)?;
        match session.run(&command).await {
            Ok(output) => {
                outputs.insert(name.clone(), output);
            }
            Err(error) if source.optional && error.problem == DeviceProblem::Rejected => {}
            Err(error) => return Err(FactsError::Device { getter, error }),
        }
    }
    Ok(way.read(getter, &outputs, arguments)?)
}
