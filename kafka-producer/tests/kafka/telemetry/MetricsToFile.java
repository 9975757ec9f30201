import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

import org.apache.kafka.common.metrics.KafkaMetric;
import org.apache.kafka.common.metrics.MetricsReporter;
import org.apache.kafka.server.telemetry.ClientTelemetryContext;
import org.apache.kafka.server.telemetry.ClientTelemetryExporter;
import org.apache.kafka.server.telemetry.ClientTelemetryExporterProvider;
import org.apache.kafka.server.telemetry.ClientTelemetryPayload;
import org.apache.kafka.shaded.io.opentelemetry.proto.common.v1.KeyValue;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.Metric;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.MetricsData;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.NumberDataPoint;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.ResourceMetrics;
import org.apache.kafka.shaded.io.opentelemetry.proto.metrics.v1.ScopeMetrics;

/**
 * A broker's plugin that receives clients' metrics (KIP-714) and writes each data point to the file that the broker's
 * property telemetry.file names, as a line of fields with tabs between: the client instance, whether it was its last
 * push, the labels of the client, the name, the attributes, what kind of metric it is, and the value.
 */
public final class MetricsToFile implements MetricsReporter, ClientTelemetryExporterProvider {
    private Path file;

    @Override
    public void configure(Map<String, ?> configs) {
        file = Path.of(String.valueOf(configs.get("telemetry.file")));
    }

    @Override
    public ClientTelemetryExporter clientTelemetryExporter() {
        return this::export;
    }

    private synchronized void export(ClientTelemetryContext context, ClientTelemetryPayload payload) {
        try {
            List<String> lines = new ArrayList<>();
            String push = payload.clientInstanceId() + "\t" + payload.isTerminating();
            for (ResourceMetrics resource : MetricsData.parseFrom(payload.data()).getResourceMetricsList()) {
                String labels = push + "\t" + text(resource.getResource().getAttributesList());
                for (ScopeMetrics scope : resource.getScopeMetricsList()) {
                    for (Metric metric : scope.getMetricsList()) {
                        describe(labels, metric, lines);
                    }
                }
            }
            Files.write(file, lines, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        } catch (IOException error) {
            throw new IllegalStateException(error);
        }
    }

    private static void describe(String labels, Metric metric, List<String> lines) {
        String kind = metric.hasSum() ? String.valueOf(metric.getSum().getAggregationTemporality()) : "GAUGE";
        List<NumberDataPoint> points = metric.hasSum()
            ? metric.getSum().getDataPointsList()
            : metric.getGauge().getDataPointsList();
        for (NumberDataPoint point : points) {
            String attributes = text(point.getAttributesList());
            double value = point.hasAsInt() ? point.getAsInt() : point.getAsDouble();
            lines.add(String.join("\t", labels, metric.getName(), attributes, kind, String.valueOf(value)));
        }
    }

    private static String text(List<KeyValue> attributes) {
        return attributes.stream()
            .map(attribute -> attribute.getKey() + "=" + attribute.getValue().getStringValue())
            .sorted()
            .collect(Collectors.joining(","));
    }

    @Override
    public void init(List<KafkaMetric> metrics) {
    }

    @Override
    public void metricChange(KafkaMetric metric) {
    }

    @Override
    public void metricRemoval(KafkaMetric metric) {
    }

    @Override
    public void close() {
    }
}
