//! Interceptors that a program has given names, each for records of certain types.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use crate::interceptor::{ProducerInterceptor, SharedInterceptor};

/// Interceptors by their names; of several with one name, the last.
#[derive(Clone, Default)]
pub(super) struct NamedInterceptors(Vec<Named>);

#[derive(Clone)]
struct Named {
    name: String,
    records: RecordTypes,
    /// A [`Factory`] for these types.
    factory: Arc<dyn Any + Send + Sync>,
}

/// The types of key and value, for messages.
#[derive(Clone, Copy)]
pub(super) struct RecordTypes {
    key: &'static str,
    value: &'static str,
}

/// Makes an interceptor for one producer.
pub(super) struct Factory<K: ?Sized, V: ?Sized>(
    Box<dyn Fn() -> SharedInterceptor<K, V> + Send + Sync>,
);

impl<K: ?Sized, V: ?Sized> Factory<K, V> {
    pub(super) fn make(&self) -> SharedInterceptor<K, V> {
        (self.0)()
    }
}

impl NamedInterceptors {
    pub(super) fn add<K, V, I>(
        &mut self,
        name: String,
        make: impl Fn() -> I + Send + Sync + 'static,
    ) where
        K: ?Sized + 'static,
        V: ?Sized + 'static,
        I: ProducerInterceptor<K, V> + 'static,
    {
        let factory = Factory::<K, V>(Box::new(move || Arc::new(make())));
        self.0.push(Named {
            name,
            records: RecordTypes::of::<K, V>(),
            factory: Arc::new(factory),
        });
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|named| &*named.name)
    }

    /// What makes the one of this name for these types.
    pub(super) fn factory<K: ?Sized + 'static, V: ?Sized + 'static>(
        &self,
        name: &str,
    ) -> Option<&Factory<K, V>> {
        let mut later_first = self.of_name(name).rev();
        later_first.find_map(|named| named.factory.downcast_ref())
    }

    /// What the one of this name is for.
    pub(super) fn types_of(&self, name: &str) -> Option<RecordTypes> {
        self.of_name(name).next_back().map(|named| named.records)
    }

    fn of_name(&self, name: &str) -> impl DoubleEndedIterator<Item = &Named> {
        self.0.iter().filter(move |named| named.name == name)
    }
}

impl RecordTypes {
    pub(super) fn of<K: ?Sized + 'static, V: ?Sized + 'static>() -> Self {
        Self {
            key: type_name::<K>(),
            value: type_name::<V>(),
        }
    }
}

impl fmt::Display for RecordTypes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value } = self;
        write!(f, "keys of type {key} and values of type {value}")
    }
}

/// Functions are the same only if they are the same one.
impl PartialEq for NamedInterceptors {
    fn eq(&self, other: &Self) -> bool {
        let same = |(one, other): (&Named, &Named)| {
            one.name == other.name && Arc::ptr_eq(&one.factory, &other.factory)
        };
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(same)
    }
}
