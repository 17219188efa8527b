//! Reading metadata of files, and restoring it.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use blockcopy_blockio::{Direct, Metadata, Owner, Restore, Source, Time};

use crate::support::{file_with, on_disk, open_sink, pattern, run, run_or_skip, skip};

const TIMES: (Time, Time) = (
    Time {
        seconds: 1_234_567_890,
        nanoseconds: 123_456_789,
    },
    Time {
        seconds: -5,
        nanoseconds: 999_999_999,
    },
);

fn metadata(path: &Path) -> Metadata {
    Source::open(path, Direct::Auto)
        .unwrap()
        .metadata()
        .unwrap()
}

fn owner(id: u32, name: Option<&str>) -> Owner {
    let name = name.map(str::to_owned);
    Owner { id, name }
}

fn is_root(directory: &Path) -> bool {
    let root = fs::metadata(directory).unwrap().uid() == 0;
    if !root {
        skip("only root may give a file away");
    }
    root
}

/// Restores `what` after writing and zeroing beyond the end; returns the message of a failure.
fn restored(path: &Path, what: &Restore) -> Result<(), String> {
    let sink = open_sink(path, false).unwrap();
    sink.write_run(&[&pattern(100_000)], 0).unwrap();
    sink.zero(100_000, 1 << 20).unwrap();
    let done = sink.restore(what).map_err(|error| {
        assert_eq!(error.code(), "io");
        error.to_string()
    });
    sink.sync().unwrap();
    done
}

#[test]
fn a_file_has_a_mode_an_owner_and_times() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"content");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4751)).unwrap();
    let shown = run("stat", &["-c", "%u %g %U %G", path.to_str().unwrap()]).unwrap();
    let found = metadata(&path);
    let names = (found.owner.unwrap(), found.group.unwrap());
    let said = format!("{} {} {} {}", found.uid, found.gid, names.0, names.1);
    assert_eq!(said, shown);
    assert_eq!(found.mode, 0o4751);
    let stat = fs::metadata(&path).unwrap();
    assert_eq!(found.modified.seconds, stat.mtime());
    assert_eq!(i64::from(found.modified.nanoseconds), stat.mtime_nsec());
}

#[test]
fn an_owner_without_a_name_is_a_number() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"content");
    if !is_root(directory.path()) {
        return;
    }
    std::os::unix::fs::chown(&path, Some(3_999_999_999), Some(3_999_999_998)).unwrap();
    let found = metadata(&path);
    assert_eq!((found.uid, found.gid), (3_999_999_999, 3_999_999_998));
    assert_eq!((found.owner, found.group), (None, None));
}

#[test]
fn all_metadata_is_restored_and_no_step_undoes_another() {
    let directory = on_disk();
    if !is_root(directory.path()) {
        return;
    }
    let path = file_with(directory.path(), "file", b"");
    let what = Restore {
        size: Some(123_456),
        owner: Some(owner(12_345, None)),
        group: Some(owner(12_346, None)),
        mode: Some(0o6755),
        times: Some(TIMES),
    };
    restored(&path, &what).unwrap();
    let expected = Metadata {
        mode: 0o6755,
        uid: 12_345,
        gid: 12_346,
        owner: None,
        group: None,
        accessed: TIMES.0,
        modified: TIMES.1,
    };
    assert_eq!(fs::metadata(&path).unwrap().len(), 123_456);
    assert_eq!(metadata(&path), expected);
}

#[test]
fn unnamed_metadata_stays_and_zeros_at_the_end_count() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"");
    let before = metadata(&path);
    let times = Restore {
        times: Some(TIMES),
        ..Restore::default()
    };
    restored(&path, &times).unwrap();
    let expected = Metadata {
        accessed: TIMES.0,
        modified: TIMES.1,
        ..before
    };
    // A sync that extended the file would have changed its times.
    assert_eq!(metadata(&path), expected);
    assert_eq!(fs::metadata(&path).unwrap().len(), 100_000 + (1 << 20));
}

