//! The vocabulary of secrets: words that announce one, words between the announcement and the value, words that never are one.

use super::secret_tokens::Token;

/// What kind of secret a word announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Announces {
    /// `password`, `secret`, `passphrase`, `psk`, …
    Password,
    /// `authentication-key`, `server-key`, `pre-shared-key`, …
    NamedKey,
    /// The word `key` alone, which is also the name of many harmless things.
    Key,
    /// An SNMP community.
    Community,
}

const PASSWORD_ENDS: &[&str] = &[
    "password", "passwords", "passwd", "passphrase", "pass-phrase", "passcode", "pwd", "secret", "psk", "auth-pass",
    "priv-pass", "user-pass", "privacy-pass", "auth_pass", "user_pass", "bcrypt-hash", "password-hash", "phash",
    "pwhash", "md5-hash", "sha512-hash", "nt-hash", "password-value", "pre-share",
];
const NOT_PASSWORDS: &[&str] = &["nopassword", "no-password", "allow-no-password"];
const KEY_ENDS: &[&str] = &["-key", "_key", ".key"];
const KEY_WORDS: &[&str] = &[
    "key-string", "keystring", "passkey", "authkey", "sharedkey", "presharedkey", "privatekey", "secretkey", "apikey",
    "wepkey", "hexkey", "hex-key", "localizedkey", "cak", "key-octet-string", "prv", "api-token", "auth-token",
    "access-token", "secret-token", "bearer-token", "auth_token", "access_token", "api_token", "privpwd", "authpwd",
    "encrypted-key", "set-key", "psk-hex", "pre_shared_key", "keyhexstring", "pre-shared-secret", "privacy-encrypted",
    "auth-encrypted", "localized-key", "set-psk", "token",
];
const NOT_KEYS: &[&str] = &[
    "public-key", "public_key", "pub-key", "pubkey", "publickey", "host-key", "hostkey", "ssh-key", "ssh_key",
    "sshkey", "authorized-key", "authorized_key", "authorised-key", "ssl-key", "trusted-key", "trusted_key", "ca-key",
    "hot-key", "rsa-key", "dsa-key", "ecdsa-key", "rollover-key", "no-key", "sort-key", "foreign-key", "hash-key",
    "admin-key", "lacp-key", "actor-key", "partner-key", "primary-key", "tunnel-key", "gre-key", "user-public-key",
    "peer-public-key", "ssh-public-key", "host-public-key", "rsa-public-key", "dsa-public-key", "system-mac-key",
    "load-balance-key",
];

/// Words between the announcement and the value, in lower case.
const QUALIFIERS: &[&str] = &[
    "=", ":", "encrypted", "unencrypted", "plain", "plaintext", "plain-text", "clear", "cleartext", "clear-text",
    "ciphertext", "cipher", "simple", "text", "hash", "hashed", "irreversible-cipher", "ascii", "ascii-text", "hex",
    "hexadecimal", "enc", "encryption-type", "encrypt", "value", "type", "type6", "type7", "scrypt", "pbkdf2",
    "bcrypt", "string", "digest", "base64", "openssl", "reversible", "set-key", "key-string", "key-value", "encoded",
    "key-type",
];
const ALGORITHMS: &[&str] = &[
    "md5", "sha", "sha1", "sha-1", "sha2", "sha224", "sha256", "sha384", "sha512", "sha-224", "sha-256", "sha-384",
    "sha-512", "sha2-224", "sha2-256", "sha2-384", "sha2-512", "hmac-md5", "hmac-sha", "hmac-sha1", "hmac-sha-1",
    "hmac-sha256", "hmac-sha-256", "hmac-sha2-256", "hmac-sha512", "hmac-sha-512", "hmac-sha-1-96", "hmac-sha1-96",
    "cmac-aes-128", "aes-128-cmac", "aes-128-cmac-96", "aes-256-cmac", "aes128cmac", "aes256cmac", "keyed-md5",
    "keyed-sha1", "des", "des56", "des-56", "3des", "3desede", "des-ede3", "aes", "aes128", "aes192", "aes256",
    "aes-128", "aes-192", "aes-256", "aes-cfb-128", "aes192-c", "aes256-c", "cfb128-aes", "cfb128-aes-128", "cbc-des",
    "128", "192", "256", "message-digest", "hmac-sha-384", "hmac-sha384", "hmac_sha_1", "hmac_sha_256", "aes_128_cmac",
];

