//! The getters of one platform, as its page says them: commands, formats, and the way from output to shape.

use std::collections::BTreeMap;

use minijinja::value::Serde;
use serde::Deserialize;
use serde_json::Value;

use super::mapping::Node;
use super::{Arguments, FactError, Getter, filters, mapping, schema};
use crate::domain::parse::textfsm::Template;
use crate::domain::parse::xml;

/// The page of one platform.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// The platform, as the inventory names it.
    pub platform: String,
    /// What the device types behind a command so that it answers in JSON or XML, by format: `{command} | json`.
    #[serde(default)]
    pub ask: BTreeMap<Format, String>,
    /// The getters; each with the ways to get it, the best first.
    pub getters: BTreeMap<Getter, Ways>,
}

/// The ways to one getter.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Ways {
    /// The only way.
    One(Box<Way>),
    /// The best first; the next is tried when a device does not know the commands of this one.
    Several(Vec<Way>),
}

/// Commands and what becomes of their output.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Way {
    /// The sources, by the name under which the mapping finds their data.
    pub commands: BTreeMap<String, Source>,
    /// The mapping to the shape of the getter.
    pub result: serde_yaml::Value,
}

/// One command and the form of its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The command; `{name}` is replaced by an argument.
    pub run: String,
    /// The name of the same question as a remote procedure call or as another tool asks it.
    pub rpc: Option<String>,
    /// The form of the answer.
    pub format: Format,
    /// A TextFSM template that reads a text; without it the mapping gets the text itself.
    pub template: Option<String>,
    /// Whether a device may not know the command; the mapping then gets nothing.
    #[serde(default)]
    pub optional: bool,
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// JSON.
    Json,
    /// XML.
    Xml,
    /// Text for people.
    Text,
}

/// The pages that come with the program.
const PAGES: &[(&str, &str)] = &[
    ("arista_eos", include_str!("pages/arista_eos.yaml")),
    ("cisco_iosxe", include_str!("pages/cisco_iosxe.yaml")),
    ("cisco_nxos", include_str!("pages/cisco_nxos.yaml")),
    ("frr", include_str!("pages/frr.yaml")),
    ("huawei_vrp", include_str!("pages/huawei_vrp.yaml")),
    ("juniper_junos", include_str!("pages/juniper_junos.yaml")),
    ("mikrotik_routeros", include_str!("pages/mikrotik_routeros.yaml")),
    ("paloalto_panos", include_str!("pages/paloalto_panos.yaml")),
    ("vyos", include_str!("pages/vyos.yaml")),
];

/// Largest argument of a command, in bytes.
const ARGUMENT_BYTES_MAX: usize = 256;

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// Says what is wrong with it and where.
    pub fn read(text: &str) -> Result<Self, String> {
        let page: Self = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        for (getter, ways) in &page.getters {
            let bad = |error: String| format!("{}: {getter}: {error}", page.platform);
            ways.list().iter().try_for_each(Way::check).map_err(bad)?;
        }
        Ok(page)
    }

    /// Returns the page of a platform that comes with the program.
    pub fn of(platform: &str) -> Option<Self> {
        let (_, text) = PAGES.iter().find(|(name, _)| *name == platform)?;
        Some(Self::read(text).expect("the pages of the program are read by a test"))
    }

    /// Returns the names of the platforms with a page.
    pub fn platforms() -> impl Iterator<Item = &'static str> {
        PAGES.iter().map(|(name, _)| *name)
    }

    /// Returns the ways to a getter, the best first.
    ///
    /// # Errors
    /// When the page does not have it.
    pub fn ways(&self, getter: Getter) -> Result<&[Way], FactError> {
        let unsupported = || FactError::Unsupported { platform: self.platform.clone(), getter };
        self.getters.get(&getter).map(Ways::list).ok_or_else(unsupported)
    }

    /// Writes the command of a source as it is typed.
    ///
    /// # Errors
    /// When an argument is missing, or could be more than one word of a command.
    pub fn command(&self, getter: Getter, source: &Source, arguments: &Arguments) -> Result<String, FactError> {
        let mut command = source.run.clone();
        while let Some((before, rest)) = command.split_once('{') {
            let Some((name, after)) = rest.split_once('}') else { break };
            let bad = |problem| FactError::Argument { getter, name: name.to_owned(), problem };
            let value = arguments.get(name).ok_or_else(|| bad("is missing"))?;
            let is_plain = |c: char| c.is_ascii_alphanumeric() || ".:/_-".contains(c);
            if value.is_empty() || value.len() > ARGUMENT_BYTES_MAX || !value.chars().all(is_plain) {
                return Err(bad("is not one plain word"));
            }
            command = format!("{before}{value}{after}");
        }
        let asked = self.ask.get(&source.format);
        Ok(asked.map_or(command.clone(), |asked| asked.replace("{command}", &command)))
    }
}

