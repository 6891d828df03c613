//! Telnet without I/O (RFC 854, RFC 1143): bytes in, text and replies out. Whatever comes, its state stays small.

use std::collections::BTreeSet;

const IAC: u8 = 255;
const DONT: u8 = 254;
const DO: u8 = 253;
const WONT: u8 = 252;
const WILL: u8 = 251;
const SB: u8 = 250;
const SE: u8 = 240;
const CR: u8 = 13;
const LF: u8 = 10;

/// The other side echoes (RFC 857).
const ECHO: u8 = 1;
/// No go-ahead is sent (RFC 858).
const SUPPRESS_GO_AHEAD: u8 = 3;
/// The kind of terminal is told (RFC 1091): `SEND` is answered with `IS`.
const TERMINAL_TYPE: u8 = 24;
const SEND: u8 = 1;
const IS: u8 = 0;
/// The size of the window is told (RFC 1073).
const WINDOW_SIZE: u8 = 31;
/// Longest sub-negotiation that is kept; the options that we take part in need 2 bytes.
const SUBNEGOTIATION_BYTES_MAX: usize = 64;
/// Most answers of a connection: two sides that cannot agree would go on for ever.
const ANSWERS_MAX: usize = 200;

/// Where in the protocol the next byte stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Text,
    AfterCr,
    Command,
    Option(u8),
    Sub,
    SubCommand,
}

/// One side of a Telnet connection.
#[derive(Clone, Debug)]
pub(super) struct Negotiation {
    place: Place,
    sub: Vec<u8>,
    /// Options that the other side does, and options that we do.
    theirs: BTreeSet<u8>,
    ours: BTreeSet<u8>,
    answers: usize,
    terminal: String,
    size: (u16, u16),
}

impl Negotiation {
    /// A terminal of this kind and size in columns and rows.
    pub(super) fn new(terminal: &str, size: (u32, u32)) -> Self {
        let small = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Self {
            place: Place::default(),
            sub: Vec::new(),
            theirs: BTreeSet::new(),
            ours: BTreeSet::new(),
            answers: 0,
            terminal: terminal.to_owned(),
            size: (small(size.0), small(size.1)),
        }
    }

