//! Reads what Linux tells in /proc and /sys.

pub(crate) mod mounts;
pub(crate) mod patience;
pub(crate) mod proc_tables;
pub(crate) mod processes;
pub(crate) mod sysfs;
