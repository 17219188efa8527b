//! Processes, as /proc shows them.

use std::fs;

use crate::Shown;

/// Returns the processes visible to this one; none if they cannot be listed.
pub(crate) fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let number = |entry: fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    entries.filter_map(number).collect()
}

/// Returns a process and its ancestors.
pub(crate) fn ancestors(process: u32) -> Vec<u32> {
    let mut found = vec![process];
    let mut next = process;
    while let Some(parent) = parent(next) {
        // A process ID may be reused while this is read.
        if parent == 0 || found.contains(&parent) {
            break;
        }
        found.push(parent);
        next = parent;
    }
    found
}

fn parent(process: u32) -> Option<u32> {
    status(process, "PPid:")?.parse().ok()
}

/// Returns the user whose rights a process has (its effective user ID).
pub(crate) fn user(process: u32) -> Option<u32> {
    let users = status(process, "Uid:")?;
    users.split_ascii_whitespace().nth(1)?.parse().ok()
}

/// Returns a line of `/proc/PID/status`, by the name at its beginning.
fn status(process: u32, name: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    Some(value.trim().to_owned())
}

/// Returns the name of a process, as far as it can be read: `process 4711 (fdisk)`.
pub(crate) fn name(process: u32) -> String {
    match fs::read(format!("/proc/{process}/comm")) {
        Ok(command) => {
            let command = Shown::bytes(command.trim_ascii_end());
            format!("process {process} ({command})")
        }
        Err(_) => format!("process {process}"),
    }
}
