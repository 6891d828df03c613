//! Sessions by platform: finds the page that speaks to a device and opens a session with it.

use std::collections::BTreeMap;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::cli::connect;
use super::limit::LoginLimits;
use super::{Device, DeviceError, DeviceProblem, Dial, RollbackClass, Target};
use crate::domain::name::PlatformName;
use crate::domain::platform::Platform;
use crate::domain::platform::session::{SessionPage, Transaction};

/// Opens command line sessions over SSH, led by the platform pages.
#[derive(Clone, Debug)]
pub struct SshDialer {
    pages: BTreeMap<PlatformName, SessionPage>,
    limits: LoginLimits,
}

impl SshDialer {
    /// Takes the pages of the platforms that can be spoken to.
    pub fn new(platforms: &BTreeMap<PlatformName, Platform>) -> Self {
        let pages = platforms.iter().filter_map(|(name, platform)| Some((name.clone(), platform.session()?)));
        Self { pages: pages.collect(), limits: LoginLimits::default() }
    }
}

impl Dial for SshDialer {
    fn dial<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Box<dyn Device>, DeviceError>> {
        async move {
            let Some(page) = self.pages.get(&target.platform) else {
                let message = format!("{}: platform {} has no session page yet", target.device, target.platform);
                let hint = "plan it from saved configurations with `plan --running-from DIR`";
                return Err(DeviceError::refused(DeviceProblem::Protocol, message).hint(hint));
            };
            let _turn = self.limits.turn(target).await?;
            connect(target, page).await
        }
        .boxed()
    }

    fn class_of(&self, platform: &PlatformName) -> Option<RollbackClass> {
        self.pages.get(platform).map(|page| match page.transaction {
            Transaction::ConfigSession(_) => RollbackClass::A,
            Transaction::ShellTimer(_) => RollbackClass::B,
            Transaction::Immediate(_) => RollbackClass::C,
        })
    }
}
