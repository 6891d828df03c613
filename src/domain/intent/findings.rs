//! What can only be seen across files: templates without devices, unused data, secrets in plain text, selectors that miss.

use std::collections::{BTreeMap, BTreeSet};

use super::{Intent, TEMPLATES_FOLDER, data};
use crate::domain::diagnostic::{Diagnostic, any_error};
use crate::domain::inventory::Selector;
use crate::domain::secret::SecretRef;
use crate::domain::yaml::typed::is_secret_key;
use crate::domain::yaml::{Content, Mark, Node, suggest};

/// Adds the findings across files.
pub(super) fn across(intent: &Intent, findings: &mut Vec<Diagnostic>) {
    // A device that could not be read would make all that is its own look unused.
    let all_devices_read = !any_error(findings);
    templates(intent, all_devices_read, findings);
    if all_devices_read {
        unused_data(intent, findings);
    }
    for root in intent.data.values() {
        secrets(root, findings);
    }
    for group in intent.inventory.groups.values() {
        data::check(&group.vars.mark.file, &group.vars, findings);
        secrets(&group.vars, findings);
    }
    check_names(intent, all_devices_read, findings);
    for check in &intent.checks {
        selector(&check.select, &check.mark, intent, findings);
    }
    if let super::settings::Canary::Selected(canary) = &intent.settings.rollout.canary {
        selector(canary, &Mark::whole(super::settings::PATH), intent, findings);
    }
}

fn templates(intent: &Intent, tell_unused: bool, findings: &mut Vec<Diagnostic>) {
    let mut used = BTreeSet::new();
    for device in intent.inventory.devices.values() {
        match intent.main_template(device) {
            Some(path) => drop(used.insert(path)),
            None => {
                let tried: Vec<String> =
                    Intent::main_templates(device).iter().map(|path| format!("{TEMPLATES_FOLDER}{path}")).collect();
                let finding = Diagnostic::error(format!("the device {} has no template", device.name)).on(&device.name);
                findings.push(device.mark.on(finding.hint(format!("tried {}", tried.join(", ")))));
            }
        }
    }
    for path in intent.templates.keys() {
        if tell_unused && (path == "main.j2" || path.ends_with("/main.j2")) && !used.contains(path) {
            let finding =
                Diagnostic::warning("no device uses this template").at(&format!("{TEMPLATES_FOLDER}{path}"), 0, 0);
            findings
                .push(finding.hint("templates are looked up as <platform>/<role>/main.j2, then <platform>/main.j2"));
        }
    }
}

fn unused_data(intent: &Intent, findings: &mut Vec<Diagnostic>) {
    let mut used: BTreeSet<String> = BTreeSet::from([format!("{}global.yaml", data::FOLDER)]);
    for device in intent.inventory.devices.values() {
        used.extend(data::layer_paths(device).into_iter().map(|(_, path)| path));
    }
    for path in intent.data.keys().filter(|path| !used.contains(*path)) {
        let finding = Diagnostic::warning("no device uses this file").at(path, 0, 0);
        let hint = match suggest::nearest(path, used.iter().map(String::as_str)) {
            Some(near) => format!("did you mean {near:?}?"),
            None => "data is read from global.yaml and from site/, role/, platform/ and device/ by name".to_owned(),
        };
        findings.push(finding.hint(hint));
    }
}

/// Reports values in clear under keys that usually hold secrets, and private keys anywhere. The value is never repeated.
fn secrets(root: &Node, findings: &mut Vec<Diagnostic>) {
    match &root.content {
        Content::Scalar(_) => {
            if let Some(text) = root.text().filter(|text| text.contains("PRIVATE KEY-----")) {
                let lines = text.lines().count();
                let finding = Diagnostic::error(format!("a private key of {lines} lines stands here in plain text"));
                findings.push(root.mark.on(finding.hint("replace the key, and write a reference secret://STORE/PATH")));
            }
        }
        Content::List(nodes) => nodes.iter().for_each(|node| secrets(node, findings)),
        Content::Map(entries) => {
            for entry in entries {
                secrets(&entry.value, findings);
                if is_secret_key(&entry.key) && is_plain_secret(&entry.value) {
                    let finding = Diagnostic::warning(format!("{:?} looks like a secret in plain text", &*entry.key));
                    let hint =
                        "write secret://env/NAME or secret://file/PATH#KEY and use {{ secret(…) }} in the template";
                    findings.push(entry.value.mark.on(finding.hint(hint)));
                }
            }
        }
    }
}

fn is_plain_secret(node: &Node) -> bool {
    let Some(text) = node.text() else {
        return matches!(&node.content, Content::Scalar(serde_json::Value::Number(_)));
    };
    let is_reference = text.parse::<SecretRef>().is_ok();
    let is_hash = text.starts_with('$') && text.matches('$').count() >= 2;
    !text.is_empty() && !is_reference && !is_hash
}

fn check_names(intent: &Intent, tell_unused: bool, findings: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &Mark> = BTreeMap::new();
    for check in &intent.checks {
        if let Some(first) = seen.insert(&check.name, &check.mark) {
            let finding = Diagnostic::error(format!("the check {:?} is there twice", check.name));
            findings.push(check.mark.on(finding.hint(format!("the first one is in {}:{}", first.file, first.line))));
        }
        if tell_unused
            && !intent.inventory.devices.is_empty()
            && intent.inventory.select(&check.select).next().is_none()
        {
            let finding = Diagnostic::warning(format!("the check {:?} is for no device", check.name));
            findings.push(check.mark.on(finding.hint(format!("nothing matches {:?}", check.select.to_string()))));
        }
    }
}

/// Reports group names, label names and values that no device has: mostly typing errors.
fn selector(selector: &Selector, mark: &Mark, intent: &Intent, findings: &mut Vec<Diagnostic>) {
    let devices = &intent.inventory.devices;
    let mut labels: BTreeSet<&str> = BTreeSet::from(["name", "platform", "address", "group"]);
    labels.extend(devices.values().flat_map(|device| device.labels.keys().map(String::as_str)));
    for (field, values) in selector.compared() {
        if !labels.contains(field) {
            let finding =
                Diagnostic::warning(format!("no device has the label {field:?} of the selector \"{selector}\""));
            findings.push(mark.on(finding.hint(suggest::hint(field, labels.iter().copied()))));
        }
        if field == "group" {
            let groups = &intent.inventory.groups;
            let names = || groups.keys().map(crate::domain::name::GroupName::as_str);
            for value in values.iter().filter(|value| !names().any(|name| name == value.as_str())) {
                let finding =
                    Diagnostic::error(format!("the group {value:?} of the selector \"{selector}\" is not known"));
                findings.push(mark.on(finding.hint(suggest::hint(value, names()))));
            }
        }
    }
}
