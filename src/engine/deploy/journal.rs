//! The write-ahead record of a run: an event is stored before anything acts on it.

use anyhow::Context as _;
use serde_json::Value;

use super::super::Context;
use crate::adapters::store::{Lease, Store};
use crate::domain::name::RunId;
use crate::domain::run::{Run, RunEvent, RunOutcome};

/// One run with its events on disk.
pub struct Journal {
    store: Store,
    lease: Option<Lease>,
    run: Run,
}

impl Journal {
    /// Starts a new run.
    pub async fn start(context: &Context, lease: Option<&Lease>, requested: RunEvent) -> anyhow::Result<Self> {
        let id = context.new_run();
        let run = Run::fold(&id, std::slice::from_ref(&requested))?;
        let journal = Self { store: context.store.clone(), lease: lease.cloned(), run };
        journal.write(0, &requested).await?;
        Ok(journal)
    }

    /// Takes a stored run up again.
    pub async fn resume(context: &Context, lease: Option<&Lease>, id: &RunId) -> anyhow::Result<Self> {
        let run = load(&context.store, id).await?;
        Ok(Self { store: context.store.clone(), lease: lease.cloned(), run })
    }

    /// The run so far.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// Stores an event, then counts it.
    pub async fn record(&mut self, event: RunEvent) -> anyhow::Result<()> {
        let mut next = self.run.clone();
        next.record(&event)?;
        self.write(self.run.events, &event).await?;
        self.run = next;
        Ok(())
    }

    /// Ends the run.
    pub async fn finish(&mut self, context: &Context, outcome: RunOutcome, summary: String) -> anyhow::Result<()> {
        context.tell(&format!("{}: {summary}", outcome.word()));
        self.record(RunEvent::Finished { at: context.clock.now(), outcome, summary }).await
    }

    async fn write(&self, sequence: u64, event: &RunEvent) -> anyhow::Result<()> {
        let value = serde_json::to_value(event)?;
        let events = std::slice::from_ref(&value);
        match &self.lease {
            Some(lease) => self.store.append_as(lease, &self.run.id, sequence, events).await,
            None => self.store.append(&self.run.id, sequence, events).await,
        }
        .with_context(|| format!("recording an event of {}", self.run.id))
    }
}

/// Reads a stored run.
pub async fn load(store: &Store, id: &RunId) -> anyhow::Result<Run> {
    let values: Vec<Value> = store.events(id).await?;
    if values.is_empty() {
        anyhow::bail!("there is no run {id}");
    }
    let events = values.into_iter().map(serde_json::from_value).collect::<Result<Vec<RunEvent>, _>>();
    let events = events.with_context(|| format!("reading the events of {id}"))?;
    Ok(Run::fold(id, &events)?)
}
