//! The part of a platform page that says how to talk to the device: prompts, modes, dialogs and the transaction.
//!
//! Kept as data so that a new platform needs no new code. Patterns are Rust `regex` patterns.

use std::collections::BTreeMap;

use regex::Regex;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::login::LoginPrompts;
pub use super::transaction::{
    CandidateRules, ConfigSession, Immediate, Load, Pending, Probe, ReadOnly, ShellTimer, TimerFirst, Transaction,
};
use crate::domain::secret::MASK;

/// Both parts of a page that a driver needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SessionPage {
    /// How to talk to the device.
    pub session: Session,
    /// How a change is made safe.
    pub transaction: Transaction,
}

/// How to talk to the device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// The terminal that is asked for.
    #[serde(default)]
    pub terminal: TerminalKind,
    /// The modes of the command line; the first whose prompt fits the whole line is the current one.
    pub modes: Vec<Mode>,
    /// What is written behind the login name, for systems that take settings of the terminal there.
    #[serde(default)]
    pub login_suffix: Option<String>,
    /// How to leave a mode of role `user`.
    #[serde(default)]
    pub privilege: Option<Privilege>,
    /// What is typed once after the login: paging, width.
    #[serde(default)]
    pub open: Vec<String>,
    /// How the running configuration is read.
    pub running: Reading,
    /// How the running configuration is kept for the next start; nothing where a device keeps it by itself.
    #[serde(default)]
    pub save: Option<Saving>,
    /// How the configuration mode works.
    #[serde(default)]
    pub configuration: Configuration,
    /// Output that means that a command failed; tried on every line.
    pub errors: Vec<String>,
    /// Questions that the device may ask, and the answers.
    #[serde(default)]
    pub dialogs: Vec<Dialog>,
    /// Lines around a prompt that belong to it and not to the output.
    #[serde(default)]
    pub prompt_decorations: Vec<String>,
    /// Lines before an output that do not belong to it: the time, the load of the processor.
    #[serde(default)]
    pub preambles: Vec<String>,
    /// How a character is typed that the command line would interpret.
    #[serde(default)]
    pub literal: Option<Literal>,
    /// Lines of a configuration that differ between two readings although nothing changed, or carry no meaning.
    #[serde(default)]
    pub volatile: Vec<String>,
    /// Where secrets stand in a line; every capture group is masked in messages.
    #[serde(default)]
    pub masks: Vec<String>,
    /// What the inventory may set for one device; `{name}` in a command of this page stands for it.
    #[serde(default)]
    pub options: BTreeMap<String, OptionRule>,
    /// Present when an account may have a Unix shell instead of the command line.
    #[serde(default)]
    pub shell: Option<UnixShell>,
}

/// The pseudo terminal that is asked for (RFC 4254 section 6.2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TerminalKind {
    /// The value of `TERM`.
    pub name: String,
    /// Columns; wide, so that echoes do not wrap.
    pub columns: u32,
    /// Rows.
    pub rows: u32,
    /// What the enter key sends.
    pub enter_key: String,
    /// How a login on the terminal itself looks, where the transport has none (Telnet).
    pub login: LoginPrompts,
}

impl Default for TerminalKind {
    fn default() -> Self {
        Self { name: "vt100".into(), columns: 511, rows: 1000, enter_key: "\n".into(), login: LoginPrompts::default() }
    }
}

/// What a mode is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Logged in without the right to configure.
    User,
    /// Operational commands.
    Operational,
    /// The top of the configuration mode.
    Configuration,
    /// Inside a section of the configuration mode.
    Section,
    /// Something else, where nothing of ours is typed: a shell, a script interpreter, an administration plane.
    Other,
}

/// One mode of the command line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// Its name on this page.
    pub name: String,
    /// What it is good for.
    pub role: Role,
    /// The whole prompt, anchored on both sides, with a group `host` and, for sections, a group `section`.
    pub prompt: String,
    /// What the line above the prompt must be, for prompts of two lines.
    #[serde(default)]
    pub above: Option<String>,
    /// Some systems cut the host name in this mode; this many characters are always shown.
    #[serde(default)]
    pub host_chars_max: Option<u16>,
}

