//! NETCONF: the documents, and a real server behind a real SSH subsystem.

mod documents;
