//! Memory for blocks, shared between the engine and JavaScript.
#![allow(unsafe_code)]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use blockcopy_engine::Slot;
use napi::bindgen_prelude::Uint8Array;
use napi::{Env, Error, Result};
use napi_derive::napi;

use crate::arguments::invalid;
use crate::errors::js_error;

/// Memory in slots of equal size, aligned for direct I/O and allocated once.
///
/// JavaScript sees all of it as one array. A slot that was passed to the engine belongs to the engine until the promise is settled:
/// JavaScript must not read or write it before.
#[napi]
pub struct Slab {
    inner: Arc<blockcopy_engine::Slab>,
    exposed: AtomicBool,
}

#[napi]
impl Slab {
    /// Allocates `slots` slots of at least `slotLength` bytes.
    #[napi(constructor)]
    pub fn new(env: Env, slots: u32, slot_length: u32) -> Result<Self> {
        let inner = blockcopy_engine::Slab::new(slots as usize, slot_length as usize)
            .map_err(|error| js_error(env, &error.into()))?;
        Ok(Self {
            inner,
            exposed: AtomicBool::new(false),
        })
    }

    /// Length of a slot in bytes; slot `i` begins at `i * slotLength`.
    #[napi(getter)]
    pub fn slot_length(&self) -> u32 {
        u32::try_from(self.inner.slot_len()).unwrap_or(u32::MAX)
    }

    /// Returns all of the memory, without a copy. Call it only once: Node does not accept the same memory twice.
    #[napi]
    pub fn expose(&self) -> Result<Uint8Array> {
        if self.exposed.swap(true, Ordering::Relaxed) {
            return Err(invalid("the memory of a slab has been exposed before"));
        }
        let owner = Arc::clone(&self.inner);
        // SAFETY: the pointer is valid for `len` bytes for as long as the slab lives, and the finalizer keeps it
        // alive until JavaScript has dropped the array. That JavaScript does not touch a slot which the engine
        // has taken is the contract of this class; the bytes are never interpreted as anything but bytes.
        Ok(unsafe {
            Uint8Array::with_external_data(self.inner.as_ptr(), self.inner.len(), move |_, _| {
                drop(owner);
            })
        })
    }
}

impl Slab {
    /// Takes a slot for the engine.
    pub(crate) fn take(&self, slot: u32) -> std::result::Result<Slot, Error> {
        self.inner
            .take(slot as usize)
            .ok_or_else(|| invalid("a slot is used while the engine has it"))
    }
}
