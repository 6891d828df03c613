//! BRAIN 1: what the repository looks like and what was done about it → which runs to start.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::name::PlanId;
use super::revision::{Change, ObjectId, Revision};
use super::run::{RunKind, Trigger};

/// The repository as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoView {
    /// The head of the base branch.
    pub base: Revision,
    /// The open changes.
    pub changes: Vec<Change>,
}

/// What was done about the repository.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RepoStatus {
    /// The newest plan of each open change: of which head, on which base.
    pub planned: BTreeMap<String, PlannedChange>,
    /// The last base commit whose deployment was tried.
    pub attempted: Option<ObjectId>,
    /// The last base commit that the network is known to have.
    pub applied: Option<Revision>,
    /// When drift was last looked for.
    pub drift_checked_at: Option<Timestamp>,
    /// A plan that waits for a person, and whether the person has said yes.
    pub waiting: Option<Waiting>,
    /// When a deployment is tried again that could not begin because not every device was known.
    pub retry_at: Option<Timestamp>,
}

/// A plan that was made for a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedChange {
    /// The change's head that was planned.
    pub head: ObjectId,
    /// The base it was merged with.
    pub base: ObjectId,
    /// The tree of the merge result.
    pub tree: Option<ObjectId>,
    /// The plan, or nothing when none could be made.
    pub plan: Option<PlanId>,
    /// When it is planned again because not every device was known.
    #[serde(default)]
    pub retry_at: Option<Timestamp>,
}

/// A base commit that is not deployed without a person's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The commit.
    pub commit: ObjectId,
    /// The plan that was shown.
    pub plan: PlanId,
    /// Who approved it.
    pub approved_by: Option<String>,
}

/// A run that should start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRequest {
    /// What for.
    pub kind: RunKind,
    /// At which revision.
    pub revision: Revision,
    /// Why.
    pub trigger: Trigger,
}

/// Returns the runs to start, the most urgent first. At most one deployment; drift only when nothing else is to do.
pub fn reconcile(view: &RepoView, status: &RepoStatus, now: Timestamp, drift_due: bool) -> Vec<RunRequest> {
    let mut out = Vec::new();
    let base = view.base.commit.as_ref();
    let is_applied = status.applied.as_ref().is_some_and(|applied| applied.commit.as_ref() == base);
    let approved =
        status.waiting.as_ref().filter(|waiting| Some(&waiting.commit) == base && waiting.approved_by.is_some());
    let passed = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
    let is_attempted = status.attempted.as_ref() == base && !passed(status.retry_at);
    if base.is_some() && !is_applied && (!is_attempted || approved.is_some()) {
        let trigger = match approved.and_then(|waiting| waiting.approved_by.clone()) {
            Some(person) => Trigger::Person(person),
            None => Trigger::Merge,
        };
        out.push(RunRequest { kind: RunKind::Deploy, revision: view.base.clone(), trigger });
    }
    for change in &view.changes {
        let done = status.planned.get(&change.name).is_some_and(|planned| {
            planned.head == change.head && Some(&planned.base) == base && !passed(planned.retry_at)
        });
        if !done {
            let revision = Revision { commit: Some(change.head.clone()), tree: None, branch: change.name.clone() };
            out.push(RunRequest { kind: RunKind::Plan, revision, trigger: Trigger::Change(change.clone()) });
        }
    }
    if out.is_empty()
        && drift_due
        && let Some(applied) = &status.applied
    {
        out.push(RunRequest { kind: RunKind::Drift, revision: applied.clone(), trigger: Trigger::Schedule });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(digit: char) -> ObjectId {
        digit.to_string().repeat(40).parse().unwrap()
    }

    fn revision(digit: char) -> Revision {
        Revision { commit: Some(id(digit)), tree: None, branch: "main".into() }
    }

    fn kinds(view: &RepoView, status: &RepoStatus, drift_due: bool) -> Vec<RunKind> {
        reconcile(view, status, Timestamp::UNIX_EPOCH, drift_due).into_iter().map(|request| request.kind).collect()
    }

    #[test]
    fn a_new_base_is_deployed_once() {
        let view = RepoView { base: revision('a'), changes: vec![] };
        let mut status = RepoStatus::default();
        assert_eq!(kinds(&view, &status, true), [RunKind::Deploy]);
        status.attempted = Some(id('a'));
        assert_eq!(kinds(&view, &status, true), [], "a failed attempt is not repeated");
        status.applied = Some(revision('a'));
        assert_eq!(kinds(&view, &status, true), [RunKind::Drift]);
        assert_eq!(kinds(&view, &status, false), []);
    }

    #[test]
    fn a_person_can_release_a_held_commit() {
        let view = RepoView { base: revision('a'), changes: vec![] };
        let waiting =
            Waiting { commit: id('a'), plan: "0123456789abcdef".parse().unwrap(), approved_by: Some("ann".into()) };
        let status = RepoStatus { attempted: Some(id('a')), waiting: Some(waiting), ..RepoStatus::default() };
        let requests = reconcile(&view, &status, Timestamp::UNIX_EPOCH, false);
        assert_eq!(requests[0].trigger, Trigger::Person("ann".into()));
    }

    #[test]
    fn a_change_is_planned_again_when_it_or_the_base_moves() {
        let change = Change { name: "change/x".into(), head: id('b') };
        let view = RepoView { base: revision('a'), changes: vec![change] };
        let mut status = RepoStatus { applied: Some(revision('a')), ..RepoStatus::default() };
        assert_eq!(kinds(&view, &status, true), [RunKind::Plan]);
        let planned = PlannedChange { head: id('b'), base: id('a'), tree: None, plan: None, retry_at: None };
        status.planned.insert("change/x".into(), planned);
        assert_eq!(kinds(&view, &status, false), []);
        status.applied = Some(revision('c'));
        let moved = RepoView { base: revision('c'), ..view };
        assert_eq!(kinds(&moved, &status, false), [RunKind::Plan]);
    }
}
