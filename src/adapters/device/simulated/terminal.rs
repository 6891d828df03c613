//! The line editor and the pager of a simulated terminal: bytes in; lines, keys and echo out.
//!
//! It behaves like the line editors of network systems where that matters to a driver: every printable byte is
//! echoed, secrets are not, `?` is a key that asks for help wherever it is typed unless
//! Ctrl-V stands before it, long output stops at `--More--`.

use std::collections::VecDeque;

/// Longest line that is kept, in bytes; what is typed beyond it is dropped.
const LINE_BYTES_MAX: usize = 16 << 10;

/// How the next input is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A command line: echoed, edited, `?` asks for help.
    Command,
    /// A password: not echoed.
    Secret,
    /// Text as it comes (banners, pasted configuration): echoed, `?` is a character.
    Text,
}

/// What a byte led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// Send these bytes back.
    Echo(Vec<u8>),
    /// A whole line was typed.
    Line(String),
    /// `?` after these characters.
    Help(String),
    /// Ctrl-C.
    Interrupt,
    /// Ctrl-D on an empty line.
    EndOfInput,
}

/// The state of one terminal's input line.
#[derive(Debug, Default)]
pub(super) struct LineEditor {
    echo: bool,
    line: Vec<u8>,
    after_return: bool,
    literal: bool,
    escape: Escape,
}

#[derive(Debug, Default, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Started,
    Sequence,
}

impl LineEditor {
    /// A line editor; without a terminal nothing is echoed.
    pub(super) fn new(echo: bool) -> Self {
        Self { echo, ..Self::default() }
    }

    /// The characters typed since the last line.
    pub(super) fn partial(&self) -> String {
        String::from_utf8_lossy(&self.line).into_owned()
    }

    /// Takes one byte.
    pub(super) fn feed(&mut self, byte: u8, input: Input) -> Option<Event> {
        if self.skip_escape(byte) {
            return None;
        }
        let after_return = std::mem::take(&mut self.after_return);
        if std::mem::take(&mut self.literal) && (byte >= 0x20 || byte == b'\t') || byte == b'\t' && input == Input::Text
        {
            return self.insert(byte, input);
        }
        match byte {
            b'\n' if after_return => None,
            b'\r' | b'\n' => {
                self.after_return = byte == b'\r';
                let line = String::from_utf8_lossy(&self.line).into_owned();
                self.line.clear();
                Some(Event::Line(line))
            }
            0x03 => {
                self.line.clear();
                Some(Event::Interrupt)
            }
            0x04 if self.line.is_empty() => Some(Event::EndOfInput),
            0x08 | 0x7f => self.line.pop().and_then(|_| self.echoed(b"\x08 \x08".to_vec(), input)),
            0x15 => {
                let erased = b"\x08 \x08".repeat(self.line.len());
                self.line.clear();
                self.echoed(erased, input)
            }
            b'?' if input == Input::Command && self.echo => Some(Event::Help(self.partial())),
            0x16 => {
                self.literal = true;
                None
            }
            0x20.. => self.insert(byte, input),
            _ => None,
        }
    }

    fn insert(&mut self, byte: u8, input: Input) -> Option<Event> {
        if self.line.len() >= LINE_BYTES_MAX {
            return None;
        }
        self.line.push(byte);
        self.echoed(vec![byte], input)
    }

    fn echoed(&self, bytes: Vec<u8>, input: Input) -> Option<Event> {
        (self.echo && input != Input::Secret).then_some(Event::Echo(bytes))
    }

    /// Swallows cursor keys and other escape sequences.
    fn skip_escape(&mut self, byte: u8) -> bool {
        self.escape = match (&self.escape, byte) {
            (Escape::None, 0x1b) => Escape::Started,
            (Escape::None, _) => return false,
            (Escape::Started, b'[' | b'O') => Escape::Sequence,
            (Escape::Started, _) => Escape::None,
            (Escape::Sequence, 0x40..=0x7e) => Escape::None,
            (Escape::Sequence, _) => Escape::Sequence,
        };
        true
    }
}

/// What the pager prints where output stops.
pub(super) const MORE: &str = " --More-- ";

/// Output that waits for a key.
#[derive(Debug, Default)]
pub(super) struct Pager {
    waiting: VecDeque<String>,
}

impl Pager {
    /// Whether output waits.
    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Takes output; returns what is shown now. `lines` is the height of the terminal, 0 for no paging.
    pub(super) fn start(&mut self, text: String, lines: usize) -> String {
        if lines < 2 || text.lines().count() < lines {
            return text;
        }
        self.waiting = text.split_inclusive('\n').map(str::to_owned).collect();
        self.show(lines - 1)
    }

    /// Takes a key; returns what is shown now.
    pub(super) fn key(&mut self, byte: u8, lines: usize) -> String {
        let erase = "\r          \r";
        match byte {
            b' ' => format!("{erase}{}", self.show(lines.max(2) - 1)),
            b'\r' | b'\n' => format!("{erase}{}", self.show(1)),
            b'q' | b'Q' | 0x03 => {
                self.waiting.clear();
                erase.to_owned()
            }
            _ => String::new(),
        }
    }

    fn show(&mut self, lines: usize) -> String {
        let mut out: String = self.waiting.drain(..lines.min(self.waiting.len())).collect();
        if self.is_waiting() {
            out.push_str(MORE);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn type_in(editor: &mut LineEditor, bytes: &[u8], input: Input) -> (String, Vec<Event>) {
        let (mut echo, mut events) = (String::new(), Vec::new());
        for byte in bytes {
            match editor.feed(*byte, input) {
                Some(Event::Echo(bytes)) => echo.push_str(&String::from_utf8_lossy(&bytes)),
                Some(event) => events.push(event),
                None => {}
            }
        }
        (echo, events)
    }

    #[test]
    fn lines_end_once_and_are_echoed() {
        let mut editor = LineEditor::new(true);
        let (echo, events) = type_in(&mut editor, b"shop\x7fw\r\n\x1b[Aexit\n", Input::Command);
        assert_eq!(echo, "shop\x08 \x08wexit");
        assert_eq!(events, [Event::Line("show".into()), Event::Line("exit".into())]);
    }

    #[test]
    fn secrets_are_silent_and_help_keeps_the_line() {
        let mut editor = LineEditor::new(true);
        assert_eq!(type_in(&mut editor, b"pw\n", Input::Secret), (String::new(), vec![Event::Line("pw".into())]));
        let (_, events) = type_in(&mut editor, b"sh?\n", Input::Command);
        assert_eq!(events, [Event::Help("sh".into()), Event::Line("sh".into())]);
    }

    #[test]
    fn the_pager_stops() {
        let mut pager = Pager::default();
        assert_eq!(pager.start("1\n2\n3\n".into(), 3), "1\n2\n --More-- ");
        assert_eq!(pager.key(b' ', 3), "\r          \r3\n");
        assert!(!pager.is_waiting());
    }
}
