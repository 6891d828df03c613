//! `reconverge apply`: exactly that plan, or nothing.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::super::outcome::Exit;
use super::super::{Cli, Output, assemble};
use super::refuse;
use crate::domain::diagnostic::any_error;
use crate::domain::name::PlanId;
use crate::domain::plan::Plan;
use crate::domain::plan::build::Drift;
use crate::domain::report;
use crate::domain::run::{Run, RunEvent, RunKind, RunOutcome, Trigger};
use crate::engine::Context;
use crate::engine::deploy::Deployment;
use crate::engine::deploy::journal::Journal;
use crate::engine::repository::records::{approve, set_status, status, stored_plan};

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  reconverge apply change.plan\n  reconverge apply --plan 3f9c1a7be204d1aa")]
pub struct Args {
    /// A plan file written by `plan --out`.
    #[arg(required_unless_present = "plan", conflicts_with = "plan")]
    file: Option<PathBuf>,
    /// A stored plan.
    #[arg(long, value_name = "ID")]
    plan: Option<PlanId>,
    /// How long a device waits for the confirmation before it takes its old configuration back.
    #[arg(long, value_name = "TIME")]
    confirm_timeout: Option<crate::domain::schedule::Interval>,
}

/// Runs the command.
pub(in super::super) async fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    let state = assemble::state_folder(&cli.repo, &cli.state);
    let context = assemble::context(&state, &cli.state, assemble::repository_name(&state)).await?;
    let plan = match (&args.file, &args.plan) {
        (Some(path), _) => read(path)?,
        (None, Some(id)) => stored_plan(&context, id).await?,
        (None, None) => bail!("name a plan file, or --plan ID"),
    };
    let waits = status(&context).await?.waiting.is_some_and(|waiting| waiting.plan == plan.id);
    if waits {
        approve(&context, &plan.id, &person()).await?;
        eprintln!("released: the service deploys plan {} in its next round", plan.id);
        return follow(cli, &context, &plan.id).await;
    }
    let acting = assemble::act(&context, &state).await?;
    let (mut head, findings) = assemble::folder(&cli.repo).await?;
    if any_error(&findings) {
        return Err(refuse(&findings));
    }
    if head.digest() != plan.content.files {
        eprintln!("refused: the repository is not the one that plan {} was made from: plan again", plan.id);
        return Ok(Exit::Refused);
    }
    head.revision = plan.content.revision.clone();
    let requested = RunEvent::Requested {
        at: context.clock.now(),
        kind: RunKind::Deploy,
        trigger: Trigger::Person(person()),
        revision: plan.content.revision.clone(),
    };
    let mut journal = Journal::start(&context, Some(&acting.lease), requested).await?;
    journal.record(RunEvent::Planned { at: context.clock.now(), plan: plan.id.clone() }).await?;
    let drift = Drift::Show;
    let confirm_within = args.confirm_timeout.map(crate::domain::schedule::Interval::duration);
    let deployment = Deployment { plan: &plan, head: &head, applied: None, drift, by: person(), confirm_within };
    let outcome = context.deploy(&mut journal, &deployment).await?;
    if outcome == RunOutcome::Applied && head.revision.commit.is_some() {
        let mut status = status(&context).await?;
        status.applied = Some(head.revision.clone());
        set_status(&context, &status).await?;
    }
    print(cli, journal.run())?;
    Ok(exit(outcome))
}

fn person() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_owned())
}

fn read(path: &std::path::Path) -> anyhow::Result<Plan> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let plan: Plan =
        serde_json::from_str(&text).with_context(|| format!("{} is not a plan of this version", path.display()))?;
    if !plan.is_genuine() {
        bail!("{} was altered: its content does not have the id {}", path.display(), plan.id);
    }
    Ok(plan)
}

/// Waits until the service has finished the run of a released plan.
async fn follow(cli: &Cli, context: &Context, plan: &PlanId) -> anyhow::Result<Exit> {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let runs = context.runs(5).await?;
        let done = runs.into_iter().find(|run| {
            let ended = run.finished.as_ref().is_some_and(|finish| finish.outcome != RunOutcome::NeedsApproval);
            run.plan.as_ref() == Some(plan) && run.kind == RunKind::Deploy && ended
        });
        if let Some(run) = done {
            print(cli, &run)?;
            return Ok(run.finished.as_ref().map_or(Exit::Failed, |finish| exit(finish.outcome)));
        }
    }
}

fn print(cli: &Cli, run: &Run) -> anyhow::Result<()> {
    match cli.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(run)?),
        Output::Text => print!("{}", report::run_text(run)),
    }
    Ok(())
}

fn exit(outcome: RunOutcome) -> Exit {
    match outcome {
        RunOutcome::Applied | RunOutcome::InSync | RunOutcome::Planned => Exit::Done,
        RunOutcome::Refused | RunOutcome::NeedsApproval => Exit::Refused,
        RunOutcome::Partial | RunOutcome::Inconsistent | RunOutcome::Stuck => Exit::Partly,
        RunOutcome::RolledBack | RunOutcome::Drifted | RunOutcome::Unknown | RunOutcome::Failed => Exit::Failed,
    }
}
