//! Typing configuration lines one by one, each only in the section where it belongs.
//!
//! Invariant: after a line that was answered with a complaint, or that led into an unexpected section, nothing more is
//! typed. FRR, for example, reports some errors without a mark and lets the next lines land in the wrong section.

use super::session::{CliSession, Reply};
use crate::adapters::device::{Certainty, CommandLine, DeviceError, DeviceProblem};
use crate::domain::platform::session::{Configuration, Role};
use crate::domain::platform::terminal::Prompt;

/// What a step does to the section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Stays.
    Line,
    /// Opens one.
    Enter,
    /// Leaves one.
    Leave,
}

/// One line to type, with the sections made explicit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The line.
    pub(crate) text: String,
    /// What it does to the section.
    pub(crate) kind: Kind,
    /// How many sections are open when it is typed.
    pub(crate) depth: usize,
    /// The number of the command it came from, from 1.
    pub(crate) source: usize,
}

/// Why typing stopped.
#[derive(Debug)]
pub(crate) struct Stopped {
    /// Whether the device may have acted on at least one line.
    pub(crate) typed: bool,
    /// Whether the session can still be used.
    pub(crate) usable: bool,
    /// What happened.
    pub(crate) error: DeviceError,
}

/// Makes every leaving of a section explicit, so that each line has exactly one place.
///
/// # Errors
/// Says which command stands at an impossible depth.
pub(crate) fn steps(commands: &[CommandLine], rules: &Configuration) -> Result<Vec<Step>, DeviceError> {
    let mut steps: Vec<Step> = Vec::with_capacity(commands.len());
    let mut depth = 0;
    let leave = |text: &str, depth: usize, source| Step { text: text.to_owned(), kind: Kind::Leave, depth, source };
    for (index, command) in commands.iter().enumerate() {
        let (text, source) = (command.text.trim(), index + 1);
        if rules.section_ends.iter().any(|end| end == text) {
            // the end of a section that has no lines and was not entered has nothing to leave
            if depth > 0 {
                steps.push(leave(text, depth, source));
                depth -= 1;
            }
            continue;
        }
        while depth > usize::from(command.depth) {
            steps.push(leave(&rules.leave_section, depth, source));
            depth -= 1;
        }
        let bad = text.is_empty() || text.chars().any(|c| c.is_control() && c != '\t');
        if bad || usize::from(command.depth) > depth {
            let why = if bad { "it is empty or has a control character" } else { "no command opens its section" };
            let message = format!("command {source} of the candidate cannot be typed: {why}");
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        }
        let kind = if command.enters { Kind::Enter } else { Kind::Line };
        steps.push(Step { text: text.to_owned(), kind, depth, source });
        depth += usize::from(command.enters);
    }
    while depth > 0 {
        steps.push(leave(&rules.leave_section, depth, commands.len()));
        depth -= 1;
    }
    Ok(steps)
}

/// Writes the steps as a file of configuration lines, one step a line.
pub(crate) fn as_file(steps: &[Step]) -> String {
    steps.iter().map(|step| format!("{}\n", step.text)).collect()
}

/// Types every step, from the top of the configuration mode. Stops at the first surprise.
///
/// # Errors
/// Names the command and gives the device's own words.
pub(crate) async fn type_steps(session: &mut CliSession, steps: &[Step]) -> Result<(), Stopped> {
    let mut open = vec![session.prompt().clone()];
    let mut typed = false;
    for (index, step) in steps.iter().enumerate() {
        let reply = type_step(session, step, &mut typed).await?;
        if let Some(words) = session.page().complaint_in(&reply.output) {
            let said = format!("the device answered `{words}`");
            return Err(stopped(session, step, &said, DeviceProblem::Rejected));
        }
        let here = open.last().expect("the top of the configuration mode is never left").clone();
        let there = &reply.prompt;
        let fits = match step.kind {
            Kind::Line if same_place(&here, there) => true,
            // the header of an empty section: go back at once
            Kind::Line if there.role == Role::Section => leave_again(session, step, &here, &mut typed).await?,
            Kind::Line => false,
            Kind::Enter => {
                open.push(there.clone());
                there.role == Role::Section && !same_place(&here, there)
            }
            Kind::Leave => {
                open.pop();
                open.last().is_some_and(|outside| same_place(outside, there))
            }
        };
        if !fits {
            let place = if there.section.is_empty() { "the top of the configuration" } else { &there.section };
            let said = format!("it leads to {place}, which is not where the next line belongs");
            debug_assert!(index < steps.len());
            return Err(stopped(session, step, &said, DeviceProblem::Rejected));
        }
    }
    Ok(())
}

