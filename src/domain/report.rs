//! What people read: the plan, a deployment, drift. Pure text; the worst news first.

use std::fmt::Write as _;

use super::config::command::{Kind, Operation};
use super::config::grouping::{Group, ReviewLoad, group};
use super::config::page::Risk;
use super::plan::{DevicePlan, DeviceState, Plan};
use super::run::Run;

/// Up to so many devices are shown one by one; more are shown as distinct changes.
const DEVICES_SHOWN_MAX: usize = 5;
/// Values of a placeholder that are shown.
const VALUES_SHOWN_MAX: usize = 8;

/// Returns a risk in people's words.
pub fn risk_word(risk: Risk) -> &'static str {
    match risk {
        Risk::Routine => "routine",
        Risk::ServiceAffecting => "service-affecting",
        Risk::Reachability => "reachability",
        Risk::Destructive => "destructive",
        Risk::ManagementPath => "management path",
    }
}

/// Returns one line that says what a plan means.
pub fn plan_verdict(plan: &Plan) -> String {
    let devices = plan.content.devices.len();
    let planned = plan.planned().count();
    let problems = plan.problems().count();
    let drifted = plan.drifted().count();
    if plan.in_sync() {
        return format!("in sync: {}", count(devices, "device"));
    }
    let mut parts = Vec::new();
    if planned > 0 {
        let lines: usize = plan.planned().map(|(_, device)| device.operations.len()).sum();
        let groups = groups(plan);
        let mut part = format!("{} will change, {}", count(planned, "device"), count(lines, "operation"));
        if groups.len() < planned {
            let load = ReviewLoad::of(&groups);
            let _ =
                write!(part, " ({}, {} to read)", count(load.changes, "distinct change"), count(load.lines, "line"));
        }
        parts.push(part);
    } else {
        parts.push("nothing to send".to_owned());
    }
    if problems > 0 {
        parts.push(format!("{problems} could not be planned"));
    }
    if drifted > 0 {
        parts.push(format!("{drifted} changed outside git (not deployed)"));
    }
    parts.join("; ")
}

/// Returns the distinct changes of a plan, the ones to look at first in front.
fn groups(plan: &Plan) -> Vec<Group> {
    let changes = plan.planned().map(|(name, planned)| (name.clone(), planned.operations.clone())).collect();
    group(&changes)
}

/// Returns "1 device", "3 devices".
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

/// Returns a plan as text for a terminal.
pub fn plan_text(plan: &Plan) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "plan {}: {}", plan.id, plan_verdict(plan));
    let revision = &plan.content.revision;
    match &revision.commit {
        Some(commit) => {
            let _ = writeln!(out, "revision {} on {}", commit.short(), revision.branch);
        }
        None => {
            let _ = writeln!(out, "revision {}", revision.branch);
        }
    }
    for (device, word, problem) in plan.problems() {
        let _ = write!(out, "\n✗ {device}: {word}: {}", problem.message);
        if let Some(hint) = &problem.hint {
            let _ = write!(out, " ({hint})");
        }
        out.push('\n');
    }
    let groups = groups(plan);
    if plan.planned().count() > DEVICES_SHOWN_MAX && groups.len() < plan.planned().count() {
        push_groups(&mut out, &groups);
        return with_rest(out, plan);
    }
    for (device, state) in &plan.content.devices {
        if let DeviceState::Planned(planned) = state {
            let _ = writeln!(
                out,
                "\n● {device} · {} · {} · rollback {}",
                planned.reading.platform,
                risk_word(planned.risk),
                class(planned)
            );
            push_indented(&mut out, &planned.commands);
        }
    }
    with_rest(out, plan)
}

/// Shows each distinct change once, with the devices that get it.
fn push_groups(out: &mut String, groups: &[Group]) {
    for group in groups {
        let risk = group.operations.iter().map(|operation| operation.risk).max().unwrap_or_default();
        let devices = count(group.devices.len(), "device");
        let _ = writeln!(out, "\n● {devices} · {} · change {}", risk_word(risk), group.id);
        for line in group.lines() {
            let _ = writeln!(out, "  {line}");
        }
        let _ = writeln!(out, "    devices: {}", group.device_ranges().join(", "));
        for (index, name) in group.placeholders.iter().enumerate() {
            let values = group.value_counts(index);
            let shown: Vec<String> =
                values.iter().take(VALUES_SHOWN_MAX).map(|(value, number)| format!("{value} ×{number}")).collect();
            let more = values.len().saturating_sub(VALUES_SHOWN_MAX);
            let more = if more > 0 { format!(" and {}", count(more, "other value")) } else { String::new() };
            let _ = writeln!(out, "    {{{name}}}: {}{more}", shown.join(", "));
        }
    }
}