/// How to get from a `user` mode to an `operational` one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Privilege {
    /// The command.
    pub command: String,
    /// The question that is answered with the login password.
    pub question: String,
}

/// How a text is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reading {
    /// The command.
    pub command: String,
    /// The last non-empty line of a complete answer. Guards against an answer that was cut off.
    #[serde(default)]
    pub ends_with: Option<String>,
}

/// How the configuration is saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Saving {
    /// The command.
    pub command: String,
    /// What a successful answer contains.
    pub success: String,
}

/// What an output of a configuration line means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    /// Every output that is not in `tolerated` is an error.
    Required,
    /// Only what `errors` knows is an error.
    #[default]
    Expected,
}

/// How the configuration mode works.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Configuration {
    /// Opens it.
    pub enter: String,
    /// Leaves it from any depth.
    pub leave: String,
    /// Leaves one section.
    pub leave_section: String,
    /// Leaving a section is not typed, because the word of the configuration itself does it or every line is absolute.
    #[serde(default)]
    pub absolute: bool,
    /// Lines that leave one section when they are part of a configuration.
    pub section_ends: Vec<String>,
    /// Whether a configuration line must be answered with silence.
    pub silence: Silence,
    /// Output of a configuration line that is harmless.
    #[serde(default)]
    pub tolerated: Vec<String>,
    /// Lines that change the host part of the prompt; group 1 is the new name.
    #[serde(default)]
    pub renames: Vec<String>,
    /// First lines of values that go over several lines; their last line is part of the value.
    #[serde(default)]
    pub texts: Vec<String>,
    /// Lines that may be under way without an answer; 1 where the command line does not echo what was typed ahead.
    #[serde(default = "one")]
    pub window_lines: usize,
    /// Lines that are typed alone, because they may ask or take long.
    #[serde(default)]
    pub alone: Vec<String>,
}

fn one() -> usize {
    1
}

/// A question and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dialog {
    /// Fits the last line of the output.
    pub question: String,
    /// What to type.
    pub answer: String,
    /// Whether the enter key follows.
    #[serde(default = "yes")]
    pub enter: bool,
}

fn yes() -> bool {
    true
}

/// How special characters are typed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Literal {
    /// What is sent before the character.
    pub prefix: String,
    /// The characters that need it.
    pub characters: String,
}

/// A setting of one device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OptionRule {
    /// What a value must look like, as a whole. It is written into commands, so keep it narrow.
    pub pattern: String,
    /// What `{name}` becomes; `{value}` stands for the value. Without a value `{name}` becomes nothing.
    pub writes: String,
    /// For people.
    pub about: String,
}

/// What an account with a Unix shell can do. `{file}` and `{command}` are quoted for a POSIX shell by the driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnixShell {
    /// A harmless command that only a Unix shell understands.
    pub probe: String,
    /// The answer of a Unix shell to it, as a whole line.
    pub answer: String,
    /// Starts the command line of the device on a terminal.
    pub cli: String,
    /// Runs one operational command.
    pub run: String,
    /// Checks a file of configuration lines without applying it.
    #[serde(default)]
    pub check: Option<String>,
    /// An error of `check`, with the groups `line` (from 1) and `words`.
    #[serde(default)]
    pub check_error: Option<String>,
    /// What to do when a command fails for want of rights.
    pub hint: String,
}

