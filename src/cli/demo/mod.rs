//! `reconverge demo` and `reconverge lab`: the whole loop in one process, on simulated devices.
//!
//! Invariant: the demonstration says nothing about the network that it has not just read from the switches, the store
//! or the exit code of a command.

mod acts;
mod engineer;
pub(super) mod lab;
mod stage;
mod voice;
mod watch;

use std::path::PathBuf;

use super::online::serving::Interruption;
use super::outcome::Exit;
use stage::Stage;
use voice::Voice;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  reconverge demo --keep")]
pub struct Args {
    /// Goes on serving afterwards, until Ctrl-C.
    #[arg(long, env = "DEMO_KEEP", value_parser = clap::builder::FalseyValueParser::new())]
    keep: bool,
    /// How the switches misbehave, as for `lab`: to see that the demonstration notices.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
}

/// Runs the command. Whatever happens, nothing is left behind.
pub(super) async fn run(args: &Args) -> anyhow::Result<Exit> {
    let mut interruption = Interruption::listen()?;
    let voice = Voice::new();
    voice.heading("Reconverge: a git repository says what the network should be");
    voice.say("What follows happens now, on this machine, on simulated switches behind real SSH.");
    let stage = Stage::build(voice, args.faults.as_deref()).await?;
    let result = tokio::select! {
        result = acts::play(&stage) => result,
        () = interruption.wait() => Err(anyhow::anyhow!("interrupted")),
    };
    if let Err(error) = result {
        stage.voice.failed(&error, &stage.seen().await);
        return Ok(Exit::Failed);
    }
    farewell(&stage, args.keep);
    if args.keep {
        interruption.wait().await;
    }
    stage.strike().await?;
    Ok(Exit::Done)
}

fn farewell(stage: &Stage, keep: bool) {
    let voice = &stage.voice;
    voice.heading(&format!("Done in {:.0} s. To look around:", stage.voice.elapsed_s()));
    let options: Vec<String> =
        stage.options().iter().map(|(option, folder)| format!("{option} {}", folder.display())).collect();
    let program = std::env::current_exe().map_or_else(|_| "reconverge".to_owned(), |path| path.display().to_string());
    voice.say(&format!("R=\"{program} {}\"", options.join(" ")));
    voice.say("$R runs                    what happened, the newest first; $R show ID for each of them");
    voice.say("$R plan                    what the held commit would send");
    voice.say("$R drift                   what was changed outside git");
    voice.say(&format!(
        "curl http://{}/api/v1/runs     also /api/v1/devices, /api/v1/plans, /metrics",
        stage.serving.address
    ));
    if let Some(device) = stage.network.device("leaf1") {
        voice.say(&format!("{}    the password: secrets/devices.yaml", lab::ssh(device)));
    }
    let clone = stage.engineer.clone.display();
    voice.say(&format!("cd {clone}     push a branch change/…; or take the bad commit back: git revert -m 1 HEAD && git push origin main"));
    voice.heading(match keep {
        true => "It goes on serving. Ctrl-C stops everything and removes the folder.",
        false => "Now everything is stopped and removed; with DEMO_KEEP=1 it goes on serving.",
    });
}
