//! Counterparts of the modules that read /proc and /sys on Linux.

pub(crate) mod holders;
