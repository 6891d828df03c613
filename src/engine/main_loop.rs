//! The loop of the service: hold the lease, take up what was interrupted, then round after round.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::repository::Repository;

/// How long a leader may be silent before another one may take over, in milliseconds.
pub const LEASE_MS: i64 = 30_000;
const RENEW_EVERY: Duration = Duration::from_secs(10);

/// What the outside may know about the loop.
#[derive(Debug, Default)]
pub struct Health {
    /// When the last round succeeded, in milliseconds since the epoch; 0 means never.
    pub last_good_round_ms: AtomicI64,
    /// Rounds so far.
    pub rounds: AtomicU64,
    /// Rounds that failed.
    pub failed_rounds: AtomicU64,
    /// Runs that were started.
    pub runs: AtomicU64,
}

/// The loop and what wakes it up.
#[derive(Clone)]
pub struct Service {
    /// The repository it looks after.
    pub repository: Arc<Repository>,
    /// How it is doing.
    pub health: Arc<Health>,
    /// Says "look again now": a webhook, a person. It carries nothing, so losing or forging one is harmless.
    pub wake: Arc<Notify>,
    /// The pause between two looks.
    pub poll: Duration,
}

impl Service {
    /// Runs until told to stop. A round that has begun is finished first.
    ///
    /// # Errors
    /// When interrupted runs cannot be taken up, or the lease is lost.
    pub async fn run(&self, mut stop: watch::Receiver<bool>) -> anyhow::Result<()> {
        let renewing = tokio::spawn(renew(self.repository.clone()));
        let result = async {
            self.repository.recover().await?;
            loop {
                self.one_round().await;
                if *stop.borrow() {
                    return Ok(());
                }
                anyhow::ensure!(!renewing.is_finished(), "another process took the lease over");
                tokio::select! {
                    () = tokio::time::sleep(self.pause()) => {}
                    () = self.wake.notified() => {}
                    _ = stop.changed() => return Ok(()),
                }
            }
        }
        .await;
        renewing.abort();
        let _ = self.repository.context.store.release_lease(&self.repository.lease).await;
        result
    }

    async fn one_round(&self) {
        self.health.rounds.fetch_add(1, Ordering::Relaxed);
        match self.repository.round().await {
            Ok(runs) => {
                self.health.runs.fetch_add(runs as u64, Ordering::Relaxed);
                let now = self.repository.context.clock.now().as_millisecond();
                self.health.last_good_round_ms.store(now, Ordering::Relaxed);
            }
            Err(error) => {
                self.health.failed_rounds.fetch_add(1, Ordering::Relaxed);
                tracing::error!(repo.name = %self.repository.context.repository, error = format!("{error:#}"), "the round failed");
                self.repository.context.tell(&format!("error: {error:#}"));
            }
        }
    }

    /// The pause with ± 20 % jitter, so that many services do not knock at the same time.
    fn pause(&self) -> Duration {
        let jitter = 0.8 + 0.4 * (f64::from(rand::random::<u16>()) / f64::from(u16::MAX));
        self.poll.mul_f64(jitter)
    }
}

/// Ends when the lease is lost.
async fn renew(repository: Arc<Repository>) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        let now = repository.context.clock.now().as_millisecond();
        match repository.context.store.renew_lease(&repository.lease, now, LEASE_MS).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "renewing the lease"),
        }
    }
}
