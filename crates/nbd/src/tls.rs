//! TLS: version 1.3, with certificates that are verified.

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, version};

use crate::stream::{Stream, Timed};
use crate::trust::{Content, name_of, read_trusted};
use crate::{Address, Error, Uri};

/// Plaintext that is encrypted at a time, in bytes: four records.
const PIECE: usize = 64 * 1024;

/// Room for what arrives at a time, in bytes: at least one record.
const ARRIVING: usize = 32 * 1024;

/// Certificates to verify and to show, and the name that the server must have.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Identity {
    /// Reads the certificates that a URI asks for; `None` without TLS.
    pub(crate) fn of(uri: &Uri) -> Result<Option<Self>, Error> {
        let Some(tls) = &uri.tls else {
            return Ok(None);
        };
        let name = match (&tls.hostname, &uri.address) {
            (Some(name), _) | (None, Address::Tcp { host: name, .. }) => name.clone(),
            (None, Address::Unix(_)) => return unusable("the name of the server is unknown"),
        };
        let name = ServerName::try_from(name)
            .or_else(|_| unusable("a certificate cannot have the name of the server"))?;
        let folder = tls.certificates.as_deref();
        let builder =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_protocol_versions(&[&version::TLS13])
                .map_err(|error| Error::Tls(error.to_string()))?
                .with_root_certificates(folder.map_or_else(system_roots, roots_in)?);
        let config = match folder.map(own_certificate).transpose()?.flatten() {
            Some((chain, key)) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| Error::Tls(format!("client-cert.pem cannot be used: {error}")))?,
            None => builder.with_no_client_auth(),
        };
        Ok(Some(Self {
            config: Arc::new(config),
            name,
        }))
    }

    /// Does the handshake, until `deadline`. The server has proved its name afterwards.
    pub(crate) fn secure(&self, stream: Stream, deadline: Instant) -> Result<Secure, io::Error> {
        let mut session =
            ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map_err(broken)?;
        // Whatever is encrypted is taken out at once.
        session.set_buffer_limit(None);
        let mut timed = Timed {
            socket: &stream,
            stream: &stream,
            deadline,
        };
        while session.is_handshaking() {
            session.complete_io(&mut timed)?;
        }
        Ok(Secure {
            stream,
            session: Mutex::new(Session {
                tls: session,
                arrived: Vec::new(),
                used: 0,
            }),
            sending: Mutex::new(()),
        })
    }
}

fn unusable<T>(why: impl Into<String>) -> Result<T, Error> {
    Err(Error::Tls(why.into()))
}

/// Reads the CA certificates that this host trusts.
fn system_roots() -> Result<RootCertStore, Error> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = match found.errors.first() {
            Some(error) => format!("the CA certificates of this host cannot be used: {error}"),
            None => "this host has no CA certificates".to_owned(),
        };
        return unusable(format!("{why}: name some by tls-certificates=FOLDER"));
    }
    Ok(roots)
}

/// Reads the CA certificates in a folder.
fn roots_in(folder: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&folder.join("ca-cert.pem"))? {
        roots
            .add(certificate)
            .map_err(|error| Error::Tls(format!("ca-cert.pem cannot be used: {error}")))?;
    }
    Ok(roots)
}

/// Reads the certificate of this client in a folder, and its key; `None` if the folder has neither.
fn own_certificate(
    folder: &Path,
) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, Error> {
    let [certificate, key] = ["client-cert.pem", "client-key.pem"].map(|name| folder.join(name));
    // One that cannot be looked at fails to be read.
    let is_missing = |file: &Path| file.try_exists().is_ok_and(|exists| !exists);
    if is_missing(&certificate) {
        if is_missing(&key) {
            return Ok(None);
        }
        return unusable(format!(
            "{} is missing, and its key client-key.pem exists: put the certificate next to it, or remove the key",
            name_of(&certificate)
        ));
    }
    let chain = certificates(&certificate)?;
    let pem = read_trusted(&key, Content::Secret)?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| unreadable(&key, &error))?;
    Ok(Some((chain, key)))
}

/// Reads a file with at least one certificate.
fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let pem = read_trusted(file, Content::Public)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let found = read.map_err(|error| unreadable(file, &error))?;
    if found.is_empty() {
        return unusable(format!("{} has no certificate", name_of(file)));
    }
    Ok(found)
}

fn unreadable(file: &Path, error: &rustls::pki_types::pem::Error) -> Error {
    Error::Tls(format!("{} cannot be read: {error}", name_of(file)))
}

fn broken(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

/// Connection with TLS. One thread reads, and any number of others write.
///
/// While a thread waits for the socket, it does not hold `session`: a server that takes nothing until its replies are read would otherwise
/// never be read. Records are sent in the order in which they were encrypted.
#[derive(Debug)]
pub(crate) struct Secure {
    stream: Stream,
    session: Mutex<Session>,
    /// Held while records are encrypted and sent.
    sending: Mutex<()>,
}

#[derive(Debug)]
struct Session {
    tls: ClientConnection,
    /// Bytes from the socket; the library takes few at a time.
    arrived: Vec<u8>,
    /// Number of them that the library has taken.
    used: usize,
}

impl Session {
    /// Reads what can be decrypted without waiting; `None` if nothing can be. 0 bytes are the end.
    fn decrypt(&mut self, buf: &mut [u8]) -> io::Result<Option<usize>> {
        loop {
            match self.tls.reader().read(buf) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                result => return result.map(Some),
            }
            if self.used == self.arrived.len() {
                return Ok(None);
            }
            let mut rest = &self.arrived[self.used..];
            self.used += self.tls.read_tls(&mut rest)?;
            self.tls.process_new_packets().map_err(broken)?;
        }
    }
}

impl Secure {
    pub(crate) fn socket(&self) -> &Stream {
        &self.stream
    }

    /// Tells the server that nothing more will come.
    pub(crate) fn end(&self) {
        _ = self.send(|tls| tls.send_close_notify());
    }

    /// Sends what `work` makes, after what the session itself has to say.
    fn send<T>(&self, work: impl FnOnce(&mut ClientConnection) -> T) -> io::Result<T> {
        let _order = self.sending.lock().unwrap_or_else(PoisonError::into_inner);
        let mut records = Vec::new();
        let result = {
            let mut session = self.session();
            let result = work(&mut session.tls);
            while session.tls.wants_write() {
                session.tls.write_tls(&mut records)?;
            }
            result
        };
        (&self.stream).write_all(&records)?;
        Ok(result)
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read for &Secure {
    /// Reads at most once from the socket. If all of that is not yet a record, it is interrupted, so that the caller can look at the time.
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(count) = self.session().decrypt(buf)? {
            return Ok(count);
        }
        let mut arrived = vec![0; ARRIVING];
        let count = (&self.stream).read(&mut arrived)?;
        arrived.truncate(count);
        let mut session = self.session();
        if arrived.is_empty() {
            session.tls.read_tls(&mut io::empty())?;
        }
        session.arrived = arrived;
        session.used = 0;
        session
            .decrypt(buf)?
            .ok_or_else(|| ErrorKind::Interrupted.into())
    }
}

impl Write for &Secure {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let piece = &buf[..buf.len().min(PIECE)];
        self.send(|tls| tls.writer().write_all(piece))??;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
