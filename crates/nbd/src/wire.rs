//! Numbers and records of the protocol; see `doc/proto.md` of <https://github.com/NetworkBlockDevice/nbd>. All numbers are big-endian.

use std::io::{self, Read};

/// Limit for the name of an export and other strings, in bytes.
pub(crate) const MAX_NAME: usize = 4096;

/// Limit for the payload of a request or reply, in bytes, unless the server names a smaller one.
pub const MAX_PAYLOAD: u32 = 32 * 1024 * 1024;

pub(crate) const NBDMAGIC: u64 = 0x4e42_444d_4147_4943;
pub(crate) const OLDSTYLE: u64 = 0x0000_4202_8186_1253;
pub(crate) const IHAVEOPT: u64 = 0x4948_4156_454f_5054;
pub(crate) const OPTION_REPLY: u64 = 0x0003_e889_0455_65a9;
pub(crate) const REQUEST: u32 = 0x2560_9513;
pub(crate) const SIMPLE_REPLY: u32 = 0x6744_6698;
pub(crate) const STRUCTURED_REPLY: u32 = 0x668e_33ef;

/// Flags of the handshake, of server and client.
pub(crate) mod hello {
    pub(crate) const FIXED_NEWSTYLE: u16 = 1;
    pub(crate) const NO_ZEROES: u16 = 2;
}

/// Options of the handshake.
pub(crate) mod option {
    pub(crate) const STARTTLS: u32 = 5;
    pub(crate) const GO: u32 = 7;
    pub(crate) const STRUCTURED_REPLY: u32 = 8;
    pub(crate) const SET_META_CONTEXT: u32 = 10;
}

/// Types of replies to options, and of information in them.
pub(crate) mod reply {
    pub(crate) const ACK: u32 = 1;
    pub(crate) const INFO: u32 = 3;
    pub(crate) const META_CONTEXT: u32 = 4;
    pub(crate) const ERROR: u32 = 1 << 31;
    pub(crate) const UNSUPPORTED: u32 = ERROR + 1;
    pub(crate) const POLICY: u32 = ERROR + 2;
    pub(crate) const TLS_REQUIRED: u32 = ERROR + 5;
    pub(crate) const UNKNOWN: u32 = ERROR + 6;
    pub(crate) const SHUTDOWN: u32 = ERROR + 7;
    pub(crate) const INFO_EXPORT: u16 = 0;
    pub(crate) const INFO_BLOCK_SIZE: u16 = 3;
}

/// Flags of an export.
pub(crate) mod export {
    pub(crate) const READ_ONLY: u16 = 1 << 1;
    pub(crate) const SEND_FLUSH: u16 = 1 << 2;
    pub(crate) const SEND_FUA: u16 = 1 << 3;
    pub(crate) const SEND_WRITE_ZEROES: u16 = 1 << 6;
    pub(crate) const CAN_MULTI_CONN: u16 = 1 << 8;
}

/// Commands and their flag.
pub(crate) mod command {
    pub(crate) const READ: u16 = 0;
    pub(crate) const WRITE: u16 = 1;
    pub(crate) const DISCONNECT: u16 = 2;
    pub(crate) const FLUSH: u16 = 3;
    pub(crate) const WRITE_ZEROES: u16 = 6;
    pub(crate) const BLOCK_STATUS: u16 = 7;
    pub(crate) const FLAG_FUA: u16 = 1;
}

/// Types and the flag of chunks of a structured reply.
pub(crate) mod chunk {
    pub(crate) const FLAG_DONE: u16 = 1;
    pub(crate) const NONE: u16 = 0;
    pub(crate) const OFFSET_DATA: u16 = 1;
    pub(crate) const OFFSET_HOLE: u16 = 2;
    pub(crate) const BLOCK_STATUS: u16 = 5;
    pub(crate) const ERROR: u16 = 1 << 15;
}

/// Flag of `base:allocation`: the range is a hole. That says nothing about what is read.
const STATUS_HOLE: u32 = 1;

/// Flag of `base:allocation`: the range reads as zeros.
const STATUS_ZERO: u32 = 2;

/// Flag of a dirty bitmap: the range has changed.
const STATUS_DIRTY: u32 = 1;

/// Request to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) flags: u16,
    pub(crate) command: u16,
    pub(crate) cookie: u64,
    pub(crate) offset: u64,
    pub(crate) len: u32,
}

impl Request {
    /// Encodes it; the payload of a write comes after it.
    pub(crate) fn encoded(&self) -> [u8; 28] {
        let mut bytes = [0; 28];
        bytes[0..4].copy_from_slice(&REQUEST.to_be_bytes());
        bytes[4..6].copy_from_slice(&self.flags.to_be_bytes());
        bytes[6..8].copy_from_slice(&self.command.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.cookie.to_be_bytes());
        bytes[16..24].copy_from_slice(&self.offset.to_be_bytes());
        bytes[24..28].copy_from_slice(&self.len.to_be_bytes());
        bytes
    }
}

/// Adjacent bytes of an export with the same flags of a metadata context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Length in bytes, at least 1.
    pub len: u64,
    /// Flags, whose meaning depends on the metadata context.
    pub flags: u32,
}

impl Extent {
    /// Returns true if it reads as zeros, by `base:allocation`.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.flags & STATUS_ZERO != 0
    }

    /// Returns true if it is a hole that reads as zeros, by `base:allocation`. Flags that are not known make nothing a hole.
    #[must_use]
    pub fn is_unallocated(&self) -> bool {
        self.flags == STATUS_HOLE | STATUS_ZERO
    }

    /// Returns true if it has changed, by a dirty bitmap; `None` for flags that no dirty bitmap has.
    #[must_use]
    pub fn is_dirty(&self) -> Option<bool> {
        (self.flags & !STATUS_DIRTY == 0).then_some(self.flags & STATUS_DIRTY != 0)
    }
}

/// Reading of numbers.
pub(crate) trait ReadNumbers: Read {
    fn u16(&mut self) -> io::Result<u16> {
        let mut bytes = [0; 2];
        self.read_exact(&mut bytes)?;
        Ok(u16::from_be_bytes(bytes))
    }

    fn u32(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.read_exact(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn u64(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.read_exact(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }

    /// Reads `len` bytes; the caller has checked that they are not too many.
    fn exactly(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl<R: Read + ?Sized> ReadNumbers for R {}
