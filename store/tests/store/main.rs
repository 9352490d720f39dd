//! The store over a real file: what is written is what is read, whatever happens in between.

mod fixture;
mod write;
