//! Descriptors 0, 1 and 2, in child processes.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use blockcopy_blockio::exit_now;
use blockcopy_blockio::stdio::{
    Readiness, Stdio as Descriptor, lock_terminal, set_blocking, set_pipe_size, wait, write_now,
};

use crate::support::{child, is_child, on_disk, run, run_or_skip};

/// Waits until the child is about to wait.
fn ready(child: &mut Child) {
    let mut byte = [0];
    let stderr = child.stderr.as_mut().unwrap();
    while stderr.read(&mut byte).unwrap() == 1 && byte != *b"!" {}
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().unwrap().is_none(), "it did not wait");
}

fn assert_ends_soon(child: &mut Child, code: i32) {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return assert_eq!(status.code(), Some(code));
        }
        if start.elapsed() > Duration::from_secs(10) {
            child.kill().unwrap();
            panic!("it still waits");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

const READER: &str = "stdio::a_reader_waits_for_bytes";

#[test]
fn a_reader_waits_for_bytes() {
    if is_child(READER) {
        eprint!("!");
        wait(Descriptor::Input, Readiness::Readable).unwrap();
        exit_now(41);
    }
    for gone in [false, true] {
        let mut child = child(READER)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        ready(&mut child);
        let mut writer = child.stdin.take().unwrap();
        if gone {
            drop(writer);
        } else {
            writer.write_all(b"x").unwrap();
        }
        assert_ends_soon(&mut child, 41);
    }
}

/// Makes the pipe on standard input standard output, to which the test harness has written until now.
fn turn_to_the_pipe() {
    rustix::stdio::dup2_stdout(rustix::stdio::stdin()).unwrap();
    eprint!("!");
}

const WRITER: &str = "stdio::a_writer_waits_for_room";

#[test]
fn a_writer_waits_for_room() {
    if is_child(WRITER) {
        turn_to_the_pipe();
        wait(Descriptor::Output, Readiness::Writable).unwrap();
        exit_now(42);
    }
    for gone in [false, true] {
        let (mut reader, writer) = full_pipe();
        let mut child = child(WRITER)
            .stdin(writer)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        ready(&mut child);
        if gone {
            drop(reader);
        } else {
            reader.read_exact(&mut vec![0; 65_536]).unwrap();
        }
        assert_ends_soon(&mut child, 42);
    }
}

/// Returns a pipe without room.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    let room = rustix::pipe::fcntl_getpipe_size(&writer).unwrap();
    writer.write_all(&vec![0; room]).unwrap();
    (reader, writer)
}

const FILLER: &str = "stdio::writing_now_ends_where_there_is_no_room";

#[test]
fn writing_now_ends_where_there_is_no_room() {
    if is_child(FILLER) {
        rustix::stdio::dup2_stdout(rustix::stdio::stdin()).unwrap();
        let write = || write_now(Descriptor::Output, &[7; 10_000]).unwrap();
        let written: usize =
            std::iter::from_fn(|| Some(write()).filter(|written| *written > 0)).sum();
        eprintln!("[{written}]");
        exit_now(44);
    }
    let folder = on_disk();
    let fifo = folder.path().join("fifo");
    run("mkfifo", &[fifo.to_str().unwrap()]).unwrap();
    // Opened for both, a pipe with a name does not wait for its other end.
    let named = File::options().read(true).write(true).open(&fifo).unwrap();
    let (socket, other) = UnixStream::pair().unwrap();
    let (reader, writer) = pipe().unwrap();
    let ends: [(OwnedFd, OwnedFd); 3] = [
        (named.try_clone().unwrap().into(), named.into()),
        (socket.into(), other.into()),
        (writer.into(), reader.into()),
    ];
    for (writer, reader) in ends {
        let mut child = child(FILLER)
            .stdin(writer.try_clone().unwrap())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        assert_ends_soon(&mut child, 44);
        let mut said = String::new();
        child.stderr.unwrap().read_to_string(&mut said).unwrap();
        let flags = rustix::fs::fcntl_getfl(&writer).unwrap();
        assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
        drop(writer);
        // The end of a pipe with a name that is open for both is never reached.
        let (_, written) = said.rsplit_once('[').unwrap();
        let written: usize = written.trim_end().trim_end_matches(']').parse().unwrap();
        assert!(written >= 10_000, "{said}");
        let mut bytes = vec![0; written];
        File::from(reader).read_exact(&mut bytes).unwrap();
        assert!(bytes.iter().all(|byte| *byte == 7));
    }
}

const BEREAVED: &str = "stdio::a_writer_learns_that_its_reader_is_gone";

#[test]
fn a_writer_learns_that_its_reader_is_gone() {
    if is_child(BEREAVED) {
        turn_to_the_pipe();
        wait(Descriptor::Output, Readiness::ReaderGone).unwrap();
        exit_now(43);
    }
    // The room in the pipe does not matter.
    for (reader, writer) in [pipe().unwrap(), full_pipe()] {
        let mut child = child(BEREAVED)
            .stdin(writer)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        ready(&mut child);
        drop(reader);
        assert_ends_soon(&mut child, 43);
    }
}

const MODES: &str = "stdio::modes_and_sizes_of_pipes_are_set";

#[test]
fn modes_and_sizes_of_pipes_are_set() {
    if is_child(MODES) {
        set_blocking(Descriptor::Input).unwrap();
        set_blocking(Descriptor::Output).unwrap();
        let size = set_pipe_size(Descriptor::Input, 1 << 20);
        let smaller = set_pipe_size(Descriptor::Input, 4096);
        let too_large = set_pipe_size(Descriptor::Input, usize::MAX);
        eprintln!(
            "[{size:?} {smaller:?} {too_large:?} {:?}]",
            set_pipe_size(Descriptor::Output, 1 << 20)
        );
        return;
    }
    let (reader, _writer) = pipe().unwrap();
    let flags = rustix::fs::fcntl_getfl(&reader).unwrap();
    rustix::fs::fcntl_setfl(&reader, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
    let shared = reader.try_clone().unwrap();
    let output = child(MODES)
        .stdin(reader)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("[Some(1048576) Some(1048576) Some(1048576) None]"),
        "{said}"
    );
    assert_eq!(rustix::fs::fcntl_getfl(&shared).unwrap(), flags);
}

const DRAWER: &str = "stdio::one_process_at_a_time_draws_on_a_terminal";

#[test]
fn one_process_at_a_time_draws_on_a_terminal() {
    if is_child(DRAWER) {
        let first = lock_terminal();
        let second = lock_terminal();
        let while_held = (first.is_some(), second.is_some());
        drop(first);
        println!("[{while_held:?} {}]", lock_terminal().is_some());
        return;
    }
    let output = child(DRAWER).stderr(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("[(false, false) false]"), "{said}");

    if run_or_skip("script", &["--version"]).is_none() {
        return;
    }
    let program = std::env::current_exe().unwrap();
    let line = format!(
        "BLOCKIO_TEST_CHILD={DRAWER} {} {DRAWER} --exact --nocapture",
        program.display()
    );
    let said = run("script", &["-qec", &line, "/dev/null"]).unwrap();
    assert!(said.contains("[(true, false) true]"), "{said}");
}
