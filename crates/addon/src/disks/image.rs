//! Images, and the socket of a server that offers the disk in one.

use std::os::fd::IntoRawFd;
use std::sync::Arc;

use napi::bindgen_prelude::Object;
use napi::{Env, JsString, Result};
use napi_derive::napi;

use crate::disks::Source;
use crate::engine::Engine;
use crate::errors::js_error;
use crate::names::to_path;
use crate::promise::promise;

/// Image that a file begins like.
#[napi(object)]
pub struct Image {
    /// Format, as QEMU names it.
    pub format: String,
    /// Reason for not opening it, as a clause.
    #[napi(ts_type = "string | undefined")]
    pub obstacle: Option<String>,
}

impl From<blockcopy_engine::Image> for Image {
    fn from(image: blockcopy_engine::Image) -> Self {
        Self {
            format: image.format.to_owned(),
            obstacle: image.obstacle,
        }
    }
}

/// Descriptors of a socket without a name. They stay open until the caller closes them.
#[napi(object)]
pub struct PrivateSocket {
    /// The socket, which listens.
    pub listener: i32,
    /// Its place in the file system: clients connect to `/proc/self/fd/PLACE`.
    pub place: i32,
}

/// Creates a socket in a folder that no other user may enter, and removes its name at once.
#[napi]
pub fn private_socket(
    env: Env,
    #[napi(ts_arg_type = "string")] folder: JsString<'_>,
) -> Result<PrivateSocket> {
    let made = blockcopy_engine::PrivateSocket::in_folder(to_path(folder)?);
    let socket = made.map_err(|error| js_error(env, &error.into()))?;
    Ok(PrivateSocket {
        listener: socket.listener.into_raw_fd(),
        place: socket.place.into_raw_fd(),
    })
}

#[napi]
impl Engine {
    /// Recognises the format of the image that a file begins like; `null` for anything else.
    #[napi(ts_return_type = "Promise<Image | null>")]
    pub fn image_of<'env>(&self, env: &'env Env, source: &Source) -> Result<Object<'env>> {
        let source = Arc::clone(source.open()?);
        promise(
            env,
            |found: Option<_>| found.map(Image::from),
            |done| self.inner.run(move || Ok(source.image()?), done),
        )
    }
}

#[napi]
impl Source {
    /// Makes the path of this file stand for the disk of the image in it, which a server offers as the export `uri`, until the process ends.
    /// Works once per process.
    #[napi]
    pub fn serve_at(
        &self,
        env: Env,
        #[napi(ts_arg_type = "string")] uri: JsString<'_>,
    ) -> Result<()> {
        let served = self.open()?.serve_at(to_path(uri)?);
        served.map_err(|error| js_error(env, &error.into()))
    }
}
