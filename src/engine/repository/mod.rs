//! One repository: looks at it, decides what to run, runs it, writes down what became of it.

mod drift;
mod notes;
pub mod records;

use anyhow::Context as _;
use tokio::sync::Mutex;

use self::records::{hear, keep_plan, set_status, status, stored_plan};
use super::Context;
use super::deploy::Deployment;
use super::deploy::journal::Journal;
use super::planning::{Request, Source};
use crate::adapters::git::{MergeResult, Mirror, NotePush};
use crate::adapters::store::{Lease, RunFilter};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::intent::settings::{Apply, DriftInPlan, Settings};
use crate::domain::name::PlanId;
use crate::domain::plan::Plan;
use crate::domain::plan::build::Drift;
use crate::domain::reconcile::{PlannedChange, RepoStatus, RepoView, RunRequest, Waiting, reconcile};
use crate::domain::report;
use crate::domain::revision::Revision;
use crate::domain::run::{Run, RunEvent, RunKind, RunOutcome, Trigger};
use crate::domain::snapshot::Snapshot;

/// How soon an incomplete plan is made again.
const RETRY_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_secs(60);
/// Most stored runs that are looked at for interrupted ones at the start.
const RUNS_LOOKED_AT: usize = 200;

/// One repository and everything that is done about it. Only one process at a time holds the lease to act.
pub struct Repository {
    /// What everything needs.
    pub context: Context,
    /// The copy of the git repository.
    pub mirror: Mirror,
    /// The right to act.
    pub lease: Lease,
    /// The branch that says what the network should be, unless its own settings say otherwise.
    pub branch: String,
    /// Keeps rounds apart.
    pub busy: Mutex<()>,
}

impl Repository {
    /// Takes interrupted runs up again: nothing else happens before every device's state is known.
    ///
    /// # Errors
    /// When the store or the repository cannot be read.
    pub async fn recover(&self) -> anyhow::Result<()> {
        for head in self.context.store.runs(&RunFilter::default(), RUNS_LOOKED_AT).await? {
            if head.last.get("event").and_then(|event| event.as_str()) == Some("finished") {
                continue;
            }
            let mut journal = Journal::resume(&self.context, Some(&self.lease), &head.run).await?;
            self.context.tell(&format!("taking up {} again", head.run));
            match (journal.run().kind, journal.run().plan.clone()) {
                (RunKind::Deploy, Some(plan)) if !journal.run().waves.is_empty() => {
                    self.recover_deployment(&mut journal, &plan).await?;
                }
                (kind, _) => {
                    if kind == RunKind::Deploy {
                        self.try_again(&journal.run().revision).await?;
                    }
                    let summary = "the service stopped before anything was sent; it is tried again".to_owned();
                    journal.finish(&self.context, RunOutcome::Failed, summary).await?;
                }
            }
        }
        self.settle_finished().await
    }

    /// A deployment of which nothing was sent counts as not tried.
    async fn try_again(&self, revision: &Revision) -> anyhow::Result<()> {
        let mut status = self.status().await?;
        if status.attempted == revision.commit {
            status.attempted = None;
            self.set_status(&status).await?;
        }
        Ok(())
    }

    /// A process that stopped between the end of a deployment and the status of it has deployed all the same.
    async fn settle_finished(&self) -> anyhow::Result<()> {
        let mut status = self.status().await?;
        let is_newest = |run: &Run| {
            run.kind == RunKind::Deploy && run.trigger != Trigger::Schedule && run.revision.commit == status.attempted
        };
        let runs = self.context.runs(RUNS_LOOKED_AT).await?;
        let Some(run) = runs.into_iter().find(is_newest) else { return Ok(()) };
        let settled =
            run.finished.is_some_and(|finish| matches!(finish.outcome, RunOutcome::Applied | RunOutcome::Drifted));
        if settled && status.applied.as_ref().is_none_or(|applied| applied.commit != run.revision.commit) {
            settle(&mut status, &run.revision, RunOutcome::Applied);
            self.set_status(&status).await?;
        }
        Ok(())
    }

    async fn recover_deployment(&self, journal: &mut Journal, plan: &PlanId) -> anyhow::Result<()> {
        let plan = stored_plan(&self.context, plan).await?;
        let head = self.snapshot(&plan.content.revision).await?;
        let applied = match &plan.content.applied {
            Some(revision) => Some(self.snapshot(revision).await?),
            None => None,
        };
        let drift = match journal.run().trigger {
            Trigger::Schedule => Drift::Include,
            _ => self.drift_of(&head),
        };
        let deployment = Deployment {
            plan: &plan,
            head: &head,
            applied: applied.as_ref(),
            drift,
            by: "recovery".into(),
            confirm_within: None,
        };
        let outcome = self.context.resume(journal, &deployment).await?;
        let revision = journal.run().revision.clone();
        let mut status = self.status().await?;
        settle(&mut status, &revision, outcome);
        self.set_status(&status).await?;
        self.announce(&revision).await;
        Ok(())
    }

