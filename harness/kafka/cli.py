"""The program `scramtoken`, and Kafka's own tools to compare it with, as whole processes."""

import os
import subprocess
from pathlib import Path

from harness import process
from harness.paths import ROOT

from . import jars, properties

PROGRAM = Path(os.environ.get("SCRAMTOKEN_PROGRAM", ROOT / "target/program/scramtoken"))
_TOKEN_TOOL = "org.apache.kafka.tools.DelegationTokenCommand"
_CONFIG_TOOL = "kafka.admin.ConfigCommand"
# Kafka 4's tools jar has no ConfigCommand; this one talks to brokers of every version.
_CONFIG_TOOL_VERSION = "3.9.2"


def scramtoken(*arguments, stdin=None, environment=None):
    """Runs the program; the result has returncode, stdout and stderr."""
    return _run([PROGRAM, *arguments], stdin, environment)


def kafka_delegation_tokens(version, *arguments, environment=None):
    """Runs what kafka-delegation-tokens.sh runs."""
    tools = jars.tools_classpath(version)
    # OAUTHBEARER wants it, and kafka-clients leaves it to whoever needs it.
    jose4j = jars.CACHE.glob(f"{version}/broker/jose4j-*.jar")
    java = _java(os.pathsep.join([tools, *map(str, jose4j)]))
    return _run([*java, _TOKEN_TOOL, *arguments], environment=environment)


def kafka_configs(*arguments):
    """Runs what kafka-configs.sh runs."""
    return _run([*_java(jars.broker_classpath(_CONFIG_TOOL_VERSION)), _CONFIG_TOOL, *arguments])


def client_config(path, user, password, *, token=False, mechanism="SCRAM-SHA-512", **extra):
    """Writes a client's properties; the keys of `extra` have `_` for `.`."""
    line = properties.jaas(mechanism, user, password)
    if token:
        line = f'{line[:-1]} tokenauth="true";'
    settings = {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": mechanism,
        "sasl.jaas.config": line,
        # Kafka's client and ours would else try again for a minute.
        "default.api.timeout.ms": 20000,
        "request.timeout.ms": 10000,
    }
    settings |= {key.replace("_", "."): value for key, value in extra.items()}
    return properties.write(path, settings)


def kerberos_config(path, options, **extra):
    """Writes a client's properties for a login by Kerberos, with options of Krb5LoginModule."""
    module = "com.sun.security.auth.module.Krb5LoginModule"
    settings = {
        "sasl_mechanism": "GSSAPI",
        "sasl_jaas_config": f"{module} required {options};",
        "sasl_kerberos_service_name": "kafka",
    }
    return client_config(path, "", "", **(settings | extra))


def keytab_options(keytab, principal):
    return f'useKeyTab=true storeKey=true keyTab="{keytab}" principal="{principal}"'


def _java(classpath):
    logging = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"
    return [process.java_command(), "-XX:TieredStopAtLevel=1", logging, "-cp", classpath]


def _run(argv, stdin=None, environment=None):
    how = {"env": os.environ | environment} if environment is not None else {}
    how |= {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
    return subprocess.run(
        [str(word) for word in argv], capture_output=True, text=True, timeout=120, **how
    )
