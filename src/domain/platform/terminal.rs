//! The reader of one terminal session: echo, output, prompt, mode and questions, from bytes alone; no I/O.
//!
//! Invariant: nothing is taken for a prompt before the echo of the command has been seen, nor in a finished line.
//!
//! ```text
//! login:    bytes ─► candidate prompt ─► empty line ─► the same prompt twice ─► learnt
//! command:  send ─► echo ─► output … ─► last line is a prompt of the learnt host ─► take
//! ```

use regex::Regex;

use super::screen::Screen;
use super::session::{Literal, PageError, Patterns, Role, Session, pattern};
use crate::domain::limits::COMMAND_OUTPUT_BYTES_MAX;

/// Longest line that can be a prompt or a question, in characters.
const PROMPT_CHARS_MAX: usize = 256;

/// A prompt as the device shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// The index of the mode on the page.
    pub mode: usize,
    /// What the mode is good for.
    pub role: Role,
    /// The host part.
    pub host: String,
    /// The section, where the prompt shows one.
    pub section: String,
}

/// What stands at the end of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Nothing that ends an output.
    Nothing,
    /// A prompt of the learnt host: the command is done.
    Prompt(Prompt),
    /// It looks like a prompt, but of another host: believe it only when it stays.
    Unlearnt(Prompt),
    /// The question with this index.
    Question(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Echo {
    /// The command without white space, the prompt before it likewise, what came so far, and how far the text was read.
    Awaited { command: String, prompt: String, got: String, read_bytes: usize, verifiable: bool },
    /// The output begins here.
    Seen { output_from: usize },
    /// Something else came.
    Wrong,
}

struct ModePattern {
    prompt: Regex,
    role: Role,
    host_chars_max: Option<usize>,
}

/// Reads what a device sends on a terminal.
pub struct Terminal {
    screen: Screen,
    columns: usize,
    enter_key: String,
    literal: Option<Literal>,
    modes: Vec<ModePattern>,
    questions: Vec<Regex>,
    renames: Patterns,
    decorations: Patterns,
    host: Option<String>,
    host_next: Option<String>,
    echo: Echo,
    answered_at: Option<usize>,
}

impl Terminal {
    /// Makes a reader for one session.
    ///
    /// # Errors
    /// Fails when a pattern of the page is wrong.
    pub fn new(page: &Session) -> Result<Self, PageError> {
        let mode = |mode: &super::session::Mode| {
            let prompt = pattern(&format!("modes.{}.prompt", mode.name), &mode.prompt)?;
            Ok(ModePattern { prompt, role: mode.role, host_chars_max: mode.host_chars_max.map(usize::from) })
        };
        let questions = page.dialogs.iter().map(|dialog| pattern("dialogs.question", &dialog.question));
        Ok(Self {
            screen: Screen::new(page.terminal.columns),
            columns: page.terminal.columns as usize,
            enter_key: page.terminal.enter_key.clone(),
            literal: page.literal.clone(),
            modes: page.modes.iter().map(mode).collect::<Result<_, PageError>>()?,
            questions: questions.collect::<Result<_, _>>()?,
            renames: Patterns::new("configuration.renames", &page.configuration.renames)?,
            decorations: Patterns::new("prompt_decorations", &page.prompt_decorations)?,
            host: None,
            host_next: None,
            echo: Echo::Seen { output_from: 0 },
            answered_at: None,
        })
    }

    /// Prepares for a command and returns the bytes to send. The command must be one line.
    pub fn send(&mut self, command: &str) -> Vec<u8> {
        let line = self.current_line();
        let without_space = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let shown = line.chars().count() + command.chars().count();
        self.host_next = self.renames.captured(command).map(str::to_owned);
        self.screen.take();
        self.answered_at = None;
        self.echo = Echo::Awaited {
            command: without_space(command),
            prompt: without_space(&line),
            got: String::new(),
            read_bytes: 0,
            verifiable: shown < self.columns,
        };
        let mut bytes = Vec::with_capacity(command.len() + 2);
        for character in command.chars() {
            if let Some(literal) = &self.literal
                && literal.characters.contains(character)
            {
                bytes.extend_from_slice(literal.prefix.as_bytes());
            }
            bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
        }
        bytes.extend_from_slice(self.enter_key.as_bytes());
        bytes
    }

    /// Notes that a question was answered, so that it is not answered twice, and returns the bytes to send.
    pub fn answer(&mut self, answer: &str, enter: bool) -> Vec<u8> {
        self.answered_at = Some(self.screen.text().len());
        let mut bytes = answer.as_bytes().to_vec();
        if enter {
            bytes.extend_from_slice(self.enter_key.as_bytes());
        }
        bytes
    }

    /// Reads more bytes; returns what the terminal must answer by itself (cursor position and the like).
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.screen.push(bytes);
        self.follow_echo();
        self.screen.take_replies()
    }

    /// Tells whether something came after the last finished command that nobody asked for.
    pub fn has_leftover(&self) -> bool {
        let text = self.screen.text();
        !text.trim().is_empty() && !text.lines().all(|line| line.trim().is_empty() || self.decorations.fits(line))
    }

    /// Tells whether the output is larger than the limit allows.
    pub fn is_too_large(&self) -> bool {
        self.screen.size_bytes() > COMMAND_OUTPUT_BYTES_MAX
    }

    /// Tells whether something else than the command came back as its echo.
    pub fn echo_is_wrong(&self) -> bool {
        self.echo == Echo::Wrong
    }

    /// Tells whether the echo of the last command was seen, so that the device has read it.
    pub fn echo_was_seen(&self) -> bool {
        matches!(self.echo, Echo::Seen { .. })
    }

    /// Looks at the end of the output.
    pub fn seen(&self) -> Seen {
        let line = self.screen.line();
        if line.is_empty() || line.len() > PROMPT_CHARS_MAX {
            return Seen::Nothing;
        }
        let text: String = line.iter().collect();
        if matches!(self.echo, Echo::Awaited { .. }) {
            return Seen::Nothing;
        }
        if let Some(prompt) = self.prompt(&text) {
            let known = self.knows(&prompt);
            return if known { Seen::Prompt(prompt) } else { Seen::Unlearnt(prompt) };
        }
        let open = self.answered_at != Some(self.screen.text().len());
        match self.questions.iter().position(|question| question.is_match(&text)) {
            Some(index) if open => Seen::Question(index),
            _ => Seen::Nothing,
        }
    }

    /// Tells whether the unfinished line fits a pattern (a question that is not on the page's list).
    pub fn asks(&self, question: &Regex) -> bool {
        let line = self.screen.line();
        line.len() <= PROMPT_CHARS_MAX && question.is_match(&line.iter().collect::<String>())
    }

    /// Returns the prompt when it stands twice at the end, once before and once after an empty line.
    pub fn repeated(&self) -> Option<Prompt> {
        let line = self.current_line();
        let before = self.screen.text().lines().rev().find(|line| !line.trim().is_empty())?;
        if before.trim() != line.trim() {
            return None;
        }
        self.prompt(&line)
    }

    /// Believes a prompt: from now on its host part ends an output.
    pub fn learn(&mut self, prompt: &Prompt) {
        self.host = Some(prompt.host.clone());
        self.host_next = None;
    }

    /// Notes that a command ended with this prompt: a new host name that it announced is believed.
    pub fn accept(&mut self, prompt: &Prompt) {
        let renamed = self.host_next.take().filter(|next| self.fits_host(next, prompt));
        if let Some(host) = renamed {
            self.host = Some(host);
        }
    }

    /// Takes the output of the finished command: without echo, prompt and the decorations around it.
    pub fn take(&mut self) -> String {
        let mut text = self.screen.take();
        if let Echo::Seen { output_from } = self.echo {
            text.drain(..output_from.min(text.len()));
        }
        self.echo = Echo::Seen { output_from: 0 };
        let mut end = text.len();
        while let Some(last) = text[..end].trim_end_matches('\n').rsplit('\n').next() {
            if last.trim().is_empty() || !self.decorations.fits(last) {
                break;
            }
            end = text[..end].trim_end_matches('\n').len() - last.len();
        }
        text.truncate(end);
        text
    }

    /// The end of what was seen, for messages: at most `lines_max` lines.
    pub fn tail(&self, lines_max: usize) -> String {
        let text = self.screen.text();
        let skip = text.lines().count().saturating_sub(lines_max);
        let mut tail: Vec<String> = text.lines().skip(skip).map(|line| line.chars().take(200).collect()).collect();
        let line: String = self.screen.line().iter().take(200).collect();
        if !line.trim().is_empty() {
            tail.push(line);
        }
        tail.join("\n")
    }

    fn current_line(&self) -> String {
        self.screen.line().iter().take(PROMPT_CHARS_MAX + 1).collect()
    }

    fn prompt(&self, line: &str) -> Option<Prompt> {
        self.modes.iter().enumerate().find_map(|(mode, known)| {
            let found = known.prompt.captures(line)?;
            let part = |name| found.name(name).map_or_else(String::new, |group| group.as_str().to_owned());
            Some(Prompt { mode, role: known.role, host: part("host"), section: part("section") })
        })
    }

    fn knows(&self, prompt: &Prompt) -> bool {
        [&self.host, &self.host_next].into_iter().flatten().any(|host| self.fits_host(host, prompt))
    }

    fn fits_host(&self, host: &str, prompt: &Prompt) -> bool {
        let chars_max = self.modes[prompt.mode].host_chars_max.unwrap_or(usize::MAX);
        host.chars().take(chars_max).eq(prompt.host.chars())
    }

    fn follow_echo(&mut self) {
        let Echo::Awaited { command, prompt, got, read_bytes, verifiable } = &mut self.echo else { return };
        while let Some(length) = self.screen.text()[*read_bytes..].find('\n') {
            let line = &self.screen.text()[*read_bytes..*read_bytes + length];
            *read_bytes += length + 1;
            got.extend(line.chars().filter(|c| !c.is_whitespace()));
            let echoed = got.strip_prefix(prompt.as_str()).unwrap_or(got);
            if echoed == command || !*verifiable {
                self.echo = Echo::Seen { output_from: *read_bytes };
                return;
            }
            if !command.starts_with(echoed) {
                self.echo = Echo::Wrong;
                return;
            }
        }
    }
}
