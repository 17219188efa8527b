//! Destinations in use are refused, with the name of the user.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use blockcopy_blockio::Error;
use tempfile::TempDir;

use crate::support::{
    LoopDevice, Mount, file_with, on_disk, open_released, open_sink, run, run_or_skip, skip,
};

const SIZE: usize = 8 << 20;

/// A loop device over a new file `backing` in `directory`, with an empty ext4 on it.
fn with_file_system(directory: &TempDir) -> Option<LoopDevice> {
    let backing = file_with(directory.path(), "backing", &vec![0; SIZE]);
    run_or_skip("mkfs.ext4", &["-q", "-F", backing.to_str()?])?;
    LoopDevice::attach(&backing, &[])
}

fn assert_busy(path: &Path, holder: &str) {
    let error = open_sink(path, false).unwrap_err();
    assert!(matches!(error, Error::Busy { .. }), "{error}");
    assert_eq!(error.code(), "busy");
    assert_eq!(
        error.to_string(),
        format!("cannot write {}: {holder}", path.display())
    );
}

#[test]
fn a_mounted_device_is_refused_with_its_mountpoints() {
    let directory = on_disk();
    let Some(device) = with_file_system(&directory) else {
        return;
    };
    let first = directory.path().join("a b\\c");
    let second = directory.path().join("second");
    let Some(mount) = Mount::new(&[device.name()], &first) else {
        return;
    };
    assert_busy(
        device.path(),
        &format!("it is mounted on {}", first.display()),
    );
    let bind = Mount::new(&["--bind", first.to_str().unwrap()], &second).unwrap();
    let both = format!("it is mounted on {}, {}", first.display(), second.display());
    assert_busy(device.path(), &both);

    let sink = open_sink(device.path(), true).unwrap();
    assert_eq!(sink.size(), SIZE as u64);
    drop((sink, bind, mount));
    open_released(device.path());
}

#[test]
fn the_backing_file_of_a_mounted_device_is_refused() {
    let directory = on_disk();
    let Some(device) = with_file_system(&directory) else {
        return;
    };
    let backing = directory.path().join("backing");
    // Attached and not in use yet: a later mount would see it change.
    assert_busy(&backing, &format!("it backs {}", device.name()));
    let mountpoint = directory.path().join("mount");
    let Some(_mount) = Mount::new(&[device.name()], &mountpoint) else {
        return;
    };
    let holder = format!(
        "it backs {}, and that is mounted on {}",
        device.name(),
        mountpoint.display()
    );
    assert_busy(&backing, &holder);
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&backing, &link).unwrap();
    assert_busy(&link, &holder);
    open_sink(&backing, true).unwrap();
    open_sink(file_with(directory.path(), "other", b""), false).unwrap();
}

#[test]
fn the_backing_device_of_a_mounted_device_is_refused() {
    let directory = on_disk();
    let Some(lower) = with_file_system(&directory) else {
        return;
    };
    let Some(upper) = LoopDevice::attach(lower.path(), &[]) else {
        return;
    };
    let mountpoint = directory.path().join("mount");
    let Some(_mount) = Mount::new(&[upper.name()], &mountpoint) else {
        return;
    };
    let holder = format!(
        "it backs {}, and that is mounted on {}",
        upper.name(),
        mountpoint.display()
    );
    assert_busy(lower.path(), &holder);
}

/// The first partition of a loop device, 1 MiB in; deleted when dropped.
struct Partition<'a> {
    device: &'a LoopDevice,
    path: String,
}

impl<'a> Partition<'a> {
    fn new(device: &'a LoopDevice) -> Option<Self> {
        let first_sector = ((1 << 20) / 512).to_string();
        let sectors = (SIZE / 512).to_string();
        run_or_skip("addpart", &[device.name(), "1", &first_sector, &sectors])?;
        let path = format!("{}p1", device.name());
        Some(Self { device, path })
    }
}