/// A page that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// A pattern is wrong.
    #[error("pattern of `{field}`: {reason}")]
    Pattern {
        /// Where it stands.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// A setting of the inventory does not fit.
    #[error("option `{name}`: {reason}")]
    Option {
        /// The setting.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// A page without a mode of this role.
    #[error("the page has no mode of role {0}")]
    Mode(&'static str),
}

/// Compiled patterns of one field.
#[derive(Clone, Debug, Default)]
pub struct Patterns(Vec<Regex>);

impl Patterns {
    /// Compiles the patterns of a field.
    ///
    /// # Errors
    /// Names the field when one is not a pattern.
    pub fn new(field: &str, sources: &[String]) -> Result<Self, PageError> {
        sources.iter().map(|source| pattern(field, source)).collect::<Result<_, _>>().map(Self)
    }

    /// Tells whether one of them fits the line.
    pub fn fits(&self, line: &str) -> bool {
        self.0.iter().any(|pattern| pattern.is_match(line))
    }

    /// Returns the first capture group of the first pattern that fits.
    pub fn captured<'a>(&self, line: &'a str) -> Option<&'a str> {
        self.0.iter().find_map(|pattern| pattern.captures(line)?.get(1).map(|group| group.as_str()))
    }
}

/// Compiles one pattern of a page.
///
/// # Errors
/// Names the field when it is not a pattern.
pub fn pattern(field: &str, source: &str) -> Result<Regex, PageError> {
    Regex::new(source).map_err(|error| PageError::Pattern { field: field.to_owned(), reason: error.to_string() })
}

/// Replaces what may be a secret in a text that a person will read.
#[derive(Clone, Debug, Default)]
pub struct Masks(Patterns);

impl Masks {
    /// Compiles the `masks` of a page.
    ///
    /// # Errors
    /// Names the field when one is not a pattern.
    pub fn new(session: &Session) -> Result<Self, PageError> {
        Patterns::new("masks", &session.masks).map(Self)
    }

    /// Masks every capture group on every line.
    pub fn apply(&self, text: &str) -> String {
        text.lines().map(|line| self.line(line)).collect::<Vec<_>>().join("\n")
    }

    fn line(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for pattern in &self.0.0 {
            let mut spots: Vec<_> = pattern
                .captures_iter(&line)
                .flat_map(|found| found.iter().skip(1).flatten().map(|group| group.range()).collect::<Vec<_>>())
                .collect();
            spots.sort_by_key(|spot| std::cmp::Reverse(spot.start));
            for spot in spots {
                line.replace_range(spot, MASK);
            }
        }
        line
    }
}

impl SessionPage {
    /// Returns the page that is built in for a platform.
    ///
    /// # Errors
    /// Says why a built-in page cannot be read, which a test excludes.
    pub fn built_in(platform: &str) -> Option<Result<Self, String>> {
        match super::Platform::built_in(platform) {
            Ok(platform) => platform.session().map(Ok),
            Err(_) => None,
        }
    }
}

impl Session {
    /// Replaces `{option}` in every command of the page by what the inventory set.
    ///
    /// # Errors
    /// Refuses an option that the page does not know or whose value does not fit.
    pub fn with_options(&self, options: &BTreeMap<String, String>) -> Result<BTreeMap<String, String>, PageError> {
        for name in options.keys() {
            if !self.options.contains_key(name) {
                let known = self.options.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                let reason =
                    if known.is_empty() { "this platform has none".into() } else { format!("known are {known}") };
                return Err(PageError::Option { name: name.clone(), reason });
            }
        }
        let mut written = BTreeMap::new();
        for (name, rule) in &self.options {
            let Some(value) = options.get(name) else {
                written.insert(name.clone(), String::new());
                continue;
            };
            let whole = pattern(&format!("options.{name}"), &format!("^(?:{})$", rule.pattern))?;
            if !whole.is_match(value) || value.chars().any(char::is_control) {
                let reason = format!("{value:?} does not fit {}", rule.pattern);
                return Err(PageError::Option { name: name.clone(), reason });
            }
            written.insert(name.clone(), rule.writes.replace("{value}", value));
        }
        Ok(written)
    }

    /// Returns the index of the first mode of a role.
    ///
    /// # Errors
    /// Fails when the page has none.
    pub fn mode_of(&self, role: Role) -> Result<usize, PageError> {
        let name = match role {
            Role::User => "user",
            Role::Operational => "operational",
            Role::Configuration => "configuration",
            Role::Section => "section",
            Role::Other => "other",
        };
        self.modes.iter().position(|mode| mode.role == role).ok_or(PageError::Mode(name))
    }
}

