//! Where the secrets of one line stand: by announcing words, by the shape of a value, and by what surrounds the line.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::secret_tokens::{Token, tokens};
use super::secret_words::{
    Announces, announces, follows_community, is_algorithm, is_follower, is_prose_line, is_qualifier, is_structure,
    looks_secret, rest_is_value,
};

/// What the sections around a line are about, as far as it changes what is a secret.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Context {
    /// Something of SNMP.
    snmp: bool,
    /// A list whose entries are named by SNMP communities.
    communities: bool,
    /// A server that shares a key with us: RADIUS, TACACS+, LDAP.
    servers: bool,
    /// A list of numbered keys.
    chain: bool,
    /// A first-hop redundancy group.
    redundancy: bool,
}

/// Most words between the announcement of a secret and its value.
const QUALIFIERS_MAX: usize = 8;

/// Lines that do not match can neither hold a secret nor say anything about the lines below.
const TRIGGER: &str = r"(?i)pass|pwd|secret|key|communit|psk|pre-share|hash|token|phrase|credential|auth|crypt|cipher|snmp|radius|tacacs|ldap|vrrp|hsrp|standby|nhrp|glbp|\bcak\b|mgmt-user|<prv>|<tls>|://|\bENC |\$[0-9a-zA-Z]{1,9}\$|%[\^@$#+]%|\{(?:enc|sha|ssha|md5|crypt|aes)|-AQ==|\bencrypted:|securityname|createuser|\bipsec ";

