//! What may be asked about the past and the present: runs, plans, devices.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Context;
use super::deploy::journal::load;
use super::repository::records::{status, stored_plan};
use crate::adapters::store::RunFilter;
use crate::domain::name::{DeviceName, PlanId, RunId};
use crate::domain::plan::Plan;
use crate::domain::reconcile::RepoStatus;
use crate::domain::run::{Run, RunKind};

/// What is known about one device.
#[derive(Clone, Debug, Serialize)]
pub struct DeviceView {
    /// Its name.
    pub name: DeviceName,
    /// One word: `in_sync`, `drifted`, `planned`, or why it is unknown.
    pub state: String,
    /// More about it, when it is unknown.
    pub message: Option<String>,
    /// When that was found.
    pub as_of: jiff::Timestamp,
    /// The plan that found it.
    pub plan: PlanId,
}

impl Context {
    /// Returns the newest runs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn runs(&self, limit: usize) -> anyhow::Result<Vec<Run>> {
        let mut out = Vec::new();
        for head in self.store.runs(&RunFilter::default(), limit).await? {
            out.push(load(&self.store, &head.run).await?);
        }
        Ok(out)
    }

    /// Returns one run.
    ///
    /// # Errors
    /// When there is none.
    pub async fn run(&self, id: &RunId) -> anyhow::Result<Run> {
        load(&self.store, id).await
    }

    /// Returns one plan.
    ///
    /// # Errors
    /// When there is none.
    pub async fn stored(&self, id: &PlanId) -> anyhow::Result<Plan> {
        stored_plan(self, id).await
    }

    /// Returns the newest plans.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn plans(&self, limit: usize) -> anyhow::Result<Vec<Plan>> {
        let stored = self.store.plans(limit).await?;
        Ok(stored.into_iter().map(|(_, value)| serde_json::from_value(value)).collect::<Result<_, _>>()?)
    }

    /// Returns what was done about the repository.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn repository_status(&self) -> anyhow::Result<RepoStatus> {
        status(self).await
    }

    /// Returns the newest knowledge about every device: the last plan at the applied revision or of a deployment.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn devices(&self) -> anyhow::Result<Vec<DeviceView>> {
        let mut known: BTreeMap<DeviceName, DeviceView> = BTreeMap::new();
        for run in self.runs(50).await? {
            let Some(id) = run.plan.as_ref().filter(|_| run.kind != RunKind::Plan) else { continue };
            let plan = self.stored(id).await?;
            for (name, state) in &plan.content.devices {
                let (word, message) = match state.problem() {
                    Some((word, problem)) => (word.replace(' ', "_"), Some(problem.message.clone())),
                    None if state.reading().is_some_and(|reading| !reading.drift.is_empty()) => {
                        ("drifted".into(), None)
                    }
                    None if plan.planned().any(|(planned, _)| planned == name) => after(&run, name),
                    None => ("in_sync".into(), None),
                };
                known.entry(name.clone()).or_insert_with(|| DeviceView {
                    name: name.clone(),
                    state: word,
                    message,
                    as_of: run.finished.as_ref().map_or(plan.created_at, |finish| finish.at),
                    plan: id.clone(),
                });
            }
        }
        Ok(known.into_values().collect())
    }
}

/// What a deployment made of a device.
fn after(run: &Run, device: &DeviceName) -> (String, Option<String>) {
    match run.device_states().get(device) {
        Some(crate::domain::deploy::wave::State::Confirmed) => ("in_sync".into(), None),
        Some(state) => {
            (format!("{state:?}").to_lowercase(), run.finished.as_ref().map(|finish| finish.summary.clone()))
        }
        None => ("planned".into(), None),
    }
}