impl Drop for Partition<'_> {
    fn drop(&mut self) {
        if let Err(error) = run("delpart", &[self.device.name(), "1"]) {
            skip(&format!("left behind: {error}"));
        }
    }
}

#[test]
fn a_device_with_a_mounted_partition_is_refused() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &vec![0; 2 * SIZE]);
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let Some(partition) = Partition::new(&device) else {
        return;
    };
    let path = &partition.path;
    let mountpoint = directory.path().join("mount");
    if run_or_skip("mkfs.ext4", &["-q", "-F", path]).is_some()
        && let Some(_mount) = Mount::new(&[path], &mountpoint)
    {
        let at = mountpoint.display();
        assert_busy(
            device.path(),
            &format!("its partition {path} is mounted on {at}"),
        );
        assert_busy(Path::new(path), &format!("it is mounted on {at}"));
    }
    let _claim = open_released(device.path());
    assert_busy(Path::new(path), "another process has it open exclusively");
}

#[test]
fn a_claimed_device_is_refused() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &vec![0; SIZE]);
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let claim = open_sink(device.path(), false).unwrap();
    assert_busy(device.path(), "another process has it open exclusively");
    open_sink(device.path(), true).unwrap();
    drop(claim);
    open_released(device.path());
}

#[test]
fn a_held_device_is_refused_with_its_holder() {
    let directory = on_disk();
    let backing = file_with(directory.path(), "backing", &vec![0; SIZE]);
    let Some(device) = LoopDevice::attach(&backing, &[]) else {
        return;
    };
    let name = format!("blockio-test-{}", std::process::id());
    let table = format!("0 {} linear {} 0", SIZE / 512, device.name());
    if run_or_skip(
        "dmsetup",
        &["create", "--noudevsync", &name, "--table", &table],
    )
    .is_none()
    {
        return;
    }
    let message = open_sink(device.path(), false).map(|_| String::new());
    let message = message.unwrap_or_else(|error| error.to_string());
    run("dmsetup", &["remove", "--noudevsync", &name]).unwrap();
    let start = format!("cannot write {}: it is held by /dev/dm-", device.name());
    assert!(
        message.starts_with(&start) && message.ends_with(&format!("({name})")),
        "{message}"
    );
}

/// A process that has a file or device open for writing, without locks and without a claim; ended when dropped.
struct Writer(Child);

impl Writer {
    fn of(path: &Path) -> Self {
        let file = File::options().append(true).open(path).unwrap();
        Self(
            Command::new("sleep")
                .arg("60")
                .stdout(file)
                .spawn()
                .unwrap(),
        )
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn what_another_process_writes_is_refused_unless_forced() {
    let directory = on_disk();
    let file = file_with(directory.path(), "file", &vec![0; 4096]);
    let backing = file_with(directory.path(), "backing", &vec![0; SIZE]);
    let device = LoopDevice::attach(&backing, &[]);
    let paths = [Some(file.as_path()), device.as_ref().map(LoopDevice::path)];
    for path in paths.into_iter().flatten() {
        let writer = Writer::of(path);
        let error = open_sink(path, false).unwrap_err();
        let process = format!("process {} (sleep)", writer.0.id());
        assert_eq!(error.code(), "busy");
        assert!(error.to_string().contains(&process), "{error}");
        open_sink(path, true).unwrap();
        drop(writer);
        open_released(path);
    }
}

#[test]
fn a_user_who_goes_away_is_waited_for() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &vec![0; 4096]);
    // On a busy machine the other thread may begin too late, or the user may stay longer than it is waited for.
    let has_waited = (0..20).any(|_| {
        let user = Writer::of(&path);
        let waiting = thread::spawn({
            let path = path.clone();
            move || (Instant::now(), open_sink(path, false).map(drop))
        });
        thread::sleep(Duration::from_millis(150));
        let released = Instant::now();
        drop(user);
        let (began, opened) = waiting.join().unwrap();
        opened.is_ok() && released.duration_since(began) > Duration::from_millis(100)
    });
    assert!(has_waited);
}
