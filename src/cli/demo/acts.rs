//! The five acts. Each does something, waits for what must follow, and looks for itself before it says that it is so.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

use super::stage::Stage;
use crate::domain::deploy::wave::Action;
use crate::domain::plan::Plan;
use crate::domain::report;
use crate::domain::run::{Run, RunKind, RunOutcome, Trigger};

/// The file in which both changes are made.
const LEAFS: &str = "data/role/leaf.yaml";
/// What the good change adds to it.
const VLAN: &str = "  - id: 20
    name: storage
    prefixes: {a: 198.18.20.0/24, b: 198.18.21.0/24}
";
/// What somebody types on leaf2 without telling anybody.
const BY_HAND: [&str; 3] = ["interface Ethernet2", "mtu 1400", "ip route 203.0.113.0/24 Null0"];

/// Plays all acts.
///
/// # Errors
/// As soon as anything is not as it must be.
pub(super) async fn play(stage: &Stage) -> anyhow::Result<()> {
    in_sync(stage).await?;
    let (change, reviewed) = good_change(stage).await?;
    merged(stage, &change, &reviewed).await?;
    by_hand(stage).await?;
    bad_change(stage).await
}

async fn in_sync(stage: &Stage) -> anyhow::Result<()> {
    let voice = &stage.voice;
    voice.heading("1  Five switches, a git repository, a service");
    for device in stage.network.devices() {
        let name = device.name();
        voice.say(&format!("{name:7} Arista EOS (simulated), SSH on {}:{}", device.address(), device.port()));
    }
    voice.say(&format!(
        "git     {} (a bare repository; the engineer works in a clone of it)",
        stage.engineer.bare.display()
    ));
    voice.say(&format!("service http://{}/api/v1/devices (state on SQLite)", stage.serving.address));
    let first = stage.run_that("the first look at the repository", |run| run.kind == RunKind::Deploy).await?;
    let first = ended(&stage.follow(&first.id).await?, RunOutcome::Applied)?;
    anyhow::ensure!(first.waves.is_empty(), "the first look sent something");
    let plan = plan_of(stage, &first).await?;
    anyhow::ensure!(plan.in_sync(), "the switches are not in sync at the start:\n{}", report::plan_text(&plan));
    voice.proved(&format!("the service has read every switch: {}", report::plan_verdict(&plan)));
    let sessions = established(stage)?;
    voice.proved(&format!("BGP between spines and leafs: {sessions} of {sessions} ends established"));
    stage.rounds(1).await?;
    anyhow::ensure!(stage.http("/readyz").await? == "ready\n", "the service does not say that it is ready");
    voice.proved("GET /readyz says: ready");
    Ok(())
}

/// A change branch, and its plan. Returns the branch and the plan.
async fn good_change(stage: &Stage) -> anyhow::Result<(String, Plan)> {
    let voice = &stage.voice;
    voice.heading("2  A change: one more VLAN with a routed prefix on every leaf");
    let before = stage.running();
    let branch = "change/vlan-20";
    stage.engineer.git(&["checkout", "--quiet", "-b", branch]).await?;
    let text = stage.engineer.read(LEAFS)?;
    stage.engineer.write(LEAFS, &format!("{text}{VLAN}"))?;
    let plan = pushed(stage, branch, "leafs: VLAN 20 for storage").await?;
    let names: Vec<&str> = plan.planned().map(|(name, _)| name.as_str()).collect();
    anyhow::ensure!(names == ["leaf1", "leaf2", "leaf3"], "the plan changes {names:?}");
    anyhow::ensure!(
        plan.planned().all(|(_, device)| device.unproved.is_empty() && device.undo_unproved.is_empty()),
        "the plan is not proved"
    );
    voice.proved("exactly the three leafs, and for each of them the way there and the way back are proved");
    unchanged(stage, &before, "planning")?;
    voice.proved("nothing was sent: the five running configurations are what they were");
    Ok((branch.to_owned(), plan))
}