/// Words that come after a value; they end it.
const FOLLOWERS: &[&str] = &[
    "role", "level", "privilege", "encrypted", "timeout", "retransmit", "retries", "address", "hostname", "host",
    "port", "auth-port", "acct-port", "group", "class", "view", "acl", "access", "access-list", "ro", "rw", "ipv4",
    "ipv6", "version", "nopassword", "level-1", "level-2", "hash", "hash2", "custom", "usertype", "user-type", "vrf",
    "source", "source-interface", "priv", "auth", "security-name", "sec-name", "inform", "informs", "no-xauth", "mask",
    "pbkdf2", "mschap", "nt-encrypted", "attributes", "attribute", "service-type", "single-connection",
    "encryption-type", "authenticate", "send-only", "read-only", "read-write", "authorization", "uid", "gid",
    "expires", "expire", "lifetime", "key", "key-id", "type", "direction", "spi", "to", "from", "and", "or", "server",
    "idle-timeout", "unrestricted", "restricted", "operator", "manager", "name", "user", "shelltype", "hmac",
    "primary", "secondary", "snp", "validate", "priv-pass", "localizedkey", "localized-key", "engineid", "use-acl",
    "trap-level", "udp-port", "password", "secret", "algorithm", "passphrase", "sshkey", "create-user", "operation",
    "order", "rsa", "source-ip", "vrf-name", "vpn-instance", "weight", "test", "idle-time", "auth-type", "acct",
    "no-username", "status",
];

/// What may stand after `password` when passwords are regulated, not set.
const PASSWORD_RULES: &[&str] = &[
    "strength-check", "encryption", "policy", "policies", "min-length", "minimum-length", "minimum", "max-length",
    "maximum-length", "lifetime", "history", "complexity", "length", "expire", "expiration", "aging", "logging",
    "rule", "prompt", "recovery", "change", "attempts", "retry", "strength", "secure-mode", "prefix", "checks",
    "required", "authentication", "format", "hash", "lockout", "min", "max", "valid", "none", "change-interval",
    "validity", "complexity-check", "security-level", "username-check", "reuse", "reuse-check", "change-type",
    "requirements",
];
/// What may stand after `key` when it is not a secret.
const KEY_STRUCTURE: &[&str] = &[
    "chain", "generate", "zeroize", "import", "export", "pubkey-chain", "id", "param", "version", "identifier", "is",
    "storage", "lock", "unlock", "move", "encrypt", "decrypt", "size", "length", "modulus", "label", "rsa", "ec",
    "ecdsa", "dsa", "missing", "authority", "mask", "type", "exchange", "pair", "management", "rollover", "feature",
    "imported", "to", "of", "for", "and", "or", "in", "on", "the", "not", "usage", "renewal", "server", "address",
    "hostname", "authorization-list", "certificate", "expansion", "mypubkey", "lookup", "name", "index", "=", "method",
];
const PROSE: &[&str] = &[
    "to", "is", "for", "and", "or", "from", "of", "in", "must", "has", "was", "will", "the", "on", "by", "at", "with",
    "are", "be", "not", "can", "required", "changed", "expired", "set", "prompt", "if", "you", "your", "should", "may",
    "authentication",
];
/// First words of lines whose last value may contain spaces.
const REST_IS_VALUE: &[&str] = &[
    "enable", "password", "secret", "username", "neighbor", "key-string", "key", "ip", "area", "tacacs-server",
    "radius-server", "user", "peer", "passwd", "server-key", "isis", "area-password", "domain-password", "ospf",
    "pre-shared-key",
];
/// First words of lines that are prose or names.
const PROSE_LINES: &[&str] = &["description", "remark", "comment", "hostname", "alias", "descr", "banner", "message"];

fn among(list: &[&str], word: &str) -> bool {
    list.contains(&word)
}

/// Returns what a word (lower case) announces, if it announces a secret.
pub(super) fn announces(word: &str) -> Option<Announces> {
    let word = word.trim_matches(|c: char| matches!(c, '-' | ':' | ',' | ';' | '"' | '\'' | '<' | '[' | '{' | '('));
    let last = word.rsplit(['.', '/']).next().unwrap_or(word);
    if among(NOT_PASSWORDS, last) || among(NOT_KEYS, last) {
        return None;
    }
    if PASSWORD_ENDS.iter().any(|end| last.ends_with(end)) {
        return Some(Announces::Password);
    }
    if last == "key" {
        return Some(if last.len() == word.len() { Announces::Key } else { Announces::NamedKey });
    }
    if among(KEY_WORDS, last) || KEY_ENDS.iter().any(|end| last.ends_with(end)) {
        return Some(Announces::NamedKey);
    }
    if last.contains("-community")
        && !last.contains("snmp")
        && ["send-", "set-", "extended-", "large-", "ext"].iter().any(|start| last.starts_with(start))
    {
        return None;
    }
    let community = last
        .split(['-', '_'])
        .any(|part| matches!(part, "community" | "rocommunity" | "rwcommunity" | "rocommunity6" | "rwcommunity6"));
    (community && !last.ends_with("-list") && !last.ends_with("-index")).then_some(Announces::Community)
}