    /// Takes what came in; returns the text in it and what to answer.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut text, mut replies) = (Vec::with_capacity(bytes.len()), Vec::new());
        for &byte in bytes {
            self.place = match (self.place, byte) {
                (Place::Text | Place::AfterCr, IAC) => Place::Command,
                // CR NUL is a bare carriage return (RFC 854, page 11)
                (Place::AfterCr, 0) => Place::Text,
                (Place::Text | Place::AfterCr, byte) => {
                    text.push(byte);
                    if byte == CR { Place::AfterCr } else { Place::Text }
                }
                (Place::Command, IAC) => {
                    text.push(IAC);
                    Place::Text
                }
                (Place::Command, SB) => {
                    self.sub.clear();
                    Place::Sub
                }
                (Place::Command, verb @ (DO | DONT | WILL | WONT)) => Place::Option(verb),
                // the other commands (NOP, GA, AYT, …) ask for nothing
                (Place::Command, _) => Place::Text,
                (Place::Option(verb), option) => {
                    self.option(verb, option, &mut replies);
                    Place::Text
                }
                (Place::Sub, IAC) => Place::SubCommand,
                (Place::Sub, byte) | (Place::SubCommand, byte @ IAC) => {
                    if self.sub.len() < SUBNEGOTIATION_BYTES_MAX {
                        self.sub.push(byte);
                    }
                    Place::Sub
                }
                (Place::SubCommand, SE) => {
                    self.subnegotiation(&mut replies);
                    Place::Text
                }
                (Place::SubCommand, _) => Place::Sub,
            };
        }
        (text, replies)
    }

    /// Writes input as it goes over the wire: IAC doubled, the end of a line as CR LF, a bare CR as CR NUL.
    pub(super) fn encode(bytes: &[u8]) -> Vec<u8> {
        let mut wire = Vec::with_capacity(bytes.len() + 8);
        let mut rest = bytes.iter().peekable();
        while let Some(&byte) = rest.next() {
            match byte {
                IAC => wire.extend([IAC, IAC]),
                LF => wire.extend([CR, LF]),
                CR if rest.peek() == Some(&&LF) => {}
                CR => wire.extend([CR, 0]),
                byte => wire.push(byte),
            }
        }
        wire
    }

    /// Tells whether the two sides go round in circles.
    pub(super) fn is_endless(&self) -> bool {
        self.answers >= ANSWERS_MAX
    }

    /// Answers only what changes something (RFC 854), so that agreement ends.
    fn option(&mut self, verb: u8, option: u8, replies: &mut Vec<u8>) {
        let wanted = match verb {
            DO | DONT => matches!(option, SUPPRESS_GO_AHEAD | TERMINAL_TYPE | WINDOW_SIZE),
            _ => matches!(option, ECHO | SUPPRESS_GO_AHEAD),
        };
        let (side, on, yes, no) = match verb {
            DO | DONT => (&mut self.ours, verb == DO, WILL, WONT),
            _ => (&mut self.theirs, verb == WILL, DO, DONT),
        };
        let answer = match (on, side.contains(&option)) {
            (true, true) | (false, false) => return,
            (true, false) if wanted => {
                side.insert(option);
                yes
            }
            (true, false) => no,
            (false, true) => {
                side.remove(&option);
                no
            }
        };
        if self.is_endless() {
            return;
        }
        self.answers += 1;
        replies.extend([IAC, answer, option]);
        if answer == WILL && option == WINDOW_SIZE {
            let sizes = [self.size.0.to_be_bytes(), self.size.1.to_be_bytes()].concat();
            // a byte of the size may look like IAC
            let sizes = sizes.into_iter().flat_map(|byte| if byte == IAC { vec![IAC, IAC] } else { vec![byte] });
            replies.extend([IAC, SB, WINDOW_SIZE]);
            replies.extend(sizes);
            replies.extend([IAC, SE]);
        }
    }

    fn subnegotiation(&mut self, replies: &mut Vec<u8>) {
        if self.sub == [TERMINAL_TYPE, SEND] && self.ours.contains(&TERMINAL_TYPE) && !self.is_endless() {
            self.answers += 1;
            replies.extend([IAC, SB, TERMINAL_TYPE, IS]);
            replies.extend(self.terminal.bytes().filter(u8::is_ascii_graphic));
            replies.extend([IAC, SE]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiation() -> Negotiation {
        Negotiation::new("vt100", (511, 24))
    }

    /// Feeds whole and byte by byte; both must say the same.
    fn both(bytes: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let whole = negotiation().receive(bytes);
        let (mut side, mut parts) = (negotiation(), (Vec::new(), Vec::new()));
        for byte in bytes {
            let (text, replies) = side.receive(&[*byte]);
            parts.0.extend(text);
            parts.1.extend(replies);
        }
        assert_eq!(whole, parts);
        whole
    }

    #[test]
    fn options_are_agreed_on_once_and_others_are_refused() {
        let bytes = [IAC, WILL, ECHO, IAC, WILL, SUPPRESS_GO_AHEAD, IAC, WILL, ECHO, IAC, DO, ECHO, IAC, WILL, 5];
        let expected = [IAC, DO, ECHO, IAC, DO, SUPPRESS_GO_AHEAD, IAC, WONT, ECHO, IAC, DONT, 5];
        assert_eq!(both(&bytes), (Vec::new(), expected.to_vec()));
        assert_eq!(both(&[IAC, WONT, ECHO, IAC, DONT, 3]), (Vec::new(), Vec::new()));
        let taken_back = [IAC, WILL, ECHO, IAC, WONT, ECHO];
        assert_eq!(both(&taken_back).1, [IAC, DO, ECHO, IAC, DONT, ECHO]);
    }

    #[test]
    fn the_terminal_is_described() {
        let asked = [IAC, DO, TERMINAL_TYPE, IAC, SB, TERMINAL_TYPE, SEND, IAC, SE];
        let mut expected = vec![IAC, WILL, TERMINAL_TYPE, IAC, SB, TERMINAL_TYPE, IS];
        expected.extend(b"vt100");
        expected.extend([IAC, SE]);
        assert_eq!(both(&asked), (Vec::new(), expected));
        // 511 columns are 0x01ff: the second byte is doubled
        let size = [IAC, WILL, WINDOW_SIZE, IAC, SB, WINDOW_SIZE, 1, IAC, IAC, 0, 24, IAC, SE];
        assert_eq!(both(&[IAC, DO, WINDOW_SIZE]), (Vec::new(), size.to_vec()));
        // not asked for before it was agreed on
        assert_eq!(both(&[IAC, SB, TERMINAL_TYPE, SEND, IAC, SE]).1, Vec::<u8>::new());
    }

    #[test]
    fn text_comes_through_as_it_is() {
        assert_eq!(both(b"a\r\nb\r\0c\xff\xffd\xff\xf1e\r\xff\xf1\0").0, b"a\r\nb\rc\xffde\r\0");
        assert_eq!(Negotiation::encode(b"show\n\xff\r\r\nx"), b"show\r\n\xff\xff\r\0\r\nx");
        let garbage: Vec<u8> = (0..60_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let (_, replies) = both(&garbage);
        assert!(replies.len() < ANSWERS_MAX * 24, "{}", replies.len());
        let endless: Vec<u8> = [IAC, SB].into_iter().chain(std::iter::repeat_n(7, 100_000)).collect();
        let mut side = negotiation();
        assert_eq!(side.receive(&endless).0, Vec::<u8>::new());
        assert!(side.sub.len() <= SUBNEGOTIATION_BYTES_MAX && !side.is_endless());
        side.receive(&[IAC, SE].into_iter().chain([IAC, WILL, 5].repeat(1000)).collect::<Vec<u8>>());
        assert!(side.is_endless());
    }
}
