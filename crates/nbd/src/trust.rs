//! Files that decide which server is believed, and what is shown to it.

use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, absolute};

use crate::Error;
use crate::error::{shown, text_of};

/// Limit for a file, in bytes. All certificates that a system trusts take less than 1 MiB.
const MAX_FILE: u64 = 16 << 20;

/// Mode bits that let the group or others write.
const WRITABLE: u32 = 0o022;

/// Mode bits that let the group or others read, write or execute.
const SHARED: u32 = 0o077;

/// Mode bit of a folder in which only the owner of a file, or of the folder, may rename or remove the file.
const STICKY: u32 = 0o1000;

/// Content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Content {
    /// Others may read it.
    Public,
    /// Only the user who runs this, or root, may read it.
    Secret,
}

/// Reads a file that no other user can change. The file and all folders above it must belong to root or to the user who runs this, and no
/// other user may write to them, except to sticky folders such as /tmp. `StrictModes` of sshd demands the same of a key file.
///
/// # Errors
/// [`Error::Untrusted`], and [`Error::Tls`] if it cannot be read.
pub(crate) fn read_trusted(path: &Path, content: Content) -> Result<Vec<u8>, Error> {
    let unreadable = |error: io::Error| {
        let why = text_of(&error);
        Error::Tls(format!("{} cannot be read: {why}", name_of(path)))
    };
    // Opening a pipe would wait for a writer.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        let name = name_of(path);
        return Err(Error::Tls(format!("{name} is not a regular file")));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let opened = file.metadata().map_err(unreadable)?;
    if let Some(why) = distrust_of_file(path, &opened, content).map_err(unreadable)? {
        return Err(Error::Untrusted(why));
    }
    let mut bytes = Vec::new();
    let mut limited = (&mut file).take(MAX_FILE + 1);
    limited.read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_FILE {
        let name = name_of(path);
        return Err(Error::Tls(format!("{name} has more than {MAX_FILE} bytes")));
    }
    Ok(bytes)
}

