//! One metric: its name, its tags and its value at one moment.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// A metric as it was when its snapshot was taken.
///
/// `group` and `name` are those of Kafka's Java client, and with the tags they identify it.
///
/// ```
/// use kafka_producer::metrics::Metric;
///
/// fn line(metric: &Metric) -> String {
///     format!("{}:{} {{{}}} {}", metric.group, metric.name, metric.tags, metric.value)
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// The group, as `producer-metrics`.
    pub group: &'static str,
    /// The name within its group, as `record-send-total`. Times are in milliseconds unless the name or the
    /// description says otherwise.
    pub name: &'static str,
    /// What it is, in a sentence.
    pub description: &'static str,
    /// What it is about: the client, and with it a broker or a topic.
    pub tags: Tags,
    /// The value.
    pub value: MetricValue,
    /// Since when a [`Total`](MetricValue::Total) has been counted. It stays the same as long as the total does
    /// not begin anew.
    pub since: SystemTime,
}

/// The value of a [`Metric`].
///
/// ```
/// use kafka_producer::metrics::MetricValue;
///
/// assert_eq!(MetricValue::Total(3.0).number(), Some(3.0));
/// assert_eq!(MetricValue::Text("4.4.0".into()).to_string(), "4.4.0");
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum MetricValue {
    /// What is so now, or was on the average of the last windows: it goes up and down. It is not a number (NaN)
    /// where nothing was measured, as in Java.
    Gauge(f64),
    /// A sum over all time since [`Metric::since`]: it never goes down.
    Total(f64),
    /// A name, such as a version.
    Text(Arc<str>),
}

impl MetricValue {
    /// The number, unless it is a text.
    ///
    /// ```
    /// use kafka_producer::metrics::MetricValue;
    ///
    /// assert_eq!(MetricValue::Gauge(0.5).number(), Some(0.5));
    /// assert_eq!(MetricValue::Text("4.4.0".into()).number(), None);
    /// ```
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Gauge(number) | Self::Total(number) => Some(*number),
            Self::Text(_) => None,
        }
    }
}

impl fmt::Display for MetricValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gauge(number) | Self::Total(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The tags of a [`Metric`], in their order: `client-id` first, and with it `node-id` or `topic`.
///
/// All metrics of a topic, or of a broker, share one copy.
///
/// ```
/// use kafka_producer::metrics::Tags;
///
/// let tags = Tags::from([("client-id", "shop"), ("topic", "orders")]);
/// assert_eq!(tags.get("topic"), Some("orders"));
/// assert_eq!(tags.to_string(), "client-id=shop,topic=orders");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tags(Arc<[(&'static str, Arc<str>)]>);

impl Tags {
    pub(crate) fn of(pairs: impl Into<Arc<[(&'static str, Arc<str>)]>>) -> Self {
        Self(pairs.into())
    }

    /// The value of a tag.
    ///
    /// ```
    /// use kafka_producer::metrics::Tags;
    ///
    /// let tags = Tags::from([("client-id", "shop"), ("topic", "orders")]);
    /// assert_eq!(tags.get("client-id"), Some("shop"));
    /// assert_eq!(tags.get("node-id"), None);
    /// ```
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find_map(|(tag, value)| (tag == name).then_some(value))
    }

    /// Names and values.
    ///
    /// ```
    /// use kafka_producer::metrics::Tags;
    ///
    /// let tags = Tags::from([("client-id", "shop"), ("topic", "orders")]);
    /// assert_eq!(tags.iter().last(), Some(("topic", "orders")));
    /// ```
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, &**value))
    }
}

impl<const N: usize> From<[(&'static str, &str); N]> for Tags {
    fn from(pairs: [(&'static str, &str); N]) -> Self {
        Self::of(pairs.map(|(name, value)| (name, Arc::from(value))))
    }
}

impl fmt::Display for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before = "";
        for (name, value) in self.iter() {
            write!(f, "{before}{name}={value}")?;
            before = ",";
        }
        Ok(())
    }
}

impl fmt::Debug for Tags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
