//! The command line of the simulated Arista EOS: modes, prompts, sessions and what each command does.

mod facts;
mod grammar;
mod show;
mod table;
mod values;

use std::sync::Arc;
use std::time::Duration;

use self::grammar::{Editor, Effect, INCOMPLETE, INVALID, Level};
use super::facts::Facts;
use super::store::{Answer, Cli, DeviceState, Login, Platform, Refusal};
use super::terminal::Input;
use super::tree::Node;
use super::{DeviceSpec, TypedLine};

const PRIVILEGED: &str = "% Invalid input (privileged mode required)";

/// Longest timer of a commit.
const COMMIT_TIMER_MAX: Duration = Duration::from_secs(24 * 3600);

/// Arista EOS as vEOS-lab 4.32 shows itself.
pub(super) struct AristaEos;

impl Platform for AristaEos {
    fn factory(&self, spec: &DeviceSpec) -> Node {
        grammar::factory(&spec.factory, &spec.interfaces)
    }

    fn load(&self, tree: &mut Node, factory: &Node, text: &str) -> Result<(), (String, String)> {
        grammar::load(tree, factory, text)
    }

    fn running(&self, device: &DeviceState) -> String {
        show::running_config(device)
    }

    fn startup(&self, device: &DeviceState) -> String {
        show::startup_config(device)
    }

    fn facts(&self, tree: &Node) -> Facts {
        facts::facts(tree)
    }

    fn open(&self, device: Arc<DeviceState>, login: Login) -> Box<dyn Cli> {
        Box::new(CommandLine { device, login, config: None, dialog: Dialog::None })
    }
}

/// A configuration mode.
struct ConfigMode {
    session: Option<String>,
    path: Vec<Level>,
}

/// What the next line is, if not a command.
enum Dialog {
    None,
    EnablePassword,
    Banner(Node, Vec<String>),
    Paste(Vec<String>),
}

struct CommandLine {
    device: Arc<DeviceState>,
    login: Login,
    config: Option<ConfigMode>,
    dialog: Dialog,
}

fn said(text: impl Into<String>) -> Answer {
    let mut text = text.into();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    Answer { text, ..Answer::default() }
}

fn refused(text: impl Into<String>) -> Answer {
    Answer { refused: true, ..said(text) }
}

/// Whether the words are these, each perhaps abbreviated.
fn means(words: &[&str], command: &str) -> bool {
    let command: Vec<_> = command.split(' ').collect();
    words.len() == command.len()
        && words.iter().zip(command).all(|(typed, word)| word.starts_with(&typed.to_ascii_lowercase()))
}

impl Cli for CommandLine {
    fn greeting(&self) -> String {
        show::greeting(&self.device)
    }

    fn prompt(&self) -> String {
        match self.dialog {
            Dialog::EnablePassword => return "Password: ".to_owned(),
            Dialog::Banner(..) | Dialog::Paste(_) => return String::new(),
            Dialog::None => {}
        }
        let host = show::hostname(&self.device.running()).to_owned();
        match &self.config {
            None if self.login.privileged => format!("{host}#"),
            None => format!("{host}>"),
            Some(mode) => format!("{host}({})#", mode_name(mode)),
        }
    }

    fn input(&self) -> Input {
        match self.dialog {
            Dialog::None => Input::Command,
            Dialog::EnablePassword => Input::Secret,
            Dialog::Banner(..) | Dialog::Paste(_) => Input::Text,
        }
    }

    fn height(&self) -> usize {
        self.login.height
    }

    fn line(&mut self, line: &str) -> Answer {
        match std::mem::replace(&mut self.dialog, Dialog::None) {
            Dialog::None => self.command(line),
            Dialog::EnablePassword => {
                let right = self.device.spec.enable_password.as_ref().is_none_or(|secret| secret.expose() == line);
                self.login.privileged |= right;
                if right { Answer::default() } else { refused("% Bad secret") }
            }
            Dialog::Banner(node, mut lines) => {
                if line != "EOF" {
                    lines.push(line.to_owned());
                    self.dialog = Dialog::Banner(node, lines);
                    return Answer::default();
                }
                self.put_banner(node, &lines.join("\n"))
            }
            Dialog::Paste(mut lines) => {
                lines.push(line.to_owned());
                self.dialog = Dialog::Paste(lines);
                Answer::default()
            }
        }
    }

