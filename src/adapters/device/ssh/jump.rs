//! The byte stream to a port of a device: straight, or through SSH servers in sequence, each checked and logged in to.
//!
//! Every transport starts here, so that jump hosts work for all of them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use russh::ChannelOpenFailure;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Bounds, Connection, Peer, lower, name_of, slow};
use crate::adapters::device::access::{Jump, Keepalive};
use crate::adapters::device::{DeviceError, DeviceProblem, Target};

/// Most SSH servers in sequence.
pub const JUMPS_MAX: usize = 8;
/// What forwarded connections are said to come from; servers only log it.
const ORIGIN: (&str, u32) = ("127.0.0.1", 0);

/// A byte stream to a device. It keeps the connections alive that it runs through.
pub struct Stream {
    bytes: Box<dyn Bytes>,
    /// Dropped after the stream, the last one first.
    _through: Vec<Connection>,
}

/// What a byte stream can do.
trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_read(context, buffer)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.bytes.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(context)
    }
}

/// Opens the byte stream to a target's own port.
///
/// # Errors
/// Always `Refused`; names the hop that failed.
pub async fn open(target: &Target) -> Result<Stream, DeviceError> {
    open_port(target, target.port).await
}

/// Opens a byte stream to another port of a target, for example that of its HTTP API.
///
/// # Errors
/// Always `Refused`; names the hop that failed.
pub async fn open_port(target: &Target, port: u16) -> Result<Stream, DeviceError> {
    let jumps = &target.access.jumps;
    let bounds = Bounds::of(target);
    let name =
        if port == target.port { name_of(target) } else { format!("{} ({}:{port})", target.device, target.address) };
    if jumps.len() > JUMPS_MAX {
        let message = format!("{name} is behind {} jump hosts, at most {JUMPS_MAX} are gone through", jumps.len());
        return Err(DeviceError::refused(DeviceProblem::Protocol, message).hint("shorten `via`"));
    }
    let mut through: Vec<Connection> = Vec::new();
    for jump in jumps {
        let peer = Peer::jump(jump, bounds);
        let stream = next(&through, (&jump.address, jump.port), &peer.name, bounds).await;
        let stream = stream.map_err(|error| behind(&name, error))?;
        let connection = Connection::over(stream, &peer).await.map_err(|error| behind(&name, error))?;
        // a target that is dialled again keeps the first one
        let _ = jump.shown.set(connection.host_key().to_owned());
        through.push(connection);
    }
    let mut stream = next(&through, (&target.address, port), &name, bounds).await?;
    through.reverse();
    stream._through = through;
    Ok(stream)
}

/// Names the jump hosts of a target, for messages.
pub fn route(jumps: &[Jump]) -> String {
    jumps.iter().map(|jump| jump.name.as_str()).collect::<Vec<_>>().join(" → ")
}

/// A hop on the way failed: says which device cannot be reached because of it.
fn behind(name: &str, error: DeviceError) -> DeviceError {
    DeviceError { message: format!("{name} cannot be reached: {}", error.message), ..error }
}

/// Opens the stream to the next hop: over the last connection, or by TCP when there is none.
async fn next(
    through: &[Connection],
    (address, port): (&str, u16),
    name: &str,
    bounds: Bounds,
) -> Result<Stream, DeviceError> {
    let bytes: Box<dyn Bytes> = match through.last() {
        None => Box::new(connect((address, port), name, bounds).await?),
        Some(last) => Box::new(forwarded(last, (address, port), name, bounds.connect).await?),
    };
    Ok(Stream { bytes, _through: Vec::new() })
}

async fn forwarded(
    last: &Connection,
    (address, port): (&str, u16),
    name: &str,
    connect_timeout: Duration,
) -> Result<impl Bytes + 'static, DeviceError> {
    let opening = last.forward((address, port), ORIGIN);
    match timeout(connect_timeout, opening).await {
        Err(_) => Err(slow(name, &format!("no connection through the {}", last.name()), connect_timeout)
            .hint("check the address and the route between the jump host and the next hop")),
        Ok(Ok(channel)) => Ok(channel.into_stream()),
        Ok(Err(russh::Error::ChannelOpenFailure(why))) => {
            let (words, hint) = match why {
                ChannelOpenFailure::AdministrativelyProhibited => {
                    ("it does not forward connections", "allow it there: AllowTcpForwarding and PermitOpen of OpenSSH")
                }
                ChannelOpenFailure::ConnectFailed => {
                    ("it could not connect", "check the address and port as the jump host sees them")
                }
                ChannelOpenFailure::UnknownChannelType => ("it cannot forward connections", "use another jump host"),
                ChannelOpenFailure::ResourceShortage => ("it has no resources left", "look at the jump host"),
                ChannelOpenFailure::Other { .. } => ("it refused", "look at the log of the jump host"),
            };
            let message = format!("the {} did not open the connection to {name}: {words}", last.name());
            Err(DeviceError::refused(DeviceProblem::Unreachable, message).hint(hint))
        }
        Ok(Err(error)) => Err(super::gone(last.name(), &error)),
    }
}

/// Connects by TCP.
///
/// # Errors
/// `Refused` with `Timeout` or `Unreachable`.
async fn connect(to: (&str, u16), name: &str, bounds: Bounds) -> Result<TcpStream, DeviceError> {
    match timeout(bounds.connect, TcpStream::connect(to)).await {
        Err(_) => Err(slow(name, "no TCP connection", bounds.connect)
            .hint("check the address, the route and the firewall between here and the device")),
        Ok(Err(error)) => {
            let hint = match error.kind() {
                io::ErrorKind::ConnectionRefused => "nothing listens there: check the port and the service",
                _ => "check the address in the inventory and the route to it",
            };
            let message = format!("cannot connect to {name}: {}", lower(&error.to_string()));
            Err(DeviceError::refused(DeviceProblem::Unreachable, message).hint(hint))
        }
        Ok(Ok(stream)) => {
            // latency only; a socket that cannot do it still works
            let _ = stream.set_nodelay(true);
            keep_alive(&stream, bounds.keepalive);
            Ok(stream)
        }
    }
}

/// Lets the kernel notice a dead peer too: SSH asks only after the login, Telnet never does.
fn keep_alive(stream: &TcpStream, keepalive: Keepalive) {
    use rustix::net::sockopt;
    if keepalive.interval.is_zero() {
        return;
    }
    let interval = keepalive.interval.max(Duration::from_secs(1));
    // a kernel that cannot do it leaves the bounds on silence
    let _ = sockopt::set_socket_keepalive(stream, true)
        .and_then(|()| sockopt::set_tcp_keepidle(stream, interval))
        .and_then(|()| sockopt::set_tcp_keepintvl(stream, interval))
        .and_then(|()| sockopt::set_tcp_keepcnt(stream, keepalive.count));
}
