//! Identifiers of files, and backing files of loop devices.

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

/// Backing file or device of a loop device at the time of attaching.
#[derive(Clone, Copy)]
pub(crate) struct Backing {
    /// File system of the file; that of the node for a device.
    pub(crate) file_system: u64,
    pub(crate) inode: u64,
    /// Device number; 0 for a file.
    pub(crate) device: u64,
    /// Offset of the loop device in it, in bytes.
    pub(crate) offset: u64,
}

impl Backing {
    /// Returns true if `stat` is of that file or device; compare [`Stat::same`].
    pub(crate) fn is(&self, stat: &Stat) -> bool {
        if stat.file_type == FileType::BlockDevice {
            self.device == stat.device
        } else {
            (self.file_system, self.inode) == (stat.file_system, stat.inode)
        }
    }
}

/// Returns the UUID of the file system of a file; `None` if the kernel (before Linux 6.9) or the file system does not provide one.
pub(crate) fn file_system_uuid(fd: impl AsFd) -> Option<Vec<u8>> {
    const FS_IOC_GETFSUUID: Opcode = opcode::read::<FsUuid>(0x15, 0);
    // SAFETY: FS_IOC_GETFSUUID writes one struct fsuuid2 and reads nothing.
    let uuid = unsafe { Getter::<FS_IOC_GETFSUUID, FsUuid>::new() };
    // SAFETY: the opcode and the type belong together, see above.
    let uuid = unsafe { ioctl(fd, uuid) }.ok()?;
    let bytes = uuid.bytes.get(..uuid.len.into())?;
    // Some file systems without a UUID report zeros.
    bytes.iter().any(|&byte| byte != 0).then(|| bytes.to_vec())
}

/// Returns the subvolume of a file, if its file system has subvolumes; see `STATX_SUBVOL` in statx(2) (Linux 6.10).
pub(crate) fn subvolume(fd: impl AsFd) -> Option<u64> {
    let wanted = StatxFlags::from_bits_retain(0x8000);
    let statx = fs::statx(fd, c"", AtFlags::EMPTY_PATH, wanted).ok()?;
    let known = StatxFlags::from_bits_retain(statx.stx_mask).contains(wanted);
    known.then_some(statx.stx_subvol)
}

/// Returns the number of the file system of a file: `f_fsid` in statfs(2).
pub(crate) fn file_system_id(fd: impl AsFd) -> Result<u64> {
    retry_on_intr(|| fs::fstatvfs(&fd)).map(|status| status.f_fsid)
}

/// Returns the generation number of its inode; `None` if the file system does not record it.
pub(crate) fn generation(fd: impl AsFd) -> Option<u32> {
    const FS_IOC_GETVERSION: Opcode = opcode::read::<libc::c_long>(b'v', 1);
    // File systems write an int although the opcode says long; one in user space may write a long.
    let mut version = [0_u32; 2];
    // SAFETY: FS_IOC_GETVERSION writes one int or long and reads nothing.
    let getter = unsafe { Updater::<FS_IOC_GETVERSION, [u32; 2]>::new(&mut version) };
    // SAFETY: the memory is as long as the longer of the two, see above.
    unsafe { ioctl(fd, getter) }.ok()?;
    Some(version[0])
}

/// Returns the backing file or device of a loop device, from the kernel; see loop(4).
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

/// Opens a file or device to identify it, without blocking.
pub(crate) fn open_to_identify(path: &Path) -> Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::NONBLOCK)
}
