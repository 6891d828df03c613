//! A terminal's bytes as text: control sequences, redraws and split characters are resolved; no I/O.
//!
//! Invariant: the time is linear in the bytes, and any bytes in any split give the same text.

/// Longest line that can still be redrawn, in characters; what stands before is kept as it is.
const LINE_CHARS_MAX: usize = 1 << 16;
/// Longest control string (OSC, DCS); a longer one is not a control string.
const STRING_BYTES_MAX: usize = 4096;
/// Longest parameter part of a control sequence.
const PARAMETER_BYTES_MAX: usize = 32;

const ESC: u8 = 0x1b;

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Ground,
    Escape,
    /// `ESC (`, `ESC #` and the like: one more byte follows.
    Charset,
    Sequence,
    /// OSC, DCS, SOS, PM, APC: until BEL or `ESC \`.
    String {
        escape: bool,
        bytes: usize,
    },
}

/// Turns bytes into lines. Finished lines pile up in `text`; the current one can still change.
#[derive(Clone, Debug)]
pub struct Screen {
    columns: usize,
    state: State,
    parameters: Vec<u8>,
    partial: Vec<u8>,
    line: Vec<char>,
    cursor: usize,
    text: String,
    replies: Vec<u8>,
}

impl Screen {
    /// Makes an empty screen; `columns` is the width that was asked for, needed to follow wrapped echoes.
    pub fn new(columns: u32) -> Self {
        Self {
            columns: (columns as usize).max(2),
            state: State::Ground,
            parameters: Vec::new(),
            partial: Vec::new(),
            line: Vec::new(),
            cursor: 0,
            text: String::new(),
            replies: Vec::new(),
        }
    }

    /// The finished lines, each with `\n`.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The line that is not finished yet.
    pub fn line(&self) -> &[char] {
        &self.line
    }

    /// Tells whether the cursor stands behind the last character of the line.
    pub fn is_at_end(&self) -> bool {
        self.cursor == self.line.len()
    }

    /// Bytes held, finished and not.
    pub fn size_bytes(&self) -> usize {
        self.text.len() + self.line.len()
    }

    /// Takes the finished lines out; the current line stays.
    pub fn take(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    /// Takes what the device asked the terminal for (cursor position, kind of terminal).
    pub fn take_replies(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.replies)
    }

