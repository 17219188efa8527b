//! An export, over one or more connections.

use std::ops::Range;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use crate::connection::{Connection, Sent};
use crate::lent::Lent;
use crate::opening::Opening;
use crate::pending::{Answer, Want};
use crate::pool::Pool;
use crate::tls::Identity;
use crate::wire::{Request, command};
use crate::{Context, Error, Export, Extent, Limits, Uri};

/// Export of a server. Any number of threads may use it at the same time.
///
/// After a connection has failed, every operation fails: what the server did with the requests in flight is unknown, so nothing is sent
/// again.
#[derive(Debug)]
pub struct Client {
    uri: Uri,
    export: Export,
    peer: Option<String>,
    pool: Pool,
    /// Held exclusively while a block is read, changed and written.
    blocks: RwLock<()>,
    failure: OnceLock<Error>,
}

impl Client {
    /// Connects to an export, to ask for `context` too.
    ///
    /// # Errors
    /// Any but [`Error::Reply`].
    pub fn connect(uri: &Uri, limits: Limits, context: Context) -> Result<Self, Error> {
        let opening = Opening {
            uri: uri.clone(),
            identity: Identity::of(uri)?,
            limits,
            context,
        };
        let (connection, export) = opening.open()?;
        Ok(Self {
            uri: uri.clone(),
            export,
            peer: connection.peer(),
            pool: Pool::new(connection, export, opening),
            blocks: RwLock::new(()),
            failure: OnceLock::new(),
        })
    }

    /// Returns the address.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Returns the number by which the server was reached; `None` for a Unix domain socket.
    #[must_use]
    pub fn peer(&self) -> Option<&str> {
        self.peer.as_deref()
    }

    /// Returns what the server says about the export.
    #[must_use]
    pub fn export(&self) -> &Export {
        &self.export
    }

    /// Returns the failure after which nothing works.
    #[must_use]
    pub fn failure(&self) -> Option<&Error> {
        self.failure.get()
    }

    /// Fills `buf` from `offset` on. The range lies within the export.
    ///
    /// # Errors
    /// [`Error::Reply`] if the server cannot read some of it; otherwise the failure of the connection.
    pub fn read(&self, buf: &mut [u8], offset: u64) -> Result<(), Error> {
        let whole = self.whole_blocks(offset, buf.len());
        if whole == (offset..offset + buf.len() as u64) {
            return self.read_blocks(buf, offset);
        }
        let mut blocks = vec![0; len_of(&whole)];
        self.read_blocks(&mut blocks, whole.start)?;
        buf.copy_from_slice(&blocks[index(offset - whole.start)..][..buf.len()]);
        Ok(())
    }

