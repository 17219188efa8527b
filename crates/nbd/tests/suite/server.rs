//! Servers of one thread per connection, and the bytes that they send.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::thread;
use std::time::Duration;

use blockcopy_nbd::{Address, Client, Context, Error, Limits, Uri};
use tempfile::TempDir;

/// Flags of exports.
pub(crate) const FLUSH: u16 = 4;
pub(crate) const MULTI_CONN: u16 = 1 << 8;

/// Limits that end a test soon.
pub(crate) const SHORT: Limits = Limits {
    connect: Duration::from_secs(20),
    handshake: Duration::from_millis(300),
    idle: Duration::from_millis(300),
};

/// Numbers, one after the other.
pub(crate) fn bytes(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Greeting of a server.
pub(crate) fn greeting() -> Vec<u8> {
    bytes(&[b"NBDMAGICIHAVEOPT", &[0, 3]])
}

/// Reply to an option.
pub(crate) fn option_reply(option: u32, kind: u32, data: &[u8]) -> Vec<u8> {
    let len = u32::try_from(data.len()).unwrap();
    bytes(&[
        &0x0003_e889_0455_65a9_u64.to_be_bytes(),
        &option.to_be_bytes(),
        &kind.to_be_bytes(),
        &len.to_be_bytes(),
        data,
    ])
}

/// Information about an export.
pub(crate) fn info(size: u64, flags: u16) -> Vec<u8> {
    let data = bytes(&[&[0, 0], &size.to_be_bytes(), &flags.to_be_bytes()]);
    option_reply(7, 3, &data)
}

/// Answers of a server without metadata contexts to the options of the client.
pub(crate) fn negotiation(structured: bool, size: u64, flags: u16) -> Vec<u8> {
    let first = if structured { 1 } else { (1 << 31) + 1 };
    let context = option_reply(10, 1, &[]);
    bytes(&[
        &greeting(),
        &option_reply(8, first, &[]),
        if structured { &context } else { &[] },
        &info(size, flags),
        &option_reply(7, 1, &[]),
    ])
}

/// Request as it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) flags: u16,
    pub(crate) command: u16,
    pub(crate) cookie: [u8; 8],
    pub(crate) offset: u64,
    pub(crate) len: u32,
}

/// Connection of a server, after the handshake.
pub(crate) struct Served(pub(crate) UnixStream);

impl Served {
    /// Reads a request, and passes over the payload of a write. `None` after the last one.
    pub(crate) fn request(&mut self) -> Option<Request> {
        let mut head = [0; 28];
        self.0.read_exact(&mut head).ok()?;
        let request = Request {
            flags: u16::from_be_bytes(head[4..6].try_into().unwrap()),
            command: u16::from_be_bytes(head[6..8].try_into().unwrap()),
            cookie: head[8..16].try_into().unwrap(),
            offset: u64::from_be_bytes(head[16..24].try_into().unwrap()),
            len: u32::from_be_bytes(head[24..28].try_into().unwrap()),
        };
        if request.command == 1 {
            let mut payload = vec![0; request.len as usize];
            self.0.read_exact(&mut payload).ok()?;
        }
        (request.command != 2).then_some(request)
    }

    /// Answers with success; the bytes of a read are the low byte of their offset.
    pub(crate) fn succeed(&mut self, request: &Request) {
        let data: Vec<u8> = match request.command {
            0 => (request.offset..request.offset + u64::from(request.len))
                .map(|at| at.to_le_bytes()[0])
                .collect(),
            _ => Vec::new(),
        };
        let head = [&0x6744_6698_u32.to_be_bytes()[..], &[0; 4]].concat();
        // The client may have gone.
        _ = self.0.write_all(&bytes(&[&head, &request.cookie, &data]));
    }
}

/// Server that says `hello` to each client, passes over its options, and then does `serve`.
pub(crate) struct Server {
    pub(crate) uri: Uri,
    _folder: TempDir,
}

impl Server {
    pub(crate) fn start(hello: Vec<u8>, serve: impl Fn(Served) + Send + Sync + 'static) -> Self {
        Self::for_clients(usize::MAX, hello, serve)
    }

    /// As [`start`](Self::start), but only the first `clients` ever hear a word.
    pub(crate) fn for_clients(
        clients: usize,
        hello: Vec<u8>,
        serve: impl Fn(Served) + Send + Sync + 'static,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nbd.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let serve = std::sync::Arc::new(serve);
        thread::spawn(move || {
            for stream in listener.incoming().take(clients) {
                let (mut stream, hello, serve) = (stream.unwrap(), hello.clone(), serve.clone());
                thread::spawn(move || {
                    stream.write_all(&hello).unwrap();
                    pass_over_options(&mut stream, &hello);
                    serve(Served(stream));
                });
            }
            // Keeps the socket open: more clients get a connection from the kernel.
            loop {
                thread::park();
            }
        });
        let uri = Uri {
            address: Address::Unix(path),
            export: String::new(),
            tls: None,
        };
        Self {
            uri,
            _folder: folder,
        }
    }

    pub(crate) fn connect(&self) -> Result<Client, Error> {
        Client::connect(&self.uri, SHORT, Context::Allocation)
    }

    /// Connects with the limits of users.
    pub(crate) fn connect_patiently(&self) -> Client {
        Client::connect(&self.uri, Limits::default(), Context::Allocation).unwrap()
    }
}

/// Reads what the client says until it has chosen the export.
fn pass_over_options(stream: &mut UnixStream, hello: &[u8]) {
    if hello.len() <= 18 {
        return;
    }
    let mut flags = [0; 4];
    stream.read_exact(&mut flags).unwrap();
    loop {
        let mut head = [0; 16];
        if stream.read_exact(&mut head).is_err() {
            return;
        }
        let len = u32::from_be_bytes(head[12..16].try_into().unwrap());
        stream.read_exact(&mut vec![0; len as usize]).unwrap();
        if head[8..12] == [0, 0, 0, 7] {
            return;
        }
    }
}
