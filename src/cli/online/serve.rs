//! `reconverge serve`: the loop and its HTTP ways in.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, Notify, watch};

use super::super::outcome::Exit;
use super::super::{Cli, assemble};
use crate::domain::schedule::Interval;
use crate::domain::secret::Secret;
use crate::engine::main_loop::{Health, Service};
use crate::engine::repository::Repository;
use crate::server::{Shared, router};

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
    std::fs::write(state.join("service"), "").context("marking the state folder")?;
    let mirror = assemble::mirror(&cli.repo, &state, &args.source).await?;
    let repository = Repository {
        context,
        mirror,
        lease: acting.lease.clone(),
        branch: args.source.branch.clone(),
        busy: Mutex::new(()),
    };
    let service = Service {
        repository: Arc::new(repository),
        health: Arc::new(Health::default()),
        wake: Arc::new(Notify::new()),
        poll: args.poll.duration(),
    };
    let listener = tokio::net::TcpListener::bind(args.listen).await;
    let listener = listener.with_context(|| format!("listening on {}", args.listen))?;
    eprintln!("listening on http://{}, looking at {}", listener.local_addr()?, service.repository.mirror.url());
    let (stop, stopped) = watch::channel(false);
    let app = router(Shared { service: service.clone(), token });
    let mut http_stop = stopped.clone();
    let http = tokio::spawn(async move {
        let stop = async move { drop(http_stop.changed().await) };
        axum::serve(listener, app).with_graceful_shutdown(stop).await
    });
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let looping = service.run(stopped);
    tokio::pin!(looping);
    let asked = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let result = tokio::select! {
        result = &mut looping => result,
        () = asked => {
            eprintln!("stopping: the round that has begun is finished first");
            let _ = stop.send(true);
            looping.await
        }
    };
    let _ = stop.send(true);
    http.await??;
    result?;
    Ok(Exit::Done)
}