async fn merged(stage: &Stage, branch: &str, reviewed: &Plan) -> anyhow::Result<()> {
    let voice = &stage.voice;
    voice.heading("3  The change is merged");
    let run = ended(&merge(stage, branch).await?, RunOutcome::Applied)?;
    let deployed = plan_of(stage, &run).await?;
    anyhow::ensure!(commands(reviewed) == commands(&deployed), "what was deployed is not what was reviewed");
    voice.proved("what was sent is exactly what the plan showed");
    let waves = waves(&run);
    anyhow::ensure!(waves.first().is_some_and(|wave| wave == &["leaf3"]), "the canary was not first: {waves:?}");
    let beside = |wave: &Vec<String>| ["leaf1", "leaf2"].iter().all(|name| wave.iter().any(|device| device == name));
    anyhow::ensure!(!waves.iter().any(beside), "leaf1 and leaf2 were in one wave: {waves:?}");
    voice.proved("leaf3 went first as the canary; leaf1 and leaf2 serve the same rack and were never changed together");
    for name in ["leaf1", "leaf2", "leaf3"] {
        let device = stage.device(name)?;
        for (what, config) in [("running", device.running()), ("startup", device.startup())] {
            let holds = ["vlan 20", "interface Vlan20"].iter().all(|line| config.lines().any(|own| own == *line));
            anyhow::ensure!(holds, "the {what} configuration of {name} does not have VLAN 20:\n{config}");
        }
    }
    voice.proved("VLAN 20 is in the running and in the startup configuration of the three leafs");
    plan_is_empty(stage).await?;
    let command = "ping 198.18.21.2 source Vlan20 repeat 2";
    voice.command("leaf1#", command);
    let answer = stage.device("leaf1")?.console(command);
    voice.quote(&answer);
    anyhow::ensure!(answer.contains(" 0% packet loss"), "no packet comes through the new VLAN");
    voice.proved("a packet from the new VLAN of rack a came to the one of rack b and back");
    Ok(())
}

async fn by_hand(stage: &Stage) -> anyhow::Result<()> {
    let voice = &stage.voice;
    voice.heading("4  Somebody changes leaf2 by hand");
    let before = stage.running();
    let now = stage.context.clock.now();
    for line in BY_HAND {
        voice.command("leaf2(config)#", line);
    }
    stage.device("leaf2")?.type_lines(BY_HAND)?;
    anyhow::ensure!(stage.running() != before, "the edit changed nothing");
    // A look that began before the edit may already see it.
    let is_after = |run: &Run| run.finished.as_ref().is_some_and(|finish| finish.at >= now);
    let found = |run: &Run| run.kind == RunKind::Drift && is(run, RunOutcome::Drifted) && is_after(run);
    let run = stage.run_that("finding the edit", found).await?;
    let plan = plan_of(stage, &run).await?;
    voice.progress("the service found it:");
    stage.command_line(&["show", plan.id.as_str()], 0).await?;
    let names: Vec<&str> = plan.drifted().map(|(name, _)| name.as_str()).collect();
    anyhow::ensure!(names == ["leaf2"], "drift was found on {names:?}");
    voice.proved("found on leaf2, and only there; this repository says `policy: revert`");
    let reverting =
        |run: &Run| run.kind == RunKind::Deploy && run.trigger == Trigger::Schedule && run.requested_at >= now;
    let run = stage.run_that("undoing the edit", reverting).await?;
    ended(&stage.follow(&run.id).await?, RunOutcome::Applied)?;
    unchanged(stage, &before, "undoing the edit")?;
    voice.proved("leaf2 has exactly the running configuration that it had before the edit");
    plan_is_empty(stage).await
}

