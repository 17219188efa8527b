//! Identities: equal for the same unchanged file or the same device.

mod checked;
mod devices;
mod files;