    /// Reads more bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(&byte) = rest.first() {
            if self.state == State::Ground && self.partial.is_empty() {
                let run = rest.iter().position(|b| !(0x20..0x7f).contains(b)).unwrap_or(rest.len());
                if run > 0 {
                    self.print_run(&rest[..run]);
                    rest = &rest[run..];
                    continue;
                }
            }
            self.byte(byte);
            rest = &rest[1..];
        }
    }

    fn byte(&mut self, byte: u8) {
        match &mut self.state {
            State::Ground => self.ground(byte),
            State::Escape => self.escape(byte),
            State::Charset => self.state = State::Ground,
            State::Sequence => self.sequence(byte),
            State::String { escape, bytes } => {
                *bytes += 1;
                if byte == 0x07 || (*escape && byte == b'\\') || *bytes > STRING_BYTES_MAX {
                    self.state = State::Ground;
                } else {
                    *escape = byte == ESC;
                }
            }
        }
    }

    fn ground(&mut self, byte: u8) {
        if byte >= 0x80 {
            self.partial.push(byte);
            match std::str::from_utf8(&self.partial) {
                Ok(text) => {
                    let character = text.chars().next();
                    self.partial.clear();
                    character.into_iter().for_each(|c| self.print(c));
                }
                Err(error) if error.error_len().is_none() => {}
                Err(_) => {
                    // the last byte may begin a new character
                    let begins = self.partial.len() > 1 && byte >= 0xc0;
                    self.partial.clear();
                    self.print(char::REPLACEMENT_CHARACTER);
                    if begins {
                        self.ground(byte);
                    }
                }
            }
            return;
        }
        if !self.partial.is_empty() {
            self.partial.clear();
            self.print(char::REPLACEMENT_CHARACTER);
        }
        match byte {
            ESC => self.state = State::Escape,
            b'\n' | 0x0b | 0x0c => self.finish_line(),
            b'\r' => self.carriage_return(),
            0x08 => self.cursor = self.cursor.saturating_sub(1),
            b'\t' => {
                self.print(' ');
                while !self.cursor.is_multiple_of(8) {
                    self.print(' ');
                }
            }
            0x00..=0x1f | 0x7f => {}
            _ => self.print(char::from(byte)),
        }
    }

    fn escape(&mut self, byte: u8) {
        self.state = State::Ground;
        match byte {
            b'[' => {
                self.parameters.clear();
                self.state = State::Sequence;
            }
            b']' | b'P' | b'X' | b'^' | b'_' => self.state = State::String { escape: false, bytes: 0 },
            0x20..=0x2f => self.state = State::Charset,
            b'E' => self.finish_line(),
            b'Z' => self.replies.extend_from_slice(b"\x1b[?1;2c"),
            ESC => self.state = State::Escape,
            // a control character inside a sequence acts as if it stood alone
            0x00..=0x1f => self.ground(byte),
            _ => {}
        }
    }

    fn sequence(&mut self, byte: u8) {
        match byte {
            0x40..=0x7e => {
                self.state = State::Ground;
                self.control(byte);
            }
            0x20..=0x3f if self.parameters.len() < PARAMETER_BYTES_MAX => self.parameters.push(byte),
            ESC => self.state = State::Escape,
            // ECMA-48 lets a terminal act on a control character and go on with the sequence
            0x00..=0x1f => self.ground(byte),
            _ => self.state = State::Ground,
        }
    }

    fn control(&mut self, last: u8) {
        let number = || {
            let digits = self.parameters.iter().take_while(|b| b.is_ascii_digit());
            digits.fold(0_usize, |n, b| (n * 10 + usize::from(b - b'0')).min(LINE_CHARS_MAX))
        };
        let number = number();
        let count = number.max(1);
        match last {
            b'K' => match number {
                0 => self.line.truncate(self.cursor),
                1 => {
                    let end = (self.cursor + 1).min(self.line.len());
                    self.line[..end].fill(' ');
                }
                _ => self.line.clear(),
            },
            b'D' => self.cursor = self.cursor.saturating_sub(count),
            b'C' => self.cursor = (self.cursor + count).min(LINE_CHARS_MAX),
            b'G' => self.cursor = (self.cursor / self.columns) * self.columns + (count - 1).min(self.columns - 1),
            b'P' => {
                let start = self.cursor.min(self.line.len());
                let end = (start + count).min(self.line.len());
                self.line.drain(start..end);
            }
            b'@' if self.cursor < self.line.len() => {
                let blanks = std::iter::repeat_n(' ', count);
                self.line.splice(self.cursor..self.cursor, blanks);
            }
            b'E' | b'L' => self.finish_line(),
            b'n' if number == 6 => self.replies.extend_from_slice(b"\x1b[1;1R"),
            b'c' if self.parameters.is_empty() || self.parameters == b"0" => {
                self.replies.extend_from_slice(b"\x1b[?1;2c");
            }
            _ => {}
        }
        self.replies.truncate(256);
    }

    fn carriage_return(&mut self) {
        // a full row leaves the cursor on it until the next character (deferred wrap)
        let row = if self.cursor > 0 { (self.cursor - 1) / self.columns } else { 0 };
        let row = if self.cursor.is_multiple_of(self.columns) { row } else { self.cursor / self.columns };
        self.cursor = row * self.columns;
    }

    fn finish_line(&mut self) {
        self.text.extend(self.line.iter());
        self.text.push('\n');
        self.line.clear();
        self.cursor = 0;
    }

    fn print_run(&mut self, bytes: &[u8]) {
        if self.cursor == self.line.len() && self.line.len() + bytes.len() <= LINE_CHARS_MAX {
            self.line.extend(bytes.iter().copied().map(char::from));
            self.cursor = self.line.len();
        } else {
            bytes.iter().copied().for_each(|byte| self.print(char::from(byte)));
        }
    }

    fn print(&mut self, character: char) {
        if self.cursor >= LINE_CHARS_MAX {
            // such a line is output of a program, not something that is being edited
            self.text.extend(self.line.drain(..));
            self.cursor = 0;
        }
        if self.cursor > self.line.len() {
            self.line.resize(self.cursor, ' ');
        }
        match self.line.get_mut(self.cursor) {
            Some(place) => *place = character,
            None => self.line.push(character),
        }
        self.cursor += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let mut screen = Screen::new(80);
        screen.push(bytes);
        format!("{}{}", screen.text(), screen.line().iter().collect::<String>())
    }

    #[test]
    fn control_sequences_and_redraws_are_resolved() {
        for (bytes, text) in [
            (&b"a\r\nb\r\r\nc"[..], "a\nb\nc"),
            (b"\x1b[1;32mgreen\x1b[0m\x00!", "green!"),
            (b"\x1b]0;title # \x07r1#", "r1#"),
            (b"\x1b]0;title > \x1b\\r1#", "r1#"),
            (b"\x1bPdata\x1b\\x\x1b(By\x1b=z", "xyz"),
            (b"shwo\x08\x08ow", "show"),
            (b"--More--\r        \rnext", "next    "),
            (b"--More--\r\x1b[Knext", "next"),
            (b"abc\x1b[2DX", "aXc"),
            (b"one\x1bEtwo", "one\ntwo"),
            ("ä€𝄞".as_bytes(), "ä€𝄞"),
            (b"a\xffb\xe2\x82c", "a\u{fffd}b\u{fffd}c"),
            (b"a\tb", "a       b"),
        ] {
            assert_eq!(shown(bytes), text, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn an_echo_that_wraps_at_the_width_stays_one_line() {
        let long = "x".repeat(75);
        let echo = format!("r1# {long}a \rabcd\r\nout");
        assert_eq!(shown(echo.as_bytes()), format!("r1# {long}aabcd\nout"));
    }

    #[test]
    fn an_unfinished_control_string_does_not_swallow_the_session() {
        let mut bytes = b"\x1b]0;".to_vec();
        bytes.resize(STRING_BYTES_MAX + 10, b'x');
        bytes.extend_from_slice(b"\r\nr1# ");
        assert!(shown(&bytes).ends_with("\nr1# "));
    }

    #[test]
    fn the_device_may_ask_for_the_terminal() {
        let mut screen = Screen::new(80);
        screen.push(b"\x1b[6n\x1b[c\x1bZ");
        assert_eq!(screen.take_replies(), b"\x1b[1;1R\x1b[?1;2c\x1b[?1;2c");
        assert!(screen.line().is_empty());
    }
}
