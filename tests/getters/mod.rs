//! Device facts: recorded outputs of devices of the NAPALM project against the results that its own tests expect.

mod recorded;
