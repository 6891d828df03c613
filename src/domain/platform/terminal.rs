//! The reader of one terminal session: echo, output, prompt, mode and questions, from bytes alone; no I/O.
//!
//! Invariant: nothing is taken for a prompt before the echo of the command has been seen, nor in a finished line.
//!
//! ```text
//! login:    bytes ─► candidate prompt ─► empty line ─► the same prompt twice ─► learnt
//! command:  send ─► echo ─► output … ─► last line is a prompt of the learnt host ─► take
//! ahead:    send, send_ahead … ─► output … ─► a line "prompt + next command" ─► finished, and so on
//! ```

use std::collections::VecDeque;

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
    source: String,
    prompt: Regex,
    /// The prompt with the host name that was learnt.
    learnt: Option<Regex>,
    above: Option<Regex>,
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
    preambles: Patterns,
    /// Commands that were typed ahead and whose echo has not come yet.
    ahead: VecDeque<String>,
    /// How far the text was searched for the next echo.
    searched: usize,
    finished: VecDeque<(String, Prompt)>,
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
            let above = mode.above.as_deref().map(|source| pattern(&format!("modes.{}.above", mode.name), source));
            let host_chars_max = mode.host_chars_max.map(usize::from);
            let source = mode.prompt.clone();
            Ok(ModePattern { source, prompt, learnt: None, above: above.transpose()?, role: mode.role, host_chars_max })
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
            preambles: Patterns::new("preambles", &page.preambles)?,
            ahead: VecDeque::new(),
            searched: 0,
            finished: VecDeque::new(),
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
        let shown = line.chars().count() + command.split('\n').next().map_or(0, |first| first.chars().count());
        self.host_next = self.renames.captured(command).map(str::to_owned);
        self.screen.take();
        self.ahead.clear();
        self.finished.clear();
        self.answered_at = None;
        let first = command.split('\n').next().unwrap_or_default();
        self.echo = Echo::Awaited {
            command: without_space(first),
            prompt: without_space(&line),
            got: String::new(),
            read_bytes: 0,
            verifiable: shown < self.columns,
        };
        self.typed(command)
    }

    /// Types one more command before the one before it was answered; see [`Self::finished`].
    pub fn send_ahead(&mut self, command: &str) -> Vec<u8> {
        self.ahead.push_back(command.trim_end().to_owned());
        self.typed(command)
    }

    /// Tells whether a command can be typed ahead: its echo must be the command as it is, on one row.
    pub fn can_be_ahead(&self, command: &str) -> bool {
        let literal = |c| self.literal.as_ref().is_some_and(|literal| literal.characters.contains(c));
        let fits = command.chars().count() + PROMPT_CHARS_MAX / 2 < self.columns;
        fits && !command.trim().is_empty() && !command.chars().any(|c| c.is_control() || literal(c))
    }

    /// How many commands were typed ahead and have not been echoed.
    pub fn ahead(&self) -> usize {
        self.ahead.len()
    }

    /// Takes the answer of the oldest command whose end was seen by the echo of the next one.
    pub fn finished(&mut self) -> Option<(String, Prompt)> {
        self.finished.pop_front()
    }

    fn typed(&self, command: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(command.len() + 2);
        for character in command.chars() {
            if let Some(literal) = &self.literal
                && literal.characters.contains(character)
            {
                bytes.extend_from_slice(literal.prefix.as_bytes());
            }
            if character == '\n' {
                bytes.extend_from_slice(self.enter_key.as_bytes());
            } else {
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
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
        self.follow_ahead();
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
        if line.is_empty() || line.len() > PROMPT_CHARS_MAX || !self.screen.is_at_end() {
            return Seen::Nothing;
        }
        let text: String = line.iter().collect();
        if matches!(self.echo, Echo::Awaited { .. }) || !self.ahead.is_empty() {
            return Seen::Nothing;
        }
        if let Some(prompt) = self.prompt(&text, self.screen.text()) {
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

    /// The output so far, with the unfinished line left out; empty before the echo.
    pub fn output(&self) -> &str {
        match self.echo {
            Echo::Seen { output_from } => self.screen.text().get(output_from..).unwrap_or_default(),
            Echo::Awaited { .. } | Echo::Wrong => "",
        }
    }

    /// The unfinished line, when it reads like a question that waits for a person.
    pub fn question(&self) -> Option<String> {
        let line = self.current_line();
        let text = line.trim().to_lowercase();
        let asks = ["]", "?", ":", ")"].iter().any(|end| text.ends_with(end))
            && [
                "[y", "[n", "(y", "(n", "yes", "no]", "confirm", "password", "passphrase", "press ", "continue", "?",
                "filename",
            ]
            .iter()
            .any(|word| text.contains(word));
        asks.then(|| line.trim().to_owned())
    }

    /// Returns the prompt when it stands twice at the end, once before and once after an empty line.
    pub fn repeated(&self) -> Option<Prompt> {
        let line = self.current_line();
        let text = self.screen.text();
        let prompt = self.prompt(&line, text)?;
        let mut end = text.len();
        while end > 0 {
            let start = text[..end - 1].rfind('\n').map_or(0, |at| at + 1);
            let before = text[start..end].trim_end_matches('\n');
            if !before.trim().is_empty() && !self.decorations.fits(before) {
                // the line above the earlier prompt may be gone
                let is_double = self.modes[prompt.mode].above.is_some();
                let same = |other: Prompt| {
                    let is_place = (other.mode, &other.section) == (prompt.mode, &prompt.section);
                    other.host == prompt.host && (is_place || is_double)
                };
                return self.prompt(before, &text[..start]).is_some_and(same).then_some(prompt);
            }
            end = start;
        }
        None
    }

    /// Believes a prompt: from now on its host part ends an output.
    pub fn learn(&mut self, prompt: &Prompt) {
        self.set_host(prompt.host.clone());
        self.host_next = None;
    }

    /// A host name with the separator of the section in it (`[sw-core-Vlanif10]`) can only be told apart when it is known.
    fn set_host(&mut self, host: String) {
        for mode in &mut self.modes {
            let is_cut = mode.host_chars_max.is_some();
            mode.learnt = with_host(&mode.source, &host).filter(|_| !is_cut).and_then(|text| Regex::new(&text).ok());
        }
        self.host = Some(host);
    }

    /// Notes that a command ended with this prompt: a new host name that it announced is believed.
    pub fn accept(&mut self, prompt: &Prompt) {
        let renamed = self.host_next.take().filter(|next| self.fits_host(next, prompt));
        if let Some(host) = renamed {
            self.set_host(host);
        }
    }

    /// Takes the output of the finished command: without echo, prompt and the decorations around it.
    pub fn take(&mut self) -> String {
        let mut text = self.screen.take();
        if let Echo::Seen { output_from } = self.echo {
            text.drain(..output_from.min(text.len()));
        }
        self.echo = Echo::Seen { output_from: 0 };
        self.searched = 0;
        let (start, end) = self.bare(&text);
        text.truncate(end);
        text.drain(..start);
        text
    }

    /// Where an output begins and ends without the lines that belong to the prompt.
    fn bare(&self, text: &str) -> (usize, usize) {
        let mut end = text.len();
        while let Some(last) = text[..end].trim_end_matches('\n').rsplit('\n').next() {
            if last.trim().is_empty() || !self.decorations.fits(last) {
                break;
            }
            end = text[..end].trim_end_matches('\n').len() - last.len();
        }
        let mut start = 0;
        for line in text[..end].split_inclusive('\n') {
            if !self.preambles.fits(line.trim_end_matches('\n')) {
                break;
            }
            start += line.len();
        }
        (start, end)
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

    fn prompt(&self, line: &str, text: &str) -> Option<Prompt> {
        let above = text.trim_end_matches('\n').rsplit('\n').next().unwrap_or_default();
        let known =
            self.modes.iter().enumerate().filter_map(|(index, mode)| Some((index, mode, mode.learnt.as_ref()?)));
        let any = self.modes.iter().enumerate().map(|(index, mode)| (index, mode, &mode.prompt));
        known.chain(any).find_map(|(mode, known, prompt)| {
            let found = prompt.captures(line)?;
            let over = match &known.above {
                Some(pattern) => Some(pattern.captures(above)?),
                None => None,
            };
            let part = |name| {
                let group = found.name(name).or_else(|| over.as_ref().and_then(|over| over.name(name)));
                group.map_or_else(String::new, |group| group.as_str().to_owned())
            };
            Some(Prompt { mode, role: known.role, host: part("host"), section: part("section") })
        })
    }

    fn knows(&self, prompt: &Prompt) -> bool {
        [&self.host, &self.host_next].into_iter().flatten().any(|host| self.fits_host(host, prompt))
    }

    fn fits_host(&self, host: &str, prompt: &Prompt) -> bool {
        let chars_min = self.modes[prompt.mode].host_chars_max.unwrap_or(usize::MAX);
        host == prompt.host || host.starts_with(&prompt.host) && prompt.host.chars().count() >= chars_min
    }

    /// Looks for the echo of the next command that was typed ahead: it ends the answer before it.
    fn follow_ahead(&mut self) {
        while let (Echo::Seen { output_from }, Some(next)) = (&self.echo, self.ahead.front()) {
            let from = self.searched.max(*output_from);
            let text = self.screen.text();
            let Some(length) = text[from..].find('\n') else { return };
            self.searched = from + length + 1;
            let line = text[from..from + length].trim_end();
            let Some(head) = line.strip_suffix(next.as_str()) else { continue };
            let Some(prompt) = self.prompt(head, &text[..from]).filter(|prompt| self.knows(prompt)) else { continue };
            let output = &text[*output_from..from];
            let (start, end) = self.bare(output);
            let output = output[start..end].to_owned();
            let renamed = self.renames.captured(next).map(str::to_owned);
            self.accept(&prompt);
            self.host_next = renamed;
            self.echo = Echo::Seen { output_from: self.searched };
            self.finished.push_back((output, prompt));
            self.ahead.pop_front();
        }
    }

    fn follow_echo(&mut self) {
        let Echo::Awaited { command, prompt, got, read_bytes, verifiable } = &mut self.echo else { return };
        while let Some(length) = self.screen.text()[*read_bytes..].find('\n') {
            let line = &self.screen.text()[*read_bytes..*read_bytes + length];
            *read_bytes += length + 1;
            got.extend(line.chars().filter(|c| !c.is_whitespace()));
            let echoed = got.strip_prefix(prompt.as_str()).unwrap_or(got);
            if echoed.is_empty() && !command.is_empty() {
                // a prompt that was printed once more, for an empty line of the login
                got.clear();
                continue;
            }
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

/// The pattern of a prompt with a host name in place of its group `host`.
fn with_host(prompt: &str, host: &str) -> Option<String> {
    let start = prompt.find("(?P<host>")?;
    let mut depth = 0_usize;
    let (mut is_class, mut is_escaped) = (false, false);
    for (at, c) in prompt[start..].char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '[' => is_class = true,
            ']' => is_class = false,
            '(' if !is_class => depth += 1,
            ')' if !is_class => {
                depth -= 1;
                if depth == 0 {
                    let end = start + at + 1;
                    let inner = &prompt[start + "(?P<host>".len()..end - 1];
                    let is_possible = Regex::new(&format!("^(?:{inner})$")).is_ok_and(|inner| inner.is_match(host));
                    if !is_possible {
                        return None;
                    }
                    return Some(format!("{}(?P<host>{}){}", &prompt[..start], regex::escape(host), &prompt[end..]));
                }
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;
    use crate::domain::platform::session::SessionPage;

    fn terminal(platform: &'static str) -> Terminal {
        static PAGES: Mutex<BTreeMap<&str, SessionPage>> = Mutex::new(BTreeMap::new());
        let read = || SessionPage::built_in(platform).expect("it is built in").expect("it is valid");
        let page = PAGES.lock().expect("no test fails inside").entry(platform).or_insert_with(read).clone();
        let mut terminal = Terminal::new(&page.session).expect("patterns");
        terminal.push(b"\r\nhello r9# \r\nr1# ");
        assert!(matches!(terminal.seen(), Seen::Unlearnt(_)));
        terminal.send("");
        terminal.push(b"\r\nr1# ");
        let prompt = terminal.repeated().expect("it stands twice");
        terminal.learn(&prompt);
        terminal.take();
        terminal
    }

    /// Feeds an answer in two parts and returns the output and the mode's prompt, which must not come early.
    fn dialogue(command: &str, answer: &[u8], split: usize) -> (String, Prompt) {
        let mut terminal = terminal("frr");
        terminal.send(command);
        terminal.push(&answer[..split]);
        if split + 2 < answer.len() {
            assert!(!matches!(terminal.seen(), Seen::Prompt(_)), "early at {split}");
        }
        terminal.push(&answer[split..]);
        assert!(!terminal.echo_is_wrong(), "at {split}");
        let Seen::Prompt(prompt) = terminal.seen() else { panic!("no prompt at {split}: {:?}", terminal.tail(9)) };
        (terminal.take(), prompt)
    }

    #[test]
    fn nasty_answers_are_read_the_same_in_every_split() {
        let answers: [(&str, &[u8], &str, Role); 6] = [
            (
                "show x",
                b"show x\r\na # b\r\nr2# no\r\n r1# \r\nr1# x\r\nr1# ",
                "a # b\nr2# no\n r1# \nr1# x\n",
                Role::Operational,
            ),
            (
                "show y",
                b"sho\x08\x08\x08show y\r\r\n\x1b[1mbold\x1b[0m\x00\r\r\n\x1b]0;r1# \x07r1# ",
                "bold\n",
                Role::Operational,
            ),
            ("configure terminal", b"configure terminal\r\nr1(config)# ", "", Role::Configuration),
            ("router bgp 1", b"router bgp 1\r\nr1(config-router)# ", "", Role::Section),
            ("show z", b"show \r\nz\r\nmore\r\x1b[Kr1#\r\nr1# ", "r1#\n", Role::Operational),
            ("show ä", "show ä\r\n€ r1# \r\nr1# ".as_bytes(), "€ r1# \n", Role::Operational),
        ];
        for (command, answer, output, role) in answers {
            // a prompt at the very end of a part is indistinguishable, so those splits are left to the end marker
            for split in 0..=answer.len() {
                let (head, before) = (&answer[..split], |tail: &[u8]| answer[..split].ends_with(tail));
                if head.len() < answer.len() && [&b"\nr1# "[..], b"\nr1#", b"\x1b[Kr1#"].into_iter().any(before) {
                    continue;
                }
                let (text, prompt) = dialogue(command, answer, split);
                assert_eq!((text.as_str(), prompt.role), (output, role), "{command} at {split}");
            }
        }
    }

    #[test]
    fn a_host_name_changes_when_it_was_announced_and_is_doubted_otherwise() {
        let mut terminal = terminal("frr");
        terminal.send("hostname core-1");
        terminal.push(b"hostname core-1\r\ncore-1(config)# ");
        let Seen::Prompt(prompt) = terminal.seen() else { panic!("it was announced") };
        terminal.accept(&prompt);
        terminal.take();
        terminal.send("exit");
        terminal.push(b"exit\r\nr1# ");
        assert!(matches!(terminal.seen(), Seen::Unlearnt(_)));
    }

    #[test]
    fn an_echo_that_is_not_the_command_is_noticed_and_special_keys_are_quoted() {
        let mut terminal = terminal("frr");
        assert_eq!(terminal.send("description why?"), b"description why\x16?\n");
        terminal.push(b"description whyhelp text\r\nr1# ");
        assert!(terminal.echo_is_wrong());
    }

    #[test]
    fn a_pager_is_asked_once_for_each_page() {
        let mut terminal = terminal("arista_eos");
        terminal.learn(&Prompt { mode: 4, role: Role::Operational, host: "r1".into(), section: String::new() });
        terminal.send("show x");
        terminal.push(b"show x\r\none\r\n --More-- ");
        assert_eq!(terminal.seen(), Seen::Question(0));
        assert_eq!(terminal.answer(" ", false), b" ");
        assert_eq!(terminal.seen(), Seen::Nothing);
        terminal.push(b"\r\x1b[Ktwo\r\n --More-- ");
        assert_eq!(terminal.seen(), Seen::Question(0));
        terminal.answer(" ", false);
        terminal.push(b"\r\x1b[Kthree\r\nr1#");
        assert!(matches!(terminal.seen(), Seen::Prompt(_)));
        assert_eq!(terminal.take(), "one\ntwo\nthree\n");
    }

    #[test]
    fn any_bytes_in_any_split_are_survived() {
        let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
        for _ in 0..300 {
            let mut terminal = terminal("frr");
            terminal.send("show x");
            for _ in 0..200 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let bytes = state.to_be_bytes();
                let special = [b'\r', b'\n', 0x1b, b'[', 0x08, b'K', b'P', b'@', b']', 0x07, b'#', b' ', 0xe2, 0x9b];
                let mixed =
                    bytes.map(|byte| if byte < 128 { special[usize::from(byte) % special.len()] } else { byte });
                terminal.push(&mixed[..usize::from(bytes[7] % 8) + 1]);
                let _ = (terminal.seen(), terminal.repeated(), terminal.has_leftover());
            }
            let _ = (terminal.tail(3), terminal.take());
        }
    }
}