/// Adds what is beside the change.
fn with_rest(mut out: String, plan: &Plan) -> String {
    for (device, drift) in plan.drifted() {
        let _ = writeln!(out, "\n◌ {device}: changed outside git, not part of this plan; the repository asks for");
        push_operations(&mut out, drift);
    }
    for (device, state) in &plan.content.devices {
        if let Some(reading) = state.reading().filter(|reading| !reading.foreign.is_empty()) {
            let _ = writeln!(
                out,
                "\n· {device}: {} outside the owned sections, never touched",
                count(reading.foreign.len(), "line")
            );
        }
    }
    out
}

fn class(plan: &DevicePlan) -> String {
    let proof = if plan.undo_unproved.is_empty() { "way back proved" } else { "WAY BACK NOT PROVED" };
    format!("{} · {proof}", plan.rollback_class.words())
}

fn push_indented(out: &mut String, text: &str) {
    for line in text.lines() {
        let _ = writeln!(out, "    {line}");
    }
}

/// Lists operations with their sections.
fn push_operations(out: &mut String, operations: &[Operation]) {
    let mut last: &[String] = &[];
    for operation in operations {
        if operation.path != last {
            for (depth, section) in operation.path.iter().enumerate() {
                let _ = writeln!(out, "    {}{section}", " ".repeat(depth));
            }
            last = &operation.path;
        }
        let indent = " ".repeat(operation.path.len());
        let sign = match operation.kind {
            Kind::Remove => '-',
            Kind::Add => '+',
            Kind::Change | Kind::Move | Kind::Enter => '~',
        };
        let _ = writeln!(out, "  {sign} {indent}{}", operation.command);
    }
}

/// Returns a plan as Markdown, for a change's description or a file.
pub fn plan_markdown(plan: &Plan) -> String {
    let mut out = format!("### Network plan `{}`: {}\n\n", plan.id, plan_verdict(plan));
    for (device, word, problem) in plan.problems() {
        let _ = writeln!(out, "- ✗ `{device}` {word}: {}", neutral(&problem.message));
    }
    for (device, planned) in plan.planned() {
        let _ = writeln!(out, "\n#### {device} · {} · rollback {}\n", risk_word(planned.risk), class(planned));
        push_fenced(&mut out, "diff", &planned.diff);
        push_fenced(&mut out, "", &planned.commands);
    }
    for (device, drift) in plan.drifted() {
        let _ = writeln!(out, "\n#### {device} · changed outside git, not deployed\n");
        let mut text = String::new();
        push_operations(&mut text, drift);
        push_fenced(&mut out, "", &text);
    }
    out
}

/// Puts text of a device into a fence that it cannot close.
fn push_fenced(out: &mut String, language: &str, text: &str) {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(out, "{fence}{language}\n{}\n{fence}", text.trim_end());
}

/// Takes the power out of text that comes from a device: no mentions, no mark-up, no control characters.
fn neutral(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|c| !c.is_control() || *c == '\n') {
        if matches!(c, '<' | '>' | '`' | '[' | ']' | '*' | '_' | '|') {
            out.push('\\');
        }
        out.push(if c == '\n' { ' ' } else { c });
        if matches!(c, '@' | '#') {
            out.push('\u{200b}');
        }
    }
    out
}

/// Returns a run as text for a terminal.
pub fn run_text(run: &Run) -> String {
    let mut out = String::new();
    let state = run.finished.as_ref().map_or("running", |finish| finish.outcome.word());
    let revision = run.revision.commit.as_ref().map_or("(folder)", |commit| commit.short());
    let _ = writeln!(out, "{} {:?} {state} at {revision} ({})", run.id, run.kind, run.revision.branch);
    if let Some(plan) = &run.plan {
        let _ = writeln!(out, "plan {plan}");
    }
    for (index, record) in run.waves.iter().enumerate() {
        let outcome = record.outcome.map_or_else(|| "in progress".to_owned(), |outcome| format!("{outcome:?}"));
        let direction = if record.reverse { " (taking earlier waves back)" } else { "" };
        let _ = writeln!(out, "wave {}{direction}: {outcome}", index + 1);
        for (device, state) in record.wave.states() {
            let _ = writeln!(out, "  {device}: {state:?}");
        }
    }
    for failure in &run.failures {
        let _ = writeln!(out, "✗ {} {:?} {:?}", failure.device, failure.action, failure.answer);
        push_indented(&mut out, &failure.detail);
    }
    if let Some(finish) = &run.finished {
        let _ = writeln!(out, "{}", finish.summary);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_device_cannot_speak_for_us() {
        assert_eq!(neutral("@ops <img> `x`\n#1"), "@\u{200b}ops \\<img\\> \\`x\\` #\u{200b}1");
        let mut out = String::new();
        push_fenced(&mut out, "", "a\n```\napproved");
        assert!(out.starts_with("````\n"));
    }
}
