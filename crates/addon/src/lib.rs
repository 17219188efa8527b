//! The engine of blockcopy as a Node addon: conversion of types, errors and promises, and nothing else.

#![cfg_attr(not(test), deny(clippy::disallowed_methods))]
#![allow(
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::needless_pass_by_value,
    reason = "what is public here is called from JavaScript, which owns what it passes and gets errors as exceptions"
)]

mod arguments;
pub mod blocks;
pub mod digests;
pub mod disks;
pub mod engine;
mod errors;
pub mod memory;
mod names;
mod promise;
pub mod stdio;
pub mod tunnel;
