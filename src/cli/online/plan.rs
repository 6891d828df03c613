//! `reconverge plan` and `reconverge drift`: what would be sent, and what differs.

use std::path::PathBuf;

use anyhow::Context as _;

use super::super::outcome::Exit;
use super::super::{Cli, Output, assemble};
use super::{refuse, tell};
use crate::domain::diagnostic::any_error;
use crate::domain::plan::Plan;
use crate::domain::plan::build::Drift;
use crate::domain::report;
use crate::domain::snapshot::Snapshot;
use crate::engine::Context;
use crate::engine::planning::{Request, Source};
use crate::engine::repository::records::{keep_plan, status};

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  reconverge plan --out change.plan\n  reconverge plan --running-from running/ --markdown"
)]
pub struct PlanArgs {
    /// Takes running configurations from files `NAME.cfg` instead of the devices.
    #[arg(long, value_name = "DIR")]
    running_from: Option<PathBuf>,
    /// Writes the plan to a file, for `apply`.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Prints Markdown.
    #[arg(long)]
    markdown: bool,
}

/// Arguments of `drift`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  reconverge drift --select site=ams")]
pub struct DriftArgs {
    /// Takes running configurations from files `NAME.cfg` instead of the devices.
    #[arg(long, value_name = "DIR")]
    running_from: Option<PathBuf>,
}

/// Runs `plan`.
pub(in super::super) async fn plan(cli: &Cli, args: &PlanArgs) -> anyhow::Result<Exit> {
    let (context, snapshot) = opened(cli).await?;
    let plan = made(cli, &context, &snapshot, None, args.running_from.as_ref()).await?;
    keep_plan(&context, &plan).await?;
    if let Some(path) = &args.out {
        let text = serde_json::to_string_pretty(&plan)?;
        std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    match (cli.output, args.markdown) {
        (Output::Json, _) => println!("{}", serde_json::to_string_pretty(&view(&plan))?),
        (Output::Text, true) => print!("{}", report::plan_markdown(&plan)),
        (Output::Text, false) => print!("{}", report::plan_text(&plan)),
    }
    Ok(exit(&plan))
}

/// Runs `drift`: a plan at the applied revision, in which everything that differs was done outside git.
pub(in super::super) async fn drift(cli: &Cli, args: &DriftArgs) -> anyhow::Result<Exit> {
    let (context, folder) = opened(cli).await?;
    let snapshot = match status(&context).await?.applied {
        Some(revision) if revision.tree != folder.revision.tree => applied(cli, &context, &revision).await?,
        _ => folder,
    };
    let plan = made(cli, &context, &snapshot, Some(&snapshot), args.running_from.as_ref()).await?;
    keep_plan(&context, &plan).await?;
    match cli.output {
        Output::Json => println!("{}", serde_json::to_string_pretty(&view(&plan))?),
        Output::Text => print!("{}", report::plan_text(&plan)),
    }
    Ok(exit(&plan))
}

/// Reads the files of the applied revision from the repository.
async fn applied(
    cli: &Cli,
    context: &Context,
    revision: &crate::domain::revision::Revision,
) -> anyhow::Result<Snapshot> {
    let state = assemble::state_folder(&cli.repo, &cli.state);
    let args = assemble::SourceArgs {
        source: None,
        git_user: String::new(),
        git_key: None,
        git_known_hosts: None,
        branch: String::new(),
    };
    let mirror = assemble::mirror(&cli.repo, &state, &args).await?;
    mirror.fetch(context.clock.now()).await.map_err(assemble::git_error)?;
    let tree = revision.tree.as_ref().context("the applied revision has no tree")?;
    let (mut snapshot, _) = mirror.snapshot_of_tree(tree, &revision.branch).await.map_err(assemble::git_error)?;
    snapshot.revision = revision.clone();
    Ok(snapshot)
}

async fn opened(cli: &Cli) -> anyhow::Result<(Context, Snapshot)> {
    let (snapshot, findings) = assemble::folder(&cli.repo).await?;
    if any_error(&findings) {
        return Err(refuse(&findings));
    }
    let state = assemble::state_folder(&cli.repo, &cli.state);
    let context = assemble::context(&state, &cli.state, assemble::repository_name(&state)).await?;
    Ok((context, snapshot))
}

async fn made(
    cli: &Cli,
    context: &Context,
    head: &Snapshot,
    applied: Option<&Snapshot>,
    running_from: Option<&PathBuf>,
) -> anyhow::Result<Plan> {
    let select = assemble::selector(cli.select.as_deref())?;
    let source = running_from.map_or(Source::Devices, |folder| Source::Folder(folder.clone()));
    let request = Request { head, applied, select: select.as_ref(), source, drift: Drift::Show };
    let (plan, findings) = context.plan(&request).await.map_err(|findings| refuse(&findings))?;
    tell(&findings);
    anyhow::ensure!(!plan.content.devices.is_empty(), "no device is selected");
    Ok(plan)
}

/// The plan with its verdict, for programs.
pub(super) fn view(plan: &Plan) -> serde_json::Value {
    serde_json::json!({
        "verdict": report::plan_verdict(plan),
        "in_sync": plan.in_sync(),
        "risk": plan.risk(),
        "plan": plan,
    })
}

/// 0 nothing differs, 2 something does, 4 when only some devices could be read.
fn exit(plan: &Plan) -> Exit {
    let unknown = plan.problems().any(|(_, word, _)| word != "suspended");
    let differs = plan.planned().next().is_some() || plan.drifted().next().is_some();
    match (unknown, differs) {
        (true, _) => Exit::Partly,
        (false, true) => Exit::Changes,
        (false, false) => Exit::Done,
    }
}
