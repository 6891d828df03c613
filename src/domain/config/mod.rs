//! Configuration text as a tree.
