//! Descriptors 0, 1 and 2 as ends of pipes.

use std::io::IsTerminal;
use std::path::Path;

use rustix::event::PollFlags;
use rustix::fd::{BorrowedFd, IntoRawFd, OwnedFd, RawFd};

use crate::Error;
use crate::sys::{self, Errno};

/// Standard descriptor of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stdio {
    /// Standard input, descriptor 0.
    Input,
    /// Standard output, descriptor 1.
    Output,
    /// Standard error, descriptor 2.
    Error,
}

/// Condition to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// There are bytes to read, or the writer is gone.
    Readable,
    /// There is room to write, or the reader is gone.
    Writable,
    /// The other end is gone: nothing will read what is written. Happens only on pipes, sockets and terminals.
    ReaderGone,
}

impl Stdio {
    fn fd(self) -> BorrowedFd<'static> {
        match self {
            Self::Input => rustix::stdio::stdin(),
            Self::Output => rustix::stdio::stdout(),
            Self::Error => rustix::stdio::stderr(),
        }
    }

    fn error(self, action: &'static str, errno: Errno) -> Error {
        let path = match self {
            Self::Input => "/dev/stdin",
            Self::Output => "/dev/stdout",
            Self::Error => "/dev/stderr",
        };
        Error::io(action, Path::new(path), None, errno)
    }
}

/// Clears `O_NONBLOCK`, which Node and ssh set on descriptors that they share with others.
///
/// # Errors
/// [`Error::Io`] if the descriptor is closed.
pub fn set_blocking(stdio: Stdio) -> Result<(), Error> {
    sys::set_blocking(stdio.fd()).map_err(|errno| stdio.error("set the mode of", errno))
}

/// Enlarges the capacity of a pipe to at least `bytes`, if the limits of the system allow it; see `F_SETPIPE_SZ` in fcntl(2).
///
/// Returns its capacity in bytes, `None` if it is not a pipe. A pipe never shrinks.
#[must_use]
pub fn set_pipe_size(stdio: Stdio, bytes: usize) -> Option<usize> {
    sys::grow_pipe(stdio.fd(), bytes).ok()
}

/// Waits with poll(2), without a timeout, until the descriptor is ready.
///
/// # Errors
/// [`Error::Io`] if the descriptor is closed, unless the condition is that the reader is gone.
pub fn wait(stdio: Stdio, readiness: Readiness) -> Result<(), Error> {
    let events = match readiness {
        Readiness::Readable => PollFlags::IN,
        Readiness::Writable => PollFlags::OUT,
        Readiness::ReaderGone => sys::HANG_UP,
    };
    let found = sys::poll(stdio.fd(), events).map_err(|errno| stdio.error("wait for", errno))?;
    if found.contains(PollFlags::NVAL) && readiness != Readiness::ReaderGone {
        return Err(stdio.error("wait for", Errno::BADF));
    }
    Ok(())
}

/// Writes to a socket or pipe what fits into it, and returns the number of bytes: 0 if it is full.
///
/// `O_NONBLOCK` is not set for that: it would be set for all processes that share the open file description.
///
/// # Errors
/// [`Error::Io`] as write(2) fails, for instance because the reader is gone.
pub fn write_now(stdio: Stdio, bytes: &[u8]) -> Result<usize, Error> {
    match sys::write_now(stdio.fd(), bytes) {
        Err(Errno::AGAIN) => Ok(0),
        written => written.map_err(|errno| stdio.error("write to", errno)),
    }
}

/// Creates a pipe with a capacity of `bytes` if the limits of the system allow it; see pipe(2). Returns the end to read from and the end
/// to write to. Child processes inherit neither unless it is passed on explicitly.
///
/// # Errors
/// [`Error::Io`] if there are too many open files.
pub fn pipe(bytes: usize) -> Result<(OwnedFd, OwnedFd), Error> {
    sys::pipe(bytes).map_err(|errno| Error::io("make", Path::new("a pipe"), None, errno))
}

/// Duplicates a descriptor of this process by its number, so that the caller may close it. No child process inherits the duplicate.
///
/// # Errors
/// [`Error::Io`] if it is closed, or there are too many open files.
pub fn duplicate(descriptor: RawFd) -> Result<OwnedFd, Error> {
    sys::duplicate_number(descriptor).map_err(|errno| {
        let path = format!("descriptor {descriptor}");
        Error::io("duplicate", Path::new(&path), None, errno)
    })
}

/// Creates a file in memory, which the kernel removes with its last descriptor. Other processes of the same user can open it by the name of
/// the descriptor in /proc.
///
/// # Errors
/// [`Error::Io`] if the system has no such files, or there are too many open files.
pub fn memory_file() -> Result<OwnedFd, Error> {
    sys::memory_file()
        .map_err(|errno| Error::io("make", Path::new("a file in memory"), None, errno))
}

/// Locks a byte of a file for as long as this process lives. False if another process has locked it.
///
/// The descriptor that holds the lock is never closed. So it is the kernel that closes it, once the last thread of this process has ended,
/// whatever ended it: by then, no call of this process writes to anything. A child process does not inherit it.
///
/// # Errors
/// [`Error::Io`] if the file cannot be opened for writing, or has no such locks.
pub fn lock_byte_for_life(path: &Path, offset: u64) -> Result<bool, Error> {
    let failed = |call, errno| Error::io(call, path, None, errno);
    let file = sys::open_for_writing(path, false).map_err(|errno| failed("open", errno))?;
    match sys::lock_byte(&file, offset) {
        Ok(()) => {
            std::mem::forget(file);
            Ok(true)
        }
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(failed("lock", errno)),
    }
}

/// Duplicates a descriptor of another process for as long as this process lives; returns the number of the duplicate. Both have the same open
/// file: what is locked or claimed by it stays so until the last process that has it has ended.
///
/// # Errors
/// [`Error::Io`] if that process has ended or has no such descriptor, or if this process may not trace it, see ptrace(2).
pub fn duplicate_for_life(process: i32, descriptor: i32) -> Result<RawFd, Error> {
    let copied = sys::duplicate_of(process, descriptor).map_err(|errno| {
        let path = format!("descriptor {descriptor} of process {process}");
        Error::io("duplicate", Path::new(&path), None, errno)
    })?;
    Ok(copied.into_raw_fd())
}

/// Right to draw on the terminal, released when dropped.
#[derive(Debug)]
pub struct TerminalLock {
    _terminal: OwnedFd,
}

/// Takes the right to draw on the terminal at standard error.
///
/// `None` if that is not a terminal, or if another process, such as the next stage of the same pipeline, draws there already.
#[must_use]
pub fn lock_terminal() -> Option<TerminalLock> {
    let stderr = Stdio::Error.fd();
    if !stderr.is_terminal() {
        return None;
    }
    sys::lock_terminal(stderr)
        .ok()
        .map(|terminal| TerminalLock {
            _terminal: terminal,
        })
}
