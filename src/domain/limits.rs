//! Every bound of the system in one place; a limit that trips is reported with its name and value.

/// Largest file of the intent repository, in bytes.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// Most entries of one commit's tree.
pub const TREE_ENTRIES_MAX: usize = 50_000;
/// Most bytes of one commit's files together.
pub const TREE_BYTES_MAX: usize = 256 << 20;
/// Largest configuration of one device, in bytes.
pub const CONFIG_BYTES_MAX: usize = 64 << 20;
/// Most elements of one XML document.
pub const XML_ELEMENTS_MAX: usize = 2_000_000;
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
/// Longest fetch from or push to a git repository, in seconds.
pub const GIT_NETWORK_TIMEOUT_S: u64 = 180;
/// Longest git command on a local mirror, in seconds.
pub const GIT_LOCAL_TIMEOUT_S: u64 = 120;
/// Largest listing of one git command (branches, tree entries, changed paths), in bytes.
pub const GIT_LISTING_BYTES_MAX: usize = 32 << 20;
/// Longest path inside the intent repository, in bytes.
pub const PATH_BYTES_MAX: usize = 1024;
/// Largest git note on a commit, in bytes.
pub const NOTE_BYTES_MAX: usize = 1 << 20;
/// Largest JSON value of one stored event, status or journal entry, in bytes.
pub const RECORD_BYTES_MAX: usize = 4 << 20;
/// Largest stored plan, in bytes.
pub const PLAN_BYTES_MAX: usize = 256 << 20;
/// Most events that are appended to a run at once.
pub const EVENTS_APPENDED_MAX: usize = 1_000;
/// Most events of one run.
pub const RUN_EVENTS_MAX: usize = 1_000_000;
/// Most rows that one listing of runs or plans returns or looks at.
pub const LISTING_ROWS_MAX: usize = 10_000;
/// Largest file of the secrets folder and largest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 1 << 20;
/// Most secrets that are kept in memory.
pub const SECRETS_CACHED_MAX: usize = 10_000;
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