impl Ways {
    fn list(&self) -> &[Way] {
        match self {
            Self::One(way) => std::slice::from_ref(way),
            Self::Several(ways) => ways,
        }
    }
}

impl Way {
    fn node(&self) -> Result<Node, String> {
        Node::read(&self.result)
    }

    /// Compiles everything once, so that a page with an error is found when it is read.
    fn check(&self) -> Result<(), String> {
        mapping::check(&self.node()?)?;
        for (name, source) in &self.commands {
            let template = source.template.as_ref().map(|template| Template::read(name, template));
            template.transpose().map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Makes the shape of a getter of the outputs; one without an entry was not known to the device.
    ///
    /// # Errors
    /// When an output cannot be read, or does not say what the shape needs.
    pub fn read(
        &self,
        getter: Getter,
        outputs: &BTreeMap<String, String>,
        arguments: &Arguments,
    ) -> Result<Value, FactError> {
        let mut context = BTreeMap::new();
        context.insert("args".to_owned(), minijinja::Value::from(Serde(arguments)));
        for (name, source) in &self.commands {
            let value = match outputs.get(name) {
                Some(output) => source.read(name, output).map_err(|reason| FactError::NotUnderstood {
                    getter,
                    command: source.run.clone(),
                    reason,
                })?,
                None if source.optional => Value::Null,
                None => {
                    let reason = "there is no output".to_owned();
                    return Err(FactError::NotUnderstood { getter, command: source.run.clone(), reason });
                }
            };
            context.insert(name.clone(), minijinja::Value::from(Serde(&value)));
        }
        let missing = |at: String, reason: String| FactError::Missing { getter, at, reason };
        let node = self.node().map_err(|reason| missing("page".to_owned(), reason))?;
        let environment = filters::environment();
        let value = mapping::evaluate(&environment, &node, &context).map_err(|(at, reason)| missing(at, reason))?;
        schema::check(getter, value).map_err(|(at, reason)| missing(at, reason))
    }
}

impl Source {
    fn read(&self, name: &str, output: &str) -> Result<Value, String> {
        match self.format {
            Format::Json => serde_json::from_str(output.trim()).map_err(|error| format!("not JSON: {error}")),
            Format::Xml => {
                let mut document = xml::read(output).map_err(|error| error.to_string())?;
                // The envelope of a remote procedure call says nothing about the device.
                Ok(document.get_mut("rpc-reply").map(Value::take).unwrap_or(document))
            }
            Format::Text => {
                let Some(template) = &self.template else { return Ok(Value::from(output)) };
                let template = Template::read(name, template).map_err(|error| error.to_string())?;
                let table = template.parse(output).map_err(|error| error.to_string())?;
                let lower = |row: serde_json::Map<String, Value>| {
                    Value::Object(row.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect())
                };
                Ok(table.objects().into_iter().map(lower).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_the_program_can_be_read() {
        for (name, text) in PAGES {
            let page = Page::read(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(page.platform, *name);
        }
    }

    #[test]
    fn arguments_are_one_word() {
        let page = Page::read(
            "platform: x\nask: {json: '{command} | json'}\ngetters:\n  route_to:\n    commands: {r: {run: 'show route {destination}', format: json}}\n    result: {}\n",
        )
        .unwrap();
        let source = &page.ways(Getter::RouteTo).unwrap()[0].commands["r"];
        let command = |value: &str| {
            page.command(Getter::RouteTo, source, &Arguments::from([("destination".to_owned(), value.to_owned())]))
        };
        assert_eq!(command("10.0.0.0/8").unwrap(), "show route 10.0.0.0/8 | json");
        assert!(command("10.0.0.0/8 ; reload").unwrap_err().to_string().contains("not one plain word"));
        assert!(
            page.command(Getter::RouteTo, source, &Arguments::new()).unwrap_err().to_string().contains("is missing")
        );
    }
}
