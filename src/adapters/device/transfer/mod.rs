//! Files to and from a device: SFTP or SCP over a connection that stands, bounded in size and checked by SHA-256.

mod scp;

mod sftp;

use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::ssh::{Connection, lost};
use super::{DeviceError, DeviceProblem};

/// Longest path on a device, in bytes.
const PATH_BYTES_MAX: usize = 1024;
/// How many bytes are in one piece of a file.
const PIECE_BYTES: usize = 32 << 10;

/// By what a file is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// SFTP version 3 (draft-ietf-secsh-filexfer-02).
    Sftp,
    /// SCP as `scp -O` speaks it, for devices without SFTP.
    Scp,
}

/// What was moved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    /// How many bytes.
    pub bytes: u64,
    /// Their SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// Counts and hashes what passes.
#[derive(Clone, Default)]
struct Tally {
    bytes: u64,
    hash: Sha256,
}

impl Tally {
    fn add(&mut self, piece: &[u8]) {
        self.bytes += piece.len() as u64;
        self.hash.update(piece);
    }

    fn moved(self) -> Moved {
        let digest = self.hash.finalize();
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Moved { bytes: self.bytes, sha256 }
    }
}

/// One file on a device, and how it is moved.
#[derive(Clone, Copy)]
pub struct RemoteFile<'a> {
    connection: &'a Connection,
    method: Method,
    path: &'a str,
    bytes_max: u64,
}

impl<'a> RemoteFile<'a> {
    /// Names a file. No more than `bytes_max` bytes are moved.
    ///
    /// # Errors
    /// `Refused` for a path that no file has, or that a program on the device would take for something else.
    pub fn new(connection: &'a Connection, method: Method, path: &'a str, bytes_max: u64) -> Result<Self, DeviceError> {
        let is_bad = path.is_empty()
            || path.len() > PATH_BYTES_MAX
            || path.starts_with('-')
            || path.chars().any(char::is_control);
        if is_bad {
            let message = format!("{}: {path:?} is not the path of a file", connection.name());
            return Err(DeviceError::refused(DeviceProblem::Protocol, message));
        }
        Ok(Self { connection, method, path, bytes_max })
    }

    /// Writes `size` bytes of `source` to the file, then reads the file back and compares its SHA-256.
    ///
    /// # Errors
    /// `Refused` before the first byte is sent, afterwards `Lost`: the file may be half there. Names the path.
    pub async fn upload(&self, source: &mut (dyn AsyncRead + Send + Unpin), size: u64) -> Result<Moved, DeviceError> {
        if size > self.bytes_max {
            return Err(self.too_large(size));
        }
        let sent = match self.method {
            Method::Sftp => sftp::upload(self, source, size).await?,
            Method::Scp => scp::upload(self, source, size).await?,
        };
        let mut nowhere = tokio::io::sink();
        let there = self.fetch(&mut nowhere).await.map_err(lost)?;
        if there == sent {
            return Ok(sent);
        }
        let message = format!(
            "{} holds another file than was sent: {} has {} bytes with SHA-256 {}, sent were {} bytes with {}",
            self.connection.name(),
            self.path,
            there.bytes,
            there.sha256,
            sent.bytes,
            sent.sha256
        );
        Err(DeviceError::lost(DeviceProblem::Protocol, message)
            .hint("remove the file, look at the free space, send it again"))
    }

    /// Reads the file into `target`. With `expected`, the SHA-256 in hexadecimal digits, another content is an error.
    ///
    /// # Errors
    /// `Refused`; `target` may have got a part of the file, or another one.
    pub async fn download(
        &self,
        target: &mut (dyn AsyncWrite + Send + Unpin),
        expected: Option<&str>,
    ) -> Result<Moved, DeviceError> {
        let moved = self.fetch(target).await?;
        match expected {
            Some(expected) if !expected.eq_ignore_ascii_case(&moved.sha256) => {
                let (name, path, found) = (self.connection.name(), self.path, &moved.sha256);
                let message = format!("{path} of {name} has the SHA-256 {found}, expected was {expected}");
                Err(DeviceError::refused(DeviceProblem::Protocol, message))
            }
            _ => Ok(moved),
        }
    }

    async fn fetch(&self, target: &mut (dyn AsyncWrite + Send + Unpin)) -> Result<Moved, DeviceError> {
        match self.method {
            Method::Sftp => sftp::download(self, target).await,
            Method::Scp => scp::download(self, target).await,
        }
    }

    fn timeout(&self) -> Duration {
        self.connection.command_timeout()
    }

    fn problem(&self, problem: DeviceProblem, words: &str) -> DeviceError {
        DeviceError::refused(problem, format!("{} of {}: {words}", self.path, self.connection.name()))
    }

    fn too_large(&self, size: u64) -> DeviceError {
        self.problem(DeviceProblem::Protocol, &format!("{size} bytes are more than the {} allowed", self.bytes_max))
    }

    /// Waits for a step of the transfer, at most as long as a command may be silent.
    async fn within<T>(&self, step: impl Future<Output = std::io::Result<T>>) -> Result<T, DeviceError> {
        match tokio::time::timeout(self.timeout(), step).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                Err(self.problem(DeviceProblem::Unreachable, &format!("the transfer broke off: {error}")))
            }
            Err(_) => Err(self.problem(DeviceProblem::Timeout, &format!("nothing moved within {:?}", self.timeout()))),
        }
    }

    /// Reads the next piece of a local source that promised more.
    async fn piece(&self, source: &mut (dyn AsyncRead + Send + Unpin), left: u64) -> Result<Vec<u8>, DeviceError> {
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut piece = vec![0; wanted];
        match source.read_exact(&mut piece).await {
            Ok(_) => Ok(piece),
            Err(error) => {
                let words = format!("the local file ended {left} bytes early or cannot be read: {error}");
                Err(lost(self.problem(DeviceProblem::Protocol, &words)))
            }
        }
    }

    /// Writes a piece to the local target.
    async fn keep(
        &self,
        target: &mut (dyn AsyncWrite + Send + Unpin),
        tally: &mut Tally,
        piece: &[u8],
    ) -> Result<(), DeviceError> {
        if tally.bytes + piece.len() as u64 > self.bytes_max {
            return Err(self.too_large(tally.bytes + piece.len() as u64));
        }
        tally.add(piece);
        let written = target.write_all(piece).await;
        written.map_err(|error| self.problem(DeviceProblem::Protocol, &format!("it cannot be written here: {error}")))
    }
}
