//! Names of files and devices that are valid until the host is rebooted.

use crate::proc_tables;
use crate::sys::{self, FileType, Stat};

/// Returns `BOOT file MAJOR:MINOR INODE` or `BOOT device MAJOR:MINOR`. BOOT is different after each boot; see random(4).
pub(super) fn of(stat: &Stat) -> Option<String> {
    let boot = proc_tables::boot_id()?;
    Some(if stat.file_type == FileType::BlockDevice {
        format!("{boot} device {}", sys::device_number(stat.device))
    } else {
        let file_system = sys::device_number(stat.file_system);
        format!("{boot} file {file_system} {}", stat.inode)
    })
}
