//! Identities of files, which last until a change.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::Path;

use blockcopy_blockio::{Direct, Source};

use super::checked::{identity, wait_for_the_clock};
use crate::support::{Mount, file_with, in_memory, on_disk, open_sink, pattern, run, run_or_skip};

const SIZE: usize = 4 << 20;

#[test]
fn a_file_has_one_identity_by_any_descriptor_and_name() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"content");
    let link = directory.path().join("link");
    fs::hard_link(&path, &link).unwrap();
    let first = identity(&path);
    wait_for_the_clock();
    assert_eq!(identity(&path), first);
    assert_eq!(identity(&link), first);
    let sink = open_sink(&path, false).unwrap();
    let reader = sink.reader(Direct::Auto).unwrap();
    assert_eq!(reader.identity().unwrap().as_str(), first);
    fs::read(&path).unwrap();
    assert_eq!(identity(&path), first, "reading is no change");
}

#[test]
fn a_file_is_the_same_by_any_name_and_no_other_is() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"content");
    let link = directory.path().join("link");
    fs::hard_link(&path, &link).unwrap();
    let copy = file_with(directory.path(), "copy", b"content");
    let [file, link, copy] =
        [path, link, copy].map(|path| Source::open(path, Direct::Auto).unwrap());
    assert!(file.is_same_as(&file) && file.is_same_as(&link) && link.is_same_as(&file));
    assert!(!file.is_same_as(&copy) && !copy.is_same_as(&link));
}

#[test]
fn a_file_is_named_by_its_inode_and_its_change_time() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"content");
    let found = identity(&path);
    let words: Vec<_> = found.split(' ').collect();
    let stat = fs::metadata(&path).unwrap();
    let changed = format!("{}.{:09}", stat.ctime(), stat.ctime_nsec());
    let [kind, file_system, inode, time] = words[..] else {
        panic!("{found}");
    };
    assert_eq!((kind, time), ("file", changed.as_str()));
    let (inode, generation) = match inode.split_once('.') {
        Some((inode, generation)) => (inode, Some(generation)),
        None => (inode, None),
    };
    assert_eq!(inode, stat.ino().to_string());
    if let Some(said) = run_or_skip("lsattr", &["-v", path.to_str().unwrap()]) {
        assert_eq!(generation, said.split_whitespace().next());
    }
    let (name, number) = file_system.split_once(':').unwrap();
    assert!(
        matches!(name, "uuid" | "fsid") && number.bytes().any(|byte| byte != b'0'),
        "{found}"
    );
}

#[test]
fn every_change_of_a_file_changes_its_identity() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 8] = [
        ("a write", |path| {
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.write_all_at(b"C", 0).unwrap();
        }),
        ("a write past the page cache", |path| {
            let sink = open_sink(path, false).unwrap();
            sink.write_run(&[&pattern(4096)], 0).unwrap();
            sink.sync().unwrap();
        }),
        ("a write of what was there", |path| {
            let content = fs::read(path).unwrap();
            let file = OpenOptions::new().write(true).open(path).unwrap();
            file.write_all_at(&content, 0).unwrap();
        }),
        ("a longer file", |path| {
            OpenOptions::new()
                .append(true)
                .open(path)
                .unwrap()
                .write_all(b"C")
                .unwrap();
        }),
        ("a shorter file", |path| {
            OpenOptions::new()
                .write(true)
                .open(path)
                .unwrap()
                .set_len(4096)
                .unwrap();
        }),
        ("another mode", |path| {
            fs::set_permissions(path, Permissions::from_mode(0o640)).unwrap();
        }),
        ("a time set back", |path| {
            let old = fs::metadata(path).unwrap().modified().unwrap();
            File::open(path).unwrap().set_modified(old).unwrap();
        }),
        ("another file by its name", |path| {
            let new = path.with_extension("new");
            fs::copy(path, &new).unwrap();
            fs::rename(&new, path).unwrap();
        }),
    ];
    let directory = on_disk();
    let path = file_with(directory.path(), "file", &pattern(8192));
    for (what, change) in changes {
        let before = identity(&path);
        wait_for_the_clock();
        change(&path);
        assert_ne!(identity(&path), before, "{what}");
    }
}

#[test]
fn a_copy_with_the_same_times_has_another_identity() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"content");
    let copy = directory.path().join("copy");
    run(
        "cp",
        &["--archive", path.to_str().unwrap(), copy.to_str().unwrap()],
    )
    .unwrap();
    let without_time = |path: &Path| identity(path).rsplit_once(' ').unwrap().0.to_owned();
    assert_ne!(without_time(&path), without_time(&copy));
}

#[test]
fn a_file_on_another_file_system_has_another_identity() {
    let Some(memory) = in_memory() else {
        return;
    };
    let directory = on_disk();
    let file_system = |directory: &Path| {
        let path = file_with(directory, "file", b"content");
        identity(path).split(' ').nth(1).unwrap().to_owned()
    };
    assert_ne!(file_system(directory.path()), file_system(memory.path()));
    assert_eq!(file_system(directory.path()), file_system(directory.path()));
}

#[test]
fn a_file_keeps_its_identity_after_a_remount() {
    let directory = on_disk();
    let image = file_with(directory.path(), "image", &vec![0; SIZE]);
    let uuid = "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0";
    if run_or_skip(
        "mkfs.ext4",
        &["-q", "-F", "-U", uuid, image.to_str().unwrap()],
    )
    .is_none()
    {
        return;
    }
    let mountpoint = directory.path().join("mount");
    let file = mountpoint.join("file");
    let mounted = |change: fn(&Path)| {
        // On any free loop device: the file system counts, not its device.
        let _mount = Mount::new(&["-o", "loop", image.to_str().unwrap()], &mountpoint)?;
        change(&mountpoint);
        Some(identity(&file))
    };
    let Some(first) = mounted(|directory| drop(file_with(directory, "file", b"content"))) else {
        return;
    };
    assert_eq!(mounted(|_| ()).unwrap(), first);
    let is_uuid = first.starts_with(&format!("file uuid:{} ", uuid.replace('-', "")));
    assert!(is_uuid || first.starts_with("file fsid:"), "{first}");
}
