//! The byte stream of a terminal, whatever carries it: a channel of SSH or a Telnet connection.

use russh::client::Msg;
use russh::{Channel, ChannelMsg};

use super::telnet::TelnetConsole;

/// A terminal's byte stream. Both kinds speak in the messages of an SSH channel.
pub enum Console {
    /// A channel of SSH.
    Ssh(Channel<Msg>),
    /// A Telnet connection.
    Telnet(TelnetConsole),
}

impl Console {
    /// Waits for output; nothing comes after the end. Dropping the future loses nothing.
    pub async fn wait(&mut self) -> Option<ChannelMsg> {
        match self {
            Self::Ssh(channel) => channel.wait().await,
            Self::Telnet(console) => console.read().await.map(|data| ChannelMsg::Data { data: data.into() }),
        }
    }

    /// Sends input.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub async fn data_bytes(&mut self, bytes: Vec<u8>) -> Result<(), russh::Error> {
        match self {
            Self::Ssh(channel) => channel.data_bytes(bytes).await,
            Self::Telnet(console) => console.write(&bytes).await.map_err(russh::Error::from),
        }
    }
}
