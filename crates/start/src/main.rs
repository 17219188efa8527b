//! Runs first in the single executable, before the C library and Node: what `src/cli/launcher.sh` does for the npm package.
//!
//! The kernel starts this code, and has mapped all of the file: this, Node, and musl as its dynamic linker (scripts/single/assemble.ts
//! says where). It prepares the arguments and the environment, puts the libraries and the engine into files without names, and goes on
//! as the kernel would have done: at the dynamic linker. Nothing here may need a relocation: nothing could apply one yet.
#![no_std]
#![no_main]

mod layout;
mod stack;
mod system;

use core::panic::PanicInfo;

use layout::Layout;
use stack::{FileNumbers, Given, Start};

/// Highest number of a signal.
const SIGNALS: usize = 64;

const SIGUSR1: usize = 10;

/// The fewest files with which Node starts, see src/native/node-start.ts.
const LEAST_FILES: usize = 32;

#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "xor ebp, ebp",
    "mov r12, rsp",
    "mov rdi, rsp",
    "call {room}",
    "sub rsp, rax",
    "mov rdi, r12",
    "mov rsi, rsp",
    "call {prepare}",
    // No function to call at the exit: the ABI wants that here.
    "xor edx, edx",
    "jmp rax",
    room = sym room,
    prepare = sym prepare,
);

#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".globl _start",
    "_start:",
    "mov x29, #0",
    "mov x30, #0",
    "mov x19, sp",
    "mov x0, sp",
    "bl {room}",
    "sub sp, sp, x0",
    "mov x0, x19",
    "mov x1, sp",
    "bl {prepare}",
    "mov x16, x0",
    "mov x0, #0",
    "br x16",
    room = sym room,
    prepare = sym prepare,
);

/// Returns how far the stack has to grow for what [`prepare`] writes: a multiple of its alignment.
///
/// # Safety
/// `given` is the stack as the kernel has left it.
unsafe extern "C" fn room(given: *const usize) -> usize {
    // SAFETY: `_start` passes the stack as the kernel has left it.
    unsafe { Given::read(given) }.room()
}

/// Writes the stack of the program to `to`, and returns the address at which it goes on.
///
/// # Safety
/// `given` is the stack as the kernel has left it, and `to` has as many writable bytes as [`room`] has returned for it.
unsafe extern "C" fn prepare(given: *const usize, to: *mut usize) -> usize {
    // SAFETY: `_start` passes the stack as the kernel has left it.
    let given = unsafe { Given::read(given) };
    let ignored = ignored_signals();
    // Ends the process until it is handled. Node blocks it first of all.
    system::ignore(SIGUSR1);
    if system::files_limit() < LEAST_FILES {
        fail(
            b"fewer than 32 files may be open; raise the limit (`ulimit -n`, LimitNOFILE)",
            0,
        );
    }
    let closed = [0, 1].map(|descriptor| !system::is_open(descriptor));
    let layout = Layout::here();
    let start = Start {
        ignored,
        closed,
        files: open_files(&layout),
    };
    // SAFETY: `_start` has made room for as much as `room` has asked for.
    unsafe { given.write(to, &start, &layout) };
    layout.linker_entry
}

/// Returns the signals that are ignored: a mask as in /proc/PID/status.
fn ignored_signals() -> u64 {
    let mut mask = 0;
    let mut signal = 1;
    while signal <= SIGNALS {
        if system::is_ignored(signal) {
            mask |= 1 << (signal - 1);
        }
        signal += 1;
    }
    mask
}

/// Puts the libraries and the engine into files without names, and tells the dynamic linker where its libraries are.
fn open_files(layout: &Layout) -> FileNumbers {
    let numbers = layout.files().map(|part| {
        let number = match system::file_with(part.bytes) {
            Ok(number) => number,
            Err(error) => fail(
                b"the system gives no memory that code can run from (memfd_create); allow it (vm.memfd_noexec below 2), free memory, or install blockcopy from npm",
                error,
            ),
        };
        if let Some(needed) = part.needed {
            // SAFETY: the name is as long as that, which scripts/single/assemble.ts has seen to.
            unsafe { stack::write_path(needed, number) };
        }
        number
    });
    let mut path = [0; stack::PATH_LENGTH];
    // SAFETY: it has that length.
    unsafe { stack::write_path(path.as_mut_ptr(), numbers[0]) };
    if let Err(error) = system::access(path.as_ptr()) {
        fail(
            b"/proc is not mounted, and the parts of this program are found there; mount it, or install blockcopy from npm",
            error,
        );
    }
    FileNumbers(numbers)
}

/// Ends the process with a message, and the number of an error of the system unless it is 0.
fn fail(why: &[u8], error: usize) -> ! {
    system::print(b"ERROR (blockcopy): cannot start: ");
    system::print(why);
    if error != 0 {
        let mut digits = [0; stack::DIGITS];
        // SAFETY: it has room for all digits.
        let length = unsafe { stack::write_number(digits.as_mut_ptr(), error) };
        system::print(b" (error ");
        // SAFETY: that many bytes were written.
        system::print(unsafe { core::slice::from_raw_parts(digits.as_ptr(), length) });
        system::print(b" of errno(3))");
    }
    system::print(b"\n");
    system::exit(69)
}

/// Required by the compiler. Nothing here panics.
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    system::exit(70)
}
