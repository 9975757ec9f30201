/* Prints the partition that each partitioner of librdkafka chooses for each key of standard input: a line a key,
 * in hexadecimal; "null" for none. "spread" is a choice that is not always the same. */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

typedef int32_t partitioner(const rd_kafka_topic_t *, const void *, size_t, int32_t, void *, void *);

static const struct {
        const char *name;
        partitioner *choose;
} partitioners[] = {
    {"consistent", rd_kafka_msg_partitioner_consistent},
    {"consistent_random", rd_kafka_msg_partitioner_consistent_random},
    {"murmur2", rd_kafka_msg_partitioner_murmur2},
    {"murmur2_random", rd_kafka_msg_partitioner_murmur2_random},
    {"fnv1a", rd_kafka_msg_partitioner_fnv1a},
    {"fnv1a_random", rd_kafka_msg_partitioner_fnv1a_random},
};
static const int32_t counts[] = {1, 2, 3, 7, 12, 50, 127, 1024, 2147483647};

static int is_spread(partitioner *choose, const rd_kafka_topic_t *topic, const void *key, size_t length) {
        int32_t first = choose(topic, key, length, 1000, NULL, NULL);
        for (int i = 0; i < 50; i++)
                if (choose(topic, key, length, 1000, NULL, NULL) != first)
                        return 1;
        return 0;
}

int main(void) {
        char line[4096];
        unsigned char key[2048];
        rd_kafka_t *producer = rd_kafka_new(RD_KAFKA_PRODUCER, NULL, NULL, 0);
        rd_kafka_topic_t *topic = rd_kafka_topic_new(producer, "golden", NULL);
        while (fgets(line, sizeof(line), stdin)) {
                line[strcspn(line, "\n")] = 0;
                int is_null = !strcmp(line, "null");
                size_t length = is_null ? 0 : strlen(line) / 2;
                for (size_t i = 0; i < length; i++)
                        sscanf(line + 2 * i, "%2hhx", &key[i]);
                printf(is_null ? "{\"key\":%s,\"n\":[" : "{\"key\":\"%s\",\"n\":[", line);
                for (size_t n = 0; n < sizeof(counts) / sizeof(*counts); n++)
                        printf(n ? ",%d" : "%d", counts[n]);
                printf("]");
                for (size_t p = 0; p < sizeof(partitioners) / sizeof(*partitioners); p++) {
                        const void *bytes = is_null ? NULL : key;
                        printf(",\"%s\":", partitioners[p].name);
                        if (is_spread(partitioners[p].choose, topic, bytes, length)) {
                                printf("\"spread\"");
                                continue;
                        }
                        for (size_t n = 0; n < sizeof(counts) / sizeof(*counts); n++)
                                printf(n ? ",%d" : "[%d",
                                       partitioners[p].choose(topic, bytes, length, counts[n], NULL, NULL));
                        printf("]");
                }
                printf("}\n");
        }
        rd_kafka_topic_destroy(topic);
        rd_kafka_destroy(producer);
        return 0;
}
