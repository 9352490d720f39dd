//! The store over a real file: what is written is what is read, whatever happens in between.

mod contract;
mod fixture;
mod life;
mod payload;
mod read;
mod write;
