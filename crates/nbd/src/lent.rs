//! Bytes in the memory that they were received in.

use std::mem::take;
use std::ops::Deref;
use std::sync::Arc;

use crate::connection::Connection;

/// Bytes of an export. Their memory is used again for other replies afterwards.
#[derive(Debug)]
pub struct Lent {
    bytes: Vec<u8>,
    connection: Arc<Connection>,
}

impl Lent {
    /// Takes what `connection` has received.
    pub(crate) fn new(bytes: Vec<u8>, connection: Arc<Connection>) -> Self {
        Self { bytes, connection }
    }
}

impl Deref for Lent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.connection.reuse(take(&mut self.bytes));
    }
}
