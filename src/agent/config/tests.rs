//! What is wrong with a file is told with its line, its key and how to mend it.

use std::fs;

use rustix::fs::{CWD, FileType, Mode};

use super::*;

const WHOLE: &str = r#"
command_config = "/etc/scramtoken/admin.properties"
bootstrap_servers = "kafka1:9093,kafka2:9093"
journal = "/var/lib/scramtoken/agent.json"

[[token]]
name = "spark-etl"
owner = "User:spark"
renewers = ["User:ops"]
max_lifetime = "3d"

[[token.target]]
file = "/run/kafka/token.json"
"#;

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(Path::new("agent.toml"), text)
}

#[test]
fn a_whole_file() {
    let config = parse(WHOLE).unwrap();
    assert_eq!(config.cluster.servers, "kafka1:9093,kafka2:9093");
    assert_eq!(config.listen, Some(DEFAULT_LISTEN));
    let [token] = config.tokens.as_slice() else { panic!() };
    assert_eq!(token.asked.owner.as_ref().unwrap().as_str(), "User:spark");
    assert_eq!(token.asked.max_lifetime_ms, 3 * DAY_MS);
    assert_eq!(token.targets[0].to_string(), "file /run/kafka/token.json");
}

#[test]
fn every_key() {
    let text = r#"
        command_config = "/a"
        bootstrap_servers = ["kafka1:9093", "kafka2:9093"]
        token_config = "/b"
        token_servers = "kafka1:9094"
        journal = "/j"
        listen = "off"
        log = "json"
        on_exit = "revoke"
        [kubernetes]
        api_server = "https://10.0.0.1:6443/"
        ca = "/ca"
        token_file = "/token"
        namespace = "jobs"
        [[token]]
        name = "a"
        owner = "User:spark"
        renewers = "User:ops"
        max_lifetime = "3d"
        grace = "5s"
        accept_timeout = "1m"
        mechanism = "SCRAM-SHA-256"
        target = [
          { file = "/t/file", mode = "0640", owner = "root", group = "0" },
          { directory = "/t/directory/" },
          { properties = "/t/properties" },
          { hadoop = "/t/hadoop", cluster = "main" },
          { secret = "kafka-token", data = { id = "token-id", "token.json" = "file" } },
          { secret = "b", namespace = "other" },
          { command = ["/bin/true", "x"], timeout = "1s" },
          { signal = "USR1", pid_file = "/t/pid" },
        ]
    "#;
    let config = parse(text).unwrap();
    assert_eq!(
        (config.listen, config.log, config.on_exit),
        (None, LogFormat::Json, OnExit::Revoke)
    );
    let kinds: Vec<_> = config.tokens[0].targets.iter().map(Target::kind).collect();
    assert_eq!(
        kinds,
        ["file", "directory", "properties", "hadoop", "secret", "secret", "command", "signal"]
    );
    let places: Vec<_> = config.tokens[0].targets.iter().map(Target::place).collect();
    assert_eq!(places[4..6], ["jobs/kafka-token", "other/b"]);
}

