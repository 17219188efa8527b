//! The file or device itself, where the kernel does not tell about the layers below it.

use rustix::fd::BorrowedFd;

use super::{How, Layer};
use crate::sys::{self, FileType, Stat};

/// Returns the file or device of `stat`.
pub(super) fn layers(stat: &Stat, _fd: Option<BorrowedFd<'_>>, name: String) -> Vec<Layer> {
    let id = if stat.file_type == FileType::BlockDevice {
        sys::device_number(stat.device)
    } else {
        let number = sys::device_number(stat.file_system);
        format!("{number}/{}", stat.inode)
    };
    vec![Layer {
        how: How::Itself,
        id,
        extent: 0..u64::MAX,
        exact: true,
        name,
    }]
}