/// Types what it can of the steps, from the top of the configuration mode; used only to bring a device back.
///
/// Lines in a section that cannot be entered are left out. Whether it worked is decided by reading the device again.
///
/// # Errors
/// Only when the session ends.
pub(crate) async fn type_tolerantly(session: &mut CliSession, steps: &[Step]) -> Result<(), DeviceError> {
    let enter = session.page().session.configuration.enter.clone();
    let leave = session.page().session.configuration.leave.clone();
    let mut open = vec![session.prompt().clone()];
    let mut skip_from = usize::MAX;
    let mut is_astray = false;
    for step in steps {
        if step.depth >= skip_from {
            continue;
        }
        skip_from = usize::MAX;
        if is_astray {
            // from an unknown place only the top is a safe place to go on
            session.operational(&leave).await?;
            open = vec![session.type_line(&enter).await?.prompt];
            is_astray = false;
        }
        let there = session.type_line(&step.text).await?.prompt;
        let here = open.last().expect("the top of the configuration mode is never left").clone();
        match step.kind {
            Kind::Line => is_astray = !same_place(&here, &there),
            Kind::Enter if same_place(&here, &there) => skip_from = step.depth + 1,
            Kind::Enter => {
                is_astray = there.role != Role::Section;
                open.push(there);
            }
            Kind::Leave => {
                open.pop();
                is_astray = !open.last().is_some_and(|outside| same_place(outside, &there));
            }
        }
        if is_astray {
            skip_from = 1;
            open.truncate(1);
        }
    }
    Ok(())
}

async fn type_step(session: &mut CliSession, step: &Step, typed: &mut bool) -> Result<Reply, Stopped> {
    match session.type_line(&step.text).await {
        Ok(reply) => {
            *typed = true;
            Ok(reply)
        }
        Err(error) => {
            let typed = *typed || error.certainty == Certainty::Lost;
            let shown = session.page().masks.apply(&step.text);
            let message = format!("command {} `{shown}`: {}", step.source, error.message);
            Err(Stopped { typed, usable: !session.is_broken(), error: DeviceError { message, ..error } })
        }
    }
}

async fn leave_again(session: &mut CliSession, step: &Step, here: &Prompt, typed: &mut bool) -> Result<bool, Stopped> {
    let text = session.page().session.configuration.leave_section.clone();
    let leave = Step { text, kind: Kind::Leave, ..step.clone() };
    let reply = type_step(session, &leave, typed).await?;
    Ok(same_place(here, &reply.prompt))
}

fn same_place(left: &Prompt, right: &Prompt) -> bool {
    left.mode == right.mode && left.section == right.section
}

fn stopped(session: &CliSession, step: &Step, said: &str, problem: DeviceProblem) -> Stopped {
    let shown = session.page().masks.apply(&step.text);
    let message = format!("{}: command {} `{shown}`: {said}", session.name(), step.source);
    Stopped { typed: true, usable: true, error: DeviceError::refused(problem, message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::platform::session::SessionPage;

    fn typed(commands: &[(&str, u16, bool)]) -> Result<Vec<String>, String> {
        let page = SessionPage::built_in("frr").expect("it is built in").expect("it is valid");
        let line = |(text, depth, enters): &(&str, u16, bool)| CommandLine {
            text: (*text).to_owned(),
            depth: *depth,
            enters: *enters,
        };
        let commands: Vec<_> = commands.iter().map(line).collect();
        let steps = steps(&commands, &page.session.configuration).map_err(|error| error.message)?;
        Ok(steps.iter().map(|step| format!("{}{}", " ".repeat(step.depth), step.text)).collect())
    }

    #[test]
    fn missing_ends_of_sections_are_added_and_given_ones_are_kept() {
        let bgp =
            [("router bgp 1", 0, true), ("address-family ipv4 unicast", 1, true), ("network 1.0.0.0/8", 2, false)];
        let want =
            ["router bgp 1", " address-family ipv4 unicast", "  network 1.0.0.0/8", "  exit", " exit", "ip route x"];
        assert_eq!(typed(&[&bgp[..], &[("ip route x", 0, false)]].concat()).expect("steps"), want);
        let ends =
            [("exit-address-family", 2, false), ("exit", 0, false), ("exit", 0, false), ("ip route x", 0, false)];
        let given = typed(&[&bgp[..], &ends[..]].concat()).expect("steps");
        assert_eq!(given[3..], ["  exit-address-family", " exit", "ip route x"]);
    }

    #[test]
    fn a_line_without_its_section_or_with_a_hidden_second_line_is_refused() {
        assert!(typed(&[("network 1.0.0.0/8", 1, false)]).is_err());
        assert!(typed(&[("hostname a\nno router bgp", 0, false)]).is_err());
        assert!(typed(&[("hostname \u{3}", 0, false)]).is_err());
    }
}
