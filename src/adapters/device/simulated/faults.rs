//! Scripted misbehaviour of a simulated device, changeable while it runs.

use std::time::Duration;

use regex::Regex;
use serde::{Deserialize, Serialize};

/// Largest padding of a configuration, in bytes.
const PADDING_BYTES_MAX: usize = 1 << 30;
/// Largest garbage, in bytes.
const GARBAGE_BYTES_MAX: usize = 1 << 20;

/// One way to misbehave. Patterns are regular expressions over the line as it was typed.
///
/// As YAML, a list of maps: `- {fault: reject, pattern: ^mtu, text: "% Invalid input"}`. `times` bounds how often a
/// fault strikes; without it, it strikes until the script changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Ends the TCP connection instead of answering the command after this many answered ones, in each connection.
    Drop {
        /// How many commands are answered before.
        after_commands: u32,
    },
    /// Ends the TCP connection when a matching line arrives, which is not executed.
    DropBefore {
        /// Which lines.
        pattern: String,
        /// How often, at most.
        #[serde(default)]
        times: Option<u32>,
    },
    /// Executes a matching line, then ends the TCP connection without an answer.
    DropAfter {
        /// Which lines.
        pattern: String,
        /// How often, at most.
        #[serde(default)]
        times: Option<u32>,
    },
    /// Executes a commit that starts to take effect, then ends the TCP connection without an answer.
    DropAfterCommit {
        /// How often, at most.
        #[serde(default)]
        times: Option<u32>,
    },
    /// Answers late.
    Late {
        /// How late, in milliseconds.
        ms: u64,
        /// Which lines; all of them if absent.
        #[serde(default)]
        pattern: Option<String>,
    },
    /// Answers a matching line with this text and does not execute it.
    Reject {
        /// Which lines.
        pattern: String,
        /// The answer.
        text: String,
        /// How often, at most.
        #[serde(default)]
        times: Option<u32>,
    },
    /// Accepts a commit without an error, but changes nothing, or something else.
    LieAboutCommit {
        /// Configuration lines that are typed into the running configuration instead.
        #[serde(default)]
        instead: Vec<String>,
        /// How often, at most.
        #[serde(default)]
        times: Option<u32>,
    },
    /// Accepts the confirmation of a timed commit without an error, but lets the timer run.
    LieAboutConfirm {
        /// How often, at most.
        #[serde(default)]
        times: Option<u32>,
    },
    /// Prints another prompt; `{prompt}` in the text stands for the real one.
    ChangePrompt {
        /// The other prompt.
        text: String,
    },
    /// Prints these characters before every answer; code points up to U+00FF are sent as single bytes.
    Garbage {
        /// The characters.
        text: String,
    },
    /// Closes the port; connections that are open stay.
    RefuseConnections,
    /// Executes a matching line and never answers, nor anything after it.
    Hang {
        /// Which lines; all of them if absent.
        #[serde(default)]
        pattern: Option<String>,
    },
    /// Makes the printed running configuration longer by this much, with harmless lines.
    PadRunningConfig {
        /// How much longer, at least.
        bytes: usize,
    },
}

/// A fault script that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// The YAML does not say what a fault script may say.
    #[error("fault script: {0}")]
    Yaml(#[from] serde_yaml::Error),
    /// A pattern is not a regular expression.
    #[error("fault script: pattern {pattern:?}: {message}")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        message: String,
    },
    /// A size is beyond its bound.
    #[error("fault script: {what} of {bytes} bytes is more than {bytes_max}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        bytes_max: usize,
    },
}

impl Fault {
    /// Reads a fault script: a YAML list of faults; an empty text is an empty script.
    ///
    /// # Errors
    /// When the text is not such a list, a pattern is not a regular expression or a size is beyond its bound.
    pub fn script(yaml: &str) -> Result<Vec<Self>, FaultError> {
        let faults = serde_yaml::from_str::<Option<Vec<Self>>>(yaml)?.unwrap_or_default();
        Script::new(&faults)?;
        Ok(faults)
    }

    fn pattern(&self) -> Option<&str> {
        match self {
            Self::DropBefore { pattern, .. } | Self::DropAfter { pattern, .. } | Self::Reject { pattern, .. } => {
                Some(pattern)
            }
            Self::Late { pattern, .. } | Self::Hang { pattern } => pattern.as_deref(),
            Self::Drop { .. }
            | Self::DropAfterCommit { .. }
            | Self::LieAboutCommit { .. }
            | Self::LieAboutConfirm { .. }
            | Self::ChangePrompt { .. }
            | Self::Garbage { .. }
            | Self::RefuseConnections
            | Self::PadRunningConfig { .. } => None,
        }
    }

    fn times(&self) -> Option<u32> {
        match self {
            Self::DropBefore { times, .. }
            | Self::DropAfter { times, .. }
            | Self::DropAfterCommit { times }
            | Self::Reject { times, .. }
            | Self::LieAboutCommit { times, .. }
            | Self::LieAboutConfirm { times } => *times,
            Self::Drop { .. }
            | Self::Late { .. }
            | Self::ChangePrompt { .. }
            | Self::Garbage { .. }
            | Self::RefuseConnections
            | Self::Hang { .. }
            | Self::PadRunningConfig { .. } => None,
        }
    }
}

struct Active {
    fault: Fault,
    pattern: Option<Regex>,
    left: Option<u32>,
}