async fn bad_change(stage: &Stage) -> anyhow::Result<()> {
    let voice = &stage.voice;
    voice.heading("5  A bad change: the leafs expect another AS at the spines, and nobody told the spines");
    let good = stage.context.repository_status().await?.applied.context("nothing was applied")?;
    let before = stage.running();
    let typed = typed(stage);
    let branch = "change/spine-as";
    stage.engineer.git(&["checkout", "--quiet", "-b", branch]).await?;
    stage.engineer.edit(LEAFS, "spine_as: 65000", "spine_as: 65010")?;
    let plan = pushed(stage, branch, "leafs: new AS of the spines").await?;
    anyhow::ensure!(plan.planned().count() == 3, "the plan does not change the three leafs");
    voice.say("The lines are valid, and somebody merges it.");
    let run = ended(&merge(stage, branch).await?, RunOutcome::RolledBack)?;
    stage.command_line(&["show", run.id.as_str()], 0).await?;
    let failure = run.failures.first().context("the run names no failure")?;
    let words = ["`bgp-established` failed", "`show ip bgp summary`", "65010"];
    let is_it = failure.device.as_str() == "leaf3" && failure.action == Action::Verify;
    anyhow::ensure!(is_it && words.iter().all(|word| failure.detail.contains(word)), "another failure: {failure:?}");
    voice.proved("leaf3 failed its BGP check, in its own words, and was rolled back before the change was kept");
    unchanged(stage, &before, "the rollback")?;
    let after = self::typed(stage);
    let untouched = ["leaf1", "leaf2"].iter().all(|name| typed.get(*name) == after.get(*name));
    anyhow::ensure!(untouched, "leaf1 or leaf2 was typed on: {typed:?}, then {after:?}");
    voice.proved("the five running configurations are what they were; on leaf1 and leaf2 not a line was typed");
    let sessions = established(stage)?;
    voice.proved(&format!("BGP is back: {sessions} of {sessions} ends established"));
    held(stage, &run, &good.commit.map(|commit| commit.to_string()).unwrap_or_default()).await?;
    stage.command_line(&["drift"], 0).await?;
    voice.proved("the network is what the last good commit says");
    Ok(())
}

/// The commit that failed is not tried again.
async fn held(stage: &Stage, run: &Run, good: &str) -> anyhow::Result<()> {
    stage.rounds(3).await?;
    let status = stage.context.repository_status().await?;
    let applied = status.applied.and_then(|revision| revision.commit).map(|commit| commit.to_string());
    anyhow::ensure!(applied.as_deref() == Some(good), "the bad commit counts as applied");
    anyhow::ensure!(status.attempted == run.revision.commit, "the bad commit does not count as tried");
    let again = |other: &Run| other.kind == RunKind::Deploy && other.requested_at > run.requested_at;
    let tried = stage.context.runs(20).await?.into_iter().any(|other| again(&other));
    anyhow::ensure!(!tried, "something was deployed after the rollback");
    let commit = run.revision.commit.as_ref().map(|commit| commit.short()).unwrap_or_default();
    stage.voice.proved(&format!(
        "commit {commit} is held: the service looked at the repository 3 times more and did not try it again"
    ));
    Ok(())
}

/// Commits and pushes a change branch, waits for its plan and shows it.
async fn pushed(stage: &Stage, branch: &str, message: &str) -> anyhow::Result<Plan> {
    stage.voice.command("$", &format!("git checkout -b {branch}; edit {LEAFS}; git commit; git push"));
    let commit = stage.engineer.commit(branch, message).await?;
    let diff = stage.engineer.git(&["diff", "--no-color", "--unified=0", "main", branch]).await?;
    let is_changed =
        |line: &&str| line.starts_with(['+', '-']) && !line.starts_with("+++ ") && !line.starts_with("--- ");
    let lines: Vec<&str> = diff.lines().filter(is_changed).collect();
    stage.voice.quote(&lines.join("\n"));
    let of_change = |run: &Run| run.kind == RunKind::Plan && is_about(run, &commit);
    let run = stage.run_that("planning the change", of_change).await?;
    let run = ended(&stage.follow(&run.id).await?, RunOutcome::Planned)?;
    let plan = plan_of(stage, &run).await?;
    let shown = stage.command_line(&["show", plan.id.as_str()], 0).await?;
    anyhow::ensure!(shown == report::plan_text(&plan), "the plan that was shown is not the one that was stored");
    stage.engineer.git(&["fetch", "--quiet", "origin", "+refs/notes/reconverge:refs/notes/reconverge"]).await?;
    let note = stage.engineer.git(&["notes", "--ref", "reconverge", "show", &commit]).await?;
    anyhow::ensure!(note.trim() == shown.trim(), "the git note of {commit} is not the plan:\n{note}");
    stage.voice.proved("the same text is a git note of the commit, for everybody who reviews it");
    Ok(plan)
}

