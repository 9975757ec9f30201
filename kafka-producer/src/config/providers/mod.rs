//! Values that stand elsewhere (KIP-421): `${file:/path:key}`, `${dir:/path:key}`, `${env:NAME}`.
//!
//! ```text
//! config.providers=file                       what a provider is called
//! config.providers.file.class=…               which of Kafka's it is
//! config.providers.file.param.allowed.paths=… what it may read
//! ssl.key.password=${file:/secrets:password}  where it is asked
//! ```
//!
//! They are looked up once, before anything else is read of a configuration. What they give is a secret:
//! no message shows it.

mod given;
mod provider;
mod resolve;
mod variable;

pub(crate) use given::Provided;
pub(super) use resolve::resolve;
