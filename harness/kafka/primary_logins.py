"""A broker to which administrators log in in other ways than by SCRAM, side by side."""

from dataclasses import dataclass, field

from .access_tokens import ALLOWED_URLS, AUDIENCE, ISSUER, MODULE
from .broker import JVM_ARGS, KafkaBroker
from .kdc import REALM
from .properties import LISTENERS, SCRAM_MECHANISMS


@dataclass(frozen=True)
class Mechanism:
    """What a broker needs for one more mechanism."""

    name: str
    properties: dict = field(default_factory=dict)
    jvm_args: tuple = ()


def kerberos(kdc):
    """GSSAPI, as kafka/localhost: the broker's host has to be localhost."""
    keytab = kdc.add("kafka/localhost")
    jaas = (
        "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true "
        f'keyTab="{keytab}" principal="kafka/localhost@{REALM}";'
    )
    listeners = (f"listener.name.{listener.lower()}" for listener in LISTENERS)
    properties = {f"{listener}.gssapi.sasl.jaas.config": jaas for listener in listeners}
    properties["sasl.kerberos.service.name"] = "kafka"
    return Mechanism("GSSAPI", properties, (f"-Djava.security.krb5.conf={kdc.config}",))


def oauthbearer(identities):
    """OAUTHBEARER, by what `identities` sign."""
    properties = {
        "sasl.oauthbearer.jwks.endpoint.url": identities.jwks.as_uri(),
        "sasl.oauthbearer.expected.audience": AUDIENCE,
        "sasl.oauthbearer.expected.issuer": ISSUER,
    }
    handler = f"{MODULE.rpartition('.')[0]}.OAuthBearerValidatorCallbackHandler"
    for listener in LISTENERS:
        prefix = f"listener.name.{listener.lower()}.oauthbearer.sasl"
        properties[f"{prefix}.jaas.config"] = f"{MODULE} required;"
        properties[f"{prefix}.server.callback.handler.class"] = handler
    return Mechanism("OAUTHBEARER", properties, (f"{ALLOWED_URLS}={identities.jwks.as_uri()}",))


def broker_with(*mechanisms, host="localhost", extra_properties=None, **options):
    """A broker with these beside SCRAM and PLAIN, on all its listeners."""
    own = (*SCRAM_MECHANISMS, "PLAIN")
    properties = {"sasl.enabled.mechanisms": ",".join((*own, *(m.name for m in mechanisms)))}
    jvm_args = list(JVM_ARGS)
    for mechanism in mechanisms:
        properties |= mechanism.properties
        jvm_args += mechanism.jvm_args
    return KafkaBroker(
        host=host,
        mechanisms=own,
        extra_properties=properties | (extra_properties or {}),
        jvm_args=jvm_args,
        **options,
    )
