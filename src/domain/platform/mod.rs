//! What we know about one network operating system: one YAML page per platform.

pub mod session;
pub mod rollback;

pub mod screen;

pub mod terminal;

pub mod compare;

pub mod netconf;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::config::dialect::Dialect;
use super::config::page::DialectPage;
use super::name::PlatformName;

/// One platform page.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The platform's name: `arista_eos`.
    pub name: String,
    /// What people call it.
    pub title: String,
    /// Other names that mean this platform.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// How its configuration text works.
    pub dialect: DialectPage,
    /// How to talk to it.
    #[serde(default)]
    pub session: Option<session::Session>,
    /// How a change is made safe on it.
    #[serde(default)]
    pub transaction: Option<session::Transaction>,
    /// How to talk to it by NETCONF, when it can.
    #[serde(default)]
    pub netconf: Option<netconf::NetconfPage>,
}

/// A platform ready for use.
#[derive(Clone, Debug)]
pub struct Platform {
    /// The platform's name.
    pub name: PlatformName,
    /// The page it was made from.
    pub page: Page,
    /// Its configuration text.
    pub dialect: Dialect,
}

/// The pages that are part of the program.
const BUILT_IN: &[(&str, &str)] = &[
    ("frr", include_str!("definitions/frr.yaml")),
    ("arista_eos", include_str!("definitions/arista_eos.yaml")),
    ("aruba_aoscx", include_str!("definitions/aruba_aoscx.yaml")),
    ("cisco_asa", include_str!("definitions/cisco_asa.yaml")),
    ("cisco_iosxe", include_str!("definitions/cisco_iosxe.yaml")),
    ("cisco_iosxr", include_str!("definitions/cisco_iosxr.yaml")),
    ("cisco_nxos", include_str!("definitions/cisco_nxos.yaml")),
    ("dell_os10", include_str!("definitions/dell_os10.yaml")),
    ("extreme_exos", include_str!("definitions/extreme_exos.yaml")),
    ("fortinet_fortios", include_str!("definitions/fortinet_fortios.yaml")),
    ("hpe_comware", include_str!("definitions/hpe_comware.yaml")),
    ("hpe_procurve", include_str!("definitions/hpe_procurve.yaml")),
    ("huawei_vrp", include_str!("definitions/huawei_vrp.yaml")),
    ("juniper_junos", include_str!("definitions/juniper_junos.yaml")),
    ("vyos", include_str!("definitions/vyos.yaml")),
    ("nokia_srlinux", include_str!("definitions/nokia_srlinux.yaml")),
    ("nokia_sros", include_str!("definitions/nokia_sros.yaml")),
    ("paloalto_panos", include_str!("definitions/paloalto_panos.yaml")),
    ("mikrotik_routeros", include_str!("definitions/mikrotik_routeros.yaml")),
    ("sonic", include_str!("definitions/sonic.yaml")),
    ("cumulus_nvue", include_str!("definitions/cumulus_nvue.yaml")),
    ("linux", include_str!("definitions/linux.yaml")),
    ("netconf", include_str!("definitions/netconf.yaml")),
];

impl Platform {
    /// Makes a platform from the text of its page; the error says what is wrong where.
    pub fn from_page(text: &str) -> Result<Self, String> {
        let page: Page = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        let name = page.name.parse().map_err(|error: super::name::NameError| error.to_string())?;
        let dialect = Dialect::new(page.dialect.clone()).map_err(|error| format!("platform {}: {error}", page.name))?;
        Ok(Self { name, page, dialect })
    }

    /// Returns a built-in platform by its name or one of its aliases; the error lists what there is.
    pub fn built_in(name: &str) -> Result<Self, String> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(own, _)| *own == name) {
            return Self::from_page(text);
        }
        let aliased = BUILT_IN.iter().find(|(_, text)| aliases(text).iter().any(|alias| alias == name));
        match aliased {
            Some((_, text)) => Self::from_page(text),
            None => {
                let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
                Err(format!("unknown platform {name:?}: known are {}", names.join(", ")))
            }
        }
    }

    /// Returns every built-in platform by name.
    pub fn all() -> Result<BTreeMap<PlatformName, Self>, String> {
        BUILT_IN
            .iter()
            .map(|(_, text)| Self::from_page(text).map(|platform| (platform.name.clone(), platform)))
            .collect()
    }

    /// Returns how to talk to it, when its page says so.
    pub fn session(&self) -> Option<session::SessionPage> {
        let (session, transaction) = (self.page.session.clone()?, self.page.transaction.clone()?);
        Some(session::SessionPage { session, transaction })
    }

    /// Returns the names of the built-in platforms.
    pub fn names() -> Vec<&'static str> {
        BUILT_IN.iter().map(|(name, _)| *name).collect()
    }
}

fn aliases(text: &str) -> Vec<String> {
    serde_yaml::from_str::<Page>(text).map(|page| page.aliases).unwrap_or_default()
}
