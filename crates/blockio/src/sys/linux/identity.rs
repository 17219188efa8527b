//! What tells one file from all others, and what a loop device is made of.

use std::path::Path;

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{self, AtFlags, FileType, OFlags, StatxFlags};
use rustix::io::retry_on_intr;
use rustix::ioctl::{Getter, Opcode, Updater, ioctl, opcode};

use super::{Result, open};
use crate::sys::Stat;

/// `struct fsuuid2` of the kernel's `include/uapi/linux/fs.h`.
#[repr(C)]
struct FsUuid {
    len: u8,
    bytes: [u8; 16],
}

/// What a loop device reads from and writes to, as it was when it was attached.
pub(crate) struct Backing {
    /// Of the file; that of the node where it is a device.
    pub(crate) file_system: u64,
    pub(crate) inode: u64,
    /// Which device it is; 0 for a file.
    pub(crate) device: u64,
    /// Where in it the loop device begins, in bytes.
    pub(crate) offset: u64,
}

impl Backing {
    /// Whether `stat` is of that file or device; compare [`Stat::same`].
    pub(crate) fn is(&self, stat: &Stat) -> bool {
        if stat.file_type == FileType::BlockDevice {
            self.device == stat.device
        } else {
            (self.file_system, self.inode) == (stat.file_system, stat.inode)
        }
    }
}

/// The UUID of the file system that a file is on; `None` where the kernel (before Linux 6.9) or the file system has none.
pub(crate) fn file_system_uuid(fd: impl AsFd) -> Option<Vec<u8>> {
    const FS_IOC_GETFSUUID: Opcode = opcode::read::<FsUuid>(0x15, 0);
    // SAFETY: FS_IOC_GETFSUUID writes one struct fsuuid2 and reads nothing.
    let uuid = unsafe { Getter::<FS_IOC_GETFSUUID, FsUuid>::new() };
    // SAFETY: the opcode and the type belong together, see above.
    let uuid = unsafe { ioctl(fd, uuid) }.ok()?;
    let bytes = uuid.bytes.get(..uuid.len.into())?;
    // There are file systems without a UUID of their own that say so in this way.
    bytes.iter().any(|&byte| byte != 0).then(|| bytes.to_vec())
}

/// The subvolume that a file is in, where its file system has such; see `STATX_SUBVOL` in statx(2) (Linux 6.10).
pub(crate) fn subvolume(fd: impl AsFd) -> Option<u64> {
    let wanted = StatxFlags::from_bits_retain(0x8000);
    let statx = fs::statx(fd, c"", AtFlags::EMPTY_PATH, wanted).ok()?;
    let known = StatxFlags::from_bits_retain(statx.stx_mask).contains(wanted);
    known.then_some(statx.stx_subvol)
}

/// The file system that a file is on, as the file system numbers itself: `f_fsid` in statfs(2).
pub(crate) fn file_system_id(fd: impl AsFd) -> Result<u64> {
    retry_on_intr(|| fs::fstatvfs(&fd)).map(|status| status.f_fsid)
}

/// How often its inode was used for another file before; `None` where the file system does not count that.
pub(crate) fn generation(fd: impl AsFd) -> Option<u32> {
    const FS_IOC_GETVERSION: Opcode = opcode::read::<libc::c_long>(b'v', 1);
    // File systems write an int, whatever the opcode says; one in user space may write the long.
    let mut version = [0_u32; 2];
    // SAFETY: FS_IOC_GETVERSION writes one int or long and reads nothing.
    let getter = unsafe { Updater::<FS_IOC_GETVERSION, [u32; 2]>::new(&mut version) };
    // SAFETY: the memory is as long as the longer of the two, see above.
    unsafe { ioctl(fd, getter) }.ok()?;
    Some(version[0])
}

/// What a loop device is attached to, as the kernel knows it; see loop(4).
pub(crate) fn loop_backing(fd: impl AsFd) -> Result<Backing> {
    const LOOP_GET_STATUS64: Opcode = 0x4C05;
    // struct loop_info64 is 232 bytes long and begins with u64: device and inode of a file, which device it is, and the offset.
    // SAFETY: LOOP_GET_STATUS64 writes one struct loop_info64 and reads nothing.
    let status = unsafe { Getter::<LOOP_GET_STATUS64, [u64; 29]>::new() };
    // SAFETY: the memory is as long as the structure, see above.
    let [file_system, inode, device, offset, ..] = unsafe { ioctl(fd, status) }?;
    Ok(Backing {
        file_system,
        inode,
        device,
        offset,
    })
}

/// Opens a file or device to ask what it is, without waiting for anything.
pub(crate) fn open_to_identify(path: &Path) -> Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::NONBLOCK)
}
