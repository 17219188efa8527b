//! Descriptors 0, 1 and 2 as ends of pipes, and the end of the process.

use std::os::fd::IntoRawFd;

use blockcopy_engine::stdio::{self, Readiness, Stdio};
use blockcopy_engine::{exit_now as exit, in_background};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::arguments::invalid;
use crate::errors::js_error;
use crate::promise::promise;

/// Makes a standard descriptor blocking again, if something has made it non-blocking.
#[napi]
pub fn set_blocking(env: Env, fd: u32) -> Result<()> {
    stdio::set_blocking(standard(fd)?).map_err(|error| js_error(env, &error.into()))
}

/// Asks for a pipe of `length` bytes, if the descriptor is a pipe. Best effort: returns its size, or `null`.
#[napi]
pub fn set_pipe_size(fd: u32, length: u32) -> Result<Option<u32>> {
    Ok(stdio::set_pipe_size(standard(fd)?, length as usize)
        .and_then(|size| u32::try_from(size).ok()))
}

/// The two ends of a pipe, as descriptors: whoever asked for it closes them.
#[napi(object)]
pub struct Pipe {
    /// What is written comes out here.
    pub read: i32,
    /// What is written here comes out at the other.
    pub write: i32,
}

/// Makes a pipe that holds `length` bytes, if the system's limits allow.
#[napi]
pub fn make_pipe(env: Env, length: u32) -> Result<Pipe> {
    let (read, write) =
        stdio::pipe(length as usize).map_err(|error| js_error(env, &error.into()))?;
    Ok(Pipe {
        read: read.into_raw_fd(),
        write: write.into_raw_fd(),
    })
}

/// Condition of a standard descriptor to wait for.
#[napi(string_enum)]
#[derive(Clone, Copy)]
pub enum Condition {
    /// It has bytes to read, or is at its end.
    #[napi(value = "readable")]
    Readable,
    /// It takes bytes, or never will again.
    #[napi(value = "writable")]
    Writable,
    /// Nobody will ever read what is written to it.
    #[napi(value = "readerGone")]
    ReaderGone,
}

/// Waits on a thread of its own until a standard descriptor can be read or written, or until nobody will ever read
/// what is written to it.
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

/// The right to draw on the terminal, of which one process at a time has it.
#[napi]
pub struct TerminalLock {
    held: Option<stdio::TerminalLock>,
}

#[napi]
impl TerminalLock {
    /// Takes it, unless another process has it or standard error is no terminal.
    #[napi(factory)]
    pub fn acquire() -> Self {
        Self {
            held: stdio::lock_terminal(),
        }
    }

    /// Whether it was taken.
    #[napi(getter)]
    pub fn held(&self) -> bool {
        self.held.is_some()
    }

    /// Gives it back.
    #[napi]
    pub fn release(&mut self) {
        self.held = None;
    }
}

/// Ends the process at once, with nothing but the exit code. Node's own way waits for its threads, one of which
/// may be waiting for a pipe that stays silent.
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