/// Replaces each `{name}` of a command.
pub fn expand(command: &str, values: &[(&str, &str)]) -> String {
    let mut text = String::with_capacity(command.len());
    let mut rest = command;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        text.push_str(before);
        let value =
            values.iter().find(|(name, _)| from[1..].strip_prefix(name).is_some_and(|tail| tail.starts_with('}')));
        let Some((name, value)) = value else {
            text.push('{');
            rest = &from[1..];
            continue;
        };
        text.push_str(value);
        rest = &from[name.len() + 2..];
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(platform: &str) -> SessionPage {
        SessionPage::built_in(platform).expect("it is built in").expect("it is valid")
    }

    #[test]
    fn built_in_pages_load_and_their_patterns_compile() {
        let has_session = |name: &&str| SessionPage::built_in(name).is_some();
        for platform in crate::domain::platform::Platform::names().into_iter().filter(has_session) {
            let page = page(platform);
            let session = &page.session;
            for mode in &session.modes {
                let prompt = pattern("prompt", &mode.prompt).expect("a pattern");
                assert!(prompt.capture_names().flatten().any(|name| name == "host"), "{platform} {}", mode.name);
                assert!(mode.prompt.starts_with('^') && mode.prompt.ends_with('$'), "{platform} {}", mode.name);
            }
            for (field, patterns) in [
                ("errors", &session.errors),
                ("volatile", &session.volatile),
                ("preambles", &session.preambles),
                ("decorations", &session.prompt_decorations),
                ("tolerated", &session.configuration.tolerated),
                ("texts", &session.configuration.texts),
                ("alone", &session.configuration.alone),
                ("renames", &session.configuration.renames),
            ] {
                Patterns::new(field, patterns).unwrap_or_else(|error| panic!("{platform}: {error}"));
            }
            assert!(crate::domain::platform::terminal::Terminal::new(session).is_ok(), "{platform}");
            assert!(Masks::new(session).is_ok(), "{platform}");
            assert!(session.mode_of(Role::Operational).is_ok(), "{platform}");
            let enters = !session.configuration.enter.is_empty();
            assert!(!enters || session.mode_of(Role::Configuration).is_ok(), "{platform}");
        }
        assert!(SessionPage::built_in("nothing").is_none());
    }

    #[test]
    fn options_are_checked_before_they_reach_a_command() {
        let session = page("frr").session;
        let set =
            |name: &str, value: &str| session.with_options(&BTreeMap::from([(name.to_owned(), value.to_owned())]));
        assert_eq!(set("pathspace", "r1").expect("it fits")["pathspace"], " -N r1");
        assert_eq!(session.with_options(&BTreeMap::new()).expect("none")["pathspace"], "");
        assert!(set("pathspace", "r1; reboot").is_err());
        assert!(set("pathspace", "r1\n").is_err());
        assert!(set("nonsense", "1").is_err());
    }

    #[test]
    fn placeholders_are_replaced_once() {
        assert_eq!(expand("a {x} {y} {z}", &[("x", "{y}"), ("y", "2")]), "a {y} 2 {z}");
        assert_eq!(expand("awk '{print}' {", &[("x", "1")]), "awk '{print}' {");
    }

    #[test]
    fn secrets_are_masked_in_the_line_and_in_an_answer_that_repeats_it() {
        let masks = Masks::new(&page("frr").session).expect("patterns");
        for text in ["neighbor 1.1.1.1 password hunter2", "% Unknown command: neighbor 1.1.1.1 password hunter2"] {
            assert!(!masks.apply(text).contains("hunter2"), "{}", masks.apply(text));
            assert!(masks.apply(text).contains(MASK));
        }
        assert_eq!(masks.apply("neighbor 1.1.1.1 remote-as 65001"), "neighbor 1.1.1.1 remote-as 65001");
    }
}
