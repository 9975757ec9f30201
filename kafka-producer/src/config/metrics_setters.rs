//! Typed setters of metrics.

use std::time::Duration;

use super::producer_config::ProducerConfig;

impl ProducerConfig {
    /// `enable.metrics.push=false`: no broker is told of metrics.
    ///
    /// ```
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().without_metrics_push();
    /// assert_eq!(config, ProducerConfig::new().set("enable.metrics.push", "false"));
    /// ```
    pub fn without_metrics_push(self) -> Self {
        self.put("enable.metrics.push", false)
    }

    /// `metrics.num.samples` windows of `metrics.sample.window.ms`: what averages, maxima and rates of
    /// [`metrics`](crate::metrics) are about.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use kafka_producer::ProducerConfig;
    /// let config = ProducerConfig::new().metrics_windows(6, Duration::from_secs(10));
    /// let same = ProducerConfig::new().set("metrics.num.samples", "6");
    /// assert_eq!(config, same.set("metrics.sample.window.ms", "10000"));
    /// ```
    pub fn metrics_windows(self, samples: u32, window: Duration) -> Self {
        self.put("metrics.num.samples", samples)
            .put_time("metrics.sample.window.ms", window)
    }
}
