//! Reads what Linux tells in /proc and /sys.

pub(crate) mod patience;
pub(crate) mod proc_tables;
pub(crate) mod sysfs;
