//! The dialect part of a platform page, as it is written in YAML.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::document::page::{TablesPage, XmlPage};
pub use super::flat::page::FlatPage;
pub use super::routeros::page::ItemsPage;

/// How the configuration text of a platform is read, compared and sent.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DialectPage {
    /// The syntax family.
    pub family: Family,
    /// Spaces per level when the configuration is printed.
    pub indent: usize,
    /// What turns a line into its removal, with the space: `no `, `undo `.
    pub negation: String,
    /// What a section is left with: `exit`, `quit`.
    pub exit: String,
    /// First characters of lines that are comments.
    pub comments: Vec<String>,
    /// First characters of lines that look like comments and are data all the same: `!!` on EOS.
    pub kept: Vec<String>,
    /// Patterns (regular expressions over the whole line) of lines that are dropped: headers, time stamps, volatile facts.
    pub drop: Vec<String>,
    /// Equivalent spellings: every match is replaced before anything is compared.
    pub replace: Vec<Replacement>,
    /// Regular expressions whose group 1 is a prefix: its host bits are cleared, IPv6 is written in its short form.
    pub prefixes: Vec<String>,
    /// Whether the device shows one space between words, however many are typed.
    pub single_spaces: bool,
    /// Whether IPv6 addresses and prefixes are written in lower case and in their short form wherever they stand.
    pub short_ipv6: bool,
    /// Regular expressions whose group 1 is a number that the device also writes as four bytes (`area 1` is `area 0.0.0.1`).
    pub dotted: Vec<String>,
    /// Regular expressions whose group 1 is a set of words: numbers first and in order, each once.
    pub word_sets: Vec<String>,
    /// Lines that belong to a section elsewhere.
    pub moves: Vec<Move>,
    /// Lines of a list that the device numbers by itself.
    pub sequences: Vec<Sequence>,
    /// Lines that begin a text with a delimiter (banners): the regular expression captures the delimiter.
    pub delimited: Vec<String>,
    /// Lines that begin a verbatim block, and what ends it.
    pub blocks: Vec<Block>,
    /// Lines that close the open section: `exit-address-family`, `end-policy`.
    pub closers: Vec<String>,
    /// Lines at the margin that stand between sections: what follows stands at the top, whatever its indentation.
    pub separators: Vec<String>,
    /// Lines that end the whole configuration.
    pub enders: Vec<String>,
    /// Shifts the indentation of wrongly indented parts.
    pub outdents: Vec<Outdent>,
    /// What is known about lines, by section.
    pub rules: Vec<RulePage>,
    /// What is known about lines in every section, used where no other rule matches.
    pub anywhere: Vec<RulePage>,
    /// Regular expressions with one group: the group is a secret and is masked in everything shown.
    pub secrets: Vec<String>,
    /// Longest line that the device accepts, in characters; 0 means no limit.
    pub line_chars_max: usize,
    /// How paths are written and what is known about them (families `braces` and `set`).
    pub flat: FlatPage,
    /// How items are recognised (family `routeros`).
    pub items: ItemsPage,
    /// How tables depend on each other (family `json`).
    pub tables: TablesPage,
    /// How list entries are recognised (family `xml`).
    pub xml: XmlPage,
}

/// How lines nest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Children are indented more than their section.
    #[default]
    Indented,
    /// Sections are recognised by their first words, indentation is a hint only (FRR).
    Context,
    /// `{ }` blocks and `;` leaves; changed by `set` and `delete`.
    Braces,
    /// `set a b c` lines; changed by `set` and `delete`.
    Set,
    /// `config` / `edit` / `set` / `next` / `end` (FortiOS).
    Fortios,
    /// `/path` with `add` and `set` items (RouterOS).
    Routeros,
    /// One JSON document.
    Json,
    /// One XML document that is modelled in YANG; changed by an `edit-config` (RFC 6241).
    Xml,
    /// A file that is replaced as a whole.
    File,
}

/// One equivalent spelling.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    /// Regular expression over a line without indentation.
    pub pattern: String,
    /// What stands there instead; `$1` are groups.
    pub with: String,
}

