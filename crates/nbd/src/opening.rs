//! Opening of connections.

use crate::tls::Identity;
use crate::{Context, Limits, Uri};

/// Facts that a connection is opened with.
#[derive(Debug, Clone)]
pub(crate) struct Opening {
    pub(crate) uri: Uri,
    /// `None` without TLS.
    pub(crate) identity: Option<Identity>,
    pub(crate) limits: Limits,
    pub(crate) context: Context,
}
