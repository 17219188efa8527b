//! Writing up to the end of a file or device, and reporting where it stopped.

use std::fs;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use blockcopy_blockio::{Direct, Kind, Sink, SinkOptions};

use crate::support::{LoopDevice, Mount, allocated, file_with, on_disk, open_sink, pattern, run};

const MIB: usize = 1 << 20;

#[test]
fn a_device_is_written_up_to_its_end_and_not_beyond() {
    let directory = on_disk();
    for sector in ["512", "4096"] {
        let backing = file_with(directory.path(), "backing", &vec![0x22; MIB]);
        let Some(device) = LoopDevice::attach(&backing, &["--sector-size", sector]) else {
            return;
        };
        let sink = open_sink(device.path(), false).unwrap();
        assert_eq!((sink.kind(), sink.size()), (Kind::Device, MIB as u64));
        let data = pattern(10_001);
        sink.write_run(&[&data], 777).unwrap();
        sink.write_run(&[&data], (MIB - data.len()) as u64).unwrap();
        for offset in [
            (MIB - data.len() + 1) as u64,
            MIB as u64,
            i64::MAX as u64,
            u64::MAX,
        ] {
            let error = sink.write_run(&[&data], offset).unwrap_err();
            assert_eq!(
                (error.code(), error.offset(), error.errno()),
                ("beyond-end", Some(offset), None)
            );
            let expected = format!(
                "cannot write {} at offset {offset}: 10001 bytes would reach beyond its end at {MIB}",
                device.name()
            );
            assert_eq!(error.to_string(), expected);
        }
        sink.sync().unwrap();
        let mut expected = vec![0x22; MIB];
        expected[777..][..data.len()].copy_from_slice(&data);
        expected[MIB - data.len()..].copy_from_slice(&data);
        drop(sink);
        assert!(fs::read(device.path()).unwrap() == expected);
    }
}

#[test]
fn a_full_disk_is_named_with_the_first_byte_that_did_not_fit() {
    let directory = on_disk();
    let Some(small) = Mount::new(
        &["-t", "tmpfs", "-o", "size=256k", "tmpfs"],
        &directory.path().join("small"),
    ) else {
        return;
    };
    let path = file_with(small.path(), "file", b"");
    let sink = open_sink(&path, false).unwrap();
    let data = pattern(MIB);
    let error = sink.write_run(&[&data], 4096).unwrap_err();
    let written = fs::read(&path).unwrap();
    assert_eq!((error.code(), error.errno()), ("io", Some(28)));
    assert_eq!(error.offset(), Some(written.len() as u64));
    let expected = format!(
        "cannot write {} at offset {}: No space left on device (ENOSPC)",
        path.display(),
        written.len()
    );
    assert_eq!(error.to_string(), expected);
    // A short write came first: what is before that byte was written.
    assert_eq!(written.len(), 256 * 1024 + 4096);
    assert!(written[4096..] == data[..256 * 1024]);
}

#[test]
fn a_file_beyond_the_largest_offset_is_an_error() {
    let directory = on_disk();
    let sink = open_sink(file_with(directory.path(), "file", b""), false).unwrap();
    for offset in [i64::MAX.cast_unsigned(), u64::MAX] {
        let error = sink.write_run(&[b"x"], offset).unwrap_err();
        assert_eq!(
            (error.code(), error.errno(), error.offset()),
            ("io", Some(27), Some(offset))
        );
    }
    assert_eq!(fs::metadata(sink.path()).unwrap().len(), 0);
}

/// Returns a device of 8 MiB with room for 1 MiB, and its backing file.
fn thin_device(directory: &Path) -> Option<(Mount, PathBuf, LoopDevice)> {
    let small = ["-t", "tmpfs", "-o", "size=1m", "tmpfs"];
    let small = Mount::new(&small, &directory.join("small"))?;
    let thin = small.path().join("thin");
    let file = fs::File::create(&thin).unwrap();
    file.set_len(8 * MIB as u64).unwrap();
    let device = LoopDevice::attach(&thin, &[])?;
    Some((small, thin, device))
}

#[test]
fn a_direct_write_to_a_full_disk_is_reported_exactly() {
    let directory = on_disk();
    let Some((_small, thin, device)) = thin_device(directory.path()) else {
        return;
    };
    let sink = open_sink(device.path(), false).unwrap();
    assert!(sink.is_direct());
    let data = pattern(4 * MIB);
    let error = sink.write_run(&[&data], 0).unwrap_err();
    let room = allocated(&thin);
    assert_eq!((error.code(), error.errno()), ("io", Some(28)));
    assert_eq!(error.offset(), Some(room));
    let mut written = vec![0; MIB];
    let file = fs::File::open(&thin).unwrap();
    file.read_exact_at(&mut written, 0).unwrap();
    assert!(room == MIB as u64 && written == data[..MIB]);
}

