//! Finds the messages in a stream of bytes, and the stream for a message: both framings of RFC 6242 section 4.
//!
//! Kept free of I/O so that every split of the stream can be tried. Invariant: what a server sends never costs more memory
//! than the largest message.

/// How messages are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `]]>]]>` behind each message (base 1.0, and every hello).
    EndMark,
    /// Chunks with their lengths (base 1.1).
    Chunks,
}

/// A stream that follows no framing; the session is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A message is larger than accepted.
    #[error("a message is larger than {0} bytes")]
    TooLarge(usize),
    /// Something other than a chunk stands where one has to begin.
    #[error("the chunked framing is broken: {0}")]
    Chunk(&'static str),
}

const END_MARK: &[u8] = b"]]>]]>";
/// Longest head of a chunk: line feed, `#`, ten digits, line feed (RFC 6242 section 4.2).
const HEAD_BYTES_MAX: usize = 13;
/// Blank bytes that are forgiven between two messages.
const BLANK_BYTES_MAX: usize = 64;

/// Takes bytes as they come and gives whole messages.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    bytes_max: usize,
    /// What came and is no message yet; the part before `start` was used.
    buffer: Vec<u8>,
    start: usize,
    /// How far the end mark was searched.
    searched: usize,
    /// The chunks of the open message.
    message: Vec<u8>,
    is_open: bool,
}

impl Framer {
    /// Begins with the framing of the hello.
    pub fn new(bytes_max: usize) -> Self {
        Self {
            framing: Framing::EndMark,
            bytes_max,
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            message: Vec::new(),
            is_open: false,
        }
    }

    /// The framing in use.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Changes the framing for everything behind the last message that was returned.
    pub fn set_framing(&mut self, framing: Framing) {
        self.framing = framing;
        self.searched = self.start;
    }

    /// Takes bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.start >= self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.searched = self.searched.saturating_sub(self.start);
            self.start = 0;
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the next whole message, or nothing when more bytes are needed.
    ///
    /// # Errors
    /// The stream cannot be followed any more.
    pub fn next_message(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        match self.framing {
            Framing::EndMark => self.marked(),
            Framing::Chunks => self.chunked(),
        }
    }

    fn marked(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        let from = self.searched.max(self.start);
        let found = self.buffer[from..].windows(END_MARK.len()).position(|window| window == END_MARK);
        let Some(end) = found.map(|at| at + from) else {
            self.searched = self.start.max(self.buffer.len().saturating_sub(END_MARK.len() - 1));
            let is_large = self.buffer.len() - self.start > self.bytes_max + END_MARK.len();
            return if is_large { Err(FrameError::TooLarge(self.bytes_max)) } else { Ok(None) };
        };
        if end - self.start > self.bytes_max {
            return Err(FrameError::TooLarge(self.bytes_max));
        }
        let message = self.buffer[self.start..end].to_vec();
        self.start = end + END_MARK.len();
        self.searched = self.start;
        Ok(Some(message))
    }

    fn chunked(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        loop {
            if !self.is_open {
                self.skip_blanks()?;
            }
            let rest = &self.buffer[self.start..];
            let Some((head, size)) = chunk_head(rest)? else { return Ok(None) };
            if size == 0 {
                if !self.is_open {
                    return Err(FrameError::Chunk("a message without any chunk"));
                }
                self.start += head;
                self.is_open = false;
                return Ok(Some(std::mem::take(&mut self.message)));
            }
            if size > self.bytes_max || self.message.len() + size > self.bytes_max {
                return Err(FrameError::TooLarge(self.bytes_max));
            }
            let Some(chunk) = rest.get(head..head + size) else { return Ok(None) };
            self.message.extend_from_slice(chunk);
            self.start += head + size;
            self.is_open = true;
        }
    }

    /// Some servers end a message with a line of their own.
    fn skip_blanks(&mut self) -> Result<(), FrameError> {
        let rest = &self.buffer[self.start..];
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if blanks > BLANK_BYTES_MAX {
            return Err(FrameError::Chunk("only blank bytes between two messages"));
        }
        // The line feed before `#` belongs to the head.
        if blanks > 1 && rest.get(blanks).is_some() && rest[blanks - 1] == b'\n' {
            self.start += blanks - 1;
        }
        Ok(())
    }
}

/// Reads the head of a chunk: how long it is, and how many bytes follow; no bytes for the end of the message.
fn chunk_head(rest: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    let wrong = |what| Err(FrameError::Chunk(what));
    for (at, expected) in [b'\n', b'#'].into_iter().enumerate() {
        match rest.get(at) {
            None => return Ok(None),
            Some(byte) if *byte == expected => {}
            // Blanks before the first chunk are looked at when more has come.
            Some(byte) if byte.is_ascii_whitespace() && rest.iter().all(u8::is_ascii_whitespace) => return Ok(None),
            Some(_) => return wrong("a chunk does not begin with a line feed and #"),
        }
    }
    let digits: Vec<u8> =
        rest[2..].iter().copied().take(HEAD_BYTES_MAX - 2).take_while(|byte| *byte != b'\n').collect();
    let is_complete = rest.get(2 + digits.len()) == Some(&b'\n');
    if digits == b"#" {
        return if is_complete { Ok(Some((4, 0))) } else { incomplete(rest, 3) };
    }
    let valid = digits.first().is_none_or(|byte| matches!(byte, b'1'..=b'9')) && digits.iter().all(u8::is_ascii_digit);
    if !valid || digits.len() > 10 {
        return wrong("the length of a chunk is no number");
    }
    if !is_complete {
        return incomplete(rest, 2 + digits.len());
    }
    match std::str::from_utf8(&digits).ok().and_then(|digits| digits.parse::<u32>().ok()) {
        Some(size) if size > 0 => Ok(Some((3 + digits.len(), size as usize))),
        _ => wrong("the length of a chunk is no number of 32 bits"),
    }
}