/// Finds the reason not to trust an opened file.
fn distrust_of_file(
    path: &Path,
    opened: &Metadata,
    content: Content,
) -> io::Result<Option<String>> {
    let real = fs::canonicalize(path)?;
    let named = fs::symlink_metadata(&real)?;
    if (named.dev(), named.ino()) != (opened.dev(), opened.ino()) {
        let name = name_of(path);
        return Ok(Some(format!("{name} was replaced while it was opened")));
    }
    if let Some(why) = distrust_of(path, opened) {
        return Ok(Some(why));
    }
    if content == Content::Secret && opened.mode() & SHARED != 0 {
        return Ok(Some(format!(
            "others may access the key {} (mode {:04o}): take that permission away (`chmod go=`)",
            name_of(path),
            opened.mode() & 0o7777
        )));
    }
    // Whoever can change a link in the path can replace the file as well.
    let path = absolute(path)?;
    for folder in real.parent().into_iter().chain(path.ancestors().skip(1)) {
        if let Some(why) = distrust_of_folders(folder)? {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

/// Finds the reason not to trust a folder, or one above it.
fn distrust_of_folders(folder: &Path) -> io::Result<Option<String>> {
    for folder in fs::canonicalize(folder)?.ancestors() {
        if let Some(why) = distrust_of(folder, &fs::symlink_metadata(folder)?) {
            return Ok(Some(why));
        }
    }
    Ok(None)
}

fn distrust_of(path: &Path, found: &Metadata) -> Option<String> {
    let name = name_of(path);
    let (owner, mode) = (found.uid(), found.mode() & 0o7777);
    let own = nix::unistd::geteuid().as_raw();
    if owner != 0 && owner != own {
        return Some(format!(
            "{name} belongs to another user ({owner}, mode {mode:04o}): check what it contains, then give it to the user who runs this (`chown {own}`)"
        ));
    }
    let guarded = found.is_dir() && mode & STICKY != 0;
    (mode & WRITABLE != 0 && !guarded).then(|| {
        format!(
            "others may write to {name} (mode {mode:04o}): check what it contains, then take that permission away (`chmod go-w`)"
        )
    })
}

/// Returns the name of a file for a message.
pub(crate) fn name_of(file: &Path) -> String {
    shown(file.as_os_str().as_bytes())
}

#[cfg(test)]
mod tests {
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    #[test]
    fn a_file_that_others_can_change_is_refused() {
        for (folder_mode, file_mode, content, expected) in [
            (0o755, 0o644, Content::Public, None),
            (0o700, 0o600, Content::Secret, None),
            (0o1777, 0o644, Content::Public, None),
            (0o755, 0o664, Content::Public, Some("`chmod go-w`")),
            (0o755, 0o646, Content::Public, Some("`chmod go-w`")),
            (0o775, 0o644, Content::Public, Some("`chmod go-w`")),
            (0o757, 0o600, Content::Secret, Some("`chmod go-w`")),
            (0o755, 0o640, Content::Secret, Some("`chmod go=`")),
            (0o755, 0o604, Content::Secret, Some("`chmod go=`")),
        ] {
            let scratch = tempfile::tempdir().unwrap();
            let folder = scratch.path().join("folder");
            let file = folder.join("file.pem");
            create_dir(&folder).unwrap();
            write(&file, "text").unwrap();
            set_permissions(&file, Permissions::from_mode(file_mode)).unwrap();
            set_permissions(&folder, Permissions::from_mode(folder_mode)).unwrap();
            let what = format!("{folder_mode:o} {file_mode:o} {content:?}");
            assert_refused(&file, content, expected, &what);
        }
    }

    fn assert_refused(file: &Path, content: Content, expected: Option<&str>, what: &str) {
        match (read_trusted(file, content), expected) {
            (Ok(bytes), None) => assert_eq!(bytes, b"text", "{what}"),
            (Err(Error::Untrusted(why)), Some(advice)) => {
                assert!(why.contains(advice), "{what}: {why}");
            }
            (result, _) => panic!("{what}: {result:?}"),
        }
    }

    #[test]
    fn a_link_in_a_folder_that_others_can_change_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let [good, bad] = ["good", "bad"].map(|name| scratch.path().join(name));
        create_dir(&good).unwrap();
        create_dir(&bad).unwrap();
        write(good.join("file.pem"), "text").unwrap();
        symlink(good.join("file.pem"), bad.join("file.pem")).unwrap();
        symlink(&good, bad.join("folder")).unwrap();
        for (mode, expected) in [(0o755, None), (0o777, Some("bad"))] {
            set_permissions(&bad, Permissions::from_mode(mode)).unwrap();
            for name in ["file.pem", "folder/file.pem"] {
                assert_refused(&bad.join(name), Content::Public, expected, name);
            }
        }
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file.pem");
        write(&file, "text").unwrap();
        if chown(&file, Some(12_345), None).is_err() {
            eprintln!("skipped: only root can give files away");
            return;
        }
        let expected = Some("belongs to another user (12345,");
        assert_refused(&file, Content::Public, expected, "a file");
        chown(&file, Some(0), None).unwrap();
        chown(scratch.path(), Some(12_345), None).unwrap();
        assert_refused(&file, Content::Public, expected, "its folder");
    }

    #[test]
    fn a_name_that_is_no_file_is_refused_at_once() {
        let scratch = tempfile::tempdir().unwrap();
        let socket = scratch.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for (path, reason) in [
            (socket.as_path(), "is not a regular file"),
            (scratch.path(), "is not a regular file"),
            (
                &scratch.path().join("nothing"),
                "cannot be read: No such file",
            ),
        ] {
            let refusal = read_trusted(path, Content::Public).unwrap_err().to_string();
            assert!(refusal.contains(reason), "{refusal}");
        }
    }
}
