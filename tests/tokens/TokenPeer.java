package org.apache.kafka.controller; // DelegationTokenControlManager's Builder is seen from here alone

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Collectors;
import javax.crypto.spec.SecretKeySpec;
import org.apache.kafka.common.message.CreateDelegationTokenRequestData;
import org.apache.kafka.common.message.CreateDelegationTokenRequestData.CreatableRenewers;
import org.apache.kafka.common.message.CreateDelegationTokenResponseData;
import org.apache.kafka.common.message.ExpireDelegationTokenRequestData;
import org.apache.kafka.common.message.ExpireDelegationTokenResponseData;
import org.apache.kafka.common.message.RenewDelegationTokenRequestData;
import org.apache.kafka.common.message.RenewDelegationTokenResponseData;
import org.apache.kafka.common.message.RequestHeaderData;
import org.apache.kafka.common.metadata.DelegationTokenRecord;
import org.apache.kafka.common.metadata.RemoveDelegationTokenRecord;
import org.apache.kafka.common.protocol.ApiMessage;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.security.auth.KafkaPrincipal;
import org.apache.kafka.common.security.scram.internals.ScramMechanism;
import org.apache.kafka.common.security.token.delegation.DelegationToken;
import org.apache.kafka.common.security.token.delegation.TokenInformation;
import org.apache.kafka.common.security.token.delegation.internals.DelegationTokenCache;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.metadata.DelegationTokenData;
import org.apache.kafka.security.DelegationTokenManager;
import org.apache.kafka.server.common.ApiMessageAndVersion;
import org.apache.kafka.server.common.MetadataVersion;

/**
 * Kafka's own DelegationTokenControlManager at a time that the test sets. What it decides is put
 * into its cache at once, as the brokers' publishers do; what KafkaApis asks before a request gets to
 * it is asked here, in the same order.
 *
 * <p>A request is a line on standard input, its answer a line on standard output. Fields are
 * separated by tabs, the elements of a list by `|`. An answer begins with Kafka's error code.
 *
 * <pre>
 * manager  SECRET MAX-LIFETIME EXPIRY-TIME        a new one without tokens; no secret: switched off
 * create   NOW REQUESTER BY-TOKEN ALLOWED OWNER RENEWERS MAX-LIFETIME -> id hmac issue expiry max
 * renew    NOW REQUESTER BY-TOKEN HMAC PERIOD                         -> expiry
 * expire   NOW REQUESTER BY-TOKEN HMAC PERIOD                         -> expiry
 * describe NOW REQUESTER BY-TOKEN ALLOWED OWNERS                      -> tokens
 * sweep    NOW                                                        -> how many went
 * put-expiry ID EXPIRY                            sets the expiry of a token, whatever the rules say
 * </pre>
 *
 * ALLOWED lists the owners that the authorizer lets the requester act for; OWNER may be empty, OWNERS
 * is `*` for all. A token is `id,owner,requester,renewers with +,issue,expiry,max`.
 */
public final class TokenPeer {
    private static final MetadataVersion VERSION = MetadataVersion.latestProduction();

    private DelegationTokenCache cache;
    private DelegationTokenControlManager manager;
    private SecretKeySpec secret;
    private long now;

    private TokenPeer() {}

