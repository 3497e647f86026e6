//! The JVM's door: the native methods of the Java package io.scramtoken.kafka, thin over the rooms.
//!
//! There is one file for each class. The methods never call back into Java, but for throwing: a server
//! that needs a credential suspends, as in the C API. `library` says how classes get their methods.
#![allow(unsafe_code, reason = "this is a door: every block argues why it is sound")]
#![allow(unreachable_pub, reason = "public to the JVM")]

mod boundary;
mod client;
mod library;
mod listener;
mod server;
mod source;
mod store;