static TRIGGERS: LazyLock<Regex> = LazyLock::new(|| regex(TRIGGER));
static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r#"\$(?:0|1|1a|2[abxy]?|3|4|5|6|7|8|9|10|14|y|c|h|x|M|apr1|argon2[a-z]*|scrypt|sha\d*|pbkdf2[a-z0-9-]*)\$[^\s"';<,\\]{4,}"#,
        r"|%\^%#.*?%\^%#|%@%@.*?%@%@|%\$%\$.*?%\$%\$|%#%#.*?%#%#|%\+%##.*?%\+%##|%\^%#\S+",
        r#"|\{(?:enc\d?|e?sha\d*|ssha\d*|md5|crypt|aes[a-z0-9-]*)\}[^\s"'<]+"#,
        r#"|-AQ==[^\s"'<;]+|\bencrypted:(?:[0-9A-Za-z]{2}:){3,}[0-9A-Za-z]{2}"#,
    ))
});
static VALUES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        // FortiOS
        r#"\bENC ([^\s"]{6,})"#,
        // credentials in addresses of files
        r#"://[^/\s:@"']*:([^@\s"']+)@"#,
        // Aruba controllers, AireOS
        r"^mgmt-user \S+ \S+ (\S+)$",
        r"^(?:\S*peer-ip-address|masterip|localip) .*\bipsec (\S+)",
        r"(?i)^(?:config )?(?:radius|tacacs) (?:auth|acct|athr|authentication|accounting) add \d+ \S+ \d+ (?:encrypt \S+ )?(?:ascii|hex|password) (?:\d )?(\S.*)$",
        r"(?i)^config snmp community (?:accessmode|mode) \S+ (\S+)$",
        r"(?i)^config snmp community ipaddr \S+ \S+ (\S+)$",
        r"(?i)\bauthentication (?:text|simple|string|plain-text|cleartext|clear-text) (?:0 |7 )?(\S+)",
        r"(?i)^(?:ike |ipsec )\S* ?(?:auth\S* )?pre-share (\S+)$",
        // HPE ProCurve, ExtremeXOS, Net-SNMP
        r#"^password (?:manager|operator)(?: user-name \S+)?(?: (?:plaintext|sha1|sha256))? "?([^\s"]+)"?$"#,
        r#"^configure snmpv3 add community .* name (?:encrypted )?"?([^\s"]+)"#,
        r#"(?i)^createuser (?:-e \S+ )?\S+ (?:MD5|SHA\S*) "?([^\s"]+)"#,
        r#"(?i)^createuser .* (?:DES|AES\S*) "?([^\s"]+)"?$"#,
        // one line of JSON
        r#""SNMP_COMMUNITY"\s*:\s*\{\s*"([^"|]+)"#,
    ]
    .into_iter()
    .map(regex)
    .collect()
});
static MARKED: LazyLock<Regex> = LazyLock::new(|| regex(r#"(?:^|\s)"?([^\s"]{2,}?)"?;? ## SECRET-DATA"#));
static MARKUP: LazyLock<Regex> = LazyLock::new(|| regex(r"<([A-Za-z][A-Za-z0-9_.:-]*)(?:\s[^<>]*)?>([^<]+)<"));

fn regex(text: &str) -> Regex {
    Regex::new(text).expect("the expression is a constant that a test compiles")
}

/// Tells whether a line has to be looked at more closely.
pub(super) fn is_suspicious(line: &str, context: Context) -> bool {
    context.communities || context.redundancy || TRIGGERS.is_match(line)
}

impl Context {
    /// Returns the context of the lines below a line.
    pub(super) fn below(self, line: &str) -> Self {
        let lower = line.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
        let communities =
            has(&["snmp_community", "system snmp community"]) || lower.trim_end().ends_with("/snmp community");
        Self {
            snmp: self.snmp || has(&["snmp"]),
            communities: self.communities && !lower.trim_end().ends_with('{') || communities,
            servers: self.servers || has(&["radius", "tacacs", "ldap", "auth-server", "isakmp", "keyring"]),
            chain: self.chain || has(&["key chain", "key-chain", "keychain", "keystore"]),
            redundancy: self.redundancy || has(&["vrrp", "hsrp", "standby ", "glbp"]),
        }
    }
}

/// Returns where the secrets of a line (without indentation) stand, in order and apart from each other.
pub(super) fn spans(line: &str, context: Context) -> Vec<Range<usize>> {
    if !is_suspicious(line, context) {
        return Vec::new();
    }
    let mut out: Vec<Range<usize>> = SHAPES.find_iter(line).map(|found| found.range()).collect();
    for value in VALUES.iter() {
        out.extend(value.captures_iter(line).filter_map(|found| found.get(1)).map(|group| group.range()));
    }
    // Junos marks its secrets, and the public keys of its users with them.
    if !line.starts_with("ssh-") && !line.starts_with("ecdsa-") {
        out.extend(MARKED.captures(line).and_then(|found| found.get(1)).map(|group| group.range()));
    }
    if line.starts_with('<') {
        markup_spans(line, &mut out);
    }
    let words = tokens(line);
    let scan = Scan::new(line, &words, context);
    scan.announced(&mut out);
    scan.trap_targets(&mut out);
    scan.snmp_users(&mut out);
    scan.by_surroundings(&mut out);
    scan.unknown(&mut out);
    out.retain(|range| !is_no_secret(&line[range.clone()]));
    merge(out)
}

/// A mask, a reference to a secret, a public key and the headline of a private key may be shown.
fn is_no_secret(text: &str) -> bool {
    const PUBLIC: [&str; 3] = ["AAAAB3NzaC1", "AAAAC3NzaC1", "AAAAE2VjZHNh"];
    let text = text.trim_start_matches(['"', '\'']);
    let (kind, key) = text.split_once(' ').unwrap_or((text, text));
    let headed = matches!(kind, "ssh-rsa" | "ssh-dss" | "ssh-ed25519") || kind.starts_with("ecdsa-sha2-nistp");
    text.bytes().all(|b| b == b'*')
        || text.starts_with("-----BEGIN ")
        || text == "-----BEGIN"
        || text.starts_with("secret://")
        || PUBLIC.iter().any(|start| text.starts_with(start) || headed && key.starts_with(start))
        || headed && kind == text
}

/// Sorts ranges and joins those that overlap.
pub(super) fn merge(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut out: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match out.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => out.push(range),
        }
    }
    out
}

fn markup_spans(line: &str, out: &mut Vec<Range<usize>>) {
    let mut from = 0;
    while let Some(found) = MARKUP.captures_at(line, from) {
        let (tag, value) = (&found[1].to_ascii_lowercase(), found.get(2).expect("the group is part of every match"));
        let is_flag = value.as_str().len() <= 5 && value.as_str().bytes().all(|b| b.is_ascii_digit())
            || matches!(value.as_str(), "yes" | "no" | "true" | "false" | "on" | "off" | "enabled" | "disabled");
        let announced = announces(tag).is_some() || tag == "tls" && value.as_str().len() > 60;
        if announced && !is_flag && !value.as_str().trim().is_empty() {
            out.push(value.range());
        }
        from = value.end();
    }
}

