//! The typed setters about compression.

use kafka_wire::compression::Compression;

use super::producer_config::ProducerConfig;

impl ProducerConfig {
    /// `compression.type`: the codec of whole batches.
    ///
    /// ```
    /// # use kafka_producer::{Compression, ProducerConfig};
    /// let config = ProducerConfig::new().compression(Compression::Zstd);
    /// assert_eq!(config, ProducerConfig::new().set("compression.type", "zstd"));
    /// ```
    pub fn compression(self, codec: Compression) -> Self {
        self.put("compression.type", codec)
    }

    /// `compression.type.by.topic`: the codec of a topic's batches, where it is another than `compression.type`. Our own.
    ///
    /// ```
    /// # use kafka_producer::{Compression, ProducerConfig};
    /// let config = ProducerConfig::new()
    ///     .topic_compression("clicks", Compression::Zstd)
    ///     .topic_compression("logs", Compression::None);
    /// let named = ProducerConfig::new().set("compression.type.by.topic", "clicks:zstd,logs:none");
    /// assert_eq!(config, named);
    /// ```
    pub fn topic_compression(self, topic: impl AsRef<str>, codec: Compression) -> Self {
        let name = "compression.type.by.topic";
        let others = self.explicit.get(name).filter(|others| !others.is_empty());
        let others = others.map_or_else(String::new, |others| format!("{others},"));
        let list = format!("{others}{}:{codec}", topic.as_ref());
        self.put(name, list)
    }

    /// `compression.gzip.level`: 1 to 9, or -1 for the default of gzip.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().gzip_level(9);
    /// assert_eq!(config, ProducerConfig::new().set("compression.gzip.level", "9"));
    /// ```
    pub fn gzip_level(self, level: i32) -> Self {
        self.put("compression.gzip.level", level)
    }

    /// `compression.lz4.level`: 1 to 17; other than 9 with the feature `lz4-hc`.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().lz4_level(3);
    /// assert_eq!(config, ProducerConfig::new().set("compression.lz4.level", "3"));
    /// ```
    pub fn lz4_level(self, level: i32) -> Self {
        self.put("compression.lz4.level", level)
    }

    /// `compression.zstd.level`: -131072 to 22.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().zstd_level(-5);
    /// assert_eq!(config, ProducerConfig::new().set("compression.zstd.level", "-5"));
    /// ```
    pub fn zstd_level(self, level: i32) -> Self {
        self.put("compression.zstd.level", level)
    }
}
