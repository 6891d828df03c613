//! Sessions by platform: finds the page that speaks to a device and opens a session with it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::cli::connect;
use super::netconf;
use super::{Device, DeviceError, DeviceProblem, Dial, RollbackClass, Target};
use crate::domain::config::dialect::Dialect;
use crate::domain::name::PlatformName;
use crate::domain::platform::Platform;
use crate::domain::platform::netconf::NetconfPage;
use crate::domain::platform::session::{SessionPage, Transaction};

/// The setting of a device that chooses among the ways in which its platform can be spoken to.
pub const TRANSPORT: &str = "transport";

/// The ways in which a platform can be spoken to.
#[derive(Clone, Debug)]
struct Ways {
    cli: Option<SessionPage>,
    netconf: Option<(NetconfPage, Arc<Dialect>)>,
}

/// Opens sessions over SSH, led by the platform pages.
#[derive(Clone, Debug)]
pub struct SshDialer {
    pages: BTreeMap<PlatformName, Ways>,
}

impl SshDialer {
    /// Takes the pages of the platforms that can be spoken to.
    pub fn new(platforms: &BTreeMap<PlatformName, Platform>) -> Self {
        let ways = |platform: &Platform| Ways {
            cli: platform.session(),
            netconf: platform.page.netconf.clone().map(|page| (page, Arc::new(platform.dialect.clone()))),
        };
        let pages = platforms.iter().map(|(name, platform)| (name.clone(), ways(platform)));
        Self { pages: pages.filter(|(_, ways)| ways.cli.is_some() || ways.netconf.is_some()).collect() }
    }
}

impl Dial for SshDialer {
    fn dial<'a>(&'a self, target: &'a Target) -> BoxFuture<'a, Result<Box<dyn Device>, DeviceError>> {
        async move {
            let Some(ways) = self.pages.get(&target.platform) else {
                let message = format!("{}: platform {} has no session page yet", target.device, target.platform);
                let hint = "plan it from saved configurations with `plan --running-from DIR`";
                return Err(DeviceError::refused(DeviceProblem::Protocol, message).hint(hint));
            };
            let mut target = target.clone();
            let transport = target.options.remove(TRANSPORT);
            match (transport.as_deref(), &ways.cli, &ways.netconf) {
                (None | Some("cli"), Some(page), _) => connect(&target, page).await,
                (None | Some("netconf"), _, Some((page, dialect))) => {
                    netconf::connect(&target, page, Arc::clone(dialect)).await
                }
                (wanted, _, _) => {
                    let wanted = wanted.unwrap_or_default();
                    let message =
                        format!("{}: platform {} has no transport {wanted:?}", target.device, target.platform);
                    Err(DeviceError::refused(DeviceProblem::Protocol, message)
                        .hint("correct `transport` in the inventory"))
                }
            }
        }
        .boxed()
    }

    fn class_of(&self, platform: &PlatformName) -> Option<RollbackClass> {
        // By NETCONF only the hello of the device tells it.
        let ways = self.pages.get(platform).filter(|ways| ways.netconf.is_none())?;
        ways.cli.as_ref().map(|page| match page.transaction {
            Transaction::ConfigSession(_) => RollbackClass::A,
            Transaction::ShellTimer(_) => RollbackClass::B,
            Transaction::Immediate(_) => RollbackClass::C,
        })
    }
}
