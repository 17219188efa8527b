//! Error numbers of the kernel, with their names.

use std::fmt;
use std::io;

/// Error number of the kernel; see errno(3).
///
/// Shown as its text and its name: `Input/output error (EIO)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Errno(i32);

macro_rules! named {
    ($number:expr, $($name:ident)*) => {
        match $number {
            $(libc::$name => Some(stringify!($name)),)*
            _ => None,
        }
    };
}

impl Errno {
    /// Returns the number, such as 5 for `EIO`.
    #[must_use]
    pub fn raw(self) -> i32 {
        self.0
    }

    /// Returns the name, if opening, reading or writing can fail with this number.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        #[cfg(target_os = "linux")]
        let of_system = named!(self.0,
            EHWPOISON EKEYEXPIRED EKEYREVOKED EMEDIUMTYPE ENOKEY ENOMEDIUM EREMOTEIO EUCLEAN
        );
        #[cfg(target_os = "macos")]
        let of_system = named!(self.0, EDEVERR ENOATTR ENOTSUP EPWROFF);
        of_system.or(named!(self.0,
            E2BIG EACCES EAGAIN EBADF EBADMSG EBUSY ECANCELED ECONNREFUSED ECONNRESET EDEADLK EDOM EDQUOT EEXIST
            EFAULT EFBIG EHOSTDOWN EHOSTUNREACH EILSEQ EINTR EINVAL EIO EISDIR
            ELOOP EMFILE EMLINK ENAMETOOLONG ENETDOWN ENETUNREACH ENFILE ENODATA
            ENODEV ENOENT ENOLCK ENOLINK ENOMEM ENOSPC ENOSYS ENOTBLK ENOTCONN ENOTDIR
            ENOTTY ENXIO EOPNOTSUPP EOVERFLOW EPERM EPIPE EPROTO ERANGE EROFS ESHUTDOWN ESPIPE
            ESTALE ETIME ETIMEDOUT ETXTBSY EXDEV
        ))
    }
}

impl From<rustix::io::Errno> for Errno {
    fn from(errno: rustix::io::Errno) -> Self {
        Self(errno.raw_os_error())
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The standard library appends the number to the text.
        let text = io::Error::from_raw_os_error(self.0).to_string();
        let number = format!(" (os error {})", self.0);
        f.write_str(text.strip_suffix(&number).unwrap_or(&text))?;
        match self.name() {
            Some(name) => write!(f, " ({name})"),
            None => write!(f, " (errno {})", self.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Errno;

    #[test]
    fn shows_text_and_name() {
        assert_eq!(Errno(libc::EIO).to_string(), "Input/output error (EIO)");
        assert_eq!(
            Errno(libc::ENOSPC).to_string(),
            "No space left on device (ENOSPC)"
        );
        assert_eq!(Errno(9999).to_string(), "Unknown error 9999 (errno 9999)");
    }
}
