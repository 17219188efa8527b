//! Which file or device it is, of those that this host has now.

use crate::proc_tables;
use crate::sys::{self, FileType, Stat};

/// `BOOT file MAJOR:MINOR INODE` or `BOOT device MAJOR:MINOR`, of which BOOT is another one each time that the kernel is started; see
/// random(4).
pub(super) fn of(stat: &Stat) -> Option<String> {
    let boot = proc_tables::boot_id()?;
    Some(if stat.file_type == FileType::BlockDevice {
        format!("{boot} device {}", sys::device_number(stat.device))
    } else {
        let file_system = sys::device_number(stat.file_system);
        format!("{boot} file {file_system} {}", stat.inode)
    })
}
