//! Tests of whole families on small fixtures.
