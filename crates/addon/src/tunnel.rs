//! Direct connections, in the place of standard input and standard output, or with pipes of their own.

use std::net::IpAddr;
use std::os::fd::{IntoRawFd as _, RawFd};
use std::sync::{Arc, Mutex, PoisonError};

use blockcopy_engine::in_background;
use blockcopy_tunnel::{
    Control, Done, Error as TunnelError, Link, Listener, OneTimeKey, Ports, PublicKey, Target,
    Tunnel as Streams, connect, make_pipes, take_standard_streams,
};
use napi::bindgen_prelude::{JsValue, Object, ToNapiValue};
use napi::{Env, Error, Result};
use napi_derive::napi;

use crate::arguments::invalid;
use crate::promise::promise_or;

/// End of a direct connection with TLS 1.3, for one peer.
#[napi]
pub struct Tunnel {
    key: OneTimeKey,
    /// The descriptor of the control channel. `None` for standard input.
    control: Option<RawFd>,
    listener: Option<Listener>,
    opened: Arc<Mutex<Option<Opened>>>,
    done: Option<Done>,
}

type Opened = (Streams, Done);

/// A connection that has come up.
#[napi(object)]
pub struct Connected {
    /// The address and port of the peer.
    pub peer: String,
    /// Descriptor from which the stream of the peer is read.
    pub input: i32,
    /// Descriptor to which the stream for the peer is written.
    pub output: i32,
}

#[napi]
impl Tunnel {
    /// Makes a key pair for this connection alone.
    ///
    /// `control` is the descriptor of the control channel; the connection then gets pipes of its own, whose ends the caller closes. Without
    /// it, standard input is the control channel, and descriptors 0 and 1 become the ends of the connection. The connection ends when the
    /// control channel does.
    #[napi(constructor)]
    pub fn new(env: Env, control: Option<i32>) -> Result<Self> {
        Ok(Self {
            key: OneTimeKey::generate().map_err(|error| js_failure(env, &error))?,
            control,
            listener: None,
            opened: Arc::default(),
            done: None,
        })
    }

    /// The public key of this end.
    #[napi(getter)]
    pub fn key(&self) -> String {
        self.key.public().to_string()
    }

    /// Opens the first free port from `from` to `to`, 0 for any; without an address, on all addresses. It closes after ten seconds.
    /// Returns the port.
    #[napi]
    pub fn listen(&mut self, env: Env, bind: Option<String>, from: u32, to: u32) -> Result<u32> {
        let bind: Option<IpAddr> = bind
            .map(|address| address.parse())
            .transpose()
            .map_err(|_| invalid("not an address"))?;
        let ports = Ports {
            from: port(from)?,
            to: port(to)?,
        };
        let listener = Listener::open(bind, ports).map_err(|error| js_failure(env, &error))?;
        let port = listener.port();
        self.listener = Some(listener);
        Ok(port.into())
    }

    /// Waits for the peer that has the key `peer`.
    ///
    /// The control channel may be closed once this has been called. `epilogue` bytes come on it that are read after the stream of the peer.
    #[napi(ts_return_type = "Promise<Connected>")]
    pub fn accept<'env>(
        &mut self,
        env: &'env Env,
        peer: String,
        epilogue: u32,
    ) -> Result<Object<'env>> {
        let listener = self
            .listener
            .take()
            .ok_or_else(|| invalid("no port is open"))?;
        let own = self.key.clone();
        self.open(env, peer, epilogue, move |peer, control| {
            listener.accept(&own, peer, control)
        })
    }

    /// Connects to the first address where the peer answers that has the key `peer`, like `accept`.
    #[napi(ts_return_type = "Promise<Connected>")]
    pub fn connect<'env>(
        &mut self,
        env: &'env Env,
        peer: String,
        epilogue: u32,
        addresses: Vec<String>,
        port: u32,
    ) -> Result<Object<'env>> {
        let target = Target {
            addresses,
            port: self::port(port)?,
        };
        let own = self.key.clone();
        self.open(env, peer, epilogue, move |peer, control| {
            connect(&own, peer, &target, control)
        })
    }

    /// Moves bytes until both streams have ended; without `awaits_peer`, until that of this end has. Fails if the connection ends before.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn run<'env>(&mut self, env: &'env Env, awaits_peer: bool) -> Result<Object<'env>> {
        let opened = self
            .opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let (streams, done) = opened.ok_or_else(|| invalid("there is no connection"))?;
        self.done = Some(done);
        in_thread(env, move || streams.run(awaits_peer))
    }

    /// Ends the stream of this end: nothing more will be written to it.
    #[napi]
    pub fn finish(&mut self) {
        self.done = None;
    }

    /// Closes an open port, and a connection that `run` has not been called for.
    #[napi]
    pub fn close(&mut self) {
        self.listener = None;
        self.done = None;
        self.opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }

    fn open<'env>(
        &self,
        env: &'env Env,
        peer: String,
        epilogue: u32,
        open: impl FnOnce(&PublicKey, Control) -> std::result::Result<Link, TunnelError>
        + Send
        + 'static,
    ) -> Result<Object<'env>> {
        let place = Arc::clone(&self.opened);
        let has_pipes = self.control.is_some();
        // Not in the thread: the caller may close it.
        let control = Control::from_descriptor(self.control.unwrap_or(0), epilogue as usize)
            .map_err(|error| js_failure(*env, &error))?;
        in_thread(env, move || {
            let link = open(&peer.parse()?, control)?;
            let peer = link.peer().to_owned();
            let (opened, input, output) = if has_pipes {
                let (streams, ends, done) = make_pipes(link)?;
                let (input, output) = (ends.input.into_raw_fd(), ends.output.into_raw_fd());
                ((streams, done), input, output)
            } else {
                (take_standard_streams(link)?, 0, 1)
            };
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
            Ok(Connected {
                peer,
                input,
                output,
            })
        })
    }
}

/// Does something in a thread of its own; returns a promise of the result.
fn in_thread<T: Send + ToNapiValue + 'static>(
    env: &Env,
    work: impl FnOnce() -> std::result::Result<T, TunnelError> + Send + 'static,
) -> Result<Object<'_>> {
    promise_or(
        env,
        |env, result: std::result::Result<T, TunnelError>| {
            result.map_err(|error| js_failure(env, &error))
        },
        |done| in_background("blockcopy-tunnel", move || Ok(work()), done),
    )
}

fn port(number: u32) -> Result<u16> {
    u16::try_from(number).map_err(|_| invalid("not a port"))
}

/// Returns a JavaScript `Error` with the property `kind`.
fn js_failure(env: Env, error: &TunnelError) -> Error {
    let reason = error.to_string();
    let made = env
        .create_error(Error::from_reason(reason.clone()))
        .and_then(|mut object| {
            object.set("kind", error.code())?;
            Ok(Error::from(object.to_unknown()))
        });
    made.unwrap_or_else(|_| Error::from_reason(reason))
}