#[test]
fn a_failed_sync_stays_failed() {
    let directory = on_disk();
    let Some((_small, _thin, device)) = thin_device(directory.path()) else {
        return;
    };
    let options = SinkOptions {
        direct: Direct::Off,
        ..SinkOptions::default()
    };
    let sink = Sink::open(device.path(), options).unwrap();
    sink.write_run(&[&pattern(4 * MIB)], 0).unwrap();
    for _ in 0..3 {
        let error = sink.sync().unwrap_err();
        assert_eq!(error.code(), "sync");
        let message = error.to_string();
        assert!(
            message.starts_with(&format!("cannot sync {}: ", device.name())),
            "{message}"
        );
        assert!(
            message.ends_with("; its content is not known to be on disk"),
            "{message}"
        );
    }
}

/// The kernel reports it once, while writeback is waited for, long before the sync at the end.
#[test]
fn a_failure_of_the_disk_before_the_sync_is_not_lost() {
    let directory = on_disk();
    let Some((small, thin, device)) = thin_device(directory.path()) else {
        return;
    };
    let backing = fs::OpenOptions::new().write(true).open(&thin).unwrap();
    // Far more than its file system holds: that gets full, and not the memory of this machine.
    backing.set_len(80 * MIB as u64).unwrap();
    run("losetup", &["--set-capacity", device.name()]).unwrap();
    let options = SinkOptions {
        direct: Direct::Off,
        ..SinkOptions::default()
    };
    let sink = Sink::open(device.path(), options).unwrap();
    assert_eq!(sink.size(), 80 * MIB as u64);
    let error = sink.write_run(&[&pattern(80 * MIB)], 0).unwrap_err();
    assert_eq!(error.code(), "sync", "{error}");
    // Now there is room for everything that the kernel still has to write.
    let larger = "remount,size=200m";
    run("mount", &["-o", larger, small.path().to_str().unwrap()]).unwrap();
    run("sync", &[device.name()]).ok();
    for _ in 0..2 {
        assert_eq!(sink.sync().unwrap_err().code(), "sync");
    }
}

#[test]
fn a_read_only_device_is_refused_even_by_force() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &vec![0; MIB]);
    let Some(device) = LoopDevice::attach(&backing, &["--read-only"]) else {
        return;
    };
    for force in [false, true] {
        let error = open_sink(device.path(), force).unwrap_err();
        assert_eq!(error.code(), "read-only");
        assert_eq!(
            error.to_string(),
            format!("cannot write {}: it is read-only", device.name())
        );
    }
}

#[test]
fn a_file_on_a_read_only_file_system_is_read_only() {
    let directory = on_disk();
    let Some(mount) = Mount::new(&["-t", "tmpfs", "tmpfs"], &directory.path().join("mount")) else {
        return;
    };
    let path = file_with(mount.path(), "file", b"");
    run(
        "mount",
        &["-o", "remount,ro", mount.path().to_str().unwrap()],
    )
    .unwrap();
    assert_eq!(open_sink(&path, true).unwrap_err().code(), "read-only");
}

#[test]
fn other_file_types_are_refused_without_blocking_and_nothing_is_created() {
    let directory = on_disk();
    let fifo = directory.path().join("fifo");
    run("mkfifo", &[fifo.to_str().unwrap()]).unwrap();
    for path in [fifo.as_path(), directory.path(), Path::new("/dev/null")] {
        for force in [false, true] {
            assert_eq!(open_sink(path, force).unwrap_err().code(), "not-a-file");
        }
    }
    let absent = directory.path().join("absent");
    assert_eq!(open_sink(&absent, true).unwrap_err().code(), "not-found");
    assert!(!absent.exists());
}

#[test]
fn a_file_that_is_being_executed_is_busy() {
    let directory = on_disk();
    let program = directory.path().join("program");
    // Copied by another process: a process that another test is starting could have our descriptor for writing, and then the program
    // cannot be executed.
    run("cp", &["/bin/sleep", program.to_str().unwrap()]).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let mut running = std::process::Command::new(&program)
        .arg("60")
        .spawn()
        .unwrap();
    let opened = open_sink(&program, false);
    running.kill().unwrap();
    running.wait().unwrap();
    let error = opened.unwrap_err();
    assert_eq!(error.code(), "busy");
    assert!(error.to_string().contains("executed"), "{error}");
}

#[test]
fn opening_changes_nothing() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"content");
    drop(open_sink(&path, false).unwrap());
    let mut content = [0; 7];
    fs::File::open(&path)
        .unwrap()
        .read_exact_at(&mut content, 0)
        .unwrap();
    assert_eq!(&content, b"content");
}
