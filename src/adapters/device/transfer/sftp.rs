//! SFTP version 3 (draft-ietf-secsh-filexfer-02), as much of it as moving one file needs, with requests in flight.

use std::collections::{BTreeMap, VecDeque};

use russh::client::Msg;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};

use super::{Moved, PIECE_BYTES, RemoteFile, Tally};
use crate::adapters::device::ssh::lost;
use crate::adapters::device::{DeviceError, DeviceProblem};

const INIT: u8 = 1;
const VERSION: u8 = 2;
const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const STATUS: u8 = 101;
const HANDLE: u8 = 102;
const DATA: u8 = 103;

/// `SSH_FXF_READ`, and `SSH_FXF_WRITE | SSH_FXF_CREAT | SSH_FXF_TRUNC`.
const TO_READ: u32 = 0x01;
const TO_WRITE: u32 = 0x02 | 0x08 | 0x10;
const OK: u32 = 0;
const END_OF_FILE: u32 = 1;
const NO_SUCH_FILE: u32 = 2;
const PERMISSION_DENIED: u32 = 3;
/// Requests that wait for their answer.
const IN_FLIGHT_MAX: usize = 16;
/// Longest packet that is taken.
const PACKET_BYTES_MAX: usize = PIECE_BYTES + 4096;

/// What the device answered.
struct Answer {
    kind: u8,
    id: u32,
    body: Vec<u8>,
}

struct Session<'a> {
    file: &'a RemoteFile<'a>,
    input: ReadHalf<russh::ChannelStream<Msg>>,
    output: WriteHalf<russh::ChannelStream<Msg>>,
    next: u32,
}

/// Sends a file.
pub(super) async fn upload(
    file: &RemoteFile<'_>,
    source: &mut (dyn AsyncRead + Send + Unpin),
    size: u64,
) -> Result<Moved, DeviceError> {
    let mut session = Session::start(file).await?;
    let handle = session.open(TO_WRITE).await?;
    let mut tally = Tally::default();
    let mut waiting = 0;
    while tally.bytes < size {
        let piece = file.piece(source, size - tally.bytes).await?;
        let mut body = text(&handle);
        body.extend(tally.bytes.to_be_bytes());
        body.extend(text(&piece));
        session.send(WRITE, &body).await.map_err(lost)?;
        waiting += 1;
        tally.add(&piece);
        if waiting == IN_FLIGHT_MAX {
            session.done().await.map_err(lost)?;
            waiting -= 1;
        }
    }
    for _ in 0..waiting {
        session.done().await.map_err(lost)?;
    }
    session.send(CLOSE, &text(&handle)).await.map_err(lost)?;
    session.done().await.map_err(lost)?;
    Ok(tally.moved())
}

