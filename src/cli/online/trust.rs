//! `reconverge trust`: a person accepts the host key of a device or of a jump host, or forgets it.

use anyhow::{Context as _, bail};

use super::super::outcome::Exit;
use super::super::{Cli, Output, assemble};
use crate::domain::intent;
use crate::domain::inventory::HostKeyPolicy;
use crate::domain::name::DeviceName;
use crate::domain::yaml::suggest;

/// Arguments of `trust`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  \
                        reconverge trust r1 SHA256:uvHedRG9TPWY4SK0gsN/8r/1MMN6OrD8CyvGKo1TwQ4\n  \
                        reconverge trust --jump-host bastion SHA256:jcm0vY6dbApKc2EU8Ceetpzq4CMOYSzkBn7eckxfJMg\n  \
                        reconverge trust r1 --forget")]
pub struct Args {
    /// The device, or with --jump-host the entry under `jump_hosts`.
    name: String,
    /// The fingerprint as the message of the refusal shows it, compared with the device's console.
    #[arg(value_name = "SHA256:…", required_unless_present = "forget", conflicts_with = "forget")]
    fingerprint: Option<String>,
    /// NAME is a jump host.
    #[arg(long)]
    jump_host: bool,
    /// Forget the key that was accepted.
    #[arg(long)]
    forget: bool,
}

/// Runs `trust`.
pub(in super::super) async fn run(cli: &Cli, args: &Args) -> anyhow::Result<Exit> {
    if let Some(text) = &args.fingerprint
        && !matches!(HostKeyPolicy::parse(Some(text)), Ok(HostKeyPolicy::Pinned(_)))
    {
        bail!("{text:?} is not a fingerprint: copy SHA256: and the 43 characters behind it");
    }
    is_known(cli, args).await?;
    let state = assemble::state_folder(&cli.repo, &cli.state);
    let context = assemble::context(&state, &cli.state, assemble::repository_name(&state)).await?;
    let (store, repository) = (&context.store, &context.repository);
    if args.jump_host {
        store.set_jump_host_key(repository, &args.name, args.fingerprint.as_deref()).await?;
    } else {
        let device: DeviceName = args.name.parse().context("the name of the device")?;
        match &args.fingerprint {
            Some(fingerprint) => store.accept_host_key(repository, &device, fingerprint).await?,
            None => store.forget_host_key(repository, &device).await?,
        }
    }
    let what = if args.jump_host { "jump host " } else { "" };
    match (cli.output, &args.fingerprint) {
        (Output::Json, fingerprint) => {
            println!(
                "{}",
                serde_json::json!({ "name": args.name, "jump_host": args.jump_host, "host_key": fingerprint })
            );
        }
        (Output::Text, Some(fingerprint)) => {
            println!("{what}{}: only the host key {fingerprint} is believed", args.name);
        }
        (Output::Text, None) => println!("{what}{}: the accepted host key is forgotten", args.name),
    }
    Ok(Exit::Done)
}

/// A typing error in the name would accept a key for nobody.
async fn is_known(cli: &Cli, args: &Args) -> anyhow::Result<()> {
    let (snapshot, _) = assemble::folder(&cli.repo).await?;
    let platforms = assemble::platforms()?.into_keys().collect();
    let (intent, _) = intent::load(&snapshot, &platforms);
    let (known, kind): (Vec<&str>, &str) = if args.jump_host {
        (intent.settings.jump_hosts.keys().map(String::as_str).collect(), "jump host")
    } else {
        (intent.inventory.devices.keys().map(DeviceName::as_str).collect(), "device")
    };
    // beside a state folder without its repository nothing can be compared
    if known.is_empty() && snapshot.text(intent::settings::PATH).is_none() || known.contains(&args.name.as_str()) {
        return Ok(());
    }
    bail!(
        "there is no {kind} {:?} in {}; {}",
        args.name,
        cli.repo.display(),
        suggest::hint(&args.name, known.into_iter())
    )
}
