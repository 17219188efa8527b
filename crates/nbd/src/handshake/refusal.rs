//! Refusals of an export, in words.

use crate::error::shown;
use crate::wire::reply;
use crate::{Address, Uri};

/// Explains a refusal, as a clause.
pub(super) fn refusal(kind: u32, message: &[u8], uri: &Uri) -> String {
    let name = &uri.export;
    let name = if name.is_empty() {
        "default export".to_owned()
    } else {
        format!("export {name}")
    };
    let why = match kind {
        reply::UNSUPPORTED => "the server does not know NBD_OPT_GO, which is needed".to_owned(),
        reply::POLICY => format!("the server refuses this client the {name}"),
        reply::TLS_REQUIRED => format!("the server demands TLS: {}", advice_on_tls(&uri.address)),
        reply::UNKNOWN => format!("the server has no {name}"),
        reply::SHUTDOWN => "the server is shutting down".to_owned(),
        kind => format!(
            "the server refuses the {name} with error {}",
            kind - reply::ERROR
        ),
    };
    if message.is_empty() {
        why
    } else {
        format!("{why}: {}", shown(message))
    }
}

/// Returns the change to a URI without TLS that asks for TLS.
fn advice_on_tls(address: &Address) -> &'static str {
    match address {
        Address::Tcp { .. } => "write nbds:// instead of nbd://",
        Address::Unix(_) => {
            "write nbds+unix:// instead of nbd+unix://, and add &tls-hostname=NAME with the name in its certificate"
        }
    }
}