    /// Reads a range within the export, which stays where it was received: nothing is copied. `None`, and nothing is read, if the server
    /// cannot read exactly this range at once.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn lend(&self, offset: u64, len: usize) -> Result<Option<Lent>, Error> {
        let whole = self.whole_blocks(offset, len);
        if whole != (offset..offset + len as u64) || len > self.export.blocks.maximum as usize {
            return Ok(None);
        }
        let connection = self.connection()?;
        let answer = ask_to_read(&connection, whole).and_then(|sent| sent.wait());
        let Answer::Data(bytes) = self.kept(answer)? else {
            return Ok(None);
        };
        Ok(Some(Lent::new(bytes, connection)))
    }

    /// Writes `data` at `offset`, within the export. Blocks of the server that are written only in part are read first.
    ///
    /// # Errors
    /// As [`read`](Self::read). Nothing is in flight any more then.
    pub fn write(&self, data: &[u8], offset: u64) -> Result<(), Error> {
        let whole = self.whole_blocks(offset, data.len());
        if whole == (offset..offset + data.len() as u64) {
            let _shared = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
            return self.write_blocks(data, offset);
        }
        let _alone = self.blocks.write().unwrap_or_else(PoisonError::into_inner);
        let mut blocks = vec![0; len_of(&whole)];
        let minimum = self.export.blocks.minimum as usize;
        let last = blocks.len() - minimum;
        self.read_blocks(&mut blocks[..minimum], whole.start)?;
        self.read_blocks(&mut blocks[last..], whole.end - minimum as u64)?;
        blocks[index(offset - whole.start)..][..data.len()].copy_from_slice(data);
        self.write_blocks(&blocks, whole.start)
    }

    /// Zeroes `len` bytes from `offset` on, within the export, in whole blocks of the server; the space may be freed. Returns false, and does
    /// nothing, if that is not possible.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub fn zero(&self, offset: u64, len: u32) -> Result<bool, Error> {
        if !self.export.can_zero()
            || self.whole_blocks(offset, len as usize) != (offset..offset + u64::from(len))
        {
            return Ok(false);
        }
        let _shared = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        let connection = self.connection()?;
        let pieces = pieces(offset, len as usize, self.export.blocks.maximum);
        self.all(&connection, pieces, |connection, piece| {
            let request = self.writing(command::WRITE_ZEROES, &piece);
            connection.send(request, &[], Want::Success)
        })?;
        Ok(true)
    }

    /// Waits until all that was written is on the disk of the server. No write may be in flight. Without a flush, each write has waited.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn flush(&self) -> Result<(), Error> {
        if !self.export.can_flush() {
            return self.usable();
        }
        let connections = self.pool.all();
        // All of them: one flush would do, but only if the server keeps its promise about several connections.
        self.kept(connections.iter().try_for_each(|connection| {
            let request = request(command::FLUSH, &(0..0));
            connection
                .send(request, &[], Want::Success)?
                .wait()
                .map(drop)
        }))
    }

    /// Returns extents from `offset` on, at least one, at most up to the end of the block of the server in which the `len` bytes end. `None`
    /// if the server does not tell.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn extents(&self, offset: u64, len: u32) -> Result<Option<Vec<Extent>>, Error> {
        let Some(context) = self.export.context else {
            return Ok(None);
        };
        let whole = self.whole_blocks(offset, len as usize);
        let end = whole
            .end
            .min(whole.start + u64::from(u32::MAX - self.export.blocks.minimum + 1));
        let want = Want::Status {
            len: u32::try_from(end - whole.start).unwrap_or(u32::MAX),
            context,
        };
        let request = request(command::BLOCK_STATUS, &(whole.start..end));
        let answer = self
            .connection()
            .and_then(|connection| connection.send(request, &[], want)?.wait());
        let Answer::Status(mut extents) = self.kept(answer)? else {
            return Ok(None);
        };
        // Cuts off what comes before `offset`: less than a block.
        let mut before = offset - whole.start;
        while let Some(first) = extents.first_mut() {
            let cut = first.len.min(before);
            first.len -= cut;
            before -= cut;
            if first.len > 0 {
                break;
            }
            extents.remove(0);
        }
        Ok((!extents.is_empty()).then_some(extents))
    }

    fn read_blocks(&self, buf: &mut [u8], offset: u64) -> Result<(), Error> {
        let connection = self.connection()?;
        let pieces = pieces(offset, buf.len(), self.export.blocks.maximum);
        let answers = self.all(&connection, pieces, ask_to_read)?;
        let mut rest = buf;
        for answer in answers {
            if let Answer::Data(data) = answer {
                let (part, more) = rest.split_at_mut(data.len());
                part.copy_from_slice(&data);
                rest = more;
                connection.reuse(data);
            }
        }
        Ok(())
    }

    fn write_blocks(&self, data: &[u8], offset: u64) -> Result<(), Error> {
        let connection = self.connection()?;
        let pieces = pieces(offset, data.len(), self.export.blocks.maximum);
        self.all(&connection, pieces, |connection, piece| {
            let payload = &data[index(piece.start - offset)..index(piece.end - offset)];
            connection.send(self.writing(command::WRITE, &piece), payload, Want::Success)
        })?;
        Ok(())
    }

    /// Returns a request that writes. Without a flush it must be on the disk when the reply comes.
    fn writing(&self, command: u16, range: &Range<u64>) -> Request {
        let flags = if self.export.can_flush() {
            0
        } else {
            command::FLAG_FUA
        };
        Request {
            flags,
            ..request(command, range)
        }
    }

    /// Sends a request for each piece and waits for all of them, even if one fails: none may be in flight afterwards.
    fn all(
        &self,
        connection: &Connection,
        pieces: impl Iterator<Item = Range<u64>>,
        ask: impl for<'a> Fn(&'a Connection, Range<u64>) -> Result<Sent<'a>, Error>,
    ) -> Result<Vec<Answer>, Error> {
        let sent: Vec<_> = pieces.map(|piece| ask(connection, piece)).collect();
        let answers: Vec<_> = sent.into_iter().map(|sent| sent?.wait()).collect();
        self.kept(answers.into_iter().collect())
    }

    /// Keeps a failure of the connection.
    fn kept<T>(&self, result: Result<T, Error>) -> Result<T, Error> {
        if let Err(error) = &result
            && !error.is_of_request()
        {
            _ = self.failure.set(error.clone());
        }
        result
    }

    fn usable(&self) -> Result<(), Error> {
        self.failure
            .get()
            .map_or(Ok(()), |error| Err(error.clone()))
    }

    fn connection(&self) -> Result<Arc<Connection>, Error> {
        self.usable()?;
        self.pool.least_busy().ok_or(Error::Closed)
    }

    /// Returns the blocks of the server that a range touches.
    fn whole_blocks(&self, offset: u64, len: usize) -> Range<u64> {
        let minimum = u64::from(self.export.blocks.minimum);
        let end = offset + len as u64;
        offset - offset % minimum..end.next_multiple_of(minimum)
    }
}

fn ask_to_read(connection: &Connection, range: Range<u64>) -> Result<Sent<'_>, Error> {
    let request = request(command::READ, &range);
    let want = Want::Data {
        offset: range.start,
        len: request.len,
    };
    connection.send(request, &[], want)
}

fn request(command: u16, range: &Range<u64>) -> Request {
    Request {
        flags: 0,
        command,
        cookie: 0,
        offset: range.start,
        len: u32::try_from(range.end - range.start).unwrap_or(u32::MAX),
    }
}

/// Cuts a range into pieces of at most `maximum` bytes.
fn pieces(offset: u64, len: usize, maximum: u32) -> impl Iterator<Item = Range<u64>> {
    let end = offset + len as u64;
    let starts = (offset..end).step_by(maximum as usize);
    starts.map(move |start| start..end.min(start + u64::from(maximum)))
}

fn len_of(range: &Range<u64>) -> usize {
    index(range.end - range.start)
}

/// Converts a position in a buffer.
fn index(at: u64) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}