/// Tells whether a word only says in which form the value follows.
pub(super) fn is_qualifier(word: &str, announced: Announces) -> bool {
    let community = || {
        among(
            &["read", "write", "read-only", "read-write", "readonly", "readwrite", "read-write-all", "add", "create"],
            word,
        ) || among(&["name", "community-name", "index", "set", "find", "[", "]", "default=yes"], word)
    };
    let key = || among(&["authentication", "authorization", "accounting", "config-key", "password-encrypt", "6"], word);
    let shared = || among(&["local", "remote", "key", "initiator", "responder"], word);
    among(QUALIFIERS, word)
        || is_algorithm(word)
        || match announced {
            Announces::Community => community(),
            Announces::Key => key(),
            Announces::NamedKey => shared(),
            Announces::Password => false,
        }
}

/// Tells whether a word names a hash or cipher of keys.
pub(super) fn is_algorithm(word: &str) -> bool {
    among(ALGORITHMS, word)
}

/// Tells whether a word ends a value that may have several words.
pub(super) fn is_follower(token: &Token<'_>) -> bool {
    let word = token.lower.as_ref();
    among(FOLLOWERS, word)
        || word.starts_with(['-', '#', '/', '|', '{', '}', ';', '[', ']', '!'])
        || word.bytes().all(|b| b.is_ascii_digit() || b == b'.' || b == b'/')
}

/// Tells whether a word comes after the community itself.
pub(super) fn follows_community(word: &str) -> bool {
    among(
        &[
            "ro", "rw", "view", "group", "use-acl", "ipv4", "ipv6", "acl", "restricted", "unrestricted", "host",
            "version",
        ],
        word,
    )
}

/// Tells whether the word after an announcement is not a value.
pub(super) fn is_structure(announced: Announces, first: &str, word: &str) -> bool {
    if word.bytes().all(|b| matches!(b, b'{' | b'}' | b'[' | b']' | b';' | b',' | b'*' | b'!' | b'(' | b')' | b'|')) {
        return true;
    }
    if among(&["lifetime", "warntime", "engineid", "engine-id"], word) {
        return true;
    }
    let regulated = !among(&["username", "user", "neighbor", "enable", "secret"], first);
    match announced {
        Announces::Password if regulated => {
            among(PASSWORD_RULES, word) || !among(REST_IS_VALUE, first) && among(PROSE, word)
        }
        Announces::Password => false,
        Announces::Key => among(KEY_STRUCTURE, word),
        Announces::NamedKey => among(
            &["chain", "address", "hostname", "generate", "lifetime", "timeout", "type", "id", "bucket", "ring"],
            word,
        ),
        Announces::Community => {
            among(&["complexity-check", "print", "remove", "list", "map", "mode", "accessmode", "ipaddr"], word)
        }
    }
}

/// Tells whether everything up to a known word belongs to the value.
pub(super) fn rest_is_value(first: &str) -> bool {
    among(REST_IS_VALUE, first)
}

/// Tells whether a line with this first word is prose or a name.
pub(super) fn is_prose_line(first: &str) -> bool {
    among(PROSE_LINES, first)
}

/// Tells whether a word that nobody announced looks like a key or a hash: long, and mixed as no name is.
pub(super) fn looks_secret(word: &str) -> bool {
    if word.len() < 16 || word.contains("://") || word.starts_with("AAAA") && word.len() > 60 {
        return false;
    }
    let hex = word.strip_prefix("0x").unwrap_or(word);
    if hex.len() >= 16 && hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return hex.len() >= 24
            || hex.bytes().any(|b| b.is_ascii_digit()) && hex.bytes().any(|b| b.is_ascii_alphabetic());
    }
    let chunk = word.split(['-', '.', ':', ',', '@', '_']).max_by_key(|part| part.len()).unwrap_or_default();
    if chunk.len() < 14 || chunk.matches('/').count() > 2 {
        return false;
    }
    let class = |b: u8| match b {
        b'a'..=b'z' => 0,
        b'A'..=b'Z' => 1,
        b'0'..=b'9' => 2,
        _ => 3,
    };
    let bytes = chunk.as_bytes();
    let changes = bytes.windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count();
    let classes = (0..3).filter(|c| bytes.iter().any(|b| class(*b) == *c)).count();
    classes == 3 && changes * 4 >= chunk.len()
}