#[test]
fn a_file_gets_exactly_that_length_whatever_was_zeroed() {
    let directory = on_disk();
    for size in [0, 5000, 100_000, 100_001, 1_148_576, 3 << 20] {
        let path = file_with(directory.path(), "file", &pattern(200_000));
        let what = Restore {
            size: Some(size),
            ..Restore::default()
        };
        restored(&path, &what).unwrap();
        let mut expected = pattern(100_000);
        expected.resize(usize::try_from(size).unwrap(), 0);
        assert!(fs::read(&path).unwrap() == expected, "{size}");
    }
}

#[test]
fn a_known_name_takes_precedence_over_the_number() {
    let directory = on_disk();
    if !is_root(directory.path()) {
        return;
    }
    let path = file_with(directory.path(), "file", b"");
    let (Some(uid), Some(gid)) = (
        run_or_skip("id", &["-u", "nobody"]),
        run_or_skip("id", &["-g", "nobody"]),
    ) else {
        return;
    };
    let group = run("id", &["-gn", "nobody"]).unwrap();
    let what = Restore {
        owner: Some(owner(7, Some("nobody"))),
        group: Some(owner(7, Some(&group))),
        ..Restore::default()
    };
    restored(&path, &what).unwrap();
    let found = metadata(&path);
    assert_eq!((found.uid.to_string(), found.gid.to_string()), (uid, gid));
    for unknown in ["no such name", "", "zero\0byte"] {
        let what = Restore {
            owner: Some(owner(54_321, Some(unknown))),
            group: Some(owner(54_322, Some(unknown))),
            ..Restore::default()
        };
        restored(&path, &what).unwrap();
        let found = metadata(&path);
        assert_eq!((found.uid, found.gid), (54_321, 54_322), "{unknown:?}");
    }
}

#[test]
fn metadata_that_cannot_be_set_is_named() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"");
    // futimens(3) takes this for "now", and fchown(2) for "unchanged".
    let now = Time {
        seconds: 0,
        nanoseconds: 1_073_741_823,
    };
    let none = Restore::default;
    #[rustfmt::skip]
    let cases = [
        ("set the times of", Restore { times: Some((now, now)), ..none() }),
        ("set the mode of", Restore { mode: Some(0o10_000), ..none() }),
        ("look up the owner of", Restore { owner: Some(owner(u32::MAX, None)), ..none() }),
        ("look up the group of", Restore { group: Some(owner(u32::MAX, None)), ..none() }),
    ];
    for (action, what) in cases {
        let expected = format!(
            "cannot {action} {}: Invalid argument (EINVAL)",
            path.display()
        );
        assert_eq!(restored(&path, &what), Err(expected));
    }
    let what = Restore {
        size: Some(u64::MAX),
        ..none()
    };
    let expected = format!("cannot extend {}: File too large (EFBIG)", path.display());
    assert_eq!(restored(&path, &what), Err(expected));
}

#[test]
fn metadata_that_the_file_system_refuses_is_named() {
    let directory = on_disk();
    let path = file_with(directory.path(), "file", b"");
    let name = path.to_str().unwrap();
    let sink = open_sink(&path, false).unwrap();
    if run_or_skip("chattr", &["+i", name]).is_none() {
        return;
    }
    let none = Restore::default;
    #[rustfmt::skip]
    let cases = [
        ("set the owner of", Restore { owner: Some(owner(1, None)), group: Some(owner(1, None)), ..none() }),
        ("set the group of", Restore { group: Some(owner(1, None)), ..none() }),
        ("set the mode of", Restore { mode: Some(0o600), ..none() }),
        ("set the times of", Restore { times: Some(TIMES), ..none() }),
    ];
    let said = cases.map(|(action, what)| (action, sink.restore(&what)));
    run("chattr", &["-i", name]).unwrap();
    for (action, said) in said {
        let expected = format!("cannot {action} {name}: Operation not permitted (EPERM)");
        assert_eq!(said.unwrap_err().to_string(), expected);
    }
}
