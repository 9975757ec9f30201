//! One row of the table: what a property is called, read as, allows, and does here.

use std::borrow::Cow;
use std::fmt;

use Allowed::{Any, AtLeast, Between, BetweenDecimals, BetweenOr, NonEmpty, OneOf, OneOfAnyCase};
use Kind::{Bool, Class, Double, Int, List, Long, Password, Short, Text};
use Support::{NoEffect, Supported};

use crate::readable::without_secrets;

/// One property of a producer, as Kafka defines it, and whether it has an effect here.
///
/// ```
/// use kafka_producer::ProducerConfig;
///
/// let mut properties = ProducerConfig::properties();
/// let linger = properties.find(|property| property.name == "linger.ms").unwrap();
/// assert_eq!(linger.default, Some("5"));
/// assert_eq!(linger.allowed_values(), "a whole number from 0 to 9223372036854775807");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Property {
    /// Kafka's name.
    pub name: &'static str,
    /// What a value is read as.
    pub kind: Kind,
    /// As it would be written in a file; `None`: unset.
    pub default: Option<&'static str>,
    /// Which values of that kind are accepted.
    pub allowed: Allowed,
    /// Whether the property has an effect here.
    pub support: Support,
}

/// What the value of a property is read as.
///
/// ```
/// use kafka_producer::ProducerConfig;
/// use kafka_producer::config::Kind;
///
/// let mut properties = ProducerConfig::properties();
/// let linger = properties.find(|property| property.name == "linger.ms").unwrap();
/// assert_eq!(linger.kind, Kind::Long);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `true` or `false`, in any case.
    Bool,
    /// A whole number of 16 bits.
    Short,
    /// A whole number of 32 bits.
    Int,
    /// A whole number of 64 bits.
    Long,
    /// A decimal number.
    Double,
    /// Any text.
    Text,
    /// Texts, separated by commas.
    List,
    /// The name of a class in Java.
    Class,
    /// A text that is never shown.
    Password,
}

/// Which values a property accepts.
///
/// ```
/// use kafka_producer::ProducerConfig;
/// use kafka_producer::config::Allowed;
///
/// let mut properties = ProducerConfig::properties();
/// let linger = properties.find(|property| property.name == "linger.ms").unwrap();
/// assert_eq!(linger.allowed, Allowed::AtLeast(0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Allowed {
    /// All of the kind.
    Any,
    /// This number or more.
    AtLeast(i64),
    /// From the first to the second, both included.
    Between(i64, i64),
    /// From the first to the second, or the third.
    BetweenOr(i64, i64, i64),
    /// From the first to the second, both included.
    BetweenDecimals(f64, f64),
    /// One of these, in this spelling.
    OneOf(&'static [&'static str]),
    /// One of these, in any case.
    OneOfAnyCase(&'static [&'static str]),
    /// Anything but the empty text.
    NonEmpty,
}

/// Whether a property has an effect here.
///
/// ```
/// use kafka_producer::ProducerConfig;
/// use kafka_producer::config::Support;
///
/// let mut properties = ProducerConfig::properties();
/// let linger = properties.find(|property| property.name == "linger.ms").unwrap();
/// assert!(matches!(linger.support, Support::Supported(_)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Support {
    /// It has: this.
    Supported(&'static str),
    /// Accepted with a warning, for this reason.
    NoEffect(&'static str),
}

/// A value that was read and is allowed.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Value {
    Bool(bool),
    Whole(i64),
    Decimal(f64),
    Text(String),
    List(Vec<String>),
}

impl Property {
    /// What a user may write, in words.
    ///
    /// ```
    /// use kafka_producer::ProducerConfig;
    ///
    /// let acks = ProducerConfig::properties().next().unwrap();
    /// assert_eq!((acks.name, &*acks.allowed_values()), ("acks", "one of all, -1, 0, 1"));
    /// ```
    pub fn allowed_values(&self) -> String {
        let (min, max) = self.kind.range();
        let whole = |min: i64, max: i64| format!("a whole number from {min} to {max}");
        match (self.allowed, self.kind) {
            (AtLeast(least), _) => whole(least, max),
            (Between(min, max), _) => whole(min, max),
            (BetweenOr(min, max, or), _) => format!("{}, or {or}", whole(min, max)),
            (BetweenDecimals(min, max), _) => format!("a number from {min} to {max}"),
            (OneOf(names), _) => format!("one of {}", names.join(", ")),
            (OneOfAnyCase(names), _) => format!("one of {} (in any case)", names.join(", ")),
            (NonEmpty, _) => "a text that is not empty".to_owned(),
            (Any, Bool) => "true or false".to_owned(),
            (Any, Short | Int | Long) => whole(min, max),
            (Any, Double) => "a number".to_owned(),
            (Any, List) => "a list, separated by commas".to_owned(),
            (Any, Text | Class | Password) => "a text".to_owned(),
        }
    }