    fn end_of_input(&mut self) -> Answer {
        match std::mem::replace(&mut self.dialog, Dialog::None) {
            Dialog::Paste(lines) => self.paste(&lines),
            Dialog::None => self.command("exit"),
            Dialog::EnablePassword | Dialog::Banner(..) => Answer::default(),
        }
    }

    fn interrupt(&mut self) {
        self.dialog = Dialog::None;
    }

    fn help(&self, partial: &str) -> String {
        let first: Vec<&str> = match &self.config {
            Some(mode) => grammar::first_words(&mode.path, partial.trim_start()),
            None => ["configure", "copy", "disable", "enable", "exit", "ping", "show", "terminal", "write"]
                .iter()
                .copied()
                .filter(|word| word.starts_with(partial.trim_start()))
                .collect(),
        };
        if first.is_empty() {
            return "% Unrecognized command\n".to_owned();
        }
        first.iter().map(|word| format!("  {word}\n")).collect()
    }
}

impl CommandLine {
    fn command(&mut self, line: &str) -> Answer {
        let line = line.trim();
        if line.is_empty() || line.starts_with('!') {
            return Answer::default();
        }
        let mode = self.config.as_ref().map(mode_name);
        let session = self.config.as_ref().and_then(|mode| mode.session.clone());
        let (answer, configuration) = self.execute(line);
        let accepted = !answer.refused;
        let user = self.login.user.clone();
        let typed = TypedLine { user, mode, session, line: line.to_owned(), configuration, accepted };
        self.device.remember(typed);
        answer
    }

    /// Executes a command; whether it was a line of configuration.
    fn execute(&mut self, line: &str) -> (Answer, bool) {
        let (command, pipe) = line.split_once('|').map_or((line, None), |(command, pipe)| (command, Some(pipe.trim())));
        let words: Vec<_> = command.split_whitespace().collect();
        let first = words.first().copied().unwrap_or_default().to_ascii_lowercase();
        let shows = if self.config.is_some() { first.len() > 2 } else { !first.is_empty() };
        if shows && "show".starts_with(&first) {
            return (show::show(&self.device, self.view(), &words[1..], pipe), false);
        }
        if self.config.is_some()
            && let Some(answer) = self.config_command(&words)
        {
            return (answer, false);
        }
        if let Some(answer) = self.exec_command(&words) {
            return (answer, false);
        }
        if self.config.is_some() { (self.configure(line), true) } else { (refused(INVALID), false) }
    }

