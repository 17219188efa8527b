//! Real devices and file systems for the tests: loop devices, mounts, and a place on a real disk.
#![allow(
    clippy::explicit_write,
    reason = "the test harness would swallow what eprintln! says"
)]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use blockcopy_blockio::{ALIGNMENT, Direct, Error, Sink, SinkOptions, Slab, Source};
use tempfile::TempDir;

/// Prints the reason for skipping a test.
pub(crate) fn skip(reason: &str) {
    let test = thread::current().name().unwrap_or("?").to_owned();
    writeln!(std::io::stderr(), "SKIPPED {test}: {reason}").unwrap();
}

/// Returns a new directory on the disk of the build.
pub(crate) fn on_disk() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Returns a new directory in memory, if there is /dev/shm.
pub(crate) fn in_memory() -> Option<TempDir> {
    tempfile::tempdir_in("/dev/shm")
        .inspect_err(|error| skip(&format!("no /dev/shm: {error}")))
        .ok()
}

/// Returns pseudo-random bytes.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(|_| next()).collect();
    bytes.truncate(len);
    bytes
}

pub(crate) fn file_with(directory: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = directory.join(name);
    let mut file = File::create(&path).unwrap();
    file.write_all(content).unwrap();
    file.sync_all().unwrap();
    path
}

/// Runs a command and returns its output, or the reason of its failure.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    } else {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(format!("{program} {}: {said}", arguments.join(" ")))
    }
}

/// As `run`, for a test that is skipped if the command fails.
pub(crate) fn run_or_skip(program: &str, arguments: &[&str]) -> Option<String> {
    run(program, arguments)
        .inspect_err(|error| skip(error))
        .ok()
}

/// Loop device on a file, detached when dropped.
pub(crate) struct LoopDevice(PathBuf);

impl LoopDevice {
    pub(crate) fn attach(backing: &Path, options: &[&str]) -> Option<Self> {
        let mut arguments = vec!["--find", "--show"];
        arguments.extend_from_slice(options);
        arguments.push(backing.to_str().unwrap());
        run_or_skip("losetup", &arguments).map(|path| Self(path.into()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn name(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        // The kernel keeps "read-only" for the next file that is attached here.
        let writable = run("blockdev", &["--setrw", self.name()]);
        if let Err(error) = writable.and_then(|_| run("losetup", &["--detach", self.name()])) {
            skip(&format!("left behind: {error}"));
        }
    }
}

/// Mounted file system, unmounted when dropped.
pub(crate) struct Mount(PathBuf);

impl Mount {
    pub(crate) fn new(arguments: &[&str], mountpoint: &Path) -> Option<Self> {
        fs::create_dir_all(mountpoint).unwrap();
        let mut arguments = arguments.to_vec();
        arguments.push(mountpoint.to_str().unwrap());
        run_or_skip("mount", &arguments).map(|_| Self(mountpoint.to_owned()))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let unmount = || run("umount", &[self.0.to_str().unwrap()]);
        if let Err(error) = released(unmount) {
            skip(&format!("left behind: {error}"));
        }
    }
}

/// Returns a command that runs the single test `name` of this program in a child process.
pub(crate) fn child(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    command.env("BLOCKIO_TEST_CHILD", name);
    command
}

/// Returns true if this process was started by `child(name)`.
pub(crate) fn is_child(name: &str) -> bool {
    std::env::var_os("BLOCKIO_TEST_CHILD").is_some_and(|child| child == name)
}

/// Opens a file or device for writing with default options.
pub(crate) fn open_sink(path: impl AsRef<Path>, force: bool) -> Result<Sink, Error> {
    let direct = Direct::Auto;
    let options = SinkOptions {
        force,
        direct,
        ..SinkOptions::default()
    };
    Sink::open(path, options)
}

/// Retries an operation that needs a file or device to be closed everywhere. A process that another test is starting has our
/// descriptors until it executes its program, which may be a little later than we close them.
pub(crate) fn released<T, E>(mut attempt: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    for _ in 0..200 {
        if let Ok(done) = attempt() {
            return Ok(done);
        }
        thread::sleep(Duration::from_millis(10));
    }
    attempt()
}

/// Opens a device that was just closed.
pub(crate) fn open_released(path: &Path) -> Sink {
    released(|| open_sink(path, false)).unwrap()
}

/// Reads `len` bytes at `offset` into aligned memory that held something else before.
pub(crate) fn read(source: &Source, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
    let (mut buf, mut guard) = Slab::new(1, len + ALIGNMENT)?
        .take(0)
        .unwrap()
        .split_at(len);
    buf.fill(0xA5);
    guard.fill(0xA5);
    let read = source.read_at(&mut buf, offset)?;
    assert!(
        guard.iter().all(|&byte| byte == 0xA5),
        "wrote beyond the buffer"
    );
    Ok(buf[..read].to_vec())
}

pub(crate) fn assert_reads(source: &Source, content: &[u8], start: usize, len: usize) {
    let expected = &content[start.min(content.len())..(start + len).min(content.len())];
    let found = read(source, start as u64, len).unwrap();
    assert!(
        found == expected,
        "{start}+{len} of {}: {} bytes",
        content.len(),
        found.len()
    );
}

/// Returns the number of cached bytes of a file.
pub(crate) fn resident(path: &Path) -> Option<usize> {
    let path = path.to_str().unwrap();
    let said = run_or_skip("fincore", &["-n", "-b", "-o", "RES", path])?;
    said.parse().ok()
}

/// Returns the allocated space of a file in bytes.
pub(crate) fn allocated(path: &Path) -> u64 {
    fs::metadata(path).unwrap().blocks() * 512
}

/// Drops a file from the page cache, as far as possible.
pub(crate) fn evict(path: &Path) -> Option<()> {
    let input = format!("if={}", path.display());
    run_or_skip("dd", &[&input, "iflag=nocache", "count=0"]).map(|_| ())
}
