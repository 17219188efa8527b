//! Finding users of a destination, or of a source, as far as the system tells.

#[cfg(any(target_os = "macos", test))]
mod disk_names;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
pub(crate) use linux::*;
#[cfg(target_os = "macos")]
pub(crate) use macos::*;
