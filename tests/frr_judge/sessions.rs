//! Live BGP sessions: a change that FRR can make in place must not reset them.