struct Scan<'a> {
    line: &'a str,
    words: &'a [Token<'a>],
    context: Context,
    /// The first word that is no negation.
    first: &'a str,
    /// Whether the line is about SNMP.
    snmp: bool,
    /// Whether the line is about servers that share a key with us.
    servers: bool,
    /// Whether the line lists methods, of which a password is one.
    methods: bool,
}

impl<'a> Scan<'a> {
    fn new(line: &'a str, words: &'a [Token<'a>], context: Context) -> Self {
        let skip =
            usize::from(words.first().is_some_and(|word| matches!(word.lower.as_ref(), "no" | "undo" | "default")));
        let named = |word: &Token<'_>| {
            ["radius", "tacacs", "ldap", "isakmp", "ikev", "psk"].iter().any(|name| word.lower.contains(name))
        };
        Self {
            line,
            words,
            context,
            first: words.get(skip).map_or("", |word| word.lower.as_ref()),
            snmp: context.snmp || words.iter().take(6).any(|word| word.lower.contains("snmp")),
            servers: context.servers || words.iter().any(named),
            methods: words.iter().any(|word| word.lower.contains("-order") || word.lower.ends_with("-methods")),
        }
    }

    /// The value of a word as it stands: without the semicolon that ends the line.
    fn value(&self, index: usize) -> Range<usize> {
        let word = &self.words[index];
        let cut = !word.quoted && word.end == self.line.len() && word.text.len() > 1 && word.text.ends_with(';');
        word.start..word.end - usize::from(cut)
    }

    /// Words that announce a secret, and what follows them.
    fn announced(&self, out: &mut Vec<Range<usize>>) {
        let prose = is_prose_line(self.first);
        let mut index = 0;
        while index < self.words.len() {
            let word = &self.words[index];
            let found = announces(&word.lower).filter(|kind| match kind {
                Announces::Community => {
                    self.snmp || word.lower.contains("rocommunity") || word.lower.contains("rwcommunity")
                }
                Announces::Key | Announces::NamedKey => !prose,
                Announces::Password => !self.methods,
            });
            index += 1;
            let Some(kind) = found else { continue };
            let Some(at) = self.value_after(index, kind) else { continue };
            let value = &self.words[at];
            let names_another = !value.assigned && self.words.get(at + 1).is_some_and(|next| next.assigned);
            let operators = self.first == "password"
                && matches!(value.lower.as_ref(), "manager" | "operator")
                && at + 1 < self.words.len();
            let structural = operators || is_structure(kind, self.first, &value.lower) && !value.quoted;
            if value.text.bytes().all(|b| b == b'*') {
                index = at + 1;
                continue;
            }
            if structural || names_another || self.is_number_of_key(kind, at) {
                continue;
            }
            if !value.quoted && value.text.starts_with(['"', '\'']) {
                // The text goes on in the next line, or its end cannot be told.
                out.push(value.start..self.line.len());
                return;
            }
            out.push(self.value(at));
            index = at + 1;
            let open_ended = matches!(kind, Announces::Password | Announces::Key | Announces::NamedKey)
                && !value.quoted
                && !value.assigned
                && rest_is_value(self.first);
            while open_ended
                && index < self.words.len()
                && !is_follower(&self.words[index])
                && !self.words[index].assigned
            {
                out.push(self.value(index));
                index += 1;
            }
        }
    }

