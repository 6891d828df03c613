//! BRAIN 2: running and intended configurations in, what would be sent out.
//!
//! Three ways are compared, so that a change never hides or silently removes what somebody did by hand:
//!
//! ```text
//! applied intent ──change──► head intent
//!       │ drift                  │
//!       ▼                        ▼
//!    running ──what is sent──► target = running + change      drift left = target → head intent
//! ```

use super::{DevicePlan, DeviceState, Reading};
use crate::domain::config::command::{Operation, Remediation, SendLine};
use crate::domain::config::management::{Reach, raise_risk};
use crate::domain::config::remediate::Scope;
use crate::domain::config::secret_compare::reconcile_secrets;
use crate::domain::config::tree::ConfigTree;
use crate::domain::platform::Platform;
use crate::domain::platform::rollback::RollbackClass;
use crate::domain::snapshot::Digest;

/// What a plan does with lines that differed before the change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Drift {
    /// Shown, not deployed.
    #[default]
    Show,
    /// Deployed together with the change.
    Include,
}

/// The texts of one device, secrets in clear.
#[derive(Clone, Copy)]
pub struct Texts<'a> {
    /// What the device has.
    pub running: &'a str,
    /// What the applied revision asks for, when there is one.
    pub applied: Option<&'a str>,
    /// What the head revision asks for.
    pub head: &'a str,
}

/// The change of one device with secrets in clear: for sending, never for showing.
#[derive(Clone, Debug)]
pub struct DeviceChange {
    /// The running tree it starts from.
    pub running: ConfigTree,
    /// What the device holds afterwards.
    pub target: ConfigTree,
    /// The commands.
    pub forward: Remediation,
    /// The commands back.
    pub back: Remediation,
    /// What still differs from the intent afterwards.
    pub drift: Remediation,
}

/// Computes the change of one device. A pure function: the same texts always give the same commands.
pub fn change(platform: &Platform, scope: &Scope, texts: Texts<'_>, drift: Drift) -> DeviceChange {
    let dialect = &platform.dialect;
    let running = dialect.parse(texts.running);
    // A secret that verifies as unchanged takes the spelling that the device prints, so that it is no difference.
    let spelled = |text: &str| reconcile_secrets(dialect, &running, &dialect.parse(text)).intended;
    let head = spelled(texts.head);
    let target = match (texts.applied, drift) {
        (Some(applied), Drift::Show) => {
            let asked = dialect.remediate(&spelled(applied), &head, scope);
            dialect.predict(&running, &asked.tree())
        }
        _ => {
            let all = dialect.remediate(&running, &head, scope);
            dialect.predict(&running, &all.tree())
        }
    };
    let forward = dialect.remediate(&running, &target, &Scope::Replace);
    let back = dialect.remediate(&target, &running, &Scope::Replace);
    let drift = dialect.remediate(&target, &head, scope);
    DeviceChange { running, target, forward, back, drift }
}

impl DeviceChange {
    /// Returns the lines to type.
    pub fn send_lines(&self, platform: &Platform) -> Vec<SendLine> {
        self.forward.send_lines(&platform.dialect.page.exit)
    }

    /// Returns the lines to type to get back.
    pub fn undo_lines(&self, platform: &Platform) -> Vec<SendLine> {
        self.back.send_lines(&platform.dialect.page.exit)
    }

    /// Returns the hash of what is typed.
    pub fn operations_hash(&self) -> Digest {
        Digest::of(&self.forward.text(1))
    }
}

/// What is known about the way to a device.
#[derive(Clone, Debug)]
pub struct Way {
    /// How the device comes back by itself.
    pub class: RollbackClass,
    /// How we reach it; operations on that path get the highest risk.
    pub reach: Option<Reach>,
}

/// Returns the state of a device for a plan, everything masked.
pub fn device_state(platform: &Platform, change: &DeviceChange, head: &str, way: &Way) -> DeviceState {
    let dialect = &platform.dialect;
    let masked = |operations: Vec<Operation>| dialect.mask_operations(&operations);
    let running = dialect.print(&change.running);
    let reading = Reading {
        platform: platform.name.clone(),
        base: base_digest(platform, &change.running),
        intended: Digest::of(&dialect.mask(head)),
        drift: masked(change.drift.operations()),
        foreign: change.drift.foreign.iter().map(|line| dialect.mask(line)).collect(),
    };
    if change.forward.is_empty() {
        return DeviceState::InSync(Box::new(reading));
    }
    let running = dialect.mask(&running);
    let mut operations = change.forward.operations();
    if let Some(reach) = &way.reach {
        raise_risk(dialect, &change.running, reach, &mut operations);
    }
    let risk = operations.iter().map(|operation| operation.risk).max().unwrap_or_default();
    DeviceState::Planned(Box::new(DevicePlan {
        reading,
        rollback_class: way.class,
        operations: masked(operations),
        commands: dialect.mask(&dialect.commands_text(&change.forward)),
        undo: dialect.mask(&dialect.commands_text(&change.back)),
        undo_unproved: change.back.unproved.iter().map(|line| dialect.mask(line)).collect(),
        unproved: change.forward.unproved.iter().map(|line| dialect.mask(line)).collect(),
        risk,
        operations_hash: Digest::of(&dialect.mask(&change.forward.text(1))),
        diff: crate::domain::config::text_diff::unified(&running, &dialect.mask(&dialect.print(&change.target))),
        running,
    }))
}

/// Returns the hash by which a running configuration is recognised: normalised and masked.
pub fn base_digest(platform: &Platform, running: &ConfigTree) -> Digest {
    Digest::of(&platform.dialect.mask(&platform.dialect.print(running)))
}
