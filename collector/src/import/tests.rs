//! Transcripts written for these tests, and what is read from them.
