//! Our side of the protocol: believes or refuses the host key and keeps what the server says in farewell.

use std::sync::{Arc, Mutex, PoisonError};

use russh::client::{DisconnectReason, Handler};
use russh::keys::PublicKeyOrCertificate;

use super::host_key::{self, Shown};
use super::{Peer, algorithms, quoted, words};
use crate::adapters::device::{DeviceError, DeviceProblem, HostKey};

/// What was heard from a server beside its answers; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Heard(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    host_key: Shown,
    farewell: String,
}

impl Heard {
    /// The host key that was shown.
    pub(super) fn host_key(&self) -> Shown {
        self.with(|said| said.host_key.clone())
    }

    /// Why the connection ended, in the server's words or the library's; empty when nobody said.
    pub(super) fn farewell(&self) -> String {
        self.with(|said| said.farewell.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Said) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The client side of the protocol.
pub(super) struct Client {
    expected: HostKey,
    address: String,
    heard: Heard,
}

impl Client {
    pub(super) fn new(expected: &HostKey, address: &str, heard: Heard) -> Self {
        Self { expected: expected.clone(), address: address.to_owned(), heard }
    }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let shown = host_key::decide(&self.expected, &self.address, key);
        let is_accepted = shown.is_accepted;
        self.heard.with(|said| said.host_key = shown);
        Ok(is_accepted)
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                self.heard.with(|said| said.farewell = format!("it said `{}`", quoted(&info.message)));
                Ok(())
            }
            DisconnectReason::Error(error) => {
                self.heard.with(|said| said.farewell = words(&error));
                Err(error)
            }
        }
    }
}

/// Says why a handshake failed.
pub(super) fn handshake_failed(peer: &Peer<'_>, shown: &Shown, error: &russh::Error) -> DeviceError {
    let name = &peer.name;
    if !shown.fingerprint.is_empty() && !shown.is_accepted {
        return host_key::refused(name, peer.host_key, shown);
    }
    if let russh::Error::NoCommonAlgo { kind, theirs, .. } = error {
        return algorithms::nothing_in_common(name, kind, theirs, peer.legacy_algorithms);
    }
    let message = format!("the SSH handshake with {name} failed: {}", words(error));
    DeviceError::refused(DeviceProblem::Unreachable, message).hint("check that an SSH server answers on this port")
}
