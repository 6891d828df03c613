//! What is kept about a repository between two rounds: its status, its plans, what a person released.

use anyhow::Context as _;

use super::super::Context;
use crate::domain::name::PlanId;
use crate::domain::plan::Plan;
use crate::domain::reconcile::RepoStatus;

/// Reads what was done about the repository.
///
/// # Errors
/// When the stored value is not one.
pub async fn status(context: &Context) -> anyhow::Result<RepoStatus> {
    match context.store.status(&context.repository).await? {
        Some(value) => serde_json::from_value(value).context("reading the repository's status"),
        None => Ok(RepoStatus::default()),
    }
}

/// Stores what was done about the repository.
///
/// # Errors
/// When the store fails.
pub async fn set_status(context: &Context, status: &RepoStatus) -> anyhow::Result<()> {
    context.store.set_status(&context.repository, &serde_json::to_value(status)?).await?;
    Ok(())
}

/// Releases a plan that waits for a person. The process that acts hears of it in its next round.
///
/// # Errors
/// When the store fails.
pub async fn approve(context: &Context, plan: &PlanId, by: &str) -> anyhow::Result<()> {
    let word = serde_json::json!({ "plan": plan, "by": by });
    context.store.set_status(&format!("{}/released", context.repository), &word).await?;
    Ok(())
}

/// Hears what a person released.
pub(super) async fn hear(context: &Context, status: &mut RepoStatus) -> anyhow::Result<()> {
    let Some(waiting) = status.waiting.as_mut() else { return Ok(()) };
    let Some(word) = context.store.status(&format!("{}/released", context.repository)).await? else { return Ok(()) };
    if word["plan"] == serde_json::json!(waiting.plan) {
        waiting.approved_by = word["by"].as_str().map(str::to_owned);
    }
    Ok(())
}

/// Stores a plan.
///
/// # Errors
/// When the store fails.
pub async fn keep_plan(context: &Context, plan: &Plan) -> anyhow::Result<()> {
    if context.store.plan(&plan.id).await?.is_none() {
        context.store.put_plan(&plan.id, &serde_json::to_value(plan)?).await?;
    }
    Ok(())
}

/// Reads a stored plan.
///
/// # Errors
/// When there is none, or it was altered.
pub async fn stored_plan(context: &Context, id: &PlanId) -> anyhow::Result<Plan> {
    let value = context.store.plan(id).await?.with_context(|| format!("there is no plan {id}"))?;
    let plan: Plan = serde_json::from_value(value).with_context(|| format!("reading plan {id}"))?;
    anyhow::ensure!(plan.is_genuine(), "plan {id} was altered in the store");
    Ok(plan)
}