/// A line that the device keeps in another section than the one it is typed in: `ip route … vrf RED`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Move {
    /// Regular expression of the header of the section at the top where it is typed; empty: outside of every section.
    pub from: String,
    /// Regular expression of the line.
    pub line: String,
    /// The header of the section at the top to which it goes; `$1` are groups of the line. Empty: outside of every section.
    pub section: String,
    /// What stands there.
    pub with: String,
}

/// A list whose entries get a number when they are written without one: `$1 seq N $2`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sequence {
    /// Regular expression of an entry without a number: group 1 names the list, group 2 is the entry.
    pub pattern: String,
    /// The distance to the largest number so far.
    pub step: u32,
}

/// A verbatim block: certificates, heredocs, macros.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Block {
    /// Regular expression of the first line.
    pub start: String,
    /// Regular expression of the last line, over the trimmed line.
    pub end: String,
}

/// A part of the text that is indented differently from what it means.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Outdent {
    /// Regular expression of the line after which it begins.
    pub start: String,
    /// Regular expression of the line with which it ends.
    pub end: String,
}

/// What is known about the lines that match a pattern.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RulePage {
    /// The pattern: literal words, `*` key word, `_` value word, `#` number as key, `<a|b>` one of, `/regex/`,
    /// `...` the rest is value, `**` the rest is key.
    pub line: String,
    /// Whether a line of this kind opens a section even when nothing stands in it.
    pub section: bool,
    /// Rules for the lines inside.
    pub rules: Vec<Self>,
    /// The command that removes the line. `{line}` the line, `{head}` the words before the value, `{1}` captured words.
    /// Empty: the removal is never sent on its own.
    pub negate: Option<String>,
    /// How a different value is sent.
    pub change: Change,
    /// Send order among its siblings: smaller is sent earlier. Removals are sent at the opposite place.
    pub order: i32,
    /// Send order of the removal, when it is not the opposite.
    pub order_removed: Option<i32>,
    /// Whether the order of the lines inside means something, and how it is changed.
    pub ordered: Option<Ordered>,
    /// The thing cannot be removed: its lines are removed instead.
    pub permanent: bool,
    /// The device does not show the section when nothing stands in it.
    pub hidden_empty: bool,
    /// Templates of word prefixes: lines that begin so, here and below, vanish together with this one.
    pub removes: Vec<String>,
    /// Word prefixes of lines inside that are removed before the section is, because they would delay or forbid that.
    pub removed_after: Vec<String>,
    /// Templates of lines that the device shows once this one is removed, unless another value of them is there.
    pub leaves_behind: Vec<String>,
    /// Templates of word prefixes: `removes` applies only when no line beside begins so any more.
    pub removes_unless: Vec<String>,
    /// Templates of word prefixes: lines of the same section that vanish whenever this line is set or removed.
    pub resets: Vec<String>,
    /// Templates of word prefixes: lines that begin so, negated or not, in sections below vanish when this line is set.
    pub resets_below: Vec<String>,
    /// The line that the device has when none of this kind is there, and that it does not show.
    pub default: Option<String>,
    /// The default is sent all the same when the section around it is new (`no shutdown` of a new interface).
    pub send_default: bool,
    /// Template of a word prefix that names the whole thing: when no intended line begins so, this prefix is negated, and
    /// every line that begins so, here and below, vanishes (`no neighbor 192.0.2.1`).
    pub whole: Option<String>,
    /// The part before the value of the range line that also holds this section's number: `vlan batch` for `vlan 10`.
    pub listed_in: Option<String>,
    /// The value is a list of named options that can be changed one by one.
    pub options: Option<OptionsPage>,
    /// The section below the same header to which the line really belongs.
    pub belongs: Option<String>,
    /// What the things in the section have without saying so.
    pub presumed: Vec<Presumed>,
    /// Rules that come after `rules`, so that several sections can share them.
    pub shared_rules: Vec<Self>,
    /// The lines that the device shows for this one; `{line}` is the line itself.
    pub stands_for: Vec<String>,
    /// Names for things that only one line of the section can have.
    pub occupies: Vec<String>,
    /// Names that no other line may occupy when this one is typed; lines that do and go away are removed before.
    pub needs_free: Vec<String>,
    /// Its removal is sent in a visit of its own to the section, because it stands in the way of lines elsewhere.
    pub removed_early: Option<Early>,
    /// A line at the top that the device takes wherever it is typed, and with which it leaves the open sections.
    pub leaves: bool,
    /// The part before the value, alone, is what the device has when nothing is there.
    pub default_head: bool,
    /// The value is a set of numbers, edited by deltas.
    pub range: Option<RangePage>,
    /// Both the line and its negation are values that the device shows.
    pub toggle: bool,
    /// The line stays when no intended line mentions it, because absence says nothing (`no shutdown` on NX-OS).
    pub keep: bool,
    /// What the section is left with, when it is not the platform's usual word.
    pub exit: Option<String>,
    /// Risk class of an operation on it.
    pub risk: Option<Risk>,
    /// Lines without a number get one: first and step.
    pub number: Option<Numbering>,
}