    fn view(&self) -> show::View<'_> {
        let session = self.config.as_ref().and_then(|mode| mode.session.as_deref());
        show::View { privileged: self.login.privileged, session, user: &self.login.user }
    }

    /// Commands of the configuration modes that are not configuration.
    fn config_command(&mut self, words: &[&str]) -> Option<Answer> {
        let session = self.config.as_ref()?.session.clone();
        match (words, session) {
            (["exit"], _) => {
                let popped = self.config.as_mut().and_then(|mode| mode.path.pop()).is_some();
                if !popped {
                    self.leave();
                }
                Some(Answer::default())
            }
            (["end"], _) => {
                self.leave();
                Some(Answer::default())
            }
            (["abort"], Some(name)) => Some(self.abort(&name)),
            (["commit"], Some(name)) => Some(self.commit(&name, None)),
            (["commit", "timer", time], Some(name)) => Some(self.commit_timer(&name, time)),
            (["commit", "timer"], Some(_)) => Some(refused(INCOMPLETE)),
            (["rollback", "clean-config"], Some(name)) => Some(self.roll_back(&name)),
            (["copy", "terminal:", "session-config"], Some(_)) => {
                self.dialog = Dialog::Paste(Vec::new());
                Some(Answer::default())
            }
            _ => None,
        }
    }

    fn exec_command(&mut self, words: &[&str]) -> Option<Answer> {
        let in_exec = self.config.is_none();
        let privileged = self.login.privileged;
        match words {
            _ if in_exec && means(words, "enable") => {
                if !privileged && self.device.spec.enable_password.is_some() {
                    self.dialog = Dialog::EnablePassword;
                } else {
                    self.login.privileged = true;
                }
                Some(Answer::default())
            }
            _ if in_exec && means(words, "disable") => {
                self.login.privileged = false;
                Some(Answer::default())
            }
            ["exit" | "logout" | "quit"] => Some(Answer { closes: true, ..Answer::default() }),
            [verb, size, lines] if "terminal".starts_with(verb) && "length".starts_with(size) => {
                Some(self.terminal_length(lines))
            }
            [verb, size, width] if "terminal".starts_with(verb) && "width".starts_with(size) => {
                Some(terminal_width(width))
            }
            [verb, rest @ ..] if *verb == "ping" => Some(show::ping(&self.device, rest)),
            [verb, ..] if !privileged && is_privileged(verb) => Some(refused(PRIVILEGED)),
            _ if means(words, "write") || means(words, "write memory") => Some(self.save()),
            _ if means(words, "copy running-config startup-config") => Some(self.save()),
            [verb, rest @ ..] if privileged && verb.len() >= 4 && "configure".starts_with(verb) => {
                Some(self.configure_command(rest))
            }
            ["no", verb, "session", name] if privileged && "configure".starts_with(verb) => Some(self.abort(name)),
            _ => None,
        }
    }

    fn configure_command(&mut self, words: &[&str]) -> Answer {
        match words {
            [] => self.enter_terminal(),
            [word] if "terminal".starts_with(word) => self.enter_terminal(),
            ["session"] => {
                let name = self.device.new_session_name();
                self.enter_session(&name)
            }
            ["session", name] => self.enter_session(name),
            ["session", name, "commit"] => self.commit(name, None),
            ["session", name, "commit", "timer", time] => self.commit_timer(name, time),
            ["session", _, "commit", "timer"] => refused(INCOMPLETE),
            ["session", name, "abort"] => self.abort(name),
            _ => refused(INVALID),
        }
    }

    fn enter_terminal(&mut self) -> Answer {
        self.leave();
        self.config = Some(ConfigMode { session: None, path: Vec::new() });
        Answer::default()
    }

    fn enter_session(&mut self, name: &str) -> Answer {
        let valid = name.len() <= 255 && name.bytes().all(|b| b.is_ascii_graphic());
        if !valid {
            return refused(INVALID);
        }
        match self.device.enter_session(name, &self.login.user) {
            Ok(()) => {
                self.config = Some(ConfigMode { session: Some(name.to_owned()), path: Vec::new() });
                Answer::default()
            }
            Err(refusal) => refused(explain("enter", name, &refusal)),
        }
    }

    fn leave(&mut self) {
        if let Some(name) = self.config.take().and_then(|mode| mode.session) {
            self.device.leave_session(&name);
        }
    }

    fn commit(&mut self, name: &str, timer: Option<Duration>) -> Answer {
        match self.device.commit(name, timer, &self.login.user) {
            Ok(committed) => {
                self.left(name);
                Answer { committed, ..Answer::default() }
            }
            Err(refusal) => refused(explain("commit", name, &refusal)),
        }
    }

    fn commit_timer(&mut self, name: &str, time: &str) -> Answer {
        match duration(time) {
            Some(timer) => self.commit(name, Some(timer)),
            None => refused(INVALID),
        }
    }

    fn abort(&mut self, name: &str) -> Answer {
        match self.device.abort(name) {
            Ok(()) => {
                self.left(name);
                Answer::default()
            }
            Err(refusal) => refused(explain("abort", name, &refusal)),
        }
    }

    /// A session is over; whoever is in it is back where commands are typed.
    fn left(&mut self, session: &str) {
        if self.config.as_ref().is_some_and(|mode| mode.session.as_deref() == Some(session)) {
            self.config = None;
        }
    }

    fn roll_back(&mut self, name: &str) -> Answer {
        let factory = self.device.factory.clone();
        if self.device.edit(Some(name), |tree| *tree = factory).is_none() {
            return self.lost_session(name);
        }
        if let Some(mode) = &mut self.config {
            mode.path.clear();
        }
        Answer::default()
    }

    fn lost_session(&mut self, name: &str) -> Answer {
        self.config = None;
        refused(explain("edit", name, &Refusal::Unknown))
    }

    fn save(&self) -> Answer {
        self.device.save(&self.login.user);
        said("Copy completed successfully.")
    }

    fn terminal_length(&mut self, lines: &str) -> Answer {
        match lines.parse::<usize>() {
            Ok(0) => {
                self.login.height = 0;
                said("Pagination disabled.")
            }
            Ok(height @ 1..=32767) => {
                self.login.height = height;
                said(format!("Pagination set to {height} lines."))
            }
            _ => refused(INVALID),
        }
    }

    /// Types a line of configuration.
    fn configure(&mut self, line: &str) -> Answer {
        let Some(mode) = &mut self.config else { return refused(INVALID) };
        let factory = &self.device.factory;
        let path = &mut mode.path;
        let typed = self.device.edit(mode.session.as_deref(), |tree| Editor { tree, factory }.apply(path, line));
        match typed {
            Some(Ok(Effect::Done)) => Answer::default(),
            Some(Ok(Effect::Text(node))) => {
                self.dialog = Dialog::Banner(node, Vec::new());
                said("Enter TEXT message. Type 'EOF' on its own line to end.")
            }
            Some(Err(answer)) => refused(answer),
            None => {
                let name = mode.session.clone().unwrap_or_default();
                self.lost_session(&name)
            }
        }
    }

    fn put_banner(&mut self, node: Node, text: &str) -> Answer {
        let session = self.config.as_ref().and_then(|mode| mode.session.clone());
        let factory = &self.device.factory;
        let line = format!("{} {}", node.text, text.escape_default());
        let put = self.device.edit(session.as_deref(), |tree| Editor { tree, factory }.put_text(node, text));
        let (user, mode) = (self.login.user.clone(), self.config.as_ref().map(mode_name));
        self.device.remember(TypedLine { user, mode, session, line, configuration: true, accepted: put.is_some() });
        if put.is_some() { Answer::default() } else { refused(INVALID) }
    }

    /// Types pasted lines; errors name the line and do not stop the rest, as EOS does.
    fn paste(&mut self, lines: &[String]) -> Answer {
        let mut answer = Answer::default();
        for (at, line) in lines.iter().enumerate() {
            let typed = match self.dialog {
                Dialog::None if matches!(line.trim(), "end" | "exit") => {
                    if let Some(mode) = &mut self.config {
                        mode.path.pop();
                    }
                    Answer::default()
                }
                _ => self.line(line),
            };
            if typed.refused {
                answer.refused = true;
                answer.text.push_str(&format!("> {line}\n{} at line {}\n", typed.text.trim_end(), at + 1));
            }
        }
        self.dialog = Dialog::None;
        answer.text.push_str("Copy completed successfully.\n");
        answer
    }
}