    /// Steps over words that only tell the form of the value.
    fn value_after(&self, mut index: usize, kind: Announces) -> Option<usize> {
        let snmp_agent = self.first.starts_with("snmp-agent")
            || self.first.starts_with('/')
            || matches!(self.first, "set" | "add" | "configure" | "config");
        let in_list = self.context.communities;
        let end = index + QUALIFIERS_MAX;
        loop {
            let word = self.words.get(index)?;
            let Some(next) = self.words.get(index + 1) else { return Some(index) };
            if word.quoted || word.assigned {
                return Some(index);
            }
            let lower = word.lower.as_ref();
            let number = lower.bytes().all(|b| b.is_ascii_digit());
            let last = index + 2 == self.words.len();
            let typed = next.lower.len() == 1 && next.lower.as_bytes()[0].is_ascii_digit();
            let direct =
                is_follower(next) && !last && !typed && !is_algorithm(&next.lower) && announces(&next.lower).is_none();
            if kind == Announces::Password && matches!(lower, "level" | "role") && index + 2 < self.words.len() {
                index += 2;
                continue;
            }
            let skip = match kind {
                Announces::Community if number => lower.len() == 1 && !follows_community(&next.lower),
                _ if number => lower.len() == 1 || is_algorithm(&next.lower),
                Announces::Community
                    if matches!(
                        lower,
                        "read" | "write" | "read-only" | "read-write" | "readonly" | "readwrite" | "set" | "add"
                    ) =>
                {
                    snmp_agent || in_list
                }
                _ => !direct && is_qualifier(lower, kind),
            };
            if !skip || index >= end {
                return Some(index);
            }
            index += 1;
        }
    }

    /// A number after `key` names a key, unless a server shares it with us.
    fn is_number_of_key(&self, kind: Announces, at: usize) -> bool {
        if !matches!(kind, Announces::Key | Announces::NamedKey) || self.words[at].quoted {
            return false;
        }
        let value = self.words[at].lower.as_ref();
        if self.words.get(at + 1).is_some_and(|next| next.text == "{") {
            return true;
        }
        let number = value.bytes().all(|b| b.is_ascii_digit());
        let named = kind == Announces::NamedKey && value.len() > 5;
        number && !named && (self.context.chain || value.len() <= 10 && !self.servers)
    }

    /// `snmp-server host ADDRESS … COMMUNITY`: nothing announces it.
    fn trap_targets(&self, out: &mut Vec<Range<usize>>) {
        let lower = |index: usize| self.words.get(index).map_or("", |word| word.lower.as_ref());
        let Some(host) =
            (0..self.words.len().min(4)).find(|index| matches!(lower(*index), "host" | "trap-host" | "inform-host"))
        else {
            return;
        };
        let named = self.words.iter().any(|word| matches!(word.lower.as_ref(), "community" | "user" | "3" | "v3"));
        if host == 0 || !lower(host - 1).starts_with("snmp") || named {
            return;
        }
        let mut index = host + 2;
        while index < self.words.len() {
            match lower(index) {
                "vrf" | "use-vrf" | "filter-vrf" | "version" | "source-interface" | "udp-port" | "port" => index += 2,
                "traps" | "trap" | "informs" | "inform" | "encrypted" | "clear" | "0" | "7" | "2" | "1" => index += 1,
                _ => {
                    out.push(self.value(index));
                    return;
                }
            }
        }
    }

    /// The passwords of SNMPv3 users, in clear or localised (RFC 3414).
    fn snmp_users(&self, out: &mut Vec<Range<usize>>) {
        if !self.snmp && !self.words.iter().any(|word| word.lower.ends_with("authentication-mode")) {
            return;
        }
        let lower = |index: usize| self.words.get(index).map_or("", |word| word.lower.as_ref());
        let v3 =
            |index: usize| lower(index) == "v3" || index > 0 && lower(index - 1) == "version" && lower(index) == "3";
        let version3 = (0..self.words.len()).any(v3);
        let user = (0..self.words.len()).find(|at| matches!(lower(*at), "user" | "usm-user" | "usm" | "remote-user"));
        for index in 0..self.words.len() {
            let announced = lower(index).ends_with("authentication-mode")
                || self.snmp
                    && matches!(
                        lower(index),
                        "auth"
                            | "authentication"
                            | "priv"
                            | "privacy"
                            | "privacy-mode"
                            | "auth-protocol"
                            | "privacy-protocol"
                            | "encryption"
                    );
            if lower(index) == "securityname" && !version3 {
                let at = index + 1 + usize::from(lower(index + 1) == "cipher");
                out.extend(self.words.get(at).map(|_| self.value(at)));
            }
            if !announced {
                continue;
            }
            let mut at = index + 1;
            let number = |at: usize| at > index + 1 && lower(at).bytes().all(|b| b.is_ascii_digit());
            while at + 1 < self.words.len()
                && at < index + QUALIFIERS_MAX
                && (number(at) || is_qualifier(lower(at), Announces::Password))
            {
                at += 1;
            }
            let plain = at == index + 1
                && !(user.is_some_and(|user| user < index) && matches!(lower(index), "priv" | "privacy"));
            let structural = announces(lower(at)).is_some()
                || matches!(
                    lower(at),
                    "read"
                        | "write"
                        | "notify"
                        | "access"
                        | "localizedkey"
                        | "context"
                        | "localized-key"
                        | "auth-encrypted"
                        | "privacy-encrypted"
                        | ""
                        | "{"
                );
            if !plain && !structural && !is_algorithm(lower(at)) {
                out.push(self.value(at));
            }
        }
    }

