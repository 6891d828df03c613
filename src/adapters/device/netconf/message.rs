//! The messages of NETCONF: what is asked (RFC 6241 section 7 and 8), and what an answer says.

use crate::domain::xml::{Element, NETCONF_BASE, escaped};

/// Notes of one error of an answer (RFC 6241 section 4.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RpcError {
    /// `lock-denied`, `invalid-value`, …
    pub tag: String,
    /// `error` or `warning`.
    pub severity: String,
    /// Where in the request.
    pub path: String,
    /// The server's own words.
    pub message: String,
    /// The session that holds what was asked for; 0 is something that is no NETCONF session.
    pub session: Option<String>,
    /// The element or attribute that is wrong.
    pub bad: Option<String>,
}

impl RpcError {
    /// Reads one `rpc-error`.
    pub fn of(element: &Element) -> Self {
        let text = |name: &str| element.child_text(name).to_owned();
        let info = element.child("error-info");
        let within = |name: &str| {
            let found = info.map(|info| info.child_text(name)).unwrap_or_default();
            (!found.is_empty()).then(|| found.to_owned())
        };
        Self {
            tag: text("error-tag"),
            severity: text("error-severity"),
            path: text("error-path"),
            message: text("error-message").split_whitespace().collect::<Vec<_>>().join(" "),
            session: within("session-id"),
            bad: within("bad-element").or_else(|| within("bad-attribute")),
        }
    }

    /// For people, on one line.
    pub fn words(&self) -> String {
        let mut out = if self.tag.is_empty() { "an error".to_owned() } else { self.tag.clone() };
        for (before, text) in [(" at ", &self.path), (": ", &self.message)] {
            if !text.is_empty() {
                out.push_str(&format!("{before}{text}"));
            }
        }
        if let Some(bad) = self.bad.as_ref().filter(|bad| !self.path.ends_with(bad.as_str())) {
            out.push_str(&format!(" ({bad})"));
        }
        out
    }
}

/// The errors of an answer; warnings are none.
pub fn errors(reply: &Element) -> Vec<RpcError> {
    let all = reply.children.iter().filter(|child| *child.local == *"rpc-error").map(RpcError::of);
    all.filter(|error| error.severity != "warning").collect()
}

/// Wraps an operation.
pub fn rpc(id: u64, operation: &str) -> String {
    format!("<rpc xmlns=\"{NETCONF_BASE}\" message-id=\"{id}\">{operation}</rpc>")
}

/// Our hello.
pub fn hello(capabilities: &[String]) -> String {
    let all: String = capabilities.iter().map(|uri| format!("<capability>{}</capability>", escaped(uri))).collect();
    format!("<hello xmlns=\"{NETCONF_BASE}\"><capabilities>{all}</capabilities></hello>")
}

/// A place where a configuration is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Datastore {
    /// What the device does.
    Running,
    /// What it will do after a commit.
    Candidate,
    /// What it does after its next start.
    Startup,
}

impl Datastore {
    /// Its name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Candidate => "candidate",
            Self::Startup => "startup",
        }
    }
}

/// Reads a configuration; `with_defaults` is a mode of RFC 6243.
pub fn get_config(source: Datastore, with_defaults: Option<&str>) -> String {
    let defaults = with_defaults.map_or_else(String::new, |mode| {
        format!(
            "<with-defaults xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-with-defaults\">{}</with-defaults>",
            escaped(mode)
        )
    });
    format!("<get-config><source><{}/></source>{defaults}</get-config>", source.name())
}

/// Reads configuration and state below a subtree filter, which is XML.
pub fn get(filter: &str) -> String {
    format!("<get><filter type=\"subtree\">{filter}</filter></get>")
}

/// Reads configuration and state that an XPath selects; prefixes cannot be bound here.
pub fn get_xpath(select: &str) -> String {
    format!("<get><filter type=\"xpath\" select=\"{}\"/></get>", escaped(select))
}

/// How an edit is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EditOptions {
    /// Only look whether it would work (`:validate` 1.1).
    pub test_only: bool,
    /// Undo everything after the first error (`:rollback-on-error`).
    pub rollback_on_error: bool,
}

/// Changes a configuration.
pub fn edit_config(target: Datastore, options: EditOptions, config: &str) -> String {
    let test = if options.test_only { "<test-option>test-only</test-option>" } else { "" };
    let error = if options.rollback_on_error { "<error-option>rollback-on-error</error-option>" } else { "" };
    format!(
        "<edit-config><target><{}/></target><default-operation>merge</default-operation>{test}{error}<config>{config}</config></edit-config>",
        target.name()
    )
}

