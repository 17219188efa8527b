//! Files that decide which server is believed, and what is shown to it. The rule for their owners and folders is that of
//! src/transport/files/trust.ts.

use std::ffi::OsString;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf, absolute};

use crate::Error;
use crate::error::{shown, text_of};

/// Limit for a file, in bytes. All certificates that a system trusts take less than 1 MiB.
const MAX_FILE: u64 = 16 << 20;

/// Most links in a path, as for the kernel; see `path_resolution(7)`.
const MOST_LINKS: usize = 40;

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

/// Reads a file that no other user can change. The file and all folders on the way to it, those of links included, must belong to root or to
/// the user who runs this, and no other user may write to them, except to sticky folders such as /tmp. `StrictModes` of sshd demands the same
/// of a key file.
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
    let (real, named) = match walk(path)? {
        Way::Open(real, named) => (real, named),
        Way::Untrusted(why) => return Ok(Some(why)),
    };
    if (named.dev(), named.ino()) != (opened.dev(), opened.ino()) {
        let name = name_of(path);
        return Ok(Some(format!("{name} was replaced while it was opened")));
    }
    if let Some(why) = distrust_of(&real, opened) {
        return Ok(Some(why));
    }
    if content == Content::Secret && opened.mode() & SHARED != 0 {
        return Ok(Some(format!(
            "others may access the key {} (mode {:04o}): take that permission away (`chmod go=`)",
            name_of(path),
            opened.mode() & 0o7777
        )));
    }
    Ok(None)
}

/// The end of a path whose links have all been followed.
enum Way {
    Open(PathBuf, Metadata),
    /// The reason not to trust a folder or link on the way.
    Untrusted(String),
}

/// Follows a path name by name, as the kernel does, and examines each folder that it passes. Whoever can write to the folder of a link
/// decides where the path leads, even if another link follows.
fn walk(path: &Path) -> io::Result<Way> {
    let path = absolute(path)?;
    let mut names = names_of(&path);
    let mut real = PathBuf::from("/");
    let mut found = fs::symlink_metadata(&real)?;
    let mut links = 0;
    loop {
        if found.is_dir()
            && let Some(why) = distrust_of(&real, &found)
        {
            return Ok(Way::Untrusted(why));
        }
        let Some(name) = names.pop() else {
            return Ok(Way::Open(real, found));
        };
        if name == ".." {
            real.pop();
            found = fs::symlink_metadata(&real)?;
            continue;
        }
        let next = real.join(name);
        let there = fs::symlink_metadata(&next)?;
        if !there.is_symlink() {
            (real, found) = (next, there);
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            let name = name_of(&path);
            return Ok(Way::Untrusted(format!(
                "{name} has too many symbolic links: give its real name"
            )));
        }
        if let Some(why) = distrust_of_link(&next, &there, &found) {
            return Ok(Way::Untrusted(why));
        }
        let target = fs::read_link(&next)?;
        if target.is_absolute() {
            real = PathBuf::from("/");
            found = fs::symlink_metadata(&real)?;
        }
        names.extend(names_of(&target));
    }
}

/// Returns the names in a path, the first one last.
fn names_of(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    names.collect()
}

/// Finds the reason not to trust a link: in a sticky folder, its owner can replace it. Elsewhere, only the folder decides.
fn distrust_of_link(path: &Path, link: &Metadata, folder: &Metadata) -> Option<String> {
    (folder.mode() & WRITABLE != 0 && !is_trusted(link)).then(|| {
        format!(
            "the link {} belongs to another user ({}): give the real name, after a look at what it leads to",
            name_of(path),
            link.uid()
        )
    })
}

/// Returns true for what belongs to root or to the user who runs this.
fn is_trusted(found: &Metadata) -> bool {
    [0, nix::unistd::geteuid().as_raw()].contains(&found.uid())
}

fn distrust_of(path: &Path, found: &Metadata) -> Option<String> {
    let name = name_of(path);
    let (owner, mode) = (found.uid(), found.mode() & 0o7777);
    if !is_trusted(found) {
        let own = nix::unistd::geteuid();
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
    use std::os::unix::fs::{PermissionsExt, chown, lchown, symlink};

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
        symlink("../bad/folder", good.join("through")).unwrap();
        for (mode, expected) in [(0o755, None), (0o777, Some("bad"))] {
            set_permissions(&bad, Permissions::from_mode(mode)).unwrap();
            for name in [
                "bad/file.pem",
                "bad/folder/file.pem",
                "bad/folder/../good/file.pem",
                "good/through/file.pem",
            ] {
                assert_refused(&scratch.path().join(name), Content::Public, expected, name);
            }
        }
        symlink("loop", good.join("loop")).unwrap();
        assert!(walk(&good.join("loop")).is_ok_and(|way| matches!(way, Way::Untrusted(_))));
    }

    #[test]
    fn a_link_of_another_user_is_refused_where_that_user_can_replace_it() {
        let scratch = tempfile::tempdir().unwrap();
        let (file, folder) = (scratch.path().join("file.pem"), scratch.path().join("open"));
        write(&file, "text").unwrap();
        create_dir(&folder).unwrap();
        let link = folder.join("link.pem");
        symlink(&file, &link).unwrap();
        if lchown(&link, Some(12_345), None).is_err() {
            eprintln!("skipped: only root can give links away");
            return;
        }
        for (mode, expected) in [(0o755, None), (0o1777, Some("link.pem belongs to another"))] {
            set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
            // A kernel that refuses to follow such a link (protected_symlinks) does not open the file at all.
            match read_trusted(&link, Content::Public) {
                Err(Error::Tls(why)) if expected.is_some() => assert!(why.contains("Permission")),
                _ => assert_refused(&link, Content::Public, expected, "a link"),
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
