//! A platform page made ready for one device: patterns compiled, options of the inventory written into the commands.

use std::collections::BTreeMap;

use regex::Regex;

use crate::adapters::device::{DeviceError, DeviceProblem, Target};
use crate::domain::platform::compare::{differences, same};
use crate::domain::platform::session::{
    Masks, PageError, Patterns, Role, Session, SessionPage, Silence, Transaction, expand, pattern,
};

/// Lines of a difference that a message shows.
const DIFFERENCE_LINES_MAX: usize = 20;

/// A page that is ready for one device.
pub(crate) struct Page {
    /// How to talk.
    pub(crate) session: Session,
    /// How a change is made safe.
    pub(crate) transaction: Transaction,
    /// The login name.
    pub(crate) user: String,
    /// What must not be shown.
    pub(crate) masks: Masks,
    options: BTreeMap<String, String>,
    errors: Patterns,
    tolerated: Patterns,
    volatile: Patterns,
    ends_with: Option<Regex>,
    saved: Option<Regex>,
    texts: Patterns,
    alone: Patterns,
}

impl Page {
    /// Makes a page ready.
    ///
    /// # Errors
    /// `Refused` when the page is wrong or the inventory sets an option that does not fit.
    pub(crate) fn new(target: &Target, page: &SessionPage) -> Result<Self, DeviceError> {
        Self::compile(target, page).map_err(|error| {
            let message =
                format!("the page of platform {} cannot be used for {}: {error}", target.platform, target.device);
            let hint = match error {
                PageError::Option { .. } => "correct the option in the inventory",
                PageError::Pattern { .. } | PageError::Mode(_) => "correct the platform page",
            };
            DeviceError::refused(DeviceProblem::Protocol, message).hint(hint)
        })
    }

    fn compile(target: &Target, page: &SessionPage) -> Result<Self, PageError> {
        let session = &page.session;
        session.mode_of(Role::Operational)?;
        if !session.configuration.enter.is_empty() {
            session.mode_of(Role::Configuration)?;
        }
        let reading = session.running.ends_with.as_deref();
        Ok(Self {
            transaction: page.transaction.clone(),
            user: target.user.clone(),
            masks: Masks::new(session)?,
            options: session.with_options(&target.options)?,
            errors: Patterns::new("errors", &session.errors)?,
            tolerated: Patterns::new("configuration.tolerated", &session.configuration.tolerated)?,
            volatile: Patterns::new("volatile", &session.volatile)?,
            ends_with: reading.map(|source| pattern("running.ends_with", source)).transpose()?,
            saved: session.save.as_ref().map(|save| pattern("save.success", &save.success)).transpose()?,
            texts: Patterns::new("configuration.texts", &session.configuration.texts)?,
            alone: Patterns::new("configuration.alone", &session.configuration.alone)?,
            session: session.clone(),
        })
    }

    /// Writes a command of the page: options of the inventory and the given values.
    pub(crate) fn command(&self, template: &str, values: &[(&str, &str)]) -> String {
        let options = self.options.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        expand(template, &options.chain(values.iter().copied()).collect::<Vec<_>>())
    }

    /// Returns the line of an output that says that the command failed.
    pub(crate) fn error_in(&self, output: &str) -> Option<String> {
        output.lines().find(|line| self.errors.fits(line)).map(|line| self.masks.apply(line.trim()))
    }

    /// Returns what is wrong with the output of a configuration line.
    pub(crate) fn complaint_in(&self, output: &str) -> Option<String> {
        match self.session.configuration.silence {
            Silence::Expected => self.error_in(output).filter(|line| !self.tolerated.fits(line)),
            Silence::Required => {
                let bad = output.lines().filter(|line| !line.trim().is_empty() && !self.tolerated.fits(line));
                let words: Vec<&str> = bad.map(str::trim).take(3).collect();
                if words.is_empty() { None } else { Some(self.masks.apply(&words.join("\n")).replace('\n', " / ")) }
            }
        }
    }

    /// Tells whether a value goes over several lines, by its first one.
    pub(crate) fn is_text(&self, line: &str) -> bool {
        self.texts.fits(line)
    }

    /// Tells whether a line must be answered before the next one is typed.
    pub(crate) fn is_alone(&self, line: &str) -> bool {
        self.alone.fits(line)
    }

    /// Tells whether an answer to reading the running configuration is complete.
    pub(crate) fn is_complete(&self, running: &str) -> bool {
        let last = running.lines().rev().map(str::trim_end).find(|line| !line.is_empty());
        self.ends_with.as_ref().is_none_or(|end| last.is_some_and(|line| end.is_match(line)))
    }

    /// Tells whether an answer to saving says that it worked.
    pub(crate) fn is_saved(&self, answer: &str) -> bool {
        self.saved.as_ref().is_none_or(|saved| saved.is_match(answer)) && self.error_in(answer).is_none()
    }

    /// Tells whether two readings of the running configuration are the same.
    pub(crate) fn same(&self, left: &str, right: &str) -> bool {
        same(left, right, &self.volatile)
    }

    /// The lines between two readings, masked, on one line each with an indent.
    pub(crate) fn differences(&self, before: &str, after: &str) -> String {
        let found = differences(before, after, &self.volatile, DIFFERENCE_LINES_MAX);
        found.iter().map(|line| format!("\n  {}", self.masks.apply(line))).collect()
    }
}
