//! `openssl-sys` 0.9 can use OpenSSL 4 but its manifest only lets in
//! openssl-src 300. This crate has that number and hands on version 400.

pub use openssl_4::*;