    public static void main(String[] args) throws Exception {
        // Ours alone: what Kafka logs goes to standard error.
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        TokenPeer peer = new TokenPeer();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            out.println(peer.answer(line.split("\t", -1)));
        }
    }

    private String answer(String[] request) throws Exception {
        switch (request[0]) {
            case "manager":
                build(request[1], Long.parseLong(request[2]), Long.parseLong(request[3]));
                return "0";
            case "put-expiry":
                TokenInformation token = cache.token(request[1]);
                token.setExpiryTimestamp(Long.parseLong(request[2]));
                return "0";
            case "sweep":
                now = Long.parseLong(request[1]);
                return sweep();
            default:
                now = Long.parseLong(request[1]);
                KafkaPrincipal requester = principal(request[2]);
                requester.tokenAuthenticated(request[3].equals("1"));
                return asked(request, requester);
        }
    }

    private String asked(String[] request, KafkaPrincipal requester) {
        if (requester.tokenAuthenticated()) {
            return error(Errors.DELEGATION_TOKEN_REQUEST_NOT_ALLOWED);
        }
        switch (request[0]) {
            case "create":
                return create(requester, list(request[4]), request[5], list(request[6]), request[7]);
            case "renew":
                return renew(requester, request[4], Long.parseLong(request[5]));
            case "expire":
                return expire(requester, request[4], Long.parseLong(request[5]));
            case "describe":
                return describe(requester, list(request[4]), request[5]);
            default:
                throw new IllegalArgumentException(request[0]);
        }
    }

    private void build(String key, long maxLifetime, long expiryTime) throws Exception {
        cache = new DelegationTokenCache(ScramMechanism.mechanismNames());
        secret = key.isEmpty() ? null : new SecretKeySpec(bytes(key), "HmacSHA512");
        manager = new DelegationTokenControlManager.Builder()
                .setTokenCache(cache)
                .setDelegationTokenSecretKey(key.isEmpty() ? null : key)
                .setDelegationTokenMaxLifeMs(maxLifetime)
                .setDelegationTokenExpiryTimeMs(expiryTime)
                .build();
        Field time = DelegationTokenControlManager.class.getDeclaredField("time");
        time.setAccessible(true);
        time.set(manager, new TestTime());
    }

    private String create(KafkaPrincipal requester, List<String> allowed, String ownerText,
            List<String> renewers, String maxLifetime) {
        CreateDelegationTokenRequestData data =
                new CreateDelegationTokenRequestData().setMaxLifetimeMs(Long.parseLong(maxLifetime));
        KafkaPrincipal owner = requester;
        if (!ownerText.isEmpty()) {
            owner = principal(ownerText);
            data.setOwnerPrincipalType(owner.getPrincipalType());
            data.setOwnerPrincipalName(owner.getName());
        }
        if (!owner.equals(requester) && !allowed.contains(owner.toString())) {
            return error(Errors.DELEGATION_TOKEN_AUTHORIZATION_FAILED);
        }
        for (String text : renewers) {
            KafkaPrincipal renewer = principal(text);
            if (!renewer.getPrincipalType().equals(KafkaPrincipal.USER_TYPE)) {
                return error(Errors.INVALID_PRINCIPAL_TYPE);
            }
            data.renewers().add(new CreatableRenewers()
                    .setPrincipalType(renewer.getPrincipalType())
                    .setPrincipalName(renewer.getName()));
        }
        ControllerResult<CreateDelegationTokenResponseData> result =
                manager.createDelegationToken(context(requester), data, VERSION);
        replay(result);
        CreateDelegationTokenResponseData made = result.response();
        return made.errorCode() != 0 ? "" + made.errorCode() : fields(0, made.tokenId(),
                Base64.getEncoder().encodeToString(made.hmac()), made.issueTimestampMs(),
                made.expiryTimestampMs(), made.maxTimestampMs());
    }

    private String renew(KafkaPrincipal requester, String hmac, long period) {
        RenewDelegationTokenRequestData data = new RenewDelegationTokenRequestData()
                .setHmac(Base64.getDecoder().decode(hmac))
                .setRenewPeriodMs(period);
        ControllerResult<RenewDelegationTokenResponseData> result =
                manager.renewDelegationToken(context(requester), data, VERSION);
        replay(result);
        return fields(result.response().errorCode(), result.response().expiryTimestampMs());
    }

    private String expire(KafkaPrincipal requester, String hmac, long period) {
        ExpireDelegationTokenRequestData data = new ExpireDelegationTokenRequestData()
                .setHmac(Base64.getDecoder().decode(hmac))
                .setExpiryTimePeriodMs(period);
        ControllerResult<ExpireDelegationTokenResponseData> result =
                manager.expireDelegationToken(context(requester), data, VERSION);
        replay(result);
        return fields(result.response().errorCode(), result.response().expiryTimestampMs());
    }

    private String describe(KafkaPrincipal requester, List<String> allowed, String ownersText) {
        if (secret == null) {
            return error(Errors.DELEGATION_TOKEN_AUTH_DISABLED);
        }
        if (ownersText.isEmpty()) {
            return "0\t";
        }
        Optional<List<KafkaPrincipal>> owners = ownersText.equals("*") ? Optional.empty()
                : Optional.of(list(ownersText).stream()
                        .map(TokenPeer::principal).collect(Collectors.toList()));
        String tokens = cache.tokens().stream()
                .filter(token -> DelegationTokenManager.filterToken(requester, owners, token,
                        id -> false, owner -> allowed.contains(owner.toString())))
                .map(TokenPeer::text)
                .collect(Collectors.joining("|"));
        return "0\t" + tokens;
    }

    /** Kafka removes at most a thousand, and comes again. */
    private String sweep() {
        if (!manager.isEnabled()) { // then the controller never gets to it
            return error(Errors.DELEGATION_TOKEN_AUTH_DISABLED);
        }
        int before = cache.tokens().size();
        ControllerResult<Boolean> result;
        do {
            result = manager.sweepExpiredDelegationTokens();
            replay(result);
        } while (result.response());
        return fields(0, before - cache.tokens().size());
    }

    /** What the publisher does to a broker's cache, without credentials. */
    private void replay(ControllerResult<?> result) {
        for (ApiMessageAndVersion record : result.records()) {
            ApiMessage message = record.message();
            if (message instanceof DelegationTokenRecord) {
                TokenInformation token = DelegationTokenData
                        .fromRecord((DelegationTokenRecord) message).tokenInformation();
                byte[] hmac = DelegationTokenManager.createHmac(token.tokenId(), secret);
                cache.updateCache(new DelegationToken(token, hmac), Map.of());
            } else {
                cache.removeCache(((RemoveDelegationTokenRecord) message).tokenId());
            }
        }
    }

    private static ControllerRequestContext context(KafkaPrincipal requester) {
        return new ControllerRequestContext(
                new RequestHeaderData(), requester, OptionalLong.empty());
    }

    private static String text(TokenInformation token) {
        return String.join(",", token.tokenId(), token.ownerAsString(),
                token.tokenRequesterAsString(), String.join("+", token.renewersAsString()),
                "" + token.issueTimestamp(), "" + token.expiryTimestamp(),
                "" + token.maxTimestamp());
    }

    private static KafkaPrincipal principal(String text) {
        String[] parts = text.split(":", 2);
        return new KafkaPrincipal(parts[0], parts[1]);
    }

    private static String error(Errors error) {
        return "" + error.code();
    }

    private static String fields(Object... fields) {
        return Arrays.stream(fields).map(Object::toString).collect(Collectors.joining("\t"));
    }

    private static List<String> list(String text) {
        return text.isEmpty() ? List.of() : Arrays.asList(text.split("\\|"));
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private final class TestTime implements Time {
        @Override
        public long milliseconds() {
            return now;
        }

        @Override
        public long nanoseconds() {
            return now * 1_000_000;
        }

        @Override
        public void sleep(long ms) {
            throw new UnsupportedOperationException();
        }
    }
}
