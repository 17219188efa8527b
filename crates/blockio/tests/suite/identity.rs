//! Two identities are equal when it is the same file, unchanged, or the same device.

mod checked;
mod devices;
mod files;
