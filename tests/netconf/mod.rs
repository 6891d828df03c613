//! NETCONF: the documents, and real servers behind the subsystem of real SSH servers.

mod documents;
mod faults;
mod flow;
mod servers;
mod transactions;
