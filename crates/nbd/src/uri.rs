//! Addresses of exports; see `doc/uri.md` of <https://github.com/NetworkBlockDevice/nbd>.

use std::ffi::OsString;
use std::net::Ipv6Addr;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use crate::wire::MAX_NAME;

/// Port that IANA has assigned to NBD.
const PORT: u16 = 10809;

/// Place where a server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// Port.
        port: u16,
    },
    /// Path of a Unix domain socket.
    Unix(PathBuf),
}

/// Use of TLS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Folder with `ca-cert.pem`, and `client-cert.pem` and `client-key.pem` if the server asks for them; `None` for the CA certificates
    /// of this host.
    pub certificates: Option<PathBuf>,
    /// Name that the certificate of the server must have; `None` for that of the host.
    pub hostname: Option<String>,
}

/// Address of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uri {
    /// Place where its server listens.
    pub address: Address,
    /// Name of the export; empty for the default export.
    pub export: String,
    /// `None` for a connection without TLS.
    pub tls: Option<Tls>,
}

/// Returns true for a name that begins like the URI of an export, with any of the schemes for NBD. It need not be a correct one.
#[must_use]
pub fn is_uri(name: &[u8]) -> bool {
    scheme_of(name).is_some_and(|(scheme, _)| {
        let base = scheme.split('+').next();
        matches!(base, Some("nbd" | "nbds"))
    })
}

/// Returns the scheme in lower case, and what comes after `://`.
fn scheme_of(name: &[u8]) -> Option<(String, &[u8])> {
    let end = name.windows(3).position(|bytes| bytes == b"://")?;
    let scheme = str::from_utf8(&name[..end]).ok()?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let scheme = scheme
        .bytes()
        .all(is_scheme)
        .then(|| scheme.to_ascii_lowercase());
    Some((scheme?, &name[end + 3..]))
}

impl Uri {
    /// Parses a URI.
    ///
    /// # Errors
    /// The defect, as a clause.
    pub fn parse(name: &[u8]) -> Result<Self, String> {
        let (scheme, rest) = scheme_of(name).ok_or("it has no scheme")?;
        let (base, is_unix) = match scheme.as_str() {
            "nbd" => ("nbd", false),
            "nbd+unix" => ("nbd", true),
            "nbds" => ("nbds", false),
            "nbds+unix" => ("nbds", true),
            _ => return Err(format!("{scheme} is not supported")),
        };
        refuse_characters(rest)?;
        let (rest, query) = split(rest, b'?');
        let (authority, path) = split(rest, b'/');
        let export = String::from_utf8(decoded(path.unwrap_or_default())?)
            .map_err(|_| "the name of its export is not UTF-8")?;
        if export.len() > MAX_NAME || export.contains('\0') {
            return Err("no export can have such a name".to_owned());
        }
        let mut given = Parameters::of(query.unwrap_or_default())?;
        let socket = given.socket(base, is_unix)?;
        let tls = given.tls(base == "nbds")?;
        given.refuse_others()?;
        if is_unix && tls.as_ref().is_some_and(|tls| tls.hostname.is_none()) {
            return Err(
                "a socket has no name that a certificate could have: add &tls-hostname=NAME"
                    .to_owned(),
            );
        }
        let address = match socket {
            Some(path) if authority.is_empty() => Address::Unix(path),
            Some(_) => {
                return Err(format!(
                    "a Unix domain socket has no host: write {scheme}:///"
                ));
            }
            None => tcp(base, authority)?,
        };
        Ok(Self {
            address,
            export,
            tls,
        })
    }
}

/// Splits at the first `mark`, which is in neither part.
fn split(text: &[u8], mark: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|&byte| byte == mark) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    }
}

/// Refuses characters that a URI cannot have; see RFC 3986.
fn refuse_characters(text: &[u8]) -> Result<(), String> {
    let allowed =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:@/?[]".contains(byte);
    match text.iter().find(|byte| !allowed(byte)) {
        Some(byte) => Err(format!("a URI has no such character: write %{byte:02X}")),
        None => Ok(()),
    }
}

/// Decodes `%NN`.
fn decoded(text: &[u8]) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, more)) = rest.split_first() {
        if first == b'%' {
            let digits = more.get(..2).and_then(|digits| str::from_utf8(digits).ok());
            // A sign would be accepted as well.
            let digits =
                digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
            bytes.push(byte.ok_or("after each % come two hexadecimal digits")?);
            rest = &more[2..];
        } else {
            bytes.push(first);
            rest = more;
        }
    }
    Ok(bytes)
}