    /// One round: fetch, decide, act. Returns how many runs there were.
    ///
    /// # Errors
    /// When the repository cannot be fetched or the store fails; the next round tries again.
    pub async fn round(&self) -> anyhow::Result<usize> {
        let _busy = self.busy.lock().await;
        self.mirror.fetch(self.context.clock.now()).await.map_err(hinted)?;
        let base = self.mirror.base(&self.branch).await.map_err(hinted)?;
        let base = Revision {
            tree: Some(self.mirror.tree_of(&base).await.map_err(hinted)?),
            commit: Some(base),
            branch: self.branch.clone(),
        };
        let settings = self.settings(&base).await;
        let base_commit = base.commit.clone().context("the base branch has a commit")?;
        let changes = self.mirror.changes(&settings.change_prefix, &base_commit).await.map_err(hinted)?;
        let mut status = self.status().await?;
        hear(&self.context, &mut status).await?;
        let open: Vec<String> = changes.iter().map(|change| change.name.clone()).collect();
        let view = RepoView { base, changes };
        let due = self.drift_due(&status, &settings);
        let requests = reconcile(&view, &status, self.context.clock.now(), due);
        let count = requests.len();
        for request in requests {
            self.run(&request, &settings, &mut status).await?;
        }
        let applied = status.applied.as_ref().and_then(|revision| revision.commit.clone());
        let keep = |name: &String, planned: &PlannedChange| {
            open.contains(name) || applied.as_ref() != Some(&base_commit) || planned.base == base_commit
        };
        status.planned.retain(|name, planned| keep(name, planned));
        self.set_status(&status).await?;
        Ok(count)
    }

    async fn run(&self, request: &RunRequest, settings: &Settings, status: &mut RepoStatus) -> anyhow::Result<()> {
        let at = self.context.clock.now();
        let requested = RunEvent::Requested {
            at,
            kind: request.kind,
            trigger: request.trigger.clone(),
            revision: request.revision.clone(),
        };
        let mut journal = Journal::start(&self.context, Some(&self.lease), requested).await?;
        match request.kind {
            RunKind::Plan => self.plan_change(&mut journal, request, settings, status).await?,
            RunKind::Deploy => self.deploy_base(&mut journal, request, settings, status).await?,
            RunKind::Drift => self.look_for_drift(&mut journal, settings, status).await?,
        }
        self.set_status(status).await?;
        self.announce(&request.revision).await;
        Ok(())
    }

    /// A change branch: plan the merge result.
    async fn plan_change(
        &self,
        journal: &mut Journal,
        request: &RunRequest,
        settings: &Settings,
        status: &mut RepoStatus,
    ) -> anyhow::Result<()> {
        let head = request.revision.commit.clone().context("a change has a head")?;
        let base = self.mirror.base(&self.branch).await.map_err(hinted)?;
        let mut planned =
            PlannedChange { head: head.clone(), base: base.clone(), tree: None, plan: None, retry_at: None };
        let tree = match self.mirror.merge_tree(&base, &head).await.map_err(hinted)? {
            MergeResult::Tree(tree) => tree,
            MergeResult::Conflict { paths, .. } => {
                status.planned.insert(request.revision.branch.clone(), planned);
                let list = paths.into_iter().collect::<Vec<_>>().join(", ");
                let summary = format!("the change conflicts with {} in {list}: rebase it", self.branch);
                return journal.finish(&self.context, RunOutcome::Failed, summary).await;
            }
        };
        planned.tree = Some(tree.clone());
        let revision =
            Revision { commit: Some(head), tree: Some(tree.clone()), branch: request.revision.branch.clone() };
        let (mut snapshot, mut findings) =
            self.mirror.snapshot_of_tree(&tree, &revision.branch).await.map_err(hinted)?;
        snapshot.revision.clone_from(&revision);
        let applied = self.applied(status).await?;
        match self.make_plan(&snapshot, applied.as_ref(), drift(settings), &mut findings).await {
            Ok(plan) => {
                self.keep_plan(journal, &plan).await?;
                planned.plan = Some(plan.id.clone());
                planned.retry_at = self.retry_at(&plan);
                status.planned.insert(revision.branch.clone(), planned);
                let summary = format!("plan {}: {}", plan.id, report::plan_verdict(&plan));
                journal.finish(&self.context, RunOutcome::Planned, summary).await
            }
            Err(summary) => {
                status.planned.insert(revision.branch.clone(), planned);
                journal.finish(&self.context, RunOutcome::Failed, summary).await
            }
        }
    }

