//! The dead-man timer on a device that has a Unix shell but no confirmed commit of its own (rollback class B).
//!
//! Invariant: exactly one of timer, keep and undo decides about a change (`mkdir` is atomic), and no text of a
//! configuration stays on the device after the decision was carried out.

use std::time::Duration;

use super::page::Page;
use crate::adapters::device::ssh::{Connection, ExecOutput};
use crate::adapters::device::{DeviceError, DeviceProblem};
use crate::domain::platform::session::{ShellTimer, UnixShell};

const SCRIPT: &str = include_str!("dead_man.sh");
/// Bringing a configuration back may need minutes on a large device.
const RESTORE_WAIT: Duration = Duration::from_secs(180);

const LOCKED: u32 = 10;
const UNREADABLE: u32 = 11;
const NO_TIMER: u32 = 12;
const TIMER_DECIDED: u32 = 13;
const NO_CHANGE: u32 = 14;
const NOT_RESTORED: u32 = 15;

/// How keeping a change ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The timer is off.
    Done,
    /// The timer was faster.
    TimerDecided,
    /// There is no timer of this change.
    Unknown,
}

/// How bringing a device back ended; the caller reads the device again in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Undone {
    /// The device printed the base again.
    Restored,
    /// It was tried, and the device prints something else.
    Different,
    /// There is no timer of this change.
    Unknown,
}

/// The timer of one change.
pub(crate) struct DeadMan<'a> {
    connection: &'a Connection,
    page: &'a Page,
    shell: &'a UnixShell,
    timer: &'a ShellTimer,
    change: &'a str,
}

impl<'a> DeadMan<'a> {
    /// Speaks about one change on one device. The name must have been checked by [`super::check_name`].
    pub(crate) fn new(
        connection: &'a Connection,
        page: &'a Page,
        parts: (&'a UnixShell, &'a ShellTimer),
        change: &'a str,
    ) -> Self {
        Self { connection, page, shell: parts.0, timer: parts.1, change }
    }

    /// Arms the timer and returns the running configuration that it will restore.
    ///
    /// # Errors
    /// `Refused`: nothing is armed. `Lost`: a timer may be armed, which is harmless before the first line.
    pub(crate) async fn arm(&self, undo: &str, within: Duration) -> Result<String, DeviceError> {
        let mut input = format!("{}set -- claim\n{SCRIPT}", self.preamble());
        here_document(&mut input, "$dir/timer", &format!("{}{SCRIPT}", self.preamble()));
        here_document(&mut input, "$dir/undo", undo);
        input.push_str(&format!("exec sh \"$dir/timer\" arm {}\n", within.as_secs().max(1)));
        let output = self.connection.exec("exec sh -s", &input).await?;
        let words = self.page.masks.apply(output.stderr.trim());
        let name = self.connection.name();
        let (problem, message) = match output.status {
            Some(0) => return Ok(output.stdout),
            Some(LOCKED) => (DeviceProblem::Locked, format!("a timed change is already pending on {name}: {words}")),
            Some(UNREADABLE) => {
                (DeviceProblem::Rejected, format!("{name}: the running configuration cannot be read: {words}"))
            }
            Some(NO_TIMER) => (DeviceProblem::Rejected, format!("{name}: the timer does not start on the device")),
            _ => (DeviceProblem::Rejected, format!("{name}: no private folder for the timer: {words}")),
        };
        let hint = match problem {
            DeviceProblem::Locked => "wait until it is confirmed or undone, or confirm it",
            _ => self.shell.hint.as_str(),
        };
        Err(DeviceError::refused(problem, message).hint(hint))
    }

    /// Switches the timer off, unless it has decided already.
    ///
    /// # Errors
    /// `Lost` when the answer did not come.
    pub(crate) async fn keep(&self) -> Result<Kept, DeviceError> {
        match self.verb("keep").await?.status {
            Some(0) => Ok(Kept::Done),
            Some(TIMER_DECIDED) => Ok(Kept::TimerDecided),
            Some(NO_CHANGE) => Ok(Kept::Unknown),
            _ => Err(self.unexpected("keeping the change")),
        }
    }

