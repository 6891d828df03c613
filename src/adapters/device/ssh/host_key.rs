//! Who the other side is: the host key against what the inventory and the store say, before any credential is sent.

use russh::keys::ssh_key::Fingerprint;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, HashAlg, PublicKeyOrCertificate};

use crate::adapters::clock::Clock;
use crate::adapters::device::{DeviceError, DeviceProblem, HostKey};

/// The host key that was shown, and what was decided about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    /// Its kind, as OpenSSH names it.
    pub(super) algorithm: String,
    /// `SHA256:…`; empty while none was shown.
    pub(super) fingerprint: String,
    /// Whether it is believed.
    pub(super) is_accepted: bool,
    /// What is wrong with its certificate, where one was asked for.
    pub(super) complaint: String,
}

/// Decides about the key that a host at this address shows.
pub(super) fn decide(expected: &HostKey, address: &str, key: &PublicKeyOrCertificate) -> Shown {
    let public = key.public_key();
    let fingerprint = public.fingerprint(HashAlg::Sha256).to_string();
    let mut complaint = String::new();
    let is_accepted = match expected {
        HostKey::Pinned(known) | HostKey::Remembered(known) => known.trim().trim_end_matches('=') == fingerprint,
        HostKey::AcceptNew => true,
        HostKey::Unknown => false,
        HostKey::Authority(authorities) => {
            let checked = match key.certificate() {
                None => Err("it shows a plain key and no certificate".to_owned()),
                Some(certificate) => signed_for(certificate, authorities, address),
            };
            complaint = checked.err().unwrap_or_default();
            complaint.is_empty()
        }
    };
    Shown { algorithm: public.algorithm().to_string(), fingerprint, is_accepted, complaint }
}

/// Checks a host certificate as `PROTOCOL.certkeys` of OpenSSH says: kind, authority, signature, time, name.
fn signed_for(certificate: &Certificate, authorities: &[String], address: &str) -> Result<(), String> {
    if certificate.cert_type() != CertType::Host {
        return Err("its certificate is one for users".into());
    }
    let authority = certificate.signature_key().fingerprint(HashAlg::Sha256);
    if !authorities.iter().any(|known| known.trim().trim_end_matches('=') == authority.to_string()) {
        return Err(format!("its certificate is signed by {authority}, which is not trusted"));
    }
    let now = u64::try_from(Clock::System.now().as_second()).unwrap_or_default();
    if now < certificate.valid_after() || now >= certificate.valid_before() {
        return Err("its certificate is not valid at this time".into());
    }
    let trusted: [Fingerprint; 1] = [authority];
    certificate.validate_at(now, &trusted).map_err(|_| "the signature of its certificate is wrong".to_owned())?;
    if let Some((option, _)) = certificate.critical_options().iter().next() {
        return Err(format!("its certificate has the critical option {option:?}, which is not known"));
    }
    let names = certificate.valid_principals();
    // A host certificate without names would be good for every host; OpenSSH does not believe it either.
    if names.iter().any(|name| name.eq_ignore_ascii_case(address)) {
        return Ok(());
    }
    let names = if names.is_empty() { "no name".to_owned() } else { names.join(", ") };
    Err(format!("its certificate is for {names} and not for {address}"))
}

/// Says why a host key was not believed.
pub(super) fn refused(name: &str, expected: &HostKey, shown: &Shown) -> DeviceError {
    let Shown { algorithm, fingerprint, complaint, .. } = shown;
    let device = name.split(" (").next().unwrap_or(name).replace("jump host ", "--jump-host ");
    let changed = |known: &str, whence: &str| {
        format!(
            "THE HOST KEY OF {name} HAS CHANGED: it shows {fingerprint} ({algorithm}), but {whence} {known}; \
             nothing was sent, no login was tried"
        )
    };
    let (message, hint) = match expected {
        HostKey::Pinned(known) => (
            changed(known, "the inventory expects"),
            "somebody may be in between; if the device was replaced, check the key on its console and update `host_key`"
                .to_owned(),
        ),
        HostKey::Remembered(known) => (
            changed(known, "accepted before was"),
            format!(
                "somebody may be in between; if the device was replaced, check the key on its console and accept it with \
                 `reconverge trust {device} {fingerprint}`"
            ),
        ),
        HostKey::Authority(_) => (
            format!("{name} shows the host key {fingerprint} ({algorithm}), but {complaint}"),
            "give the device a certificate of the authority for its address, or pin its key with `host_key`".to_owned(),
        ),
        HostKey::Unknown | HostKey::AcceptNew => (
            format!("the host key of {name} is not known yet: {fingerprint} ({algorithm})"),
            format!(
                "compare it on the device's console, then accept it with `reconverge trust {device} {fingerprint}` or write \
                 in the inventory: host_key: \"{fingerprint}\""
            ),
        ),
    };
    DeviceError::refused(DeviceProblem::HostKey, message).hint(hint)
}
