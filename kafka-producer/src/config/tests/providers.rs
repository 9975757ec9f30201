//! Values that providers give: `${file:…}`, `${dir:…}`, `${env:…}`.

use std::path::Path;

use super::*;

const PACKAGE: &str = "org.apache.kafka.common.config.provider";

/// A directory with a properties file and a file for each key.
fn secrets() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &str| std::fs::write(directory.path().join(name), content);
    write(
        "all.properties",
        "linger=7\nlinger=8\nserver=kafka-1:9092\nwrong=soon\nkib=x1\n\
         list=tea, milk\nsuites=TEA, MILK\nsize=s3cret\n",
    )
    .unwrap();
    write("acks", "1\n").unwrap();
    write("broken", "a=\\u12\n").unwrap();
    std::fs::create_dir(directory.path().join("folder")).unwrap();
    directory
}

fn with_providers(pairs: &[(&str, String)]) -> ProducerConfig {
    let class = |name: &str, class: &str| {
        (
            format!("config.providers.{name}.class"),
            format!("{PACKAGE}.{class}"),
        )
    };
    let mut config = config(&[("config.providers", "file, dir,env")]);
    config.extend([
        class("file", "FileConfigProvider"),
        class("dir", "DirectoryConfigProvider"),
        class("env", "EnvVarConfigProvider"),
    ]);
    config.extend(pairs.iter().map(|(name, value)| (*name, value.clone())));
    config
}

fn problems(config: &ProducerConfig) -> String {
    let error = config.check().unwrap_err();
    let problems: Vec<String> = error.problems().iter().map(Problem::to_string).collect();
    problems.join("\n")
}

fn file(directory: &Path, name: &str, key: &str) -> String {
    format!("${{file:{}:{key}}}", directory.join(name).display())
}

#[test]
fn values_come_from_a_file_a_directory_and_the_environment() {
    let secrets = secrets();
    let directory = secrets.path();
    let checked = with_providers(&[
        ("linger.ms", file(directory, "all.properties", "linger")),
        (
            "bootstrap.servers",
            format!("a:1,{}", file(directory, "all.properties", "server")),
        ),
        ("acks", format!("${{dir:{}:acks}}", directory.display())),
        // What cargo sets for a test that it runs.
        ("client.id", "x-${env:CARGO_PKG_NAME}".to_owned()),
    ]);
    let checked = checked.check().unwrap();
    assert_eq!(
        checked.settings.accumulator.linger,
        Duration::from_millis(8)
    );
    assert_eq!(checked.bootstrap_servers()[1].to_string(), "kafka-1:9092");
    assert_eq!(
        (checked.acks(), checked.client_id()),
        (Acks::Leader, "x-kafka-producer")
    );
    assert_eq!(checked.warnings.len(), 1, "idempotence is off");
    assert!(
        checked.warnings[0].to_string().contains("acks=[hidden]"),
        "{:?}",
        checked.warnings
    );
}

#[test]
fn what_a_provider_gives_is_never_shown() {
    let secrets = secrets();
    let directory = secrets.path();
    let wrong = file(directory, "all.properties", "wrong");
    let config = with_providers(&[
        ("linger.ms", wrong.clone()),
        ("bootstrap.servers", wrong.clone()),
        ("partitioner.class", wrong.clone()),
        ("delivery.timeout.ms", "1".to_owned()),
        (
            "queue.buffering.max.kbytes",
            file(directory, "all.properties", "kib"),
        ),
    ]);
    let error = config.check().unwrap_err().to_string();
    assert_eq!(error.matches("[hidden]").count(), 4, "{error}");
    for secret in ["soon", "x1"] {
        assert!(!error.contains(secret), "{error}");
    }
    let config = with_providers(&[("transactional.id", wrong), ("acks", "1".to_owned())]);
    assert_eq!(
        problems(&config),
        "acks=\"1\": must be all, because transactional.id=[hidden]"
    );
    assert!(!format!("{config:?}").contains("soon"));
}