    /// The base branch moved: deploy what was reviewed, or wait for a person.
    async fn deploy_base(
        &self,
        journal: &mut Journal,
        request: &RunRequest,
        settings: &Settings,
        status: &mut RepoStatus,
    ) -> anyhow::Result<()> {
        let revision = &request.revision;
        let commit = revision.commit.clone().context("the base branch has a commit")?;
        status.attempted = Some(commit.clone());
        status.retry_at = None;
        self.set_status(status).await?;
        let head = self.snapshot(revision).await?;
        let applied = self.applied(status).await?;
        let mut findings = Vec::new();
        let plan = match self.make_plan(&head, applied.as_ref(), drift(settings), &mut findings).await {
            Ok(plan) => plan,
            Err(summary) => {
                return journal.finish(&self.context, RunOutcome::Failed, summary).await;
            }
        };
        self.keep_plan(journal, &plan).await?;
        if let Some(at) = self.retry_at(&plan) {
            status.retry_at = Some(at);
            let summary = format!(
                "{}; nothing is sent before every device is known, tried again soon",
                report::plan_verdict(&plan)
            );
            return journal.finish(&self.context, RunOutcome::Refused, summary).await;
        }
        if plan.is_empty() {
            settle(status, revision, RunOutcome::Applied);
            let drifted = plan.drifted().count();
            let (outcome, summary) = match drifted {
                0 => (RunOutcome::Applied, format!("nothing has to be sent: {}", report::plan_verdict(&plan))),
                _ => (RunOutcome::Drifted, format!("nothing has to be sent; {}", report::plan_verdict(&plan))),
            };
            return journal.finish(&self.context, outcome, summary).await;
        }
        if let Some(reason) = self.not_approved(&plan, revision, status, settings).await? {
            let approved_by = None;
            status.waiting = Some(Waiting { commit, plan: plan.id.clone(), approved_by });
            self.set_status(status).await?;
            let summary = format!(
                "{reason}: look at it with `reconverge show {0}`, release it with `reconverge apply --plan {0}`",
                plan.id
            );
            return journal.finish(&self.context, RunOutcome::NeedsApproval, summary).await;
        }
        status.waiting = None;
        let by = match &request.trigger {
            Trigger::Person(person) => person.clone(),
            _ => self.mirror.commit_info(&commit).await.map(|info| info.author).unwrap_or_default(),
        };
        let deployment = Deployment {
            plan: &plan,
            head: &head,
            applied: applied.as_ref(),
            drift: drift(settings),
            by,
            confirm_within: None,
        };
        let outcome = self.context.deploy(journal, &deployment).await?;
        settle(status, revision, outcome);
        Ok(())
    }

    /// Returns why a plan is not deployed without a person, or nothing when the reviewed one is still exactly right.
    async fn not_approved(
        &self,
        plan: &Plan,
        revision: &Revision,
        status: &RepoStatus,
        settings: &Settings,
    ) -> anyhow::Result<Option<String>> {
        let released =
            status.waiting.as_ref().is_some_and(|waiting| waiting.plan == plan.id && waiting.approved_by.is_some());
        if released {
            return Ok(None);
        }
        if settings.apply == Apply::Manual {
            return Ok(Some("this repository is applied by hand".to_owned()));
        }
        let reviewed = status.planned.values().find(|planned| planned.tree.is_some() && planned.tree == revision.tree);
        let Some(reviewed) = reviewed.and_then(|planned| planned.plan.as_ref()) else {
            return Ok(Some("no reviewed plan has this content".to_owned()));
        };
        let reviewed = stored_plan(&self.context, reviewed).await?;
        let age = self.context.clock.now().duration_since(reviewed.created_at);
        if age.as_secs() > i64::try_from(settings.plan_ttl.duration().as_secs()).unwrap_or(i64::MAX) {
            return Ok(Some(format!("the reviewed plan {} is older than {}", reviewed.id, settings.plan_ttl)));
        }
        let changed = difference(&reviewed, plan);
        Ok((!changed.is_empty())
            .then(|| format!("the network moved since plan {} was reviewed: {changed}", reviewed.id)))
    }

    pub(super) async fn make_plan(
        &self,
        head: &Snapshot,
        applied: Option<&Snapshot>,
        drift: Drift,
        findings: &mut Vec<Diagnostic>,
    ) -> Result<Plan, String> {
        let words = |findings: &[Diagnostic]| {
            let lines: Vec<String> =
                findings.iter().filter(|finding| finding.is_error()).map(ToString::to_string).collect();
            format!("the repository cannot be planned:\n{}", lines.join("\n"))
        };
        if crate::domain::diagnostic::any_error(findings) {
            return Err(words(findings));
        }
        let request = Request { head, applied, select: None, source: Source::Devices, drift };
        match self.context.plan(&request).await {
            Ok((plan, more)) => {
                findings.extend(more);
                Ok(plan)
            }
            Err(findings) => Err(words(&findings)),
        }
    }