/// Merges a branch and follows the deployment.
async fn merge(stage: &Stage, branch: &str) -> anyhow::Result<Run> {
    stage.voice.command("$", &format!("git checkout main; git merge --no-ff {branch}; git push"));
    let commit = stage.engineer.merge(branch).await?;
    let of_merge = |run: &Run| run.kind == RunKind::Deploy && is_about(run, &commit);
    let run = stage.run_that("deploying the merge", of_merge).await?;
    stage.follow(&run.id).await
}

/// A plan against the switches as they are now, by the command line.
async fn plan_is_empty(stage: &Stage) -> anyhow::Result<()> {
    let text = stage.command_line(&["plan"], 0).await?;
    anyhow::ensure!(text.contains(": in sync: 5 devices\n"), "the plan does not say that all switches are in sync");
    Ok(())
}

fn is_about(run: &Run, commit: &str) -> bool {
    run.revision.commit.as_ref().is_some_and(|own| own.as_str() == commit)
}

fn is(run: &Run, outcome: RunOutcome) -> bool {
    run.finished.as_ref().is_some_and(|finish| finish.outcome == outcome)
}

fn ended(run: &Run, outcome: RunOutcome) -> anyhow::Result<Run> {
    let wrong = || format!("{} had to end as {}:\n{}", run.id, outcome.word(), report::run_text(run));
    anyhow::ensure!(is(run, outcome), wrong());
    Ok(run.clone())
}

async fn plan_of(stage: &Stage, run: &Run) -> anyhow::Result<Plan> {
    let id = run.plan.as_ref().with_context(|| format!("{} has no plan", run.id))?;
    stage.context.stored(id).await
}

/// The commands of every device, as they are shown.
fn commands(plan: &Plan) -> BTreeMap<&str, &str> {
    plan.planned().map(|(name, device)| (name.as_str(), device.commands.as_str())).collect()
}

fn waves(run: &Run) -> Vec<Vec<String>> {
    run.waves.iter().map(|wave| wave.snapshots.keys().map(ToString::to_string).collect()).collect()
}

/// How many lines of configuration were ever typed on each switch.
fn typed(stage: &Stage) -> BTreeMap<String, usize> {
    stage.network.devices().map(|device| (device.name().to_owned(), device.transcript().len())).collect()
}

fn unchanged(stage: &Stage, before: &BTreeMap<String, String>, after: &str) -> anyhow::Result<()> {
    let now = stage.running();
    let changed: BTreeSet<&String> =
        now.iter().filter(|(name, text)| before.get(*name) != Some(*text)).map(|(name, _)| name).collect();
    anyhow::ensure!(changed.is_empty(), "{changed:?} changed after {after}");
    Ok(())
}

/// Asks every switch for its BGP sessions and returns how many ends there are, when all of them are established.
fn established(stage: &Stage) -> anyhow::Result<usize> {
    let mut ends = 0;
    for device in stage.network.devices() {
        let wanted = if device.name().starts_with("spine") { 3 } else { 2 };
        let answer = device.console("show ip bgp summary");
        let up = answer.lines().filter(|line| line.split_whitespace().any(|word| word == "Estab")).count();
        anyhow::ensure!(up == wanted, "{} has {up} of {wanted} BGP sessions:\n{answer}", device.name());
        ends += up;
    }
    Ok(ends)
}