/// Each mistake as a line put in place of another, and what is said of it.
#[test]
fn each_mistake_is_named_with_its_line() {
    for (line, instead, expected) in [
        (
            "bootstrap_servers = \"kafka1:9093,kafka2:9093\"",
            "",
            "agent.toml:1: bootstrap_servers is missing: add",
        ),
        (
            "command_config = \"/etc/scramtoken/admin.properties\"",
            "",
            "agent.toml:1: command_config is missing",
        ),
        (
            "journal = \"/var/lib/scramtoken/agent.json\"",
            "",
            "agent.toml:1: journal is missing: add journal =",
        ),
        (
            "kafka1:9093,kafka2:9093",
            "kafka1",
            "agent.toml:3: bootstrap_servers: the server \"kafka1\"",
        ),
        (
            "\"/var/lib/scramtoken/agent.json\"",
            "\"agent.json\"",
            "agent.toml:4: journal: \"agent.json\" is no absolute path",
        ),
        (
            "\"/var/lib/scramtoken/agent.json\"",
            "7",
            "agent.toml:4: journal: it is of the type integer; write a text",
        ),
        (
            "max_lifetime = \"3d\"",
            "max_lifetime = \"3x\"",
            "agent.toml:10: token.max_lifetime: \"3x\" is no duration: write it as",
        ),
        (
            "max_lifetime = \"3d\"",
            "max_lifetime = 3",
            "agent.toml:10: token.max_lifetime: it is of the type integer",
        ),
        (
            "max_lifetime = \"3d\"",
            "max_lifetime = \"10ms\"",
            "agent.toml:10: token.max_lifetime: \"10ms\" is out of range",
        ),
        (
            "max_lifetime = \"3d\"",
            "max_lifetme = \"3d\"",
            "agent.toml:10: token.max_lifetme: there is no such key: did you mean max_lifetime?",
        ),
        (
            "max_lifetime = \"3d\"",
            "colour = \"3d\"",
            "agent.toml:10: token.colour: there is no such key: remove it; known here are name,",
        ),
        (
            "max_lifetime = \"3d\"",
            "mechanism = \"PLAIN\"",
            "agent.toml:10: token.mechanism: \"PLAIN\" is not known: write \"SCRAM-SHA-256\" or",
        ),
        (
            "max_lifetime = \"3d\"",
            "name = \"x\"",
            "agent.toml:10: it is no TOML here: duplicate key",
        ),
        ("max_lifetime = \"3d\"", "max_lifetime = ", "agent.toml:10: it is no TOML here: "),
        (
            "\"User:spark\"",
            "\"spark\"",
            "agent.toml:8: token.owner: a principal is written as type:name",
        ),
        ("[\"User:ops\"]", "[\"ops\"]", "agent.toml:9: token.renewers: a principal is written as"),
        (
            "[\"User:ops\"]",
            "[1]",
            "agent.toml:9: token.renewers: it is of the type array; write a list",
        ),
        ("\"spark-etl\"", "\"spark etl\"", "agent.toml:7: token.name: \"spark etl\" is no name"),
        ("\"spark-etl\"", "\"\"", "agent.toml:7: token.name: it is empty"),
        (
            "name = \"spark-etl\"",
            "",
            "agent.toml:6: [[token]]: name is missing: add name = \"spark-etl\"",
        ),
        (
            "[[token.target]]\nfile = \"/run/kafka/token.json\"",
            "",
            "agent.toml:6: [[token]]: it has no target that keeps the token",
        ),
        (
            "file = \"/run/kafka/token.json\"",
            "",
            "agent.toml:12: [[token.target]]: it does not say what kind of target it is",
        ),
        (
            "file = \"/run/kafka/token.json\"",
            "signal = \"HUP\"\npid_file = \"/p\"",
            "agent.toml:6: [[token]]: it has no target",
        ),
        (
            "file = \"/run/kafka/token.json\"",
            "file = \"/a\"\nhadoop = \"/b\"",
            "agent.toml:12: [[token.target]]: it has file and hadoop: write",
        ),
        (
            "file = \"/run/kafka/token.json\"",
            "hadoop = \"/b\"",
            "agent.toml:12: [[token.target]]: cluster is missing: add cluster = \"main\"",
        ),
        (
            "file = \"/run/kafka/token.json\"",
            "file = \"/b\"\ntimeout = \"1s\"",
            "agent.toml:14: token.target.timeout: there is no such key",
        ),
        (
            "file = \"/run/kafka/token.json\"",
            "file = \"/b\"\nmode = \"0644\"",
            "agent.toml:14: token.target.mode: \"0644\" is no mode for a secret",
        ),
        (
            "file = \"/run/kafka/token.json\"",
            "file = \"/b\"\ngroup = \"nobody's\"",
            "agent.toml:14: token.target.group: \"nobody's\" is not in /etc/group",
        ),
        (
            "\"/run/kafka/token.json\"",
            "\"/var/lib/scramtoken/agent.json\"",
            "agent.toml:12: [[token.target]]: /var/lib/scramtoken/agent.json is written already",
        ),
        (
            "\"/run/kafka/token.json\"",
            "\"/etc/scramtoken/admin.properties\"",
            "agent.toml:12: [[token.target]]: /etc/scramtoken/admin.properties is what the agent reads",
        ),
        (
            "\"/var/lib/scramtoken/agent.json\"",
            "\"/etc/scramtoken/admin.properties\"",
            "agent.toml:4: journal: /etc/scramtoken/admin.properties is what the agent reads",
        ),
        (
            "\"User:spark\"",
            "\"Group:spark\"",
            "agent.toml:8: token.owner: \"Group:spark\" is no user",
        ),
        (
            "\"User:ops\"",
            "\"User:ops\", \"Role:ops\"",
            "agent.toml:9: token.renewers: \"Role:ops\" is no user",
        ),
        (
            "[[token.target]]",
            "[token.target]",
            "agent.toml:12: token.target: it is of the type table; write [[token.target]]",
        ),
        (
            "[[token]]",
            "[token]",
            "agent.toml:6: token: it is of the type table; write [[token]] above its keys",
        ),
        (
            "file = \"/run/kafka/token.json\"",
            "secret = \"kafka-token\"",
            "agent.toml:13: token.target.secret: no API server is known, for this is no pod",
        ),
        (
            "\"/var/lib/scramtoken/agent.json\"",
            "\"secret:Kafka\"",
            "agent.toml:4: journal: \"Kafka\" is no name of a Secret",
        ),
    ] {
        assert!(WHOLE.contains(line), "{line}");
        let error = parse(&WHOLE.replacen(line, instead, 1)).expect_err(expected);
        assert_eq!(error.status(), Status::INVALID_ARGUMENT);
        assert!(error.text().starts_with(expected), "{expected}\n{error}");
    }
    for (target, expected) in [
        ("secret = \"A\"", "14: token.target.secret: \"A\" is no name of a Secret"),
        (
            "secret = \"a\"\nnamespace = \"a.b\"",
            "15: token.target.namespace: \"a.b\" is no namespace",
        ),
        (
            "secret = \"a\"\ndata = { \"../a\" = \"file\" }",
            "15: token.target.data.../a: \"../a\" is no key",
        ),
        (
            "secret = \"a\"\ndata = { a = \"json\" }",
            "15: token.target.data.a: \"json\" is not known: write \"file\" or",
        ),
        (
            "secret = \"a\"\ndata = { a = 1 }",
            "15: token.target.data.a: write a table of texts, such as",
        ),
        (
            "secret = \"a\"\ndata = \"file\"",
            "15: token.target.data: it is of the type string; write a table of texts",
        ),
        (
            "secret = \"a\"\ndata = { \"scramtoken-agent.json\" = \"file\" }",
            "15: token.target.data.scramtoken-agent.json: scramtoken-agent.json is a key of the journal",
        ),
        (
            "secret = \"a\"\n[[token.target]]\nsecret = \"a\"\ndata = { b = \"file\" }",
            "15: [[token.target]]: the Secret jobs/a for the token spark-etl is written already",
        ),
    ] {
        let kubernetes = "[kubernetes]\napi_server = \"https://a\"\nnamespace = \"jobs\"\n";
        let text = WHOLE.replace("\n[[token]]", &format!("{kubernetes}\n[[token]]"));
        let text = text.replace("file = \"/run/kafka/token.json\"", target);
        let error = parse(&text).expect_err(expected);
        // Three lines above it are more, and one empty line less.
        let expected = format!("agent.toml:{expected}");
        let expected = expected.replacen(":14:", ":16:", 1).replacen(":15:", ":17:", 1);
        assert!(error.text().starts_with(&expected), "{expected}\n{error}");
    }
    for (line, expected) in [
        ("api_server = \"http://a\"", "6: kubernetes.api_server: \"http://a\" is no address"),
        ("ca = \"ca\"", "6: kubernetes.ca: \"ca\" is no absolute path"),
        ("tokn_file = \"/a\"", "6: kubernetes.tokn_file: there is no such key: did you mean token"),
    ] {
        let text = WHOLE.replace("\n[[token]]", &format!("[kubernetes]\n{line}\n\n[[token]]"));
        let error = parse(&text).expect_err(expected);
        assert!(error.text().starts_with(&format!("agent.toml:{expected}")), "{expected}\n{error}");
    }
    let twice =
        format!("{WHOLE}\n[[token]]\nname = \"spark-etl\"\ntarget = [{{ file = \"/b\" }}]\n");
    let error = parse(&twice).unwrap_err();
    assert!(error.text().contains(":16: token.name: \"spark-etl\" is the name of a token above"));
    let error = parse("").unwrap_err();
    assert!(error.text().starts_with("agent.toml:1: command_config is missing"), "{error}");
}