    /// Values that are secrets because of the section they stand in.
    fn by_surroundings(&self, out: &mut Vec<Range<usize>>) {
        let first = self.first;
        if self.context.communities
            || first == "/snmp" && self.words.get(1).is_some_and(|word| word.lower == "community")
        {
            let name =
                self.words.windows(2).position(|pair| pair[0].lower == "name" && (pair[1].assigned || first == "set"));
            out.extend(name.map(|index| self.value(index + 1)));
            if self.line.starts_with('"')
                && self.line.trim_end().ends_with(['{', '}'])
                && !self.line.contains("SNMP_COMMUNITY")
            {
                out.extend(self.words.first().map(|word| word.start..word.end));
            }
        }
        // Flat texts lose their sections; a method of authentication is a word in lower case, a password hardly is.
        let lone =
            self.words.len() == 2 && self.words[1].text.bytes().any(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let redundancy = first == "authentication" && (self.context.redundancy || lone)
            || matches!(first, "standby" | "vrrp" | "glbp")
            || self.words.iter().take(3).any(|word| word.lower == "nhrp");
        if redundancy && let Some(index) = self.words.iter().position(|word| word.lower == "authentication") {
            let mut at = index + 1;
            while at + 1 < self.words.len()
                && (is_algorithm(&self.words[at].lower) || is_qualifier(&self.words[at].lower, Announces::Key))
            {
                at += 1;
            }
            let harmless = |word: &Token<'_>| {
                is_algorithm(&word.lower)
                    || matches!(word.lower.as_ref(), "key-chain" | "keychain" | "mode" | "none" | "{")
            };
            if self.words.get(at).is_some_and(|word| !harmless(word))
                && !out.iter().any(|range| range.start >= self.words[index].end)
            {
                out.push(self.value(at));
            }
        }
    }

    /// What nobody announced and yet looks like a key, in a line that speaks of keys.
    fn unknown(&self, out: &mut Vec<Range<usize>>) {
        const STEMS: &[&str] = &[
            "pass", "secret", "key", "psk", "phrase", "credential", "token", "authentication", "crypt", "cipher",
            "pwd", "mgmt-user", "ipsec",
        ];
        const PUBLIC: &[&str] = &[
            "ssh-rsa", "ssh-dss", "ssh-ed25519", "public-key", "public_key", "publickey", "engineid", "engine-id",
            "localized", "fingerprint", "key-hash", "certificate", "thumbprint", "serial", "uuid", "remote", "pubkey",
            "host-key", "sha256-fingerprint", "license",
        ];
        let stem = |word: &Token<'_>| {
            let algorithm = is_algorithm(&word.lower) && !word.text.as_bytes()[0].is_ascii_digit();
            algorithm || word.lower == "priv" || STEMS.iter().any(|stem| word.lower.contains(stem))
        };
        let Some(from) = self.words.iter().position(stem) else { return };
        for index in from + 1..self.words.len() {
            let word = &self.words[index];
            let before =
                self.words[..index].iter().rev().take(3).find(|word| !matches!(word.text, "=" | ":")).unwrap_or(word);
            if PUBLIC.contains(&before.lower.as_ref())
                || before.lower.starts_with("ecdsa-sha2")
                || announces(&word.lower).is_some()
            {
                continue;
            }
            let typed = before.text.len() == 1 && before.text.as_bytes()[0].is_ascii_digit();
            let typed_hex = typed && word.text.len() >= 8 && word.text.bytes().all(|b| b.is_ascii_hexdigit());
            if typed_hex && !word.text.bytes().all(|b| b.is_ascii_digit()) || looks_secret(word.text) {
                out.push(self.value(index));
            }
        }
    }
}
