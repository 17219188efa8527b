//! The system calls that are needed before there is a C library, syscall(2).
use core::arch::asm;

#[cfg(target_arch = "x86_64")]
mod number {
    pub(super) const WRITE: usize = 1;
    pub(super) const CLOSE: usize = 3;
    pub(super) const RT_SIGACTION: usize = 13;
    pub(super) const FCNTL: usize = 72;
    pub(super) const EXIT_GROUP: usize = 231;
    pub(super) const FACCESSAT: usize = 269;
    pub(super) const PRLIMIT64: usize = 302;
    pub(super) const MEMFD_CREATE: usize = 319;
}

#[cfg(target_arch = "aarch64")]
mod number {
    pub(super) const FCNTL: usize = 25;
    pub(super) const FACCESSAT: usize = 48;
    pub(super) const CLOSE: usize = 57;
    pub(super) const WRITE: usize = 64;
    pub(super) const EXIT_GROUP: usize = 94;
    pub(super) const RT_SIGACTION: usize = 134;
    pub(super) const PRLIMIT64: usize = 261;
    pub(super) const MEMFD_CREATE: usize = 279;
}

const EINTR: usize = 4;
const EINVAL: usize = 22;
const SIG_IGN: usize = 1;
const F_GETFD: usize = 1;
const F_DUPFD_CLOEXEC: usize = 1030;
/// The first descriptor that is not a standard one.
const FIRST_OTHER: usize = 3;
const RLIMIT_NOFILE: usize = 7;
const MFD_CLOEXEC: usize = 1;
/// Asks for a file that code can be run from, since Linux 6.3. Older ones do not know the flag, and always make such a file.
const MFD_EXEC: usize = 16;
/// Relative paths are not used.
const AT_FDCWD: usize = (-100_isize).cast_unsigned();

/// `struct sigaction` of the kernel. The fields after the handler are not looked at: they are zero.
#[repr(C)]
struct Action {
    handler: usize,
    others: [usize; 3],
}

/// Makes a system call, and returns its result, or the number of the error.
unsafe fn call(number: usize, [a, b, c, d]: [usize; 4]) -> Result<usize, usize> {
    let result: isize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the caller passes what the call asks for; the kernel changes no other registers.
    unsafe {
        asm!("syscall", inlateout("rax") number => result, in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d,
            lateout("rcx") _, lateout("r11") _, options(nostack));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: the caller passes what the call asks for; the kernel changes no other registers.
    unsafe {
        asm!("svc 0", in("x8") number, inlateout("x0") a => result, in("x1") b, in("x2") c, in("x3") d, options(nostack));
    }
    if (-4095..0).contains(&result) {
        Err(result.unsigned_abs())
    } else {
        Ok(result.cast_unsigned())
    }
}

/// True if a signal is ignored.
pub(crate) fn is_ignored(signal: usize) -> bool {
    let mut old = Action {
        handler: 0,
        others: [0; 3],
    };
    // SAFETY: only writes to `old`, which has the size of the structure.
    let found = unsafe {
        call(
            number::RT_SIGACTION,
            [signal, 0, (&raw mut old).addr(), size_of::<u64>()],
        )
    };
    found.is_ok() && old.handler == SIG_IGN
}

/// Ignores a signal.
pub(crate) fn ignore(signal: usize) {
    let new = Action {
        handler: SIG_IGN,
        others: [0; 3],
    };
    // SAFETY: only reads `new`. It fails for signals that cannot be ignored, which no caller asks for.
    let _ = unsafe {
        call(
            number::RT_SIGACTION,
            [signal, (&raw const new).addr(), 0, size_of::<u64>()],
        )
    };
}

/// Returns the number of files that may be open: the hard limit, which Node raises the soft one to.
pub(crate) fn files_limit() -> usize {
    let mut limits = [usize::MAX; 2];
    // SAFETY: only writes to `limits`, which is as large as the structure.
    let _ = unsafe {
        call(
            number::PRLIMIT64,
            [0, RLIMIT_NOFILE, 0, limits.as_mut_ptr().addr()],
        )
    };
    limits[1]
}

/// True if a descriptor is open.
pub(crate) fn is_open(descriptor: usize) -> bool {
    // SAFETY: touches no memory.
    unsafe { call(number::FCNTL, [descriptor, F_GETFD, 0, 0]) }.is_ok()
}

/// Makes a file in memory, without a name, with this content.
pub(crate) fn file_with(bytes: &[u8]) -> Result<usize, usize> {
    let name = c"blockcopy".as_ptr().addr();
    // SAFETY: the name ends with a zero byte.
    let make = |flags| unsafe { call(number::MEMFD_CREATE, [name, flags, 0, 0]) };
    let file = match make(MFD_CLOEXEC | MFD_EXEC) {
        Err(EINVAL) => make(MFD_CLOEXEC),
        other => other,
    }?;
    let file = if file < FIRST_OTHER {
        moved(file)?
    } else {
        file
    };
    write_all(file, bytes)?;
    Ok(file)
}

/// Moves a file that has got the number of a standard descriptor, which is closed. Node opens /dev/null there.
fn moved(file: usize) -> Result<usize, usize> {
    // SAFETY: touches no memory.
    let other = unsafe { call(number::FCNTL, [file, F_DUPFD_CLOEXEC, FIRST_OTHER, 0]) };
    // SAFETY: nothing else knows this descriptor.
    let _ = unsafe { call(number::CLOSE, [file, 0, 0, 0]) };
    other
}

/// Prints to standard error. A failure cannot be reported.
pub(crate) fn print(text: &[u8]) {
    let _ = write_all(2, text);
}

fn write_all(descriptor: usize, bytes: &[u8]) -> Result<(), usize> {
    let (mut at, mut left) = (bytes.as_ptr().addr(), bytes.len());
    while left > 0 {
        // SAFETY: reads `left` bytes from `at`, which are the rest of `bytes`.
        match unsafe { call(number::WRITE, [descriptor, at, left, 0]) } {
            Ok(written) => {
                at += written;
                left -= written;
            }
            Err(EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Fails if a file does not exist or this process may not see it. `path` is absolute, and ends with a zero byte.
pub(crate) fn access(path: *const u8) -> Result<(), usize> {
    // SAFETY: only reads the path.
    unsafe { call(number::FACCESSAT, [AT_FDCWD, path.addr(), 0, 0]) }.map(|_| ())
}

/// Ends the process.
pub(crate) fn exit(code: usize) -> ! {
    loop {
        // SAFETY: touches no memory.
        let _ = unsafe { call(number::EXIT_GROUP, [code, 0, 0, 0]) };
    }
}
