//! What is in a request or a response, in a few words, from its JSON form: all of Kafka's messages name topics,
//! partitions and errors alike.

use std::collections::BTreeSet;

use kafka_mock::kafka_wire::ErrorCode;
use serde_json::Value;

/// The topics and partitions that a request names, with a space before each, as `orders-0,3`.
pub(crate) fn places(request: &Value) -> String {
    let lists = ["topics", "topicData"].map(|name| request.get(name).and_then(Value::as_array));
    let topics = lists.into_iter().flatten().flatten();
    let described = topics.filter_map(topic);
    let mut words: Vec<String> = described.collect();
    for name in ["transactionalId", "groupId", "key"] {
        words.extend(request.get(name).and_then(Value::as_str).map(str::to_owned));
    }
    let left_out = words.len().saturating_sub(PLACES_MAX);
    words.truncate(PLACES_MAX);
    if left_out > 0 {
        words.push(format!("and {left_out} more"));
    }
    words.iter().map(|word| format!(" {word}")).collect()
}

/// So many are named.
const PLACES_MAX: usize = 4;

fn topic(topic: &Value) -> Option<String> {
    let named = |name| topic.get(name).and_then(Value::as_str);
    let names = ["name", "topic", "topicId"].into_iter().filter_map(named);
    let name = topic
        .as_str()
        .into_iter()
        .chain(names)
        .find(|name| !name.is_empty())?;
    let lists = ["partitions", "partitionData", "partitionIndexes"];
    let lists = lists.map(|name| topic.get(name).and_then(Value::as_array));
    let partitions = lists.into_iter().flatten().flatten().filter_map(partition);
    let partitions: Vec<String> = partitions.map(|number| number.to_string()).collect();
    Some(match partitions.is_empty() {
        true => name.to_owned(),
        false => format!("{name}-{}", partitions.join(",")),
    })
}

fn partition(partition: &Value) -> Option<i64> {
    let named = |name| partition.get(name).and_then(Value::as_i64);
    let names = ["index", "partition", "partitionIndex"];
    partition
        .as_i64()
        .or_else(|| names.into_iter().find_map(named))
}

/// The names of the errors in a response, each once.
pub(crate) fn errors(response: &Value) -> Vec<String> {
    let mut codes = BTreeSet::new();
    gather(response, &mut codes);
    let named = |code: i64| i16::try_from(code).map(ErrorCode);
    let names = codes.into_iter().filter_map(|code| named(code).ok());
    names
        .map(|code| {
            code.name()
                .map_or_else(|| code.0.to_string(), str::to_owned)
        })
        .collect()
}

fn gather(value: &Value, codes: &mut BTreeSet<i64>) {
    match value {
        Value::Object(fields) => {
            let code = fields.get("errorCode").and_then(Value::as_i64);
            codes.extend(code.filter(|code| *code != 0));
            fields.values().for_each(|field| gather(field, codes));
        }
        Value::Array(elements) => elements.iter().for_each(|element| gather(element, codes)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_described_by_what_it_names() {
        let produce = json!({ "transactionalId": "tx", "topicData": [
            { "name": "orders", "partitionData": [{ "index": 0 }, { "index": 3 }] }
        ]});
        assert_eq!(places(&produce), " orders-0,3 tx");
        let fetch = json!({ "topics": [{ "topicId": "abc", "partitions": [{ "partition": 2 }] }] });
        assert_eq!(places(&fetch), " abc-2");
        let metadata = json!({ "topics": (0..6).map(|n| json!({ "name": format!("t{n}") })).collect::<Vec<_>>() });
        assert_eq!(places(&metadata), " t0 t1 t2 t3 and 2 more");
        assert_eq!(places(&json!({ "topics": null })), "");
    }

    #[test]
    fn an_error_is_named_wherever_it_is_and_once() {
        let answer = json!({ "errorCode": 0, "responses": [
            { "partitionResponses": [{ "errorCode": 6 }, { "errorCode": 19 }, { "errorCode": 6 }] }
        ]});
        let expected = ["NOT_LEADER_OR_FOLLOWER", "NOT_ENOUGH_REPLICAS"];
        assert_eq!(errors(&answer), expected);
        assert!(errors(&json!({ "errorCode": 0 })).is_empty());
        assert_eq!(errors(&json!({ "errorCode": 30_000 })), ["30000"]);
    }
}
