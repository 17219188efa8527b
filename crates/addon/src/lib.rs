//! The engine of blockcopy as a Node addon: conversion of types, errors and promises, and nothing else.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]
#![allow(
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    reason = "what is public here is called from JavaScript, which owns what it passes and gets errors as exceptions"
)]

pub mod apply;
mod arguments;
pub mod codec;
pub mod confine;
pub mod diff;
pub mod digests;
pub mod engine;
mod errors;
pub mod files;
pub mod identity;
pub mod image;
pub mod in_use;
pub mod memory;
pub mod metadata;
mod names;
pub mod open;
pub mod pack;
mod promise;
pub mod scan;
pub mod stdio;
pub mod tunnel;
pub mod update;
