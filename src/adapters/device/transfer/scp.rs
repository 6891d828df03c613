//! SCP as `scp -O` speaks it: a header line, the bytes, a zero; each answered with a zero or with an error line.

use russh::ChannelMsg;
use russh::client::Msg;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{Moved, PIECE_BYTES, RemoteFile, Tally};
use crate::adapters::device::ssh::lost;
use crate::adapters::device::{DeviceError, DeviceProblem};

/// Longest line of the protocol.
const LINE_BYTES_MAX: usize = 4096;

type Stream = russh::ChannelStream<Msg>;

/// Sends a file to a sink (`scp -t`).
pub(super) async fn upload(
    file: &RemoteFile<'_>,
    source: &mut (dyn AsyncRead + Send + Unpin),
    size: u64,
) -> Result<Moved, DeviceError> {
    let mut stream = open(file, "-t").await?;
    accepted(file, &mut stream).await?;
    // the name is only used when the path is a folder, and then it would be another file
    let header = format!("C0644 {size} {}\n", file.path.rsplit('/').next().unwrap_or("file"));
    file.within(stream.write_all(header.as_bytes())).await?;
    accepted(file, &mut stream).await?;
    let mut tally = Tally::default();
    while tally.bytes < size {
        let piece = file.piece(source, size - tally.bytes).await?;
        file.within(stream.write_all(&piece)).await.map_err(lost)?;
        tally.add(&piece);
    }
    file.within(stream.write_all(&[0])).await.map_err(lost)?;
    accepted(file, &mut stream).await.map_err(lost)?;
    // the end of the file is on the disk when the program ends
    let _ = stream.shutdown().await;
    let mut rest = Vec::new();
    file.within(stream.take(LINE_BYTES_MAX as u64).read_to_end(&mut rest)).await.map_err(lost)?;
    Ok(tally.moved())
}

/// Gets a file from a source (`scp -f`).
pub(super) async fn download(
    file: &RemoteFile<'_>,
    target: &mut (dyn AsyncWrite + Send + Unpin),
) -> Result<Moved, DeviceError> {
    let mut stream = open(file, "-f").await?;
    file.within(stream.write_all(&[0])).await?;
    let header = line(file, &mut stream).await?;
    let size =
        header.strip_prefix('C').and_then(|rest| rest.split(' ').nth(1)).and_then(|size| size.parse::<u64>().ok());
    let Some(size) = size else {
        return Err(file.problem(DeviceProblem::Rejected, &format!("it is not sent: `{}`", words(&header))));
    };
    if size > file.bytes_max {
        return Err(file.too_large(size));
    }
    file.within(stream.write_all(&[0])).await?;
    let mut tally = Tally::default();
    let mut buffer = vec![0; PIECE_BYTES];
    while tally.bytes < size {
        let wanted = usize::try_from(size - tally.bytes).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let count = file.within(stream.read(&mut buffer[..wanted])).await?;
        if count == 0 {
            let words = format!("it ended after {} of {size} bytes", tally.bytes);
            return Err(file.problem(DeviceProblem::Unreachable, &words));
        }
        file.keep(target, &mut tally, &buffer[..count]).await?;
    }
    accepted(file, &mut stream).await?;
    file.within(stream.write_all(&[0])).await?;
    file.within(target.flush()).await?;
    Ok(tally.moved())
}

async fn open(file: &RemoteFile<'_>, side: &str) -> Result<Stream, DeviceError> {
    let command = format!("scp {side} -- {}", quote(file.path));
    let mut channel = file.connection.command(&command).await?;
    loop {
        let message = tokio::time::timeout(file.timeout(), channel.wait()).await;
        match message.map_err(|_| file.problem(DeviceProblem::Timeout, "scp did not start"))? {
            Some(ChannelMsg::Success) => return Ok(channel.into_stream()),
            Some(ChannelMsg::Failure | ChannelMsg::Close | ChannelMsg::Eof) | None => {
                return Err(file
                    .problem(DeviceProblem::Rejected, "the device does not run scp")
                    .hint("enable SCP on it"));
            }
            Some(_) => {}
        }
    }
}

/// Reads the answer to what was sent: zero, or 1 or 2 and an error line.
async fn accepted(file: &RemoteFile<'_>, stream: &mut Stream) -> Result<(), DeviceError> {
    match file.within(stream.read_u8()).await {
        Ok(0) => Ok(()),
        Ok(1 | 2) => {
            let said = line(file, stream).await?;
            Err(file.problem(DeviceProblem::Rejected, &format!("the device says `{}`", words(&said))))
        }
        Ok(first) => {
            let said = line(file, stream).await.unwrap_or_default();
            let said = format!("{}{said}", char::from(first));
            Err(file.problem(DeviceProblem::Protocol, &format!("this is not scp: `{}`", words(&said))))
        }
        Err(error) => Err(error),
    }
}

/// Reads to the end of a line; an error line comes with its number before it.
async fn line(file: &RemoteFile<'_>, stream: &mut Stream) -> Result<String, DeviceError> {
    let mut bytes = Vec::new();
    while bytes.len() < LINE_BYTES_MAX {
        match file.within(stream.read_u8()).await? {
            b'\n' => break,
            byte => bytes.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn words(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect::<String>().trim().to_owned()
}

/// Quotes a word for the shell that starts `scp` on the device.
fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | ':' | ',' | '+' | '=');
    // devices without a shell take the word as it is
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
