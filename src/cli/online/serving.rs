//! A running service: the loop over the repository and its HTTP server, started and stopped together.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, Notify, watch};
use tokio::task::JoinHandle;

use super::super::assemble::Acting;
use crate::adapters::git::Mirror;
use crate::domain::secret::Secret;
use crate::engine::Context;
use crate::engine::main_loop::{Health, Service};
use crate::engine::repository::Repository;
use crate::server::{Shared, router};

/// What a service is made from.
pub(in super::super) struct Parts {
    /// What everything needs.
    pub(in super::super) context: Context,
    /// The right to act; kept until the service has ended.
    pub(in super::super) acting: Acting,
    /// The copy of the git repository.
    pub(in super::super) mirror: Mirror,
    /// The branch that says what the network should be.
    pub(in super::super) branch: String,
    /// The pause between two looks at the repository.
    pub(in super::super) poll: Duration,
    /// Where it listens.
    pub(in super::super) listener: TcpListener,
    /// What a caller of the API must show.
    pub(in super::super) token: Option<Secret>,
}

/// A running service. Dropping it ends it at once, as a crash would.
pub(in super::super) struct Serving {
    /// The loop.
    pub(in super::super) service: Service,
    /// Where it listens.
    pub(in super::super) address: SocketAddr,
    stop: watch::Sender<bool>,
    looping: JoinHandle<anyhow::Result<()>>,
    http: JoinHandle<std::io::Result<()>>,
    _acting: Acting,
}

impl Serving {
    /// Starts a service.
    ///
    /// # Errors
    /// When the address of the listener is unknown.
    pub(in super::super) fn start(parts: Parts) -> anyhow::Result<Self> {
        let repository = Repository {
            context: parts.context,
            mirror: parts.mirror,
            lease: parts.acting.lease.clone(),
            branch: parts.branch,
            busy: Mutex::new(()),
        };
        let service = Service {
            repository: Arc::new(repository),
            health: Arc::new(Health::default()),
            wake: Arc::new(Notify::new()),
            poll: parts.poll,
        };
        let address = parts.listener.local_addr().context("reading the address of the listener")?;
        let (stop, stopped) = watch::channel(false);
        let app = router(Shared { service: service.clone(), token: parts.token });
        let mut http_stopped = stopped.clone();
        let http = tokio::spawn(async move {
            let asked = async move { drop(http_stopped.changed().await) };
            axum::serve(parts.listener, app).with_graceful_shutdown(asked).await
        });
        let own = service.clone();
        let looping = tokio::spawn(async move { own.run(stopped).await });
        Ok(Self { service, address, stop, looping, http, _acting: parts.acting })
    }

    /// Waits for the end of a service that nobody asked to stop.
    ///
    /// # Errors
    /// With the reason of its end.
    pub(in super::super) async fn ended(&mut self) -> anyhow::Result<()> {
        (&mut self.looping).await.context("the loop ended")?
    }

    /// Tells whether the loop has ended.
    pub(in super::super) fn has_ended(&self) -> bool {
        self.looping.is_finished()
    }

    /// Ends the service: the round that has begun is finished first.
    ///
    /// # Errors
    /// When the loop or the HTTP server ended badly.
    pub(in super::super) async fn stop(mut self) -> anyhow::Result<()> {
        let _ = self.stop.send(true);
        let result = self.ended().await;
        (&mut self.http).await.context("the HTTP server ended")??;
        result
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.looping.abort();
        self.http.abort();
    }
}

/// SIGTERM and SIGINT, heard from the moment it is made.
pub(in super::super) struct Interruption {
    terminate: Signal,
    interrupt: Signal,
}

impl Interruption {
    /// Begins to listen; from now on the signals do not end the process.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub(in super::super) fn listen() -> anyhow::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for one of the signals.
    pub(in super::super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
