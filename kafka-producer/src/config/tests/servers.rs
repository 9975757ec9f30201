//! `bootstrap.servers`: which lists are servers, and what is told of the others.

use super::*;

#[test]
fn empty_entries_of_bootstrap_servers_are_passed_over_with_a_warning() {
    let warning = "bootstrap.servers has an empty entry, which is passed over";
    for (list, hosts) in [
        ("h:1,", &["h"][..]),
        (",h:1", &["h"]),
        ("h:1,,i:2", &["h", "i"]),
        (" , h:1 ,\t, i:2 , ", &["h", "i"]),
    ] {
        let settings = warned(&[("bootstrap.servers", list)], &[warning]);
        let found = settings.bootstrap.iter().map(|address| &*address.host);
        assert_eq!(found.collect::<Vec<_>>(), hosts, "{list:?}");
    }
}

#[test]
fn a_list_of_bootstrap_servers_with_nothing_but_empty_entries_is_refused() {
    let form = "must be host:port, with an IPv6 address in brackets and a port from 1 to 65535";
    for (list, shown) in [("", ""), (" ", ""), (",", ","), (" , ,", ",,")] {
        let message = format!("bootstrap.servers={shown:?}: {form}");
        refused(&[("bootstrap.servers", list)], &message);
    }
}

#[test]
fn a_required_name_that_is_misspelt_is_answered_with_the_one_that_is_meant() {
    for name in ["bootstrap-servers", "BOOTSTRAP_SERVERS", "boostrap.servers"] {
        let config = ProducerConfig::from_properties([(name, "localhost:9092")]);
        let error = config.check().unwrap_err().to_string();
        let (problem, warning) = error.split_once('\n').unwrap();
        let required = "bootstrap.servers is required: host:port of at least one broker";
        assert_eq!(
            problem,
            format!("{required}; there is no property {name:?}")
        );
        let meant = "is ignored: did you mean bootstrap.servers?";
        assert_eq!(
            warning,
            format!("warning: unknown property {name:?} {meant}")
        );
    }
}

#[test]
fn each_invalid_address_is_named() {
    let servers = ("bootstrap.servers", "a:1, b ,c:0,[::1]:9092");
    let form = "must be host:port, with an IPv6 address in brackets and a port from 1 to 65535";
    let name = servers.0;
    refused(
        &[servers],
        &format!("{name}=\"b\": {form}\n{name}=\"c:0\": {form}"),
    );
}

#[test]
fn addresses_are_kept_in_order_and_once() {
    let servers =
        settings(&[("bootstrap.servers", "b:1 , PLAINTEXT://[::1]:2,b:1, a:3")]).bootstrap;
    let servers: Vec<String> = servers.iter().map(ToString::to_string).collect();
    assert_eq!(servers, ["b:1", "[::1]:2", "a:3"]);
}

#[test]
fn without_servers_there_is_no_producer() {
    let error = ProducerConfig::new().check().unwrap_err();
    assert_eq!(
        error.to_string(),
        "bootstrap.servers is required: host:port of at least one broker"
    );
    let none = ProducerConfig::new().bootstrap_servers([""; 0]).check();
    assert!(none.is_err());
}