/// Parameters of a query that were not used yet, decoded.
struct Parameters(Vec<(Vec<u8>, Vec<u8>)>);

impl Parameters {
    fn of(query: &[u8]) -> Result<Self, String> {
        let parameters = query
            .split(|&byte| byte == b'&')
            .filter(|text| !text.is_empty());
        let decode = |parameter| {
            let (name, value) = split(parameter, b'=');
            Ok((decoded(name)?, decoded(value.unwrap_or_default())?))
        };
        parameters.map(decode).collect::<Result<_, _>>().map(Self)
    }

    /// Takes a parameter, which may be given once.
    fn take(&mut self, name: &str) -> Result<Option<Vec<u8>>, String> {
        let Some(at) = self
            .0
            .iter()
            .position(|(given, _)| given == name.as_bytes())
        else {
            return Ok(None);
        };
        let (_, value) = self.0.swap_remove(at);
        if self.0.iter().any(|(given, _)| given == name.as_bytes()) {
            return Err(format!("the parameter {name} is given twice"));
        }
        Ok(Some(value))
    }

    /// Takes the path of the socket, if the scheme has one.
    fn socket(&mut self, base: &str, is_unix: bool) -> Result<Option<PathBuf>, String> {
        match self.take("socket")? {
            Some(_) if !is_unix => {
                Err(format!("the parameter socket needs the scheme {base}+unix"))
            }
            None if is_unix => Err(format!(
                "the parameter socket is missing: {base}+unix:///EXPORT?socket=PATH"
            )),
            None => Ok(None),
            Some(path) => path_of(path, "its socket").map(Some),
        }
    }

    /// Takes what is about TLS, if the scheme has that.
    fn tls(&mut self, is_tls: bool) -> Result<Option<Tls>, String> {
        if !is_tls {
            return Ok(None);
        }
        let folder = self.take("tls-certificates")?;
        let certificates = folder.map(|path| path_of(path, "tls-certificates"));
        let hostname = self.take("tls-hostname")?.map(String::from_utf8);
        Ok(Some(Tls {
            certificates: certificates.transpose()?,
            hostname: hostname
                .transpose()
                .map_err(|_| "tls-hostname is no name")?,
        }))
    }

    /// Refuses parameters that are left.
    fn refuse_others(&self) -> Result<(), String> {
        let Some((name, _)) = self.0.first() else {
            return Ok(());
        };
        Err(match name.as_slice() {
            b"tls-psk-file" => "TLS with pre-shared keys is not supported".to_owned(),
            b"tls-verify-peer" => "the certificate of the server is always verified".to_owned(),
            b"tls-certificates" | b"tls-hostname" => {
                let name = crate::error::shown(name);
                format!("the parameter {name} needs the scheme nbds or nbds+unix")
            }
            name => format!("the parameter {} is unknown", crate::error::shown(name)),
        })
    }
}

fn path_of(path: Vec<u8>, what: &str) -> Result<PathBuf, String> {
    if path.is_empty() || path.contains(&0) {
        return Err(format!("{what} is not the path of a file"));
    }
    Ok(OsString::from_vec(path).into())
}

/// Parses `HOST`, `HOST:PORT` or `[IPv6]:PORT`.
fn tcp(base: &str, authority: &[u8]) -> Result<Address, String> {
    let text = str::from_utf8(authority).map_err(|_| "its host is not ASCII")?;
    if text.contains('@') {
        return Err(
            "a user name only serves TLS with pre-shared keys, which is not supported".to_owned(),
        );
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, port) = rest
            .split_once(']')
            .ok_or("a ] is missing after the address")?;
        let address: Ipv6Addr = host
            .parse()
            .map_err(|_| "an address in brackets must be IPv6")?;
        (address.to_string(), port)
    } else {
        let (host, port) = text.find(':').map_or((text, ""), |at| text.split_at(at));
        let is_named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        if !host.bytes().all(is_named) {
            return Err("it does not begin with the name of a host".to_owned());
        }
        (host.to_owned(), port)
    };
    if host.is_empty() {
        return Err(format!("it names no host: {base}://HOST/EXPORT"));
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => PORT,
        Some("") => PORT,
        Some(digits) if digits.bytes().all(|digit| digit.is_ascii_digit()) => {
            let port = digits.parse().ok().filter(|&port| port != 0);
            port.ok_or("a port is a number from 1 to 65535")?
        }
        _ => return Err("a port is a number from 1 to 65535".to_owned()),
    };
    Ok(Address::Tcp { host, port })
}

#[cfg(test)]
mod tests;