impl Drop for CommandLine {
    fn drop(&mut self) {
        self.leave();
    }
}

fn mode_name(mode: &ConfigMode) -> String {
    let mut name = String::from("config");
    if let Some(session) = &mode.session {
        name.push_str("-s-");
        name.extend(session.chars().take(6));
    }
    if let Some(level) = mode.path.last() {
        name.push('-');
        name.push_str(&level.label);
    }
    name
}

fn is_privileged(verb: &str) -> bool {
    ["configure", "copy", "write", "reload", "bash"].iter().any(|word| verb.len() > 1 && word.starts_with(verb))
}

fn terminal_width(width: &str) -> Answer {
    match width.parse::<u32>() {
        Ok(width @ 10..=32767) => said(format!("Width set to {width} columns.")),
        _ => refused(INVALID),
    }
}

/// `HH:MM:SS` as a duration.
fn duration(text: &str) -> Option<Duration> {
    let parts: Vec<u64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours @ 0..=24, minutes @ 0..=59, seconds @ 0..=59] = parts[..] else { return None };
    let duration = Duration::from_secs(hours * 3600 + minutes * 60 + seconds);
    (!duration.is_zero() && duration <= COMMIT_TIMER_MAX).then_some(duration)
}

fn explain(verb: &str, name: &str, refusal: &Refusal) -> String {
    match refusal {
        Refusal::Unknown => format!("% Cannot {verb} session {name}: the session does not exist"),
        Refusal::Completed => format!("% Cannot {verb} session {name}: the session is already committed"),
        Refusal::OtherTimer(other) => {
            format!("% Cannot {verb} session {name}: the commit timer of session {other} is pending")
        }
        Refusal::TooMany => "% Maximum number of pending sessions has been reached. \
                             Please commit or abort previous sessions before creating a new one."
            .to_owned(),
    }
}