/// Gets a file. Answers may come in any order and may be shorter than what was asked for.
pub(super) async fn download(
    file: &RemoteFile<'_>,
    target: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<Moved, DeviceError> {
    let mut session = Session::start(file).await?;
    let handle = session.open(TO_READ).await?;
    let mut tally = Tally::default();
    let mut asked: BTreeMap<u32, (u64, usize)> = BTreeMap::new();
    let mut again: VecDeque<(u64, usize)> = VecDeque::new();
    let mut arrived: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    let (mut next, mut end) = (0_u64, None::<u64>);
    loop {
        while asked.len() + arrived.len() < IN_FLIGHT_MAX {
            let (at, length) = match again.pop_front() {
                Some(missing) => missing,
                None if end.is_some() || next > file.bytes_max => break,
                None => {
                    next += PIECE_BYTES as u64;
                    (next - PIECE_BYTES as u64, PIECE_BYTES)
                }
            };
            let mut body = text(&handle);
            body.extend(at.to_be_bytes());
            body.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
            asked.insert(session.send(READ, &body).await?, (at, length));
        }
        if asked.is_empty() {
            break;
        }
        let answer = session.receive().await?;
        let Some((at, length)) = asked.remove(&answer.id) else {
            return Err(session.nonsense("an answer to nothing"));
        };
        match session.data(&answer)? {
            None => end = Some(end.map_or(at, |end| end.min(at))),
            Some(data) if data.is_empty() || data.len() > length => return Err(session.nonsense("a wrong length")),
            Some(data) => {
                if data.len() < length {
                    again.push_back((at + data.len() as u64, length - data.len()));
                }
                arrived.insert(at, data);
            }
        }
        while let Some(piece) = arrived.remove(&tally.bytes) {
            file.keep(target, &mut tally, &piece).await?;
        }
    }
    if !arrived.is_empty() || end.is_none_or(|end| end != tally.bytes) {
        return Err(session.nonsense("a file with a hole in it, or one that changed while it was read"));
    }
    session.send(CLOSE, &text(&handle)).await?;
    session.done().await?;
    file.within(target.flush()).await?;
    Ok(tally.moved())
}

impl<'a> Session<'a> {
    async fn start(file: &'a RemoteFile<'a>) -> Result<Self, DeviceError> {
        let channel = file.connection.subsystem("sftp").await?;
        let (input, output) = tokio::io::split(channel.into_stream());
        let mut session = Self { file, input, output, next: 1 };
        session.packet(INIT, &3_u32.to_be_bytes()).await?;
        let (kind, body) = session.take().await?;
        let version = body.first_chunk().map(|bytes| u32::from_be_bytes(*bytes));
        match (kind, version) {
            (VERSION, Some(3..)) => Ok(session),
            _ => Err(session.nonsense("another version than 3")),
        }
    }

    async fn open(&mut self, flags: u32) -> Result<Vec<u8>, DeviceError> {
        let mut body = text(self.file.path.as_bytes());
        body.extend(flags.to_be_bytes());
        // no attributes: a new file gets those that the account gives
        body.extend(0_u32.to_be_bytes());
        let id = self.send(OPEN, &body).await?;
        let answer = self.receive().await?;
        match (answer.kind, take_text(&answer.body)) {
            (HANDLE, Some((handle, _))) if answer.id == id => Ok(handle.to_vec()),
            (STATUS, _) => Err(self.status(&answer)),
            _ => Err(self.nonsense("no handle")),
        }
    }

    /// Waits for a request that only says whether it was done.
    async fn done(&mut self) -> Result<(), DeviceError> {
        let answer = self.receive().await?;
        match (answer.kind, code(&answer.body)) {
            (STATUS, Some(OK)) => Ok(()),
            (STATUS, _) => Err(self.status(&answer)),
            _ => Err(self.nonsense("no status")),
        }
    }

    /// The data of an answer; nothing at the end of the file.
    fn data(&self, answer: &Answer) -> Result<Option<Vec<u8>>, DeviceError> {
        match (answer.kind, take_text(&answer.body)) {
            (DATA, Some((data, _))) => Ok(Some(data.to_vec())),
            (STATUS, _) if code(&answer.body) == Some(END_OF_FILE) => Ok(None),
            (STATUS, _) => Err(self.status(answer)),
            _ => Err(self.nonsense("no data")),
        }
    }

    async fn send(&mut self, kind: u8, body: &[u8]) -> Result<u32, DeviceError> {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let whole = [&id.to_be_bytes(), body].concat();
        self.packet(kind, &whole).await?;
        Ok(id)
    }

    async fn packet(&mut self, kind: u8, body: &[u8]) -> Result<(), DeviceError> {
        let length = u32::try_from(body.len() + 1).unwrap_or(u32::MAX);
        let mut packet = length.to_be_bytes().to_vec();
        packet.push(kind);
        packet.extend(body);
        self.file.within(self.output.write_all(&packet)).await
    }

    async fn receive(&mut self) -> Result<Answer, DeviceError> {
        let (kind, body) = self.take().await?;
        let Some((id, body)) = body.split_first_chunk() else { return Err(self.nonsense("a short packet")) };
        Ok(Answer { kind, id: u32::from_be_bytes(*id), body: body.to_vec() })
    }

    async fn take(&mut self) -> Result<(u8, Vec<u8>), DeviceError> {
        let length = self.file.within(self.input.read_u32()).await?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if !(1..=PACKET_BYTES_MAX).contains(&length) {
            return Err(self.nonsense(&format!("a packet of {length} bytes")));
        }
        let mut packet = vec![0; length];
        self.file.within(self.input.read_exact(&mut packet)).await?;
        let kind = packet.remove(0);
        Ok((kind, packet))
    }

    fn status(&self, answer: &Answer) -> DeviceError {
        let words =
            answer.body.get(4..).and_then(take_text).map(|(words, _)| String::from_utf8_lossy(words).into_owned());
        let said: String = words.unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
        let what = match code(&answer.body) {
            Some(NO_SUCH_FILE) => "there is no such file or folder".to_owned(),
            Some(PERMISSION_DENIED) => "the account may not do this".to_owned(),
            Some(code) => format!("the device says `{said}` ({code})"),
            None => "the device failed without a word".to_owned(),
        };
        self.file.problem(DeviceProblem::Rejected, &what)
    }

    fn nonsense(&self, what: &str) -> DeviceError {
        self.file.problem(DeviceProblem::Protocol, &format!("the SFTP server answered with {what}"))
    }
}

/// A text of the protocol: its length and its bytes.
fn text(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes(), bytes].concat()
}

fn take_text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn code(body: &[u8]) -> Option<u32> {
    body.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}
