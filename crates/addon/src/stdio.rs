//! Descriptors 0, 1 and 2 as ends of pipes, and exiting.

use std::os::fd::IntoRawFd;

use blockcopy_engine::stdio::{self, Readiness, Stdio};
use blockcopy_engine::{exit_now as exit, in_background};
use napi::bindgen_prelude::Object;
use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::arguments::{invalid, whole};
use crate::errors::js_error;
use crate::names::to_path;
use crate::promise::promise;

/// Makes a standard descriptor blocking again.
#[napi]
pub fn set_blocking(env: Env, fd: u32) -> Result<()> {
    stdio::set_blocking(standard(fd)?).map_err(|error| js_error(env, &error.into()))
}

/// Enlarges the capacity of a pipe to `length` bytes if possible. Returns its capacity, or `null` if the descriptor is not a pipe.
#[napi]
pub fn set_pipe_size(fd: u32, length: u32) -> Result<Option<u32>> {
    Ok(stdio::set_pipe_size(standard(fd)?, length as usize)
        .and_then(|size| u32::try_from(size).ok()))
}

/// Writes to a standard descriptor that is a socket or pipe what fits into it. Returns the number of bytes: 0 if it is full.
#[napi]
pub fn write_now(env: Env, fd: u32, bytes: &[u8]) -> Result<u32> {
    let written = stdio::write_now(standard(fd)?, bytes);
    let written = written.map_err(|error| js_error(env, &error.into()))?;
    u32::try_from(written).map_err(|_| invalid("too many bytes"))
}

/// Descriptors of the two ends of a pipe. The caller closes them.
#[napi(object)]
pub struct Pipe {
    /// End to read from.
    pub read: i32,
    /// End to write to.
    pub write: i32,
}

/// Creates a pipe with a capacity of `length` bytes, if the limits of the system allow it.
#[napi]
pub fn make_pipe(env: Env, length: u32) -> Result<Pipe> {
    let (read, write) =
        stdio::pipe(length as usize).map_err(|error| js_error(env, &error.into()))?;
    Ok(Pipe {
        read: read.into_raw_fd(),
        write: write.into_raw_fd(),
    })
}

/// Creates a file in memory. Other processes of the same user can open it by the name of the descriptor in /proc; it lasts as
/// long as a process has it open.
#[napi]
pub fn make_memory_file(env: Env) -> Result<i32> {
    let file = stdio::memory_file().map_err(|error| js_error(env, &error.into()))?;
    Ok(file.into_raw_fd())
}

/// Locks a byte of a file until this process has ended, with its last thread. Returns false if another process has locked it.
#[napi]
pub fn lock_byte_for_life(
    env: Env,
    #[napi(ts_arg_type = "string")] path: JsString<'_>,
    offset: f64,
) -> Result<bool> {
    stdio::lock_byte_for_life(&to_path(path)?, whole(offset)?)
        .map_err(|error| js_error(env, &error.into()))
}

/// Duplicates a descriptor of another process for as long as this one lives; returns the number of the duplicate. What is locked or claimed
/// by it stays so until the last process that has it has ended.
#[napi]
pub fn duplicate_for_life(env: Env, process: i32, descriptor: i32) -> Result<i32> {
    stdio::duplicate_for_life(process, descriptor).map_err(|error| js_error(env, &error.into()))
}

/// Condition of a standard descriptor to wait for.
#[napi(string_enum)]
#[derive(Clone, Copy)]
pub enum Condition {
    /// There are bytes to read, or the writer is gone.
    #[napi(value = "readable")]
    Readable,
    /// There is room to write, or the reader is gone.
    #[napi(value = "writable")]
    Writable,
    /// The reader is gone.
    #[napi(value = "readerGone")]
    ReaderGone,
}

/// Waits on its own thread for a condition of a standard descriptor.
#[napi(ts_return_type = "Promise<void>")]
pub fn wait_for(env: &Env, fd: u32, condition: Condition) -> Result<Object<'_>> {
    let fd = standard(fd)?;
    let readiness = match condition {
        Condition::Readable => Readiness::Readable,
        Condition::Writable => Readiness::Writable,
        Condition::ReaderGone => Readiness::ReaderGone,
    };
    let wait = move || Ok(stdio::wait(fd, readiness)?);
    promise(
        env,
        |()| (),
        |done| in_background("blockcopy-poll", wait, done),
    )
}

/// Right to draw on the terminal, held by one process at a time.
#[napi]
pub struct TerminalLock {
    held: Option<stdio::TerminalLock>,
}

#[napi]
impl TerminalLock {
    /// Takes it, unless another process has it or standard error is not a terminal.
    #[napi(factory)]
    pub fn acquire() -> Self {
        Self {
            held: stdio::lock_terminal(),
        }
    }

    /// True if it is held.
    #[napi(getter)]
    pub fn held(&self) -> bool {
        self.held.is_some()
    }

    /// Releases it.
    #[napi]
    pub fn release(&mut self) {
        self.held = None;
    }
}

/// Ends the process at once with an exit code. The exit of Node waits for its threads, and one of them may be blocked in a read from a
/// pipe.
#[napi]
pub fn exit_now(code: i32) {
    exit(code);
}

fn standard(fd: u32) -> Result<Stdio> {
    match fd {
        0 => Ok(Stdio::Input),
        1 => Ok(Stdio::Output),
        2 => Ok(Stdio::Error),
        _ => Err(invalid("not a standard descriptor")),
    }
}
