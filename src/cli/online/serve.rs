//! `reconverge serve`: the loop and its HTTP ways in.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};

use super::super::outcome::Exit;
use super::super::{Cli, assemble};
use super::serving::{Interruption, Parts, Serving};
use crate::domain::schedule::Interval;
use crate::domain::secret::Secret;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  RECONVERGE_GIT_TOKEN=… reconverge serve --source https://git.example/net.git --state /var/lib/reconverge"
)]
pub struct Args {
    #[command(flatten)]
    source: assemble::SourceArgs,
    /// Where it listens. Anything but this machine needs RECONVERGE_API_TOKEN.
    #[arg(long, value_name = "ADDRESS", env = "RECONVERGE_LISTEN", default_value = "127.0.0.1:8087")]
    listen: SocketAddr,
    /// The pause between two looks at the repository.
    #[arg(long, value_name = "TIME", env = "RECONVERGE_POLL", default_value = "60s")]
    poll: Interval,
}

/// Runs the command until SIGTERM or SIGINT.
pub(in super::super) async fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    let token = std::env::var("RECONVERGE_API_TOKEN").ok().filter(|token| !token.is_empty()).map(Secret::new);
    if token.is_none() && !args.listen.ip().is_loopback() {
        bail!("listening on {} needs a token: set RECONVERGE_API_TOKEN", args.listen);
    }
    let state = assemble::state_folder(&cli.repo, &cli.state);
    let context = assemble::context(&state, &cli.state, "service").await?;
    let acting = assemble::act(&context, &state).await?;
    assemble::mark_service(&state)?;
    let mirror = assemble::mirror(&cli.repo, &state, &args.source).await?;
    let listener = tokio::net::TcpListener::bind(args.listen).await;
    let listener = listener.with_context(|| format!("listening on {}", args.listen))?;
    let source = mirror.url().to_owned();
    let (branch, poll) = (args.source.branch.clone(), args.poll.duration());
    let mut interruption = Interruption::listen()?;
    let mut serving = Serving::start(Parts { context, acting, mirror, branch, poll, listener, token })?;
    eprintln!("listening on http://{}, looking at {source}", serving.address);
    tokio::select! {
        result = serving.ended() => result?,
        () = interruption.wait() => {
            eprintln!("stopping: the round that has begun is finished first");
            serving.stop().await?;
        }
    }
    Ok(Exit::Done)
}