impl Active {
    fn new(fault: &Fault) -> Result<Self, FaultError> {
        let too_large = |what, bytes, bytes_max| Err(FaultError::TooLarge { what, bytes, bytes_max });
        match fault {
            Fault::PadRunningConfig { bytes } if *bytes > PADDING_BYTES_MAX => {
                return too_large("padding", *bytes, PADDING_BYTES_MAX);
            }
            Fault::Garbage { text } if text.len() > GARBAGE_BYTES_MAX => {
                return too_large("garbage", text.len(), GARBAGE_BYTES_MAX);
            }
            _ => {}
        }
        let compile = |pattern: &str| {
            Regex::new(pattern).map_err(|e| FaultError::Pattern { pattern: pattern.to_owned(), message: e.to_string() })
        };
        let pattern = fault.pattern().map(compile).transpose()?;
        Ok(Self { fault: fault.clone(), pattern, left: fault.times() })
    }

    fn hits(&self, line: &str) -> bool {
        self.left != Some(0) && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(line))
    }

    fn strike(&mut self) {
        self.left = self.left.map(|left| left.saturating_sub(1));
    }
}

/// What to do with one command instead of, or besides, executing it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// End the connection now, without executing.
    pub(super) drop_before: bool,
    /// End the connection after executing.
    pub(super) drop_after: bool,
    /// Never answer.
    pub(super) hang: bool,
    /// Answer this without executing.
    pub(super) reject: Option<String>,
    /// Wait before the answer.
    pub(super) late: Duration,
    /// Send these bytes before the answer.
    pub(super) garbage: Vec<u8>,
}

/// The faults of one device that are in force.
#[derive(Default)]
pub(super) struct Script {
    active: Vec<Active>,
}

impl Script {
    pub(super) fn new(faults: &[Fault]) -> Result<Self, FaultError> {
        Ok(Self { active: faults.iter().map(Active::new).collect::<Result<_, _>>()? })
    }

    /// What happens to a line that is the `count`th of its connection (from 0).
    pub(super) fn judge(&mut self, line: &str, count: u32) -> Verdict {
        let mut verdict = Verdict::default();
        for active in &mut self.active {
            if !active.hits(line) {
                continue;
            }
            match &active.fault {
                Fault::Drop { after_commands } if count >= *after_commands => verdict.drop_before = true,
                Fault::DropBefore { .. } => verdict.drop_before = true,
                Fault::DropAfter { .. } => verdict.drop_after = true,
                Fault::Hang { .. } => verdict.hang = true,
                Fault::Reject { text, .. } => verdict.reject = Some(text.clone()),
                Fault::Late { ms, .. } => verdict.late += Duration::from_millis(*ms),
                Fault::Garbage { text } => verdict.garbage.extend(text.chars().flat_map(single_byte)),
                Fault::Drop { .. }
                | Fault::DropAfterCommit { .. }
                | Fault::LieAboutCommit { .. }
                | Fault::LieAboutConfirm { .. }
                | Fault::ChangePrompt { .. }
                | Fault::RefuseConnections
                | Fault::PadRunningConfig { .. } => continue,
            }
            active.strike();
        }
        verdict
    }

    /// Whether the connection ends now that a commit took effect.
    pub(super) fn drops_after_commit(&mut self) -> bool {
        self.struck(|fault| matches!(fault, Fault::DropAfterCommit { .. }).then_some(())).is_some()
    }

    /// The lines that a commit applies instead of what was asked for.
    pub(super) fn lie_about_commit(&mut self) -> Option<Vec<String>> {
        self.struck(|fault| match fault {
            Fault::LieAboutCommit { instead, .. } => Some(instead.clone()),
            _ => None,
        })
    }

    /// Whether a confirmation is accepted without effect.
    pub(super) fn lies_about_confirm(&mut self) -> bool {
        self.struck(|fault| matches!(fault, Fault::LieAboutConfirm { .. }).then_some(())).is_some()
    }

    /// The prompt that is printed instead of the real one.
    pub(super) fn prompt(&self, real: &str) -> Option<String> {
        self.active.iter().find_map(|active| match &active.fault {
            Fault::ChangePrompt { text } => Some(text.replace("{prompt}", real)),
            _ => None,
        })
    }

    /// Whether the port is closed.
    pub(super) fn refuses_connections(&self) -> bool {
        self.active.iter().any(|active| active.fault == Fault::RefuseConnections)
    }

    /// How many bytes longer the running configuration is printed.
    pub(super) fn padding_bytes(&self) -> usize {
        self.active.iter().fold(0, |sum, active| match active.fault {
            Fault::PadRunningConfig { bytes } => sum + bytes,
            _ => sum,
        })
    }

    fn struck<T>(&mut self, which: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        let active = self.active.iter_mut().find(|active| active.left != Some(0) && which(&active.fault).is_some())?;
        active.strike();
        which(&active.fault)
    }
}

fn single_byte(c: char) -> Vec<u8> {
    u8::try_from(c).map_or_else(|_| c.to_string().into_bytes(), |byte| vec![byte])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_read_and_typos_are_errors() {
        let script =
            "- {fault: reject, pattern: ^mtu, text: '% Invalid input', times: 1}\n- fault: refuse_connections\n";
        let faults = Fault::script(script).expect("a good script");
        assert_eq!(faults.len(), 2);
        assert_eq!(Fault::script("").expect("nothing"), []);
        for bad in ["- {fault: rejct}", "- {fault: late, ms: 1, patern: x}", "- {fault: hang, pattern: '('}", "x: 1"] {
            assert!(Fault::script(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn faults_strike_as_often_as_they_may() {
        let faults =
            Fault::script("- {fault: reject, pattern: ^mtu, text: no, times: 1}\n- {fault: drop, after_commands: 2}");
        let mut script = Script::new(&faults.expect("a good script")).expect("good patterns");
        assert_eq!(script.judge("mtu 1500", 0).reject.as_deref(), Some("no"));
        assert_eq!(script.judge("mtu 1500", 1), Verdict::default());
        assert!(script.judge("show version", 2).drop_before);
    }
}