#[test]
fn the_file_is_read_as_every_other_text_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.toml");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        Config::read(&path).unwrap_err()
    };
    // What follows the mark is read.
    for (bytes, expected) in [
        (&b"\xef\xbb\xbf\ncommand_config = 1\n"[..], ":2: command_config"),
        (b"\xff\xfeq\0", "UTF-16"),
        (b"\xff", "it is not UTF-8"),
        (&vec![b'\n'; 5 << 20], "more than 4194304 bytes"),
    ] {
        let error = read(bytes);
        assert_eq!(error.status(), Status::INVALID_ARGUMENT);
        assert!(error.text().contains(expected), "{error}");
        assert!(error.text().starts_with(path.to_str().unwrap()), "{error}");
    }
    fs::remove_file(&path).unwrap();
    rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let error = Config::read(&path).unwrap_err();
    assert!(error.text().contains("it is a FIFO"), "{error}");
}

/// The help, the manual and the parser name the same keys.
#[test]
fn every_key_is_in_the_reference() {
    let reference = include_str!("reference.txt");
    for key in KEYS {
        assert!(reference.contains(&format!("{key} = ")), "{key}");
    }
    let known = |text: &str| -> Vec<String> {
        let error = parse(text).unwrap_err();
        let (_, list) = error.text().split_once("known here are ").unwrap();
        list.split(", ").map(str::to_owned).collect()
    };
    let mut all = known(&format!("qqqqqq = 1\n{WHOLE}"));
    all.extend(known(&WHOLE.replace("max_lifetime", "qqqqqq")));
    for target in
        ["file = \"/f\"", "hadoop = \"/f\"\ncluster = \"c\"", "command = \"c\"", "file = \"/f\""]
    {
        let text =
            WHOLE.replace("file = \"/run/kafka/token.json\"", &format!("{target}\nqqqqqq = 1"));
        all.extend(known(&text));
    }
    for key in all {
        assert!(
            KEYS.contains(&key.as_str())
                || ["kubernetes", "token", "target"].contains(&key.as_str()),
            "{key}"
        );
    }
}

const KEYS: [&str; 34] = [
    "api_server",
    "ca",
    "token_file",
    "namespace",
    "secret",
    "data",
    "command_config",
    "bootstrap_servers",
    "token_config",
    "token_servers",
    "journal",
    "listen",
    "log",
    "on_exit",
    "check_interval",
    "name",
    "owner",
    "renewers",
    "max_lifetime",
    "grace",
    "accept_timeout",
    "mechanism",
    "file",
    "directory",
    "properties",
    "hadoop",
    "cluster",
    "command",
    "timeout",
    "signal",
    "pid_file",
    "mode",
    "owner",
    "group",
];