fn incomplete(rest: &[u8], read: usize) -> Result<Option<(usize, usize)>, FrameError> {
    if rest.len() > read { Err(FrameError::Chunk("the head of a chunk does not end")) } else { Ok(None) }
}

/// Returns the bytes of a message for the stream.
pub fn encode(framing: Framing, message: &str) -> Vec<u8> {
    match framing {
        Framing::EndMark => [message.as_bytes(), END_MARK].concat(),
        Framing::Chunks => [format!("\n#{}\n", message.len()).as_bytes(), message.as_bytes(), b"\n##\n"].concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(framer: &mut Framer) -> Result<Vec<Vec<u8>>, FrameError> {
        let mut found = Vec::new();
        while let Some(message) = framer.next_message()? {
            found.push(message);
        }
        Ok(found)
    }

    fn framer(framing: Framing, bytes_max: usize) -> Framer {
        let mut framer = Framer::new(bytes_max);
        framer.set_framing(framing);
        framer
    }

    /// Gives a stream in two and three parts, split everywhere, and byte by byte.
    fn every_split(framing: Framing, stream: &[u8], expected: &[&[u8]]) {
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let mut framer = framer(framing, 1000);
                let mut found = Vec::new();
                for part in [&stream[..first], &stream[first..second], &stream[second..]] {
                    framer.push(part);
                    found.extend(all(&mut framer).expect("a good stream"));
                }
                assert_eq!(found, expected, "{first} {second}");
            }
        }
    }

    #[test]
    fn messages_are_found_however_the_stream_is_split() {
        every_split(Framing::EndMark, b"<a/>]]>]]>\n<b>]]></b>]]>]]>", &[b"<a/>", b"\n<b>]]></b>"]);
        every_split(Framing::Chunks, b"\n#3\n<a>\n#1\n\n\n#4\n</a>\n##\n\n#2\n##\n##\n", &[b"<a>\n</a>", b"##"]);
        every_split(Framing::Chunks, b"\n\n\n#1\nx\n##\n\r\n\n#1\ny\n##\n", &[b"x", b"y"]);
    }

    #[test]
    fn the_framing_changes_behind_the_hello() {
        let stream = b"<hello/>]]>]]>\n#2\nok\n##\n";
        for split in 0..=stream.len() {
            let mut framer = Framer::new(100);
            let mut found = Vec::new();
            for part in [&stream[..split], &stream[split..]] {
                framer.push(part);
                while let Some(message) = framer.next_message().expect("a good stream") {
                    found.push(message);
                    framer.set_framing(Framing::Chunks);
                }
            }
            assert_eq!(found, [b"<hello/>".to_vec(), b"ok".to_vec()]);
        }
    }

    #[test]
    fn broken_and_endless_streams_end_the_session() {
        let bad: [&[u8]; 12] = [
            b"<rpc>", b"\nx", b"\n#x\n", b"\n#0\n", b"\n#01\n", b"\n#-1\n", b"\n#4294967296\n", b"\n#99999999999\n",
            b"\n##\n", b"\n#1\nxy", b"\n#101\n", b"\n#1\nx\n##x",
        ];
        for stream in bad {
            let mut framer = framer(Framing::Chunks, 100);
            framer.push(stream);
            assert!(all(&mut framer).is_err(), "{}", String::from_utf8_lossy(stream));
        }
        let mut endless = framer(Framing::EndMark, 100);
        endless.push(&[b'x'; 107]);
        assert_eq!(endless.next_message(), Err(FrameError::TooLarge(100)));
        let mut endless = framer(Framing::Chunks, 100);
        endless.push(b"\n#60\n");
        endless.push(&[b'x'; 60]);
        endless.push(b"\n#60\n");
        assert_eq!(endless.next_message(), Err(FrameError::TooLarge(100)));
    }

    #[test]
    fn noise_never_panics_and_what_is_encoded_comes_back() {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        let alphabet = b"\n#0123456789]>x <";
        for _ in 0..20_000 {
            let noise: Vec<u8> = (0..next() % 40).map(|_| alphabet[next() % alphabet.len()]).collect();
            for framing in [Framing::EndMark, Framing::Chunks] {
                let mut framer = framer(framing, 64);
                framer.push(&encode(framing, "<first/>"));
                framer.push(&noise);
                assert_eq!(framer.next_message(), Ok(Some(b"<first/>".to_vec())));
                let _ = all(&mut framer);
            }
        }
    }
}
