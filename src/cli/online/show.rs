//! `reconverge show` and `reconverge runs`: what was planned and what became of it.

use super::super::outcome::Exit;
use super::super::{Cli, Output, assemble};
use super::plan::view;
use crate::domain::report;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  reconverge show 3f9c1a7be204d1aa\n  reconverge show run_01h…")]
pub struct ShowArgs {
    /// A plan or a run.
    id: String,
}

/// Arguments of `runs`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  reconverge runs --limit 5")]
pub struct RunsArgs {
    /// How many.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

/// Runs `show`.
pub(in super::super) async fn show(cli: &Cli, args: &ShowArgs) -> anyhow::Result<Exit> {
    let state = assemble::state_folder(&cli.repo, &cli.state);
    let context = assemble::context(&state, &cli.state, assemble::repository_name(&state)).await?;
    if args.id.starts_with("run_") {
        let run = context.run(&args.id.parse()?).await?;
        match cli.output {
            Output::Json => println!("{}", serde_json::to_string_pretty(&run)?),
            Output::Text => print!("{}", report::run_text(&run)),
        }
    } else {
        let plan = context.stored(&args.id.parse()?).await?;
        match cli.output {
            Output::Json => println!("{}", serde_json::to_string_pretty(&view(&plan))?),
            Output::Text => print!("{}", report::plan_text(&plan)),
        }
    }
    Ok(Exit::Done)
}

/// Runs `runs`.
pub(in super::super) async fn runs(cli: &Cli, args: &RunsArgs) -> anyhow::Result<Exit> {
    let state = assemble::state_folder(&cli.repo, &cli.state);
    let context = assemble::context(&state, &cli.state, assemble::repository_name(&state)).await?;
    let runs = context.runs(args.limit).await?;
    if cli.output == Output::Json {
        println!("{}", serde_json::to_string_pretty(&runs)?);
        return Ok(Exit::Done);
    }
    for run in runs {
        let state = run.finished.as_ref().map_or("running", |finish| finish.outcome.word());
        let commit = run.revision.commit.as_ref().map_or("(folder)", |commit| commit.short());
        let summary = run.finished.as_ref().map(|finish| finish.summary.lines().next().unwrap_or_default().to_owned());
        let kind = format!("{:?}", run.kind).to_lowercase();
        println!(
            "{}  {}  {kind:6}  {state:14}  {commit}  {}  {}",
            run.id,
            run.requested_at.strftime("%Y-%m-%d %H:%M:%S"),
            run.revision.branch,
            summary.unwrap_or_default()
        );
    }
    Ok(Exit::Done)
}