#[test]
fn pieces_of_what_a_provider_gives_are_not_shown_either() {
    let secrets = secrets();
    let given = |key: &str| file(secrets.path(), "all.properties", key);
    let ssl = ("security.protocol", "SSL".to_owned());
    let suites = |name: &'static str, before: &str| (name, format!("{before}{}", given("suites")));
    for (pairs, secrets) in [
        (vec![("bootstrap.servers", given("list"))], ["tea", "milk"]),
        (
            vec![("batch.size", format!("{}kb", given("size")))],
            ["s3cret", "cret"],
        ),
        (
            vec![ssl.clone(), suites("ssl.cipher.suites", "")],
            ["TEA", "MILK"],
        ),
        (
            vec![ssl, suites("ssl.enabled.protocols", "TLSv1.2,")],
            ["TEA", "MILK"],
        ),
    ] {
        let told = match with_providers(&pairs).check() {
            Ok(checked) => format!("{:?}", checked.warnings),
            Err(error) => error.to_string(),
        };
        assert!(told.contains("[hidden]"), "{told}");
        for secret in secrets {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

#[test]
fn what_a_provider_does_not_have_is_an_error() {
    let secrets = secrets();
    let directory = secrets.path().display().to_string();
    let check = |variable: &str, reason: &str| {
        let config = with_providers(&[("ssl.key.password", variable.to_owned())]);
        let reason = reason.replace("DIR", &directory);
        assert_eq!(
            problems(&config),
            format!("ssl.key.password={variable:?}: {reason}")
        );
    };
    let path = |text: &str| text.replace("DIR", &directory);
    check(
        &path("${file:DIR/all.properties:none}"),
        "DIR/all.properties has no \"none\"",
    );
    check(
        &path("${file:DIR/folder:key}"),
        "cannot read DIR/folder: it is not a regular file",
    );
    check(
        &path("${file:DIR/broken:a}"),
        "DIR/broken: line 1: a \\u needs four hexadecimal digits",
    );
    check("${file:key}", "a path is missing: ${PROVIDER:PATH:KEY}");
    check(
        &path("${dir:DIR:../x}"),
        "\"../x\" is not the name of a file",
    );
    check(&path("${dir:DIR:..}"), "\"..\" is not the name of a file");
    check(&path("${dir:DIR:}"), "\"\" is not the name of a file");
    check(
        "${env:NO VARIABLE}",
        "there is no environment variable NO VARIABLE",
    );
    check(
        "${env:a=b}",
        "\"a=b\" is not the name of an environment variable",
    );
    check(
        "${env:path:NAME}",
        "a variable of the environment has no path: ${PROVIDER:NAME}",
    );
}

#[test]
fn providers_look_only_where_they_may() {
    let secrets = secrets();
    let directory = secrets.path();
    let folder = directory.join("folder").display().to_string();
    let value = file(directory, "all.properties", "linger");
    let (only, many) = (
        "config.providers.file.param.allowed.paths",
        directory.display().to_string(),
    );
    let config = with_providers(&[
        ("linger.ms", value.clone()),
        (only, format!("{folder},{many}")),
    ]);
    assert_eq!(config.check().unwrap().warnings, []);
    let config = with_providers(&[("linger.ms", value.clone()), (only, folder.clone())]);
    let path = directory.join("all.properties").display().to_string();
    assert_eq!(
        problems(&config),
        format!("linger.ms={value:?}: {path} is not in allowed.paths")
    );
    let climbing = format!("${{file:{folder}/../all.properties:linger}}");
    let config = with_providers(&[("linger.ms", climbing), (only, folder)]);
    assert!(problems(&config).ends_with("is not in allowed.paths"));
    let pattern = (
        "config.providers.env.param.allowlist.pattern",
        "CARGO_.*|X".to_owned(),
    );
    let config = with_providers(&[
        pattern.clone(),
        ("client.id", "${env:CARGO_PKG_NAME}".to_owned()),
    ]);
    assert_eq!(config.check().unwrap().client_id(), "kafka-producer");
    let config = with_providers(&[pattern, ("client.id", "${env:XY}".to_owned())]);
    assert_eq!(
        problems(&config),
        "client.id=\"${env:XY}\": XY is not in allowlist.pattern"
    );
}

#[cfg(unix)]
#[test]
fn a_link_does_not_lead_out_of_the_allowed_paths() {
    use std::os::unix::fs::symlink;
    let secrets = secrets();
    let directory = secrets.path().canonicalize().unwrap();
    let folder = directory.join("folder");
    // As Kubernetes mounts secrets: a link to a link, both within.
    std::fs::create_dir(folder.join("..2026")).unwrap();
    std::fs::write(folder.join("..2026/inside"), "0").unwrap();
    symlink("..2026", folder.join("..data")).unwrap();
    symlink("..data/inside", folder.join("inside")).unwrap();
    symlink("../acks", folder.join("outside")).unwrap();
    symlink("folder", directory.join("mount")).unwrap();
    for allowed in ["folder", "mount"] {
        let allowed = directory.join(allowed).display().to_string();
        let acks = |key| {
            let only = "config.providers.dir.param.allowed.paths";
            let value = format!("${{dir:{allowed}:{key}}}");
            with_providers(&[("acks", value), (only, allowed.clone())])
        };
        assert_eq!(acks("inside").check().unwrap().acks(), Acks::None);
        let target = directory.join("acks").display().to_string();
        let reason =
            format!("{allowed}/outside is a link to {target}, which is not in allowed.paths");
        let refused = problems(&acks("outside"));
        assert!(refused.ends_with(&reason), "{refused}");
    }
}

#[test]
fn a_provider_that_cannot_be_made_is_an_error() {
    let check = |pairs: &[(&str, &str)], expected: &str| {
        assert_eq!(problems(&config(pairs)), expected, "{pairs:?}");
    };
    let classes = format!(
        "must be one of {PACKAGE}.FileConfigProvider, {PACKAGE}.DirectoryConfigProvider, \
         {PACKAGE}.EnvVarConfigProvider"
    );
    let name = ("config.providers", "vault");
    check(
        &[name, ("client.id", "${vault:a}")],
        &format!(
            "config.providers=\"vault\": config.providers.vault.class is required, a class: {classes}"
        ),
    );
    let class = ("config.providers.vault.class", "com.example.Vault");
    check(
        &[name, class, ("config.providers.vault.param.x", "y")],
        &format!(
            "config.providers=\"vault\": {}={:?}: {classes}",
            class.0, class.1
        ),
    );
    let class = format!("{PACKAGE}.FileConfigProvider");
    let class = ("config.providers.vault.class", &*class);
    let paths = "config.providers.vault.param.allowed.paths";
    check(
        &[name, class, (paths, "etc")],
        &format!("config.providers=\"vault\": {paths}=\"etc\": etc is not an absolute path"),
    );
    let class = format!("{PACKAGE}.EnvVarConfigProvider");
    let class = ("config.providers.vault.class", &*class);
    let pattern = config(&[
        name,
        class,
        ("config.providers.vault.param.allowlist.pattern", "("),
    ]);
    assert!(problems(&pattern).contains("it is no regular expression"));
}

#[test]
fn a_variable_of_no_provider_is_text_and_warned_of() {
    let left = "has a variable (${PROVIDER:...}) that is left as it is: config.providers does not name its \
                provider";
    let settings = warned(
        &[("client.id", "${env:HOME}")],
        &[&format!("client.id {left}")],
    );
    assert_eq!(&*settings.client_id, "${env:HOME}");
    assert_eq!(&*silently(&[("client.id", "${HOME}")]).client_id, "${HOME}");
    warned(
        &[("config.providers.x.class", "y")],
        &["unknown property \"config.providers.x.class\" is ignored"],
    );
}
