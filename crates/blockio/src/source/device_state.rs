//! Counters that tell if a device was written to.

#[cfg(target_os = "linux")]
use std::path::Path;

use super::Source;
#[cfg(target_os = "linux")]
use crate::{
    linux::sysfs::SYSFS,
    sys::{self, FileType},
};

impl Source {
    /// Returns the state of a block device: `device BOOT MAJOR:MINOR SEQUENCE WRITTEN DISCARDED`, in printable ASCII. The last two are the
    /// sectors of 512 bytes that were written and discarded since the device appeared; see Documentation/block/stat.rst of the kernel. The
    /// words before them name what was counted, so that counters of different devices, or of different boots, are never compared. SEQUENCE
    /// is the number that the kernel gives each device in turn, `-` before Linux 5.15; DISCARDED is `-` before Linux 4.18.
    ///
    /// The device is synced first, so that a write before this call is not counted after it.
    ///
    /// `None` for anything else, where /sys cannot be read, if the kernel does not count for this device (`queue/iostats`), and if the sync
    /// fails: a device that loses the writes of others can still be read.
    ///
    /// # Limits
    /// Only writes through this very device are counted: not those through its disk if it is a partition, nor those to what it consists
    /// of, as the file of a loop device or the members of an array, nor those of another host. Some drivers count nothing.
    #[must_use]
    pub fn device_state(&self) -> Option<String> {
        #[cfg(not(target_os = "linux"))]
        return None;
        #[cfg(target_os = "linux")]
        {
            self.medium.descriptor().ok()?;
            let stat = self.medium.stat().ok()?;
            if stat.file_type != FileType::BlockDevice {
                return None;
            }
            self.medium.write_back().ok()?;
            let number = sys::device_number(stat.device);
            linux::state(Path::new(SYSFS), &sys::boot_id()?, &number)
        }
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;

    use crate::linux::sysfs;

    /// Fields of `stat` in /sys, from 0.
    const WRITTEN: usize = 6;
    const DISCARDED: usize = 13;

    /// Returns the state of the device with that `major:minor`; see [`Source::device_state`](crate::Source::device_state). `mount_point` is
    /// that of sysfs.
    pub(super) fn state(mount_point: &Path, boot: &str, number: &str) -> Option<String> {
        let device = sysfs::device(mount_point, number)?;
        let disk = if sysfs::is_partition(&device) {
            device.parent()?
        } else {
            &device
        };
        if sysfs::text(disk, "queue/iostats")? == "0" {
            return None;
        }
        let stat = sysfs::text(&device, "stat")?;
        let fields: Vec<u64> = stat
            .split_ascii_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()
            .ok()?;
        let written = fields.get(WRITTEN)?;
        let discarded = fields
            .get(DISCARDED)
            .map_or_else(|| "-".to_owned(), u64::to_string);
        let sequence = sysfs::text(disk, "diskseq").and_then(|text| text.parse::<u64>().ok());
        let sequence = sequence.map_or_else(|| "-".to_owned(), |sequence| sequence.to_string());
        Some(format!(
            "device {boot} {number} {sequence} {written} {discarded}"
        ))
    }

    #[cfg(test)]
    mod tests {
        use super::state;
        use crate::linux::sysfs;

        const STAT: &str = "  1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n";

        fn state_of(device: &str, files: &[(&str, &str)]) -> Option<String> {
            let sysfs = sysfs::simulated(device, files);
            state(sysfs.path(), "boot", "8:1")
        }

        #[test]
        fn the_state_names_what_was_counted() {
            let disk = [
                ("a/queue/iostats", "1\n"),
                ("a/diskseq", "9\n"),
                ("a/stat", STAT),
            ];
            let expected = "device boot 8:1 9 7 14";
            assert_eq!(state_of("a", &disk).as_deref(), Some(expected));
            let old = [
                ("a/queue/iostats", "1\n"),
                ("a/stat", "1 2 3 4 5 6 7 8 9 10 11"),
            ];
            let expected = "device boot 8:1 - 7 -";
            assert_eq!(state_of("a", &old).as_deref(), Some(expected));
            // A partition has counters of its own; the rest is that of its disk.
            let partition = [
                ("a/queue/iostats", "1\n"),
                ("a/diskseq", "9\n"),
                ("a/stat", "0 0 0 0 0 0 70 0 0 0 0 0 0 0"),
                ("a/a1/partition", "1\n"),
                ("a/a1/stat", STAT),
            ];
            let expected = "device boot 8:1 9 7 14";
            assert_eq!(state_of("a/a1", &partition).as_deref(), Some(expected));
        }

        #[test]
        fn there_is_no_state_where_nothing_is_counted_or_readable() {
            for files in [
                [("a/queue/iostats", "0\n"), ("a/stat", STAT)],
                [("a/queue/iostats", "1\n"), ("a/stat", "1 2 3")],
                [("a/queue/iostats", "1\n"), ("a/stat", "1 2 3 4 5 6 x")],
                [("a/queue/other", "1\n"), ("a/stat", STAT)],
            ] {
                assert_eq!(state_of("a", &files), None, "{files:?}");
            }
        }
    }
}
