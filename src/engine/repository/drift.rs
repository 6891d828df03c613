//! Looking for what was done outside git: a plan at the applied revision, and what the policy makes of it.

use super::super::deploy::Deployment;
use super::super::deploy::journal::Journal;
use super::Repository;
use crate::domain::intent::settings::{DriftPolicy, Settings};
use crate::domain::plan::build::Drift;
use crate::domain::reconcile::RepoStatus;
use crate::domain::report;
use crate::domain::revision::Revision;
use crate::domain::run::{RunEvent, RunKind, RunOutcome, Trigger};
use crate::domain::snapshot::Snapshot;

impl Repository {
    /// A plan at the applied revision: what differs was done outside git.
    pub(super) async fn look_for_drift(
        &self,
        journal: &mut Journal,
        settings: &Settings,
        status: &mut RepoStatus,
    ) -> anyhow::Result<()> {
        status.drift_checked_at = Some(self.context.clock.now());
        let revision = journal.run().revision.clone();
        let snapshot = self.snapshot(&revision).await?;
        let mut findings = Vec::new();
        let plan = match self.make_plan(&snapshot, Some(&snapshot), Drift::Show, &mut findings).await {
            Ok(plan) => plan,
            Err(summary) => return journal.finish(&self.context, RunOutcome::Failed, summary).await,
        };
        self.keep_plan(journal, &plan).await?;
        let unknown = plan.problems().filter(|(_, word, _)| *word != "suspended").count();
        if plan.drifted().count() == 0 {
            let outcome = if unknown == 0 { RunOutcome::InSync } else { RunOutcome::Unknown };
            return journal.finish(&self.context, outcome, report::plan_verdict(&plan)).await;
        }
        journal.finish(&self.context, RunOutcome::Drifted, report::plan_verdict(&plan)).await?;
        if settings.drift.policy == DriftPolicy::Revert && unknown == 0 {
            return self.revert_drift(&revision, &snapshot).await;
        }
        Ok(())
    }

    async fn revert_drift(&self, revision: &Revision, snapshot: &Snapshot) -> anyhow::Result<()> {
        let at = self.context.clock.now();
        let (kind, trigger) = (RunKind::Deploy, Trigger::Schedule);
        let requested = RunEvent::Requested { at, kind, trigger, revision: revision.clone() };
        let mut journal = Journal::start(&self.context, Some(&self.lease), requested).await?;
        let mut findings = Vec::new();
        let plan = match self.make_plan(snapshot, Some(snapshot), Drift::Include, &mut findings).await {
            Ok(plan) => plan,
            Err(summary) => return journal.finish(&self.context, RunOutcome::Failed, summary).await,
        };
        self.keep_plan(&mut journal, &plan).await?;
        let by = "drift policy".to_owned();
        let deployment = Deployment {
            plan: &plan,
            head: snapshot,
            applied: Some(snapshot),
            drift: Drift::Include,
            by,
            confirm_within: None,
        };
        self.context.deploy(&mut journal, &deployment).await?;
        Ok(())
    }
}