    /// Tells whether the timer is waiting and nobody has decided.
    ///
    /// # Errors
    /// `Lost` when the answer did not come.
    pub(crate) async fn is_armed(&self) -> Result<bool, DeviceError> {
        Ok(self.verb("ask").await?.status == Some(0))
    }

    /// Brings the base back on the device, or waits until the timer has done it.
    ///
    /// # Errors
    /// `Lost` when the answer did not come.
    pub(crate) async fn undo(&self) -> Result<Undone, DeviceError> {
        match self.verb("undo").await?.status {
            Some(0) => Ok(Undone::Restored),
            Some(NOT_RESTORED) => Ok(Undone::Different),
            Some(NO_CHANGE) => Ok(Undone::Unknown),
            _ => Err(self.unexpected("undoing the change")),
        }
    }

    /// Removes everything of this change from the device.
    ///
    /// # Errors
    /// `Lost` when the answer did not come.
    pub(crate) async fn clean(&self) -> Result<(), DeviceError> {
        match self.verb("clean").await?.status {
            Some(0) => Ok(()),
            _ => Err(self.unexpected("cleaning up after the change")),
        }
    }

    async fn verb(&self, verb: &str) -> Result<ExecOutput, DeviceError> {
        let wait = RESTORE_WAIT.max(self.connection.command_timeout());
        let input = format!("{}set -- {verb}\n{SCRIPT}", self.preamble());
        self.connection.exec_within("exec sh -s", &input, wait).await
    }

    fn unexpected(&self, what: &str) -> DeviceError {
        let message = format!("{}: {what} ended in an unexpected way", self.connection.name());
        DeviceError::lost(DeviceProblem::Protocol, message)
    }

    fn preamble(&self) -> String {
        let read = quote(&self.page.session.running.command);
        let running = self.page.command(&self.shell.run, &[("command", &read)]);
        let apply = self.page.command(&self.timer.apply, &[("file", "\"$1\"")]);
        let reload = self.timer.reload.as_ref().map(|line| self.page.command(line, &[("file", "\"$1\"")]));
        format!(
            "root=$HOME/{}\nchange={}\nrunning() {{ {running}; }}\napply() {{ {apply}; }}\nreload() {{ {}; }}\n",
            quote(&self.timer.folder),
            quote(self.change),
            reload.as_deref().unwrap_or("false"),
        )
    }
}

/// Writes a script that runs a command on a file in a private folder `$dir` that is gone afterwards.
pub(crate) fn with_private_file(file: &str, text: &str, command: &str) -> String {
    let mut script = String::from(
        "umask 077\ndir=$(mktemp -d \"${TMPDIR:-/var/tmp}/reconverge.XXXXXX\") || exit 16\ntrap 'rm -rf \"$dir\"' EXIT\n",
    );
    here_document(&mut script, &format!("$dir/{file}"), text);
    script.push_str(&format!("{command}\n"));
    script
}

fn here_document(script: &mut String, file: &str, text: &str) {
    let mut end = String::from("RECONVERGE_END");
    while text.contains(&end) {
        end.push('_');
    }
    let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    script.push_str(&format!("cat >\"{file}\" <<'{end}' || exit 16\n{text}{newline}{end}\n"));
}

/// Quotes a text for a POSIX shell.
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_its_here_document_early() {
        let mut script = String::new();
        here_document(&mut script, "f", "a\nRECONVERGE_END\nrm -rf /");
        assert!(script.ends_with("rm -rf /\nRECONVERGE_END_\n"));
        assert!(script.starts_with("cat >\"f\" <<'RECONVERGE_END_' || exit 16\n"));
    }

    #[test]
    fn quoting_leaves_nothing_to_the_shell() {
        assert_eq!(quote("a'b $(c)"), r"'a'\''b $(c)'");
    }
}