/// A state that things have without saying so, so that it must be written down before two configurations are compared.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Presumed {
    /// The line that says it; `{1}` is the thing's name.
    pub line: String,
    /// How the headers of the sections below begin in which it is said.
    pub inside: String,
    /// Only things like another one have it, and only where that one says so; otherwise the section is made when it is not there.
    pub only_like: bool,
    /// The patterns of the rules whose first key word names a thing.
    pub by: Vec<String>,
    /// The line with which nothing has it.
    pub unless: String,
    /// The pattern of the rule, one of `by`, whose second captured word names another thing that decides.
    pub like: Option<String>,
    /// Patterns of rules in sections below: the device does not show such a line when the other thing has the same one.
    pub hidden: Vec<String>,
}

/// Before what a removal is sent that stands in the way of lines elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Early {
    /// Before everything else in the section around its own.
    Section,
    /// Before everything else on the device.
    Device,
}

/// How a line with a different value is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The new line replaces the old one.
    #[default]
    Replace,
    /// The old line has to be removed first.
    RemoveFirst,
}

/// How the order inside a section is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ordered {
    /// New lines go to the end: what stands behind a change is removed and typed again.
    Append,
    /// `move A after B` gives a line another place; nothing is typed again.
    Move,
    /// Typing the section replaces it: it is sent whole.
    Rewrite,
    /// The section is removed and sent whole.
    RemoveAndRewrite,
}

/// A value that is a set of numbers.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RangePage {
    /// Between two ranges: `,` or a space.
    pub separator: String,
    /// Between the ends of a range: `-` or ` to `.
    pub dash: String,
    /// The command that adds numbers; `{}` stands for them.
    pub add: String,
    /// The command that removes numbers.
    pub remove: String,
    /// Whether several lines of this kind are one set.
    pub merge: bool,
    /// The words that mean no number at all.
    pub none: Option<String>,
    /// What a section of one of the numbers is called; it vanishes with the number.
    pub sections: Option<String>,
    /// Most ranges that one command may name; 0 means no limit.
    pub pieces_max: usize,
}

/// A value made of named options: `privilege 15 role network-admin`.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptionsPage {
    /// The options, in the order in which the device prints them.
    pub parts: Vec<OptionPage>,
    /// Whether a change sends all options, not only those that differ.
    pub send_all: bool,
    /// Whether the line is removed option by option, because no command removes it at once.
    pub remove_each: bool,
}

/// One named option; its value reaches to the next option's name.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OptionPage {
    /// The word that begins it.
    pub name: String,
    /// The value that the device has, and does not show, without the option; sending it removes the option.
    pub default: Option<String>,
    /// The command that removes it; `{1}` are the words of the line's pattern.
    pub gone: Option<String>,
    /// Options that take its place.
    pub instead: Vec<String>,
}

/// Numbers for lines that have none.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Numbering {
    /// The first number.
    pub first: u32,
    /// The distance.
    pub step: u32,
    /// What stands before the number: `seq `.
    pub prefix: String,
    /// First words of the lines that are numbered; empty means all.
    pub words: Vec<String>,
}

/// What an operation can do to traffic and to us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Descriptions, logging, counters.
    #[default]
    Routine,
    /// Something that carries traffic changes.
    ServiceAffecting,
    /// Prefixes, neighbours or filters: what can be reached changes.
    Reachability,
    /// Something is removed as a whole.
    Destructive,
    /// The way by which we reach the device itself.
    ManagementPath,
}
