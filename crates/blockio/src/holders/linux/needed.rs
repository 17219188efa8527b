//! Looks for the file systems by which users are found.

use std::path::Path;

use crate::Unseen;
use crate::sys::{self, Errno};

/// File that tells of users, and the file system that it is on; see statfs(2).
struct Needed {
    file: &'static str,
    mounted_on: &'static str,
    kind: u32,
}

/// `PROC_SUPER_MAGIC`
const PROC: Needed = Needed {
    file: "/proc/self/mountinfo",
    mounted_on: "/proc",
    kind: 0x9FA0,
};

/// `SYSFS_MAGIC`
const SYS: Needed = Needed {
    file: "/sys/dev/block",
    mounted_on: "/sys",
    kind: 0x6265_6572,
};

/// The end of a look at a [`Needed`] file.
enum Look {
    Seen,
    NotMounted,
    Failed(Unseen),
}

/// Returns the reason for not finding users, if there is one.
pub(crate) fn unseen() -> Option<Unseen> {
    match (look(&PROC), look(&SYS)) {
        (Look::NotMounted, Look::NotMounted) => Some(Unseen::NotMounted("/proc and /sys are")),
        (Look::NotMounted, _) => Some(Unseen::NotMounted("/proc is")),
        (_, Look::NotMounted) => Some(Unseen::NotMounted("/sys is")),
        (Look::Failed(why), _) | (_, Look::Failed(why)) => Some(why),
        (Look::Seen, Look::Seen) => None,
    }
}

fn look(needed: &Needed) -> Look {
    match sys::stat(Path::new(needed.file)) {
        Ok(_) => Look::Seen,
        // With another namespace of processes, /proc has no `self` although it is mounted.
        Err(errno) if is_missing(errno) && is_not_mounted(needed) => Look::NotMounted,
        Err(errno) => Look::Failed(Unseen::Failed {
            file: needed.file,
            errno: errno.into(),
        }),
    }
}

/// True if something else is known to be there, or nothing at all.
fn is_not_mounted(needed: &Needed) -> bool {
    match sys::kind_of_file_system(Path::new(needed.mounted_on)) {
        Ok(kind) => kind != needed.kind,
        Err(errno) => is_missing(errno),
    }
}

fn is_missing(errno: Errno) -> bool {
    matches!(errno, Errno::NOENT | Errno::NOTDIR)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the message for a file on a file system that is to be of that kind.
    fn message(file: &'static str, mounted_on: &'static str, kind: u32) -> String {
        let needed = Needed {
            file,
            mounted_on,
            kind,
        };
        match look(&needed) {
            Look::Seen => "seen".to_owned(),
            Look::NotMounted => "not mounted".to_owned(),
            Look::Failed(why) => why.to_string(),
        }
    }

    #[test]
    fn a_file_system_is_not_mounted_only_if_another_one_is_there_or_nothing() {
        assert_eq!(message(PROC.file, "/proc", PROC.kind), "seen");
        assert_eq!(message("/proc/none", "/proc", SYS.kind), "not mounted");
        assert_eq!(message("/none/none", "/none", PROC.kind), "not mounted");
        assert_eq!(
            message("/proc/self/comm/none", "/proc/self/comm/none", PROC.kind),
            "not mounted"
        );
        assert_eq!(
            message("/proc/none", "/proc", PROC.kind),
            "/proc/none cannot be looked at: No such file or directory (ENOENT)"
        );
    }

    #[test]
    fn any_other_failure_is_named() {
        let long = String::leak("/a".repeat(3000));
        assert_eq!(
            message(long, "/none", PROC.kind),
            format!("{long} cannot be looked at: File name too long (ENAMETOOLONG)")
        );
    }
}
