//! The one place that picks concrete adapters: a state folder, a store, the way to devices, the repository.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use crate::adapters::clock::Clock;
use crate::adapters::device::Dial;
use crate::adapters::device::dial::SshDialer;
use crate::adapters::device::pool::{Pool, PoolLimits};
use crate::adapters::git::{self, Credential, Mirror, Source};
use crate::adapters::secrets::SecretStore;
use crate::adapters::store::{Lease, Store};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::inventory::Selector;
use crate::domain::name::PlatformName;
use crate::domain::platform::Platform;
use crate::domain::secret::Secret;
use crate::domain::snapshot::Snapshot;
use crate::engine::Context;
use crate::engine::main_loop::LEASE_MS;

/// The file by which a state folder is known to belong to a service.
const SERVICE_MARK: &str = "service";

/// Where things are.
#[derive(Clone, Debug, clap::Args)]
pub struct StateArgs {
    /// Where plans, runs and keys are kept; `.reconverge` inside the repository when it is not given.
    #[arg(long, global = true, value_name = "DIR", env = "RECONVERGE_STATE")]
    pub state: Option<PathBuf>,
    /// The folder of `secret://file/…`.
    #[arg(long, global = true, value_name = "DIR", env = "RECONVERGE_SECRETS")]
    pub secrets: Option<PathBuf>,
}

/// Returns the built-in platforms.
pub fn platforms() -> anyhow::Result<BTreeMap<PlatformName, Platform>> {
    Platform::all().map_err(anyhow::Error::msg)
}

/// Returns the state folder.
pub fn state_folder(repo: &Path, args: &StateArgs) -> PathBuf {
    args.state.clone().unwrap_or_else(|| repo.join(".reconverge"))
}

/// Names the repository in the store of a state folder: the service's own records, or those of a person's shell.
pub fn repository_name(state: &Path) -> &'static str {
    if state.join(SERVICE_MARK).exists() { "service" } else { "local" }
}

/// Marks a state folder as the one of a service.
///
/// # Errors
/// When the folder cannot be written.
pub fn mark_service(state: &Path) -> anyhow::Result<()> {
    std::fs::write(state.join(SERVICE_MARK), "").context("marking the state folder")
}

/// Opens the store and everything around it.
pub async fn context(state: &Path, args: &StateArgs, repository: &str) -> anyhow::Result<Context> {
    make_private(state)?;
    let url = format!("sqlite://{}", state.join("reconverge.sqlite").display());
    let store = Store::open(&url, state).await.with_context(|| format!("opening the store in {}", state.display()))?;
    let platforms = platforms()?;
    let dial: Arc<dyn Dial> = Arc::new(SshDialer::new(&platforms));
    let pool = Pool::new(Arc::clone(&dial), Clock::System, PoolLimits::default());
    tokio::spawn(pool.clone().reap_forever());
    Ok(Context {
        store,
        clock: Clock::System,
        dial,
        pool,
        secrets: SecretStore::new(args.secrets.clone()),
        platforms: Arc::new(platforms),
        repository: repository.to_owned(),
        progress: Arc::new(|line| eprintln!("{line}")),
    })
}

fn make_private(folder: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("making the state folder {}", folder.display()))?;
    // Inside the repository it must not make the work tree look changed.
    let ignore = folder.join(".gitignore");
    if !ignore.exists() {
        std::fs::write(&ignore, "*\n").with_context(|| format!("writing {}", ignore.display()))?;
    }
    Ok(())
}

/// The right to act on the state: one process at a time, given back by the kernel when the process dies.
pub struct Acting {
    /// The lease that fences the store.
    pub lease: Lease,
    _lock: File,
}

/// Takes the right to act.
///
/// # Errors
/// When another process has it.
pub async fn act(context: &Context, state: &Path) -> anyhow::Result<Acting> {
    let path = state.join("lock");
    let lock = File::create(&path).with_context(|| format!("opening {}", path.display()))?;
    if lock.try_lock().is_err() {
        bail!("another reconverge works with {}: stop it, or use `apply --plan ID`, which asks it", state.display());
    }
    let now = context.clock.now().as_millisecond();
    let owner = format!("local:{}", state.display());
    let lease = context.store.acquire_lease("leader", &owner, now, LEASE_MS).await?;
    let Some(lease) = lease else {
        bail!("another process holds the lease on this store; try again in {} s", LEASE_MS / 1000)
    };
    Ok(Acting { lease, _lock: lock })
}

/// Tells whether another process works with the state.
pub fn is_busy(state: &Path) -> bool {
    File::open(state.join("lock")).is_ok_and(|lock| lock.try_lock().is_err())
}

/// Where the service finds its repository and how it logs in.
#[derive(Clone, Debug, clap::Args)]
pub struct SourceArgs {
    /// The git repository: a path, https://…, ssh://…; the folder of --repo when it is not given.
    #[arg(long, value_name = "URL", env = "RECONVERGE_SOURCE")]
    pub source: Option<String>,
    /// The user that goes with the token.
    #[arg(long, value_name = "NAME", env = "RECONVERGE_GIT_USER", default_value = "reconverge")]
    pub git_user: String,
    /// The private key for ssh.
    #[arg(long, value_name = "FILE", env = "RECONVERGE_GIT_KEY")]
    pub git_key: Option<PathBuf>,
    /// The known host keys for ssh.
    #[arg(long, value_name = "FILE", env = "RECONVERGE_GIT_KNOWN_HOSTS")]
    pub git_known_hosts: Option<PathBuf>,
    /// The branch that says what the network should be.
    #[arg(long, value_name = "BRANCH", env = "RECONVERGE_BRANCH", default_value = "main")]
    pub branch: String,
}

/// Opens the copy of the git repository.
pub async fn mirror(repo: &Path, state: &Path, args: &SourceArgs) -> anyhow::Result<Mirror> {
    let address = match &args.source {
        Some(source) => source.clone(),
        None => {
            std::fs::canonicalize(repo).with_context(|| format!("finding {}", repo.display()))?.display().to_string()
        }
    };
    let token = std::env::var("RECONVERGE_GIT_TOKEN").ok();
    let credential = match (token, &args.git_key) {
        (Some(token), _) => Credential::Token { user: args.git_user.clone(), token: Secret::new(token) },
        (None, Some(key)) => {
            let Some(known_hosts) = args.git_known_hosts.clone() else {
                bail!("a key for ssh needs --git-known-hosts too: the server's host key is always verified");
            };
            Credential::Key { file: key.clone(), known_hosts }
        }
        (None, None) => Credential::None,
    };
    let source = Source::new(&address, credential).map_err(git_error)?;
    Mirror::open(state, source).await.map_err(git_error)
}

/// Puts the hint of a git error behind its message.
pub fn git_error(error: git::GitError) -> anyhow::Error {
    anyhow::Error::msg(match &error.hint {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    })
}

/// Reads the repository folder.
pub async fn folder(repo: &Path) -> anyhow::Result<(Snapshot, Vec<Diagnostic>)> {
    git::snapshot_of_folder(repo).await.map_err(git_error)
}

/// Reads the selector of the command line.
pub fn selector(text: Option<&str>) -> anyhow::Result<Option<Selector>> {
    match text {
        Some(text) => match Selector::parse(text) {
            Ok(selector) => Ok(Some(selector)),
            Err(error) => bail!("--select {text:?}: {error}"),
        },
        None => Ok(None),
    }
}

/// Runs a future to its end on a runtime of its own.
pub fn wait<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(future)
}
