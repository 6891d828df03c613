//! Every bound of the system in one place; a limit that trips is reported with its name and value.

/// Largest file of the intent repository, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Most entries of one commit's tree.
pub const TREE_ENTRIES_MAX: usize = 50_000;
/// Most bytes of one commit's files together.
pub const TREE_BYTES_MAX: usize = 256 << 20;
/// Largest configuration of one device, in bytes.
pub const CONFIG_BYTES_MAX: usize = 64 << 20;
/// Deepest nesting of a configuration.
pub const CONFIG_DEPTH_MAX: usize = 64;
/// Largest output of one template, in bytes.
pub const TEMPLATE_OUTPUT_BYTES_MAX: usize = 16 << 20;
/// Instructions that one rendering may execute.
pub const TEMPLATE_FUEL_MAX: u64 = 50_000_000;
/// Deepest chain of includes, imports and macro calls.
pub const TEMPLATE_RECURSION_MAX: usize = 64;
/// Largest output of one device command, in bytes.
pub const COMMAND_OUTPUT_BYTES_MAX: usize = 64 << 20;
/// Most devices that are talked to at the same time.
pub const DEVICE_SESSIONS_MAX: usize = 64;
/// Longest plan report on a change, in characters.
pub const REPORT_CHARS_MAX: usize = 60_000;
/// Deepest nesting of a YAML file.
pub const YAML_DEPTH_MAX: usize = 64;
/// Most nodes that the aliases of one YAML file may add.
pub const YAML_ALIAS_NODES_MAX: usize = 100_000;
/// Most findings that one YAML value may produce.
pub const YAML_FINDINGS_MAX: usize = 50;
/// Longest selector, in bytes.
pub const SELECTOR_BYTES_MAX: usize = 4096;
/// Most items that one range expression of a template may expand to.
pub const RANGE_ITEMS_MAX: usize = 65_536;
/// Largest compiled regular expression of the repository, in bytes.
pub const REGEX_BYTES_MAX: usize = 1 << 20;