/// Locks or unlocks a configuration as a whole.
pub fn lock(target: Datastore, on: bool) -> String {
    let verb = if on { "lock" } else { "unlock" };
    format!("<{verb}><target><{}/></target></{verb}>", target.name())
}

/// Locks the parts that XPaths select (RFC 5717).
pub fn partial_lock(selects: &[&str]) -> String {
    let selects: String = selects.iter().map(|select| format!("<select>{}</select>", escaped(select))).collect();
    format!("<partial-lock xmlns=\"urn:ietf:params:xml:ns:netconf:partial-lock:1.0\">{selects}</partial-lock>")
}

/// Unlocks them.
pub fn partial_unlock(id: &str) -> String {
    let id = escaped(id);
    format!(
        "<partial-unlock xmlns=\"urn:ietf:params:xml:ns:netconf:partial-lock:1.0\"><lock-id>{id}</lock-id></partial-unlock>"
    )
}

/// Checks a configuration.
pub fn validate(source: Datastore) -> String {
    format!("<validate><source><{}/></source></validate>", source.name())
}

/// Makes the candidate run.
pub fn commit() -> String {
    "<commit/>".into()
}

/// Makes the candidate run for some seconds; whoever knows `persist` may confirm it (`:confirmed-commit` 1.1).
pub fn commit_confirmed(timeout_s: u64, persist: &str) -> String {
    let persist = escaped(persist);
    format!("<commit><confirmed/><confirm-timeout>{timeout_s}</confirm-timeout><persist>{persist}</persist></commit>")
}

/// Confirms a persistent confirmed commit.
pub fn confirm(persist: &str) -> String {
    format!("<commit><persist-id>{}</persist-id></commit>", escaped(persist))
}

/// Takes a persistent confirmed commit back.
pub fn cancel_commit(persist: &str) -> String {
    format!("<cancel-commit><persist-id>{}</persist-id></cancel-commit>", escaped(persist))
}

/// Makes the candidate equal to what runs.
pub fn discard_changes() -> String {
    "<discard-changes/>".into()
}

/// Copies one configuration over another.
pub fn copy_config(source: Datastore, target: Datastore) -> String {
    format!("<copy-config><target><{}/></target><source><{}/></source></copy-config>", target.name(), source.name())
}

/// Reads a YANG module (RFC 6022).
pub fn get_schema(name: &str, version: Option<&str>) -> String {
    let version = version.map_or_else(String::new, |version| format!("<version>{}</version>", escaped(version)));
    format!(
        "<get-schema xmlns=\"urn:ietf:params:xml:ns:yang:ietf-netconf-monitoring\"><identifier>{}</identifier>{version}</get-schema>",
        escaped(name)
    )
}

/// Ends another session.
pub fn kill_session(id: u32) -> String {
    format!("<kill-session><session-id>{id}</session-id></kill-session>")
}

/// Ends our session.
pub fn close_session() -> String {
    "<close-session/>".into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::xml::parse_one;

    #[test]
    fn every_message_is_xml_and_nothing_breaks_out_of_it() {
        let nasty = "a</x>&\"'<y>]]>]]>";
        let all = [
            get_config(Datastore::Running, Some("explicit")),
            get_xpath(nasty),
            get("<a/>"),
            lock(Datastore::Candidate, true),
            edit_config(
                Datastore::Candidate,
                EditOptions { test_only: true, rollback_on_error: true },
                "<a xmlns=''/>",
            ),
            partial_lock(&[nasty]),
            partial_unlock(nasty),
            validate(Datastore::Candidate),
            commit(),
            confirm(nasty),
            commit_confirmed(600, nasty),
            cancel_commit(nasty),
            discard_changes(),
            get_schema(nasty, Some(nasty)),
            copy_config(Datastore::Running, Datastore::Startup),
            kill_session(7),
            close_session(),
            hello(&[nasty.into()]),
        ];
        for operation in all {
            let message = rpc(1, &operation);
            assert!(!message.contains("]]>"), "{message}");
            let element = parse_one(&message).expect("XML");
            assert_eq!(element.children.len(), 1, "{message}");
        }
    }

    #[test]
    fn errors_are_read_with_path_and_holder_and_warnings_are_none() {
        let reply = "<rpc-reply xmlns='urn:ietf:params:xml:ns:netconf:base:1.0'><rpc-error><error-tag>lock-denied</error-tag>\
            <error-severity>error</error-severity><error-message xml:lang='en'> lock\n denied</error-message>\
            <error-info><session-id>454</session-id></error-info></rpc-error>\
            <rpc-error><error-severity>warning</error-severity></rpc-error></rpc-reply>";
        let found = errors(&parse_one(reply).expect("XML"));
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].words().as_str(), found[0].session.as_deref()), ("lock-denied: lock denied", Some("454")));
    }
}
