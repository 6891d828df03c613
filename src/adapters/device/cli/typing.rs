//! Typing configuration lines one by one, each only in the section where it belongs.
//!
//! Invariant: after a line that was answered with a complaint, or that led into an unexpected section, nothing more is
//! typed. FRR, for example, reports some errors without a mark and lets the next lines land in the wrong section.

use std::collections::BTreeSet;

use super::pipeline::Pipeline;
use super::session::{CliSession, Reply};
use crate::adapters::device::{Certainty, CommandLine, DeviceError, DeviceProblem};
use crate::domain::platform::session::{Configuration, Patterns, Role};
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
    let texts = Patterns::new("configuration.texts", &rules.texts)
        .map_err(|error| DeviceError::refused(DeviceProblem::Protocol, error.to_string()))?;
    let mut steps: Vec<Step> = Vec::with_capacity(commands.len());
    let mut depth = 0;
    if rules.absolute {
        return Ok(absolute_steps(commands, &texts));
    }
    let leave = |text: &str, depth: usize, source| Step { text: text.to_owned(), kind: Kind::Leave, depth, source };
    for (index, command) in commands.iter().enumerate() {
        let (text, source) = (command.text.trim(), index + 1);
        let is_text = text.split_once('\n').is_some_and(|(first, _)| texts.fits(first));
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
        let bad = text.is_empty() || text.chars().any(|c| c.is_control() && c != '\t' && !(c == '\n' && is_text));
        if bad || usize::from(command.depth) > depth {
            let why = if bad { "it is empty or has a control character" } else { "no command opens its section" };
            let message = format!("command {source} of the candidate cannot be typed: {why}");
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        }
        let kind = if command.enters { Kind::Enter } else { Kind::Line };
        let text = if is_text { typed_text(text, &texts) } else { text.to_owned() };
        steps.push(Step { text, kind, depth, source });
        depth += usize::from(command.enters);
    }
    while depth > 0 {
        steps.push(leave(&rules.leave_section, depth, commands.len()));
        depth -= 1;
    }
    Ok(steps)
}

/// Lines that say their whole place, or whose sections end with words of their own, are typed as they are.
fn absolute_steps(commands: &[CommandLine], texts: &Patterns) -> Vec<Step> {
    let step = |(index, command): (usize, &CommandLine)| {
        let text = command.text.trim();
        let is_text = text.split_once('\n').is_some_and(|(first, _)| texts.fits(first));
        let text = if is_text { typed_text(text, texts) } else { text.to_owned() };
        Step { text, kind: Kind::Line, depth: 0, source: index + 1 }
    };
    commands.iter().enumerate().map(step).collect()
}

/// Writes the steps as a file of configuration lines, one step a line.
pub(crate) fn as_file(steps: &[Step]) -> String {
    steps.iter().map(|step| format!("{}\n", step.text)).collect()
}

/// The value as it is typed: a device shows its delimiter ETX as `^C`, which would be read as `^` when it is typed.
fn typed_text(text: &str, texts: &Patterns) -> String {
    let first = text.lines().next().unwrap_or_default();
    if texts.captured(first) != Some("^C") {
        return text.to_owned();
    }
    let Some(delimiter) = "~#%@|&".chars().find(|c| !text.contains(*c)) else { return text.to_owned() };
    let Some((head, rest)) = text.split_once("^C") else { return text.to_owned() };
    let body = rest.strip_suffix("^C").unwrap_or(rest);
    format!("{head}{delimiter}{body}{delimiter}")
}

/// How far lines may be typed ahead of their answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Haste {
    /// Nothing acts before the end, or a timer of the device brings everything back.
    Whole,
    /// Every line acts for good: what stands in a section is typed only after the device has opened the section.
    BySection,
}

/// Types every step, from the top of the configuration mode. Stops at the first surprise.
///
/// # Errors
/// Names the command and gives the device's own words.
pub(crate) async fn type_steps(session: &mut CliSession, steps: &[Step], haste: Haste) -> Result<(), Stopped> {
    let mut typing = Typing { open: vec![session.prompt().clone()], known: BTreeSet::new(), typed: false };
    let window = session.page().session.configuration.window_lines.max(1);
    let is_absolute = session.page().session.configuration.absolute;
    let mut pipeline = Pipeline::new();
    let (mut sent, mut done) = (0, 0);
    while done < steps.len() {
        while sent < steps.len() {
            let step = &steps[sent];
            let between = &steps[done..sent];
            let waits = !is_absolute
                && (haste == Haste::BySection && between.iter().any(|step| step.kind != Kind::Line)
                    || !typing.is_known(step)
                    || between.last().is_some_and(|last| !typing.is_known(last)));
            if !between.is_empty() && waits || !pipeline.takes(session, &step.text, window) {
                break;
            }
            if let Err(error) = pipeline.send(session, &step.text).await {
                return Err(typing.failed(session, step, error));
            }
            sent += 1;
        }
        let step = &steps[done];
        let reply = match pipeline.reply(session).await {
            Ok(reply) => reply,
            Err(error) => return Err(typing.failed(session, step, error)),
        };
        typing.typed = true;
        done += 1;
        if let Err(said) = typing.judge(session, step, &reply, pipeline.len()).await {
            let more = pipeline.len();
            while pipeline.len() > 0 && pipeline.reply(session).await.is_ok() {}
            let said = if more == 0 { said } else { format!("{said}; {more} more lines were under way") };
            return Err(stopped(session, step, &said, DeviceProblem::Rejected));
        }
    }
    Ok(())
}

