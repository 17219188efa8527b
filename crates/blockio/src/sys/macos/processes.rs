//! Processes, and what they have open for writing; see `libproc.h` and `sys/proc_info.h` of macOS.

use std::ffi::c_void;
use std::ptr;

use rustix::fs::FileType;

use super::Stat;

/// `FWRITE` of `sys/fcntl.h`: the descriptor is open for writing.
const FOR_WRITING: u32 = 2;

/// `PROC_PIDFDVNODEINFO`.
const FILE_INFO: libc::c_int = 1;

/// Room for processes or descriptors that come after they were counted.
const SLACK: usize = 64;

/// Length of the number of a process, an `int`.
const BYTES_OF_A_PROCESS: i32 = 4;

/// `struct proc_fileinfo`.
#[repr(C)]
struct Opened {
    flags: u32,
    status: u32,
    offset: libc::off_t,
    kind: i32,
    guard: u32,
}

/// `struct vnode_fdinfo`.
#[repr(C)]
struct File {
    opened: Opened,
    file: libc::vnode_info,
}

/// The sizes in macOS's own headers, for both CPUs.
const _: () = assert!(size_of::<File>() == 176 && size_of::<libc::vinfo_stat>() == 136);

/// Returns the processes that have the file or device of `stat` open for writing. Only root sees those of other users.
pub(crate) fn writers(stat: &Stat) -> Vec<i32> {
    let mut processes = listed(|buffer, bytes| {
        // SAFETY: it writes at most that many bytes, or counts if there is no buffer.
        let count = unsafe { libc::proc_listallpids(buffer, bytes) };
        // The result is a number of processes, not of bytes.
        count.saturating_mul(BYTES_OF_A_PROCESS)
    });
    processes.retain(|process| writes(*process, stat));
    processes
}

/// True if a process has the file or device of `stat` open for writing.
fn writes(process: i32, stat: &Stat) -> bool {
    let descriptors: Vec<libc::proc_fdinfo> = listed(|buffer, bytes| {
        // SAFETY: it writes at most that many bytes, or counts if there is no buffer.
        unsafe { libc::proc_pidinfo(process, libc::PROC_PIDLISTFDS, 0, buffer, bytes) }
    });
    let files = descriptors
        .iter()
        .filter(|found| found.proc_fdtype.cast_signed() == libc::PROX_FDTYPE_VNODE)
        .filter_map(|found| file_of(process, found.proc_fd));
    files
        .filter(|file| file.opened.flags & FOR_WRITING != 0)
        .any(|file| is_same(&file.file.vi_stat, stat))
}

fn file_of(process: i32, descriptor: i32) -> Option<File> {
    let mut file = std::mem::MaybeUninit::<File>::zeroed();
    let len = libc::c_int::try_from(size_of::<File>()).ok()?;
    // SAFETY: it writes at most `len` bytes, the length of `file`.
    let filled = unsafe {
        libc::proc_pidfdinfo(
            process,
            descriptor,
            FILE_INFO,
            file.as_mut_ptr().cast(),
            len,
        )
    };
    // SAFETY: all of it consists of numbers, and is filled in if that many bytes were written.
    (filled == len).then(|| unsafe { file.assume_init() })
}

/// True for the same file, and for the same device, as a block or a character device.
fn is_same(found: &libc::vinfo_stat, stat: &Stat) -> bool {
    let kind = FileType::from_raw_mode(found.vst_mode);
    if stat.file_type == FileType::BlockDevice {
        matches!(kind, FileType::BlockDevice | FileType::CharacterDevice)
            && u64::from(found.vst_rdev) == stat.device
    } else {
        kind == stat.file_type
            && (u64::from(found.vst_dev), found.vst_ino) == (stat.file_system, stat.inode)
    }
}

/// Returns the process that has started another one; `None` if it has ended, or belongs to another user.
pub(crate) fn parent_of(process: i32) -> Option<i32> {
    let mut info = std::mem::MaybeUninit::<libc::proc_bsdinfo>::zeroed();
    let len = libc::c_int::try_from(size_of::<libc::proc_bsdinfo>()).ok()?;
    // SAFETY: it writes at most `len` bytes, the length of `info`.
    let filled = unsafe {
        libc::proc_pidinfo(
            process,
            libc::PROC_PIDTBSDINFO,
            0,
            info.as_mut_ptr().cast(),
            len,
        )
    };
    // SAFETY: all of it consists of numbers, and is filled in if that many bytes were written.
    let info = (filled == len).then(|| unsafe { info.assume_init() })?;
    i32::try_from(info.pbi_ppid).ok()
}

/// Returns the name of the program of a process, as bytes; empty if it is unknown.
pub(crate) fn program_of(process: i32) -> Vec<u8> {
    let mut name = vec![0_u8; 256];
    // SAFETY: it writes at most that many bytes.
    let len = unsafe { libc::proc_name(process, name.as_mut_ptr().cast(), 256) };
    name.truncate(usize::try_from(len).unwrap_or(0));
    name
}

/// Returns what a function of libproc lists: called without a buffer, it returns a number of bytes that suffices, and with one, the number
/// of bytes that it has written. Empty if it fails.
fn listed<T>(list: impl Fn(*mut c_void, libc::c_int) -> libc::c_int) -> Vec<T> {
    let needed = usize::try_from(list(ptr::null_mut(), 0)).unwrap_or(0);
    let room = needed / size_of::<T>() + SLACK;
    let mut found: Vec<T> = Vec::with_capacity(room);
    let Ok(bytes) = libc::c_int::try_from(room * size_of::<T>()) else {
        return Vec::new();
    };
    let written = usize::try_from(list(found.as_mut_ptr().cast(), bytes)).unwrap_or(0);
    // SAFETY: the first bytes are filled in with numbers, as many as were written, and not more than there is room for.
    unsafe { found.set_len((written / size_of::<T>()).min(room)) };
    found
}
