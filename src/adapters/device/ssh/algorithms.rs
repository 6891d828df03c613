//! What is offered to a server: safe algorithms, and those of old devices only where the inventory allows them.

use std::borrow::Cow;

use russh::client::GexParams;
use russh::keys::{Algorithm, HashAlg};
use russh::{AlgorithmKind, Preferred, cipher, kex, mac};

use crate::adapters::device::{DeviceError, DeviceProblem, HostKey};

/// Algorithms that are safe, and common on devices, beyond the library's own choice.
const KEX_SAFE: [kex::Name; 3] = [kex::ECDH_SHA2_NISTP256, kex::ECDH_SHA2_NISTP384, kex::ECDH_SHA2_NISTP521];
const KEX_LEGACY: [kex::Name; 3] = [kex::DH_G14_SHA1, kex::DH_GEX_SHA1, kex::DH_G1_SHA1];
const CIPHERS_LEGACY: [cipher::Name; 4] =
    [cipher::AES_256_CBC, cipher::AES_192_CBC, cipher::AES_128_CBC, cipher::TRIPLE_DES_CBC];
const MACS_LEGACY: [mac::Name; 2] = [mac::HMAC_SHA1_ETM, mac::HMAC_SHA1];
/// Group sizes in bits that are asked for in a group exchange (RFC 4419): least, wanted, most. Large groups cost a slow
/// device seconds, and old servers have no larger ones than 2048 bits.
const GROUP_BITS: (usize, usize, usize) = (2048, 3072, 8192);
const GROUP_BITS_LEGACY: (usize, usize, usize) = (2048, 2048, 8192);

/// Returns what is offered. Certificates of hosts are asked for only where an authority is trusted.
pub(super) fn preferred(legacy: bool, host_key: &HostKey) -> Preferred {
    let default = Preferred::DEFAULT;
    let mut kex: Vec<_> = default.kex.to_vec();
    kex.splice(3..3, KEX_SAFE);
    let mut keys: Vec<Algorithm> =
        default.key.iter().filter(|key| !matches!(key, Algorithm::Rsa { hash: None })).cloned().collect();
    let certificates = match host_key {
        HostKey::Authority(_) => keys.clone(),
        HostKey::Pinned(_) | HostKey::Remembered(_) | HostKey::AcceptNew | HostKey::Unknown => Vec::new(),
    };
    let mut ciphers = default.cipher.to_vec();
    ciphers.insert(2, cipher::AES_128_GCM);
    let mut macs = default.mac.to_vec();
    if legacy {
        kex.extend(KEX_LEGACY);
        keys.extend([Algorithm::Rsa { hash: None }, Algorithm::Dsa]);
        ciphers.extend(CIPHERS_LEGACY);
        macs.extend(MACS_LEGACY);
    }
    Preferred {
        kex: Cow::Owned(kex),
        key: Cow::Owned(keys),
        host_key_certificates: Cow::Owned(certificates),
        cipher: Cow::Owned(ciphers),
        mac: Cow::Owned(macs),
        ..default
    }
}

/// Returns the sizes of groups that are asked for.
pub(super) fn groups(legacy: bool) -> GexParams {
    let (least, wanted, most) = if legacy { GROUP_BITS_LEGACY } else { GROUP_BITS };
    GexParams::new(least, wanted, most).unwrap_or_default()
}

/// Says that a server and we have no algorithm in common.
pub(super) fn nothing_in_common(name: &str, kind: &AlgorithmKind, theirs: &[String], legacy: bool) -> DeviceError {
    let what = match kind {
        AlgorithmKind::Kex => "key exchange",
        AlgorithmKind::Key => "host key",
        AlgorithmKind::Cipher => "cipher",
        AlgorithmKind::Compression => "compression",
        AlgorithmKind::Mac => "message authentication (MAC)",
    };
    let offers = if theirs.is_empty() { "nothing".to_owned() } else { theirs.join(", ") };
    let (message, hint) = if legacy {
        let message = format!("{name} offers no {what} algorithm that is supported; it offers {offers}");
        (message, "enable a newer algorithm on the device, or update it")
    } else {
        let message = format!("{name} offers no {what} algorithm that is considered safe; it offers {offers}");
        (
            message,
            "update the device, or allow old algorithms for it in the inventory: `connection: {legacy_algorithms: true}`",
        )
    };
    DeviceError::refused(DeviceProblem::Protocol, message).hint(hint)
}

/// Returns the hash with which an RSA key signs, from what the server told about it (RFC 8332, RFC 8308); `Err` when it
/// only takes SHA-1 and that is not allowed.
pub(super) fn rsa_hash(told: Option<Option<HashAlg>>, legacy: bool) -> Result<Option<HashAlg>, ()> {
    match told {
        Some(Some(hash)) => Ok(Some(hash)),
        Some(None) if !legacy => Err(()),
        Some(None) => Ok(None),
        // a server that does not tell is too old for SHA-2, or does not talk about it
        None if legacy => Ok(None),
        None => Ok(Some(HashAlg::Sha512)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_algorithms_are_offered_only_where_they_are_allowed_and_last() {
        let old = ["diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1", "diffie-hellman-group-exchange-sha1"];
        let of = |legacy| preferred(legacy, &HostKey::Unknown);
        let names = |legacy: bool| of(legacy).kex.iter().map(|name| name.as_ref().to_owned()).collect::<Vec<_>>();
        assert!(!names(false).iter().any(|name| old.contains(&name.as_str())));
        assert!(names(true).iter().rev().take(3).all(|name| old.contains(&name.as_str())));
        assert!(!of(false).cipher.iter().any(|name| name.as_ref().contains("cbc")));
        assert!(of(true).cipher.contains(&cipher::TRIPLE_DES_CBC) && of(true).mac.contains(&mac::HMAC_SHA1));
        assert!(!of(false).mac.contains(&mac::HMAC_SHA1));
        assert!(!of(false).key.contains(&Algorithm::Dsa) && of(true).key.contains(&Algorithm::Dsa));
        assert!(!of(false).key.contains(&Algorithm::Rsa { hash: None }));
        assert!(of(false).host_key_certificates.is_empty());
        let signed = preferred(true, &HostKey::Authority(Vec::new()));
        assert!(!signed.host_key_certificates.is_empty() && !signed.host_key_certificates.contains(&Algorithm::Dsa));
    }

    #[test]
    fn sha1_signs_only_where_it_is_allowed() {
        let (sha2, sha1) = (Some(HashAlg::Sha256), None);
        assert_eq!(rsa_hash(Some(sha2), false), Ok(sha2));
        assert_eq!(rsa_hash(Some(sha1), false), Err(()));
        assert_eq!((rsa_hash(Some(sha1), true), rsa_hash(None, true)), (Ok(None), Ok(None)));
        assert_eq!(rsa_hash(None, false), Ok(Some(HashAlg::Sha512)));
        assert_eq!(groups(true).preferred_group_size(), 2048);
    }
}
