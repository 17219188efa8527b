//! Operations on blocks: digests and data of many at once.

pub mod apply;
pub mod codec;
pub mod diff;
pub mod pack;
pub mod scan;
pub mod update;