/// What is known while lines are typed.
struct Typing {
    open: Vec<Prompt>,
    /// Beginnings of lines that have been seen not to open a section.
    known: BTreeSet<String>,
    typed: bool,
}

impl Typing {
    fn is_known(&self, step: &Step) -> bool {
        step.kind != Kind::Line || self.known.contains(&shape(step))
    }

    fn failed(&self, session: &CliSession, step: &Step, error: DeviceError) -> Stopped {
        let typed = self.typed || error.certainty == Certainty::Lost;
        let shown = session.page().masks.apply(&step.text);
        let message = format!("command {} `{shown}`: {}", step.source, error.message);
        Stopped { typed, usable: !session.is_broken(), error: DeviceError { message, ..error } }
    }

    /// Checks one answer; the error says in words what is wrong with it.
    async fn judge(
        &mut self,
        session: &mut CliSession,
        step: &Step,
        reply: &Reply,
        under_way: usize,
    ) -> Result<(), String> {
        let output = without_text(&reply.output, &step.text);
        if let Some(words) = session.page().complaint_in(&output) {
            return Err(format!("the device answered `{words}`"));
        }
        let here = self.open.last().expect("the top of the configuration mode is never left").clone();
        let there = &reply.prompt;
        let is_absolute = session.page().session.configuration.absolute && there.role != Role::User;
        let fits = match step.kind {
            Kind::Line if is_absolute || same_place(&here, there) => {
                self.known.insert(shape(step));
                true
            }
            // the header of an empty section: go back at once
            Kind::Line if there.role == Role::Section && under_way == 0 => leave_again(session, &here).await?,
            Kind::Line => false,
            Kind::Enter => {
                self.open.push(there.clone());
                there.role == Role::Section && !same_place(&here, there)
            }
            Kind::Leave => {
                self.open.pop();
                self.open.last().is_some_and(|outside| same_place(outside, there))
            }
        };
        if fits {
            return Ok(());
        }
        let place = if there.section.is_empty() { "the top of the configuration" } else { &there.section };
        Err(format!("it leads to {place}, which is not where the next line belongs"))
    }
}

/// The beginning of a line by which lines of one kind are recognised: numbers do not matter.
fn shape(step: &Step) -> String {
    let words = if step.depth == 0 { 2 } else { 1 };
    let word = |word: &str| if word.contains(|c: char| c.is_ascii_digit()) { "#".to_owned() } else { word.to_owned() };
    let words: Vec<String> = step.text.split_whitespace().take(words).map(word).collect();
    format!("{} {}", step.depth, words.join(" "))
}

/// An output without the lines of a value that were echoed while it was typed.
fn without_text(output: &str, text: &str) -> String {
    if !text.contains('\n') {
        return output.to_owned();
    }
    let is_typed = |line: &str| {
        let line = line.trim();
        line.is_empty()
            || text.lines().any(|own| own.trim() == line || line.ends_with(own.trim()) && !own.trim().is_empty())
    };
    output.lines().filter(|line| !is_typed(line)).collect::<Vec<_>>().join("\n")
}

/// Types what it can of the steps, from the top of the configuration mode; used only to bring a device back.
///
/// Lines in a section that cannot be entered are left out. Whether it worked is decided by reading the device again.
///
/// # Errors
/// Only when the session ends.
pub(crate) async fn type_tolerantly(session: &mut CliSession, steps: &[Step]) -> Result<(), DeviceError> {
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
            session.close_configuration().await?;
            session.open_configuration().await?;
            open = vec![session.prompt().clone()];
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

async fn leave_again(session: &mut CliSession, here: &Prompt) -> Result<bool, String> {
    let text = session.page().session.configuration.leave_section.clone();
    let reply = session.type_line(&text).await.map_err(|error| error.message)?;
    Ok(same_place(here, &reply.prompt))
}

fn same_place(left: &Prompt, right: &Prompt) -> bool {
    left.mode == right.mode && left.section == right.section
}

fn stopped(session: &CliSession, step: &Step, said: &str, problem: DeviceProblem) -> Stopped {
    let shown = session.page().masks.apply(&step.text);
    let message = format!("{}: command {} `{shown}`: {said}", session.name(), step.source);
    Stopped { typed: true, usable: !session.is_broken(), error: DeviceError::refused(problem, message) }
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
