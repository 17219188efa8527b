//! Waiting until the next change of a file will show in its time.

use std::thread;
use std::time::{Duration, SystemTime};

use rustix::fd::BorrowedFd;

use crate::Time;
use crate::sys::{self, Errno};

/// More than a tick of the clock that the kernel takes the times of files from, which is 10 ms at most.
const TICK: Duration = Duration::from_millis(20);

/// The coarsest clock of a file system: vfat counts in steps of two seconds, ext4 with inodes of 128 bytes in seconds.
const COARSE: Duration = Duration::from_secs(2);

/// Waits before giving up on a file that changes again and again.
const WAITS: usize = 3;

/// Waits, if a file has changed only just now, until its next change would have another time.
pub(super) fn settle(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    for _ in 0..WAITS {
        let changed = sys::fstat(fd)?.changed;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        match unsettled(changed, now.unwrap_or_default()) {
            Some(left) => thread::sleep(left),
            None => break,
        }
    }
    Ok(())
}

/// Returns how long another change could still have the time `changed`, if it is `now` since 1970. `None` also for a time that is too far
/// in the future: the clock was set back since, or is that of another host.
fn unsettled(changed: Time, now: Duration) -> Option<Duration> {
    let changed = Duration::new(u64::try_from(changed.seconds).ok()?, changed.nanoseconds);
    // File systems with a finer clock have a time without nanoseconds once in a while, too.
    let unit = if changed.subsec_nanos() == 0 {
        COARSE + TICK
    } else {
        TICK
    };
    let left = changed.checked_add(unit)?.checked_sub(now)?;
    (!left.is_zero() && left <= 2 * unit).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_just_now_is_waited_for_as_long_as_another_one_could_look_like_it() {
        let ms = Duration::from_millis;
        for (nanoseconds, now, left) in [
            (5_000_000, ms(100_005), Some(ms(20))),
            (5_000_000, ms(100_024), Some(ms(1))),
            (5_000_000, ms(100_025), None),
            // A clock that is a little ahead, and one that is wrong.
            (5_000_000, ms(99_990), Some(ms(35))),
            (5_000_000, ms(99_000), None),
            (0, ms(101_000), Some(ms(1020))),
            (0, ms(102_019), Some(ms(1))),
            (0, ms(102_020), None),
            (0, ms(90_000), None),
        ] {
            let changed = Time {
                seconds: 100,
                nanoseconds,
            };
            assert_eq!(unsettled(changed, now), left, "{nanoseconds} at {now:?}");
        }
        let before_1970 = Time {
            seconds: -1,
            nanoseconds: 0,
        };
        assert_eq!(unsettled(before_1970, ms(0)), None);
    }
}