    /// Reads a value as Kafka does; `None` if it is not allowed.
    pub(in super::super) fn read(&self, text: &str) -> Option<Value> {
        let text = trimmed(text);
        let value = match self.kind {
            Bool if text.eq_ignore_ascii_case("true") => Value::Bool(true),
            Bool if text.eq_ignore_ascii_case("false") => Value::Bool(false),
            Bool => return None,
            Short | Int | Long => Value::Whole(self.kind.whole(text)?),
            Double => Value::Decimal(text.parse().ok()?),
            Text | Class | Password => Value::Text(text.to_owned()),
            List if text.is_empty() => Value::List(Vec::new()),
            List => Value::List(text.split(',').map(|item| item.trim().to_owned()).collect()),
        };
        self.allowed.admit(value)
    }

    /// The value, unless it is a secret; of a URL what is not.
    pub(in super::super) fn shown<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.kind {
            Password => HIDDEN.into(),
            _ if self.name.ends_with(".url") => without_secrets(text).into(),
            _ => text.into(),
        }
    }

    /// Whether the value is the same as leaving the property out.
    pub(in super::super) fn is_default(&self, value: &Value) -> bool {
        match self.default_value() {
            Some(default) => *value == default,
            None => *value == Value::Text(String::new()),
        }
    }

    /// The default, read; `None` where there is none.
    pub(in super::super) fn default_value(&self) -> Option<Value> {
        self.read(self.default?)
    }
}

impl Kind {
    /// The least and the greatest number of this kind; 0 where it is not whole numbers.
    fn range(self) -> (i64, i64) {
        match self {
            Short => (i16::MIN.into(), i16::MAX.into()),
            Int => (i32::MIN.into(), i32::MAX.into()),
            Long => (i64::MIN, i64::MAX),
            Bool | Double | Text | List | Class | Password => (0, 0),
        }
    }

    fn whole(self, text: &str) -> Option<i64> {
        let (min, max) = self.range();
        text.parse()
            .ok()
            .filter(|number| (min..=max).contains(number))
    }
}

impl Allowed {
    /// The value in its canonical spelling, or `None` if it is not allowed.
    fn admit(self, value: Value) -> Option<Value> {
        let admitted = match (self, &value) {
            (AtLeast(min), Value::Whole(number)) => *number >= min,
            (Between(min, max), Value::Whole(number)) => (min..=max).contains(number),
            (BetweenOr(min, max, or), Value::Whole(number)) => {
                (min..=max).contains(number) || *number == or
            }
            (BetweenDecimals(min, max), Value::Decimal(number)) => (min..=max).contains(number),
            (OneOf(names), Value::Text(text)) => names.contains(&text.as_str()),
            (OneOfAnyCase(names), Value::Text(text)) => {
                let name = names.iter().find(|name| name.eq_ignore_ascii_case(text))?;
                return Some(Value::Text((*name).to_owned()));
            }
            (NonEmpty, Value::Text(text)) => !text.is_empty(),
            (_, _) => true,
        };
        admitted.then_some(value)
    }
}

impl fmt::Display for Property {
    /// A line of documentation: `linger.ms = 5: how long …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = self.default.unwrap_or("(unset)");
        match self.support {
            Supported(what) => write!(f, "{} = {default}: {what}", self.name),
            NoEffect(why) => write!(f, "{} = {default}: no effect: {why}", self.name),
        }
    }
}

/// Java's `trim`: without blanks and control characters at both ends, as values are read.
pub(in super::super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|character| character <= ' ')
}

/// What is shown of a secret.
pub(in super::super) const HIDDEN: &str = "[hidden]";

pub(super) const fn row(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    allowed: Allowed,
    support: Support,
) -> Property {
    let default = Some(default);
    Property {
        name,
        kind,
        default,
        allowed,
        support,
    }
}

pub(super) const fn unset(
    name: &'static str,
    kind: Kind,
    allowed: Allowed,
    support: Support,
) -> Property {
    Property {
        name,
        kind,
        default: None,
        allowed,
        support,
    }
}