    pub(super) async fn keep_plan(&self, journal: &mut Journal, plan: &Plan) -> anyhow::Result<()> {
        keep_plan(&self.context, plan).await?;
        journal.record(RunEvent::Planned { at: self.context.clock.now(), plan: plan.id.clone() }).await
    }

    pub(super) async fn snapshot(&self, revision: &Revision) -> anyhow::Result<Snapshot> {
        let (mut snapshot, _) = match (&revision.tree, &revision.commit) {
            (Some(tree), _) => self.mirror.snapshot_of_tree(tree, &revision.branch).await.map_err(hinted)?,
            (None, Some(commit)) => self.mirror.snapshot(commit, &revision.branch).await.map_err(hinted)?,
            (None, None) => anyhow::bail!("a folder is not a revision of this repository"),
        };
        snapshot.revision.clone_from(revision);
        Ok(snapshot)
    }

    async fn applied(&self, status: &RepoStatus) -> anyhow::Result<Option<Snapshot>> {
        match &status.applied {
            Some(revision) => Ok(Some(self.snapshot(revision).await?)),
            None => Ok(None),
        }
    }

    /// The settings of the base branch; a change cannot weaken its own gates.
    async fn settings(&self, base: &Revision) -> Settings {
        match self.snapshot(base).await {
            Ok(snapshot) => {
                let names = self.context.platforms.keys().cloned().collect();
                crate::domain::intent::load(&snapshot, &names).0.settings
            }
            Err(_) => Settings::default(),
        }
    }

    fn drift_of(&self, head: &Snapshot) -> Drift {
        let names = self.context.platforms.keys().cloned().collect();
        drift(&crate::domain::intent::load(head, &names).0.settings)
    }

    fn drift_due(&self, status: &RepoStatus, settings: &Settings) -> bool {
        let now = self.context.clock.now();
        let interval = i64::try_from(settings.drift.interval.duration().as_millis()).unwrap_or(i64::MAX);
        status.drift_checked_at.is_none_or(|at| now.duration_since(at).as_millis() >= i128::from(interval))
    }

    /// When to look again at a plan in which not every device is known.
    fn retry_at(&self, plan: &Plan) -> Option<jiff::Timestamp> {
        let unknown = plan.problems().any(|(_, word, _)| word != "suspended");
        unknown.then(|| self.context.clock.now() + RETRY_AFTER)
    }

    async fn status(&self) -> anyhow::Result<RepoStatus> {
        status(&self.context).await
    }

    async fn set_status(&self, status: &RepoStatus) -> anyhow::Result<()> {
        set_status(&self.context, status).await
    }

    /// Says it where the change is: a git note on the commit. Not being able to is not a failure of the run.
    async fn announce(&self, revision: &Revision) {
        let Some(commit) = &revision.commit else { return };
        let pushed = match self.context.note(commit).await {
            Ok(text) if text.is_empty() => return,
            Ok(text) => self.mirror.push_note(commit, &text).await.map_err(hinted),
            Err(error) => Err(error),
        };
        match pushed {
            Ok(NotePush::Pushed) => {}
            Ok(NotePush::Refused(reason)) => tracing::warn!(commit.id = %commit, reason, "the note was refused"),
            Err(error) => tracing::warn!(commit.id = %commit, error = format!("{error:#}"), "the note was not pushed"),
        }
    }
}

fn settle(status: &mut RepoStatus, revision: &Revision, outcome: RunOutcome) {
    if outcome == RunOutcome::Applied && revision.commit.is_some() {
        status.applied = Some(revision.clone());
        status.attempted.clone_from(&revision.commit);
        status.waiting = None;
    }
}

fn drift(settings: &Settings) -> Drift {
    match settings.drift_in_plan {
        DriftInPlan::Show | DriftInPlan::Block => Drift::Show,
        DriftInPlan::Include => Drift::Include,
    }
}

/// Names the devices for which two plans would not send the same.
fn difference(reviewed: &Plan, now: &Plan) -> String {
    let hashes = |plan: &Plan| -> std::collections::BTreeMap<String, String> {
        plan.planned()
            .map(|(device, planned)| (device.to_string(), planned.operations_hash.as_str().to_owned()))
            .collect()
    };
    let (before, after) = (hashes(reviewed), hashes(now));
    let names: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    names.into_iter().filter(|name| before.get(*name) != after.get(*name)).cloned().collect::<Vec<_>>().join(", ")
}

fn hinted(error: crate::adapters::git::GitError) -> anyhow::Error {
    anyhow::Error::msg(match &error.hint {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    })
}
