//! Accounts for devices: references that are checked, never values.

use std::collections::BTreeMap;
use std::str::FromStr;

use regex::RegexBuilder;

use super::access::HostKeyPolicy;
use super::files::{CredentialsFile, DeviceFile};
use super::load::{CREDENTIALS_DEFAULT, Known};
use super::{AgentUse, Credentials};
use crate::domain::diagnostic::Diagnostic;
use crate::domain::limits::REGEX_BYTES_MAX;
use crate::domain::secret::SecretRef;
use crate::domain::yaml::{Mark, Node, suggest};

/// Reads the credentials of `reconverge.yaml`; a value in clear is an error, and is not repeated in it.
pub fn load(
    files: &BTreeMap<String, CredentialsFile>,
    node: Option<&Node>,
    findings: &mut Vec<Diagnostic>,
) -> BTreeMap<String, Credentials> {
    let mut found = BTreeMap::new();
    for (name, file) in files {
        let mut entry = Entry { name, node: node.and_then(|node| node.get(name)), findings: &mut *findings };
        let credentials = Credentials {
            user: file.user.clone(),
            password: entry.reference("password", file.password.as_ref()),
            key: entry.reference("key", file.key.as_ref()),
            passphrase: entry.reference("passphrase", file.passphrase.as_ref()),
            certificate: entry.reference("certificate", file.certificate.as_ref()),
            agent: entry.agent(file),
            answers: entry.answers(file),
        };
        for (key, is_there) in [("passphrase", file.passphrase.is_some()), ("certificate", file.certificate.is_some())]
        {
            if is_there && file.key.is_none() {
                let finding = Diagnostic::error(format!("the {key} of the credentials {name:?} belongs to no key"));
                entry.wrong(key, finding.hint("add key: with a reference to the private key"));
            }
        }
        found.insert(name.clone(), credentials);
    }
    found
}

/// One entry under `credentials`, while it is read.
struct Entry<'a> {
    name: &'a str,
    node: Option<&'a Node>,
    findings: &'a mut Vec<Diagnostic>,
}

impl Entry<'_> {
    fn wrong(&mut self, key: &str, finding: Diagnostic) {
        let node = self.node.and_then(|node| node.get(key)).or(self.node);
        let mark = node.map_or_else(|| Mark::whole("reconverge.yaml"), |node| node.mark.clone());
        self.findings.push(mark.on(finding));
    }

    fn reference(&mut self, key: &str, value: Option<&String>) -> Option<SecretRef> {
        let text = value?;
        let reference = SecretRef::from_str(text);
        if reference.is_err() {
            let what = match text.starts_with("secret://") {
                true => "is not a complete reference to a secret",
                false => "is a secret in plain text",
            };
            let finding = Diagnostic::error(format!("the {key} of the credentials {:?} {what}", self.name));
            let hint = "write secret://env/NAME or secret://file/PATH#KEY, and change the secret if it was ever pushed";
            self.wrong(key, finding.hint(hint));
        }
        reference.ok()
    }

    fn agent(&mut self, file: &CredentialsFile) -> Option<AgentUse> {
        let fingerprint = match HostKeyPolicy::parse(file.agent_key.as_deref()) {
            Ok(HostKeyPolicy::Pinned(fingerprint)) => Some(fingerprint),
            Ok(_) if file.agent_key.is_none() => None,
            Ok(_) | Err(_) => {
                let finding =
                    Diagnostic::error(format!("the agent_key of the credentials {:?} is no fingerprint", self.name));
                self.wrong("agent_key", finding.hint("write SHA256: and 43 characters as ssh-add -l prints it"));
                None
            }
        };
        let socket = match file.agent.as_deref() {
            None => {
                if file.agent_key.is_some() {
                    let finding =
                        Diagnostic::error(format!("the agent_key of the credentials {:?} has no agent", self.name));
                    self.wrong("agent_key", finding.hint("add agent: env, or agent: with the path of its socket"));
                }
                return None;
            }
            Some("env") => None,
            Some(path) if path.starts_with('/') => Some(path.to_owned()),
            Some(_) => {
                let finding =
                    Diagnostic::error(format!("the agent of the credentials {:?} is not a socket", self.name));
                self.wrong("agent", finding.hint("write env, or the whole path of its socket"));
                return None;
            }
        };
        Some(AgentUse { socket, fingerprint })
    }

    fn answers(&mut self, file: &CredentialsFile) -> Vec<(String, SecretRef)> {
        let mut answers = Vec::new();
        for answer in &file.answers {
            if RegexBuilder::new(&answer.question).size_limit(REGEX_BYTES_MAX).build().is_err() {
                let finding = Diagnostic::error(format!("{:?} is not a regular expression", answer.question));
                self.wrong("answers", finding);
                continue;
            }
            if let Some(reference) = self.reference("answers", Some(&answer.answer)) {
                answers.push((answer.question.clone(), reference));
            }
        }
        answers
    }
}

/// Finds the account of a device.
pub(super) fn device_credentials(
    file: &DeviceFile,
    known: &Known<'_>,
    wrong: &mut impl FnMut(Diagnostic, &str),
) -> Option<Credentials> {
    let name = file.credentials.as_deref().unwrap_or(CREDENTIALS_DEFAULT);
    let found = known.credentials.get(name).cloned();
    if found.is_none() && file.credentials.is_some() {
        let finding = Diagnostic::error(format!("the credentials {name:?} are not in reconverge.yaml"));
        wrong(finding.hint(suggest::hint(name, known.credentials.keys().map(String::as_str))), "credentials");
    }
    let user = file.user.clone();
    match found {
        Some(mut credentials) => {
            credentials.user = user.unwrap_or(credentials.user);
            Some(credentials)
        }
        None => user.map(|user| Credentials { user, ..Credentials::default() }),
    }
}
